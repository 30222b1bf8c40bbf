"""A real server that speaks S3: moto's, in an environment of its own, for it and this package want other versions.

`s3` is a fresh, empty bucket, with the environment that leads there.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from pyarrow import fs as pafs

ROOT = Path(__file__).parents[1]
KEY, SECRET = "TESTKEYID", "t0p/S3cret+value"


@dataclass(frozen=True)
class Bucket:
    """An empty bucket of a running server."""

    endpoint: str
    name: str

    @property
    def filesystem(self) -> pafs.S3FileSystem:
        """What writes to it."""
        return pafs.S3FileSystem(
            endpoint_override=self.endpoint,
            region="us-east-1",
            access_key=KEY,
            secret_key=SECRET,
            allow_bucket_creation=True,
        )

    def uri(self, path: str) -> str:
        """The address of what lies in it."""
        return f"s3://{self.name}/{path}"

    def publish(self) -> None:
        """Let everybody read what is there."""
        files = self.filesystem.get_file_info(pafs.FileSelector(self.name, recursive=True))
        signed = f"AWS4-HMAC-SHA256 Credential={KEY}/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
        headers = {"x-amz-acl": "public-read", "Authorization": signed}
        for path in (self.name, *(info.path for info in files if info.type is pafs.FileType.File)):
            urlopen(Request(f"{self.endpoint}/{path}?acl", method="PUT", headers=headers)).read()

    def demand_credentials(self, *, demand: bool) -> None:
        """Let the server refuse all keys from now on, as it knows none; or take any again."""
        body = b"0" if demand else b"1000000000"
        headers = {"Content-Type": "text/plain"}
        urlopen(
            Request(f"{self.endpoint}/moto-api/reset-auth", method="POST", data=body, headers=headers)
        ).read()


def moto() -> str | None:
    """Return moto's server: CONNECTOR_TEST_MOTO, the one in .moto, or one on the path."""
    given = os.environ.get("CONNECTOR_TEST_MOTO")
    own = ROOT / ".moto" / "bin" / "moto_server"
    return given or (str(own) if own.exists() else shutil.which("moto_server"))


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that speaks S3 and takes any key."""
    program = moto()
    if program is None:
        pytest.skip(
            "needs S3: python3 -m venv .moto && .moto/bin/pip install 'moto[server]', or set CONNECTOR_TEST_MOTO"
        )
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", "0"], stdout=out, stderr=subprocess.STDOUT
        )
    try:
        yield _address(log)
    finally:
        process.kill()
        process.wait()


def _address(log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for word in log.read_text().split():
            if word.startswith("http://127.0.0.1:"):
                try:
                    urlopen(f"{word}/moto-api/").read()
                except URLError:
                    continue
                return word
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A fresh bucket, and an environment that leads there."""
    bucket = Bucket(s3_server, f"bucket-{secrets.token_hex(6)}")
    bucket.filesystem.create_dir(bucket.name)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment(bucket).items():
        monkeypatch.setenv(name, value)
    yield bucket
    bucket.demand_credentials(demand=False)


def environment(bucket: Bucket) -> dict[str, str]:
    """The environment that leads to a bucket."""
    return {
        "AWS_ENDPOINT_URL": bucket.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",  # the SDK asks the machine's cloud otherwise, and waits
    }
