"""Files in S3, by a real server: listed, read, noticed, refused."""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake_sources import Run as Lake
from lake_sources import delta, iceberg
from object_stores import KEY, SECRET, Bucket
from parquet_sources import Run, extractor

from connector.errors import ConfigError, ConnectorError, CredentialsError, SourceError
from connector.model import EMPTY_WATERMARK, Watermark

deltalake = pytest.importorskip("deltalake", reason="install intempt-connector[delta]")


def put(s3: Bucket, path: str, ids: Any, **options: Any) -> None:
    table = pa.table({"id": list(ids)})
    pq.write_table(table, f"{s3.name}/{path}", filesystem=s3.filesystem, **options)


def refusal(error: pytest.ExceptionInfo[ConnectorError], kind: type) -> str:
    """What is told of an error, which gives nothing away."""
    text = str(error.value)
    assert type(error.value) is kind
    assert KEY not in text
    assert SECRET not in text
    assert error.value.hint
    return text


def test_files_are_listed_and_read_and_read_once(s3: Bucket) -> None:
    put(s3, "data/day=1/a.parquet", range(3))
    put(s3, "data/day=2/b.parquet", range(3, 5))
    put(s3, "data/_tmp/c.parquet", [99])
    first = Run(s3.uri("data"))
    assert first.column("id") == [0, 1, 2, 3, 4]
    assert first.column("day") == ["1", "1", "1", "2", "2"]
    assert Run(s3.uri("data"), first.watermark).batches == []
    put(s3, "data/day=0/late.parquet", [7])
    assert Run(s3.uri("data"), first.watermark).column("id") == [7]
    assert sorted(Run(s3.uri("data/*/b*.parquet")).column("id")) == [3, 4]
    assert Run(s3.uri("data/day=1/a.parquet")).column("id") == [0, 1, 2]


def test_a_file_that_was_written_again_is_read_again(s3: Bucket) -> None:
    put(s3, "data/a.parquet", range(3))
    put(s3, "data/b.parquet", [3])
    first = Run(s3.uri("data"))
    put(s3, "data/a.parquet", range(10, 14))
    second = Run(s3.uri("data"), first.watermark)
    assert second.column("id") == [10, 11, 12, 13]
    assert Run(s3.uri("data"), second.watermark).batches == []


def test_a_large_file_is_read_over_the_network(s3: Bucket) -> None:
    """Larger than what is read ahead, in several row groups."""
    put(s3, "big.parquet", range(2_000_000), row_group_size=300_000, compression="none", use_dictionary=False)
    assert Run(s3.uri("big.parquet")).table["id"].to_pylist() == list(range(2_000_000))


def test_the_store_can_be_named_in_the_configuration(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    put(s3, "data/a.parquet", [1])
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_REGION")
    storage = {"endpoint": s3.endpoint, "region": "eu-west-3"}
    assert Run(s3.uri("data"), storage=storage).column("id") == [1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3.publish()
    assert Run(s3.uri("data"), storage={"anonymous": True}).column("id") == [1]


def test_wrong_credentials_are_told(s3: Bucket) -> None:
    put(s3, "data/a.parquet", [1])
    s3.demand_credentials(demand=True)
    with pytest.raises(ConnectorError) as error:
        extractor(s3.uri("data")).open()
    assert "refuses the credentials" in refusal(error, CredentialsError)


class Signed(BaseHTTPRequestHandler):
    """What a store says to a request that nobody has signed."""

    def do_GET(self) -> None:
        signed = "Authorization" in self.headers
        body = b"<Error><Code>%s</Code><Message>-</Message></Error>" % (
            b"NoSuchKey" if signed else b"AccessDenied"
        )
        self.send_response(404 if signed else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - so it is called

    def log_message(self, *_: object) -> None:
        pass


def test_missing_credentials_are_told(s3: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """moto itself answers 500 to a request without a signature where it demands one."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Signed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        with pytest.raises(ConnectorError) as error:
            extractor(s3.uri("data")).open()
        server.shutdown()
    assert "AWS_ACCESS_KEY_ID" in refusal(error, CredentialsError)


def test_a_path_or_a_bucket_that_is_not_there(s3: Bucket) -> None:
    for path in (
        s3.uri("none"),
        "s3://no-such-bucket-anywhere/data",
        "s3://no-such-bucket-anywhere/*.parquet",
    ):
        with pytest.raises(ConnectorError) as error:
            Run(path)
        assert re.search("does not exist|no such bucket", refusal(error, ConfigError))


def test_no_server_is_told(monkeypatch: pytest.MonkeyPatch, s3: Bucket) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(ConnectorError) as error:
            extractor(s3.uri("data")).open()
    assert "cannot be reached (NETWORK_CONNECTION)" in refusal(error, SourceError)


class Dying:
    """A way to a server that is cut, for good, after some bytes have come back through it."""

    def __init__(self, endpoint: str, bytes_: int) -> None:
        host, port = endpoint.removeprefix("http://").split(":")
        self._to, self._left = (host, int(port)), bytes_
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._to)
            self._open += [client, server]
            threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, True), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket, counted: bool) -> None:
        try:
            while piece := one.recv(65_536):
                if counted:
                    self._left -= len(piece)
                    if self._left < 0:
                        self._die()
                        return
                other.sendall(piece)
        except OSError:
            pass

    def _die(self) -> None:
        for each in (self._listener, *self._open):
            each.close()


def drain(source: Any, read: Counter[int], watermark: dict[str, Any]) -> None:
    """Read all that can be, and keep what was read."""
    for batch in source.read(("id",), EMPTY_WATERMARK):
        read.update(batch.rows["id"].to_pylist())
        watermark |= batch.end


def test_a_server_that_dies_while_a_file_is_read(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before is good, and a later run reads the rest."""
    put(s3, "data/a.parquet", range(1000), compression="none")
    put(
        s3,
        "data/b.parquet",
        range(1000, 3_001_000),
        row_group_size=300_000,
        compression="none",
        use_dictionary=False,
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL", Dying(s3.endpoint, 12_000_000).endpoint)
    source = extractor(s3.uri("data"))
    source.open()
    read, watermark = Counter[int](), dict(EMPTY_WATERMARK)
    with pytest.raises(ConnectorError) as error:
        drain(source, read, watermark)
    refusal(error, SourceError)
    assert error.value.exit_code == 3
    assert 1000 <= len(read) < 3_001_000
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    read.update(Run(s3.uri("data"), Watermark(watermark)).column("id"))
    assert read == Counter(range(3_001_000))


# ── Delta in S3 ───────────────────────────────────────────────────────────────────────────────────────


def delta_write(s3: Bucket, ids: Any) -> None:
    options = {"AWS_ALLOW_HTTP": "true"}
    deltalake.write_deltalake(
        s3.uri("lake/t"), pa.table({"id": list(ids)}), mode="append", storage_options=options
    )


def test_a_delta_table_is_read_by_its_versions(s3: Bucket) -> None:
    delta_write(s3, range(5))
    first = Lake(delta(s3.uri("lake/t")))
    assert first.column("id") == [0, 1, 2, 3, 4]
    assert Lake(delta(s3.uri("lake/t")), first.watermark).batches == []
    delta_write(s3, [5])
    assert Lake(delta(s3.uri("lake/t")), first.watermark).column("id") == [5]


def test_a_delta_table_in_a_store_that_the_configuration_names(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    delta_write(s3, [1])
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_REGION")
    storage = {"endpoint": s3.endpoint, "region": "us-east-1"}
    assert Lake(delta(s3.uri("lake/t"), storage=storage)).column("id") == [1]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3.publish()
    assert Lake(delta(s3.uri("lake/t"), storage={**storage, "anonymous": True})).column("id") == [1]


def test_a_delta_table_that_may_not_be_read_or_is_not_there(s3: Bucket) -> None:
    for path in (s3.uri("none"), "s3://no-such-bucket-anywhere/t"):
        with pytest.raises(ConnectorError) as error:
            delta(path).open()
        refusal(error, ConfigError)
    delta_write(s3, [1])
    s3.demand_credentials(demand=True)
    with pytest.raises(ConnectorError) as error:
        delta(s3.uri("lake/t")).open()
    refusal(error, CredentialsError)


def test_a_store_that_dies_under_a_delta_table(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    delta_write(s3, range(1000))
    delta_write(s3, range(1000, 2_001_000))
    monkeypatch.setenv("AWS_ENDPOINT_URL", Dying(s3.endpoint, 3_000_000).endpoint)
    source = delta(s3.uri("lake/t"), start=0)
    source.open()
    read, watermark = Counter[int](), dict(EMPTY_WATERMARK)
    with pytest.raises(ConnectorError) as error:
        drain(source, read, watermark)
    refusal(error, SourceError)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    read.update(Lake(delta(s3.uri("lake/t"), start=0), Watermark(watermark)).column("id"))
    assert read == Counter(range(2_001_000))


def test_an_iceberg_table_in_s3(s3: Bucket, tmp_path: Path) -> None:
    catalogs = pytest.importorskip("pyiceberg.catalog", reason="install intempt-connector[iceberg]")
    properties = {
        "type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": s3.uri("warehouse"),
        "s3.endpoint": s3.endpoint, "s3.region": "us-east-1",
    }  # fmt: skip
    catalog = catalogs.load_catalog("default", **properties)
    catalog.create_namespace("shop")
    table = catalog.create_table("shop.orders", schema=pa.schema([("id", pa.int64())]))
    table.append(pa.table({"id": range(5)}))
    first = Lake(iceberg(tmp_path, catalog=properties))
    assert first.column("id") == [0, 1, 2, 3, 4]
    table.append(pa.table({"id": [5]}))
    assert Lake(iceberg(tmp_path, catalog=properties), first.watermark).column("id") == [5]
    s3.demand_credentials(demand=True)
    with pytest.raises(ConnectorError) as error:
        iceberg(tmp_path, catalog=properties).open()
    refusal(error, CredentialsError)
