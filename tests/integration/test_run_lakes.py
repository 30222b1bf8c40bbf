"""Runs over Delta and Iceberg tables as people start them, killed and gone on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from lake_sources import catalog_of
from shop import KEY, Shop, wait_for

deltalake = pytest.importorskip("deltalake", reason="install intempt-connector[delta]")
catalogs = pytest.importorskip("pyiceberg.catalog", reason="install intempt-connector[iceberg]")


class DeltaTable:
    """A Delta table of parts in the shop's folder."""

    source: ClassVar = {"type": "delta", "path": "lake"}

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lake"

    def append(self, ids: Iterable[int], title: str = "part") -> None:
        deltalake.write_deltalake(self._path, parts(ids, title), mode="append")

    def rename(self, number: int, title: str) -> None:
        table = deltalake.DeltaTable(self._path)
        table.update(predicate=f"part_id = {number}", updates={"name": f"'{title}'"})

    def delete(self, number: int) -> None:
        deltalake.DeltaTable(self._path).delete(f"part_id = {number}")


class IcebergTable:
    """An Iceberg table of parts in the shop's folder, in a catalog beside it."""

    source: ClassVar = {
        "type": "iceberg",
        "catalog": {"type": "sql", "uri": "sqlite:///catalog.db", "warehouse": "warehouse"},
        "table": "shop.parts",
    }

    def __init__(self, folder: Path) -> None:
        self._catalog = catalogs.load_catalog("default", **catalog_of(folder))
        self._catalog.create_namespace("shop")
        self._catalog.create_table("shop.parts", schema=parts([]).schema)

    def append(self, ids: Iterable[int], title: str = "part") -> None:
        self._catalog.load_table("shop.parts").append(parts(ids, title))

    def rename(self, number: int, title: str) -> None:
        new = pa.table({"part_id": pa.array([number], pa.int64()), "name": [title]})
        self._catalog.load_table("shop.parts").overwrite(new, overwrite_filter=f"part_id = {number}")

    def delete(self, number: int) -> None:
        self._catalog.load_table("shop.parts").delete(f"part_id = {number}")


def parts(ids: Iterable[int], title: str = "part") -> pa.Table:
    numbers = list(ids)
    names = pa.array([f"{title} {i}" for i in numbers], pa.string())
    return pa.table({"part_id": pa.array(numbers, pa.int64()), "name": names})


@pytest.fixture(params=[DeltaTable, IcebergTable])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return request.param(tmp_path)


def sync(shop: Shop, lake: Any, **changes: Any) -> Path:
    """Write the sync of a table's parts."""
    source = {**lake.source, "key": "part_id"}
    source |= {
        key.removeprefix("source_"): changes.pop(key) for key in [*changes] if key.startswith("source_")
    }
    return shop.write(
        {"source": source, **{k.replace("__", "."): v for k, v in changes.items()}}, parquet=True
    )


def titles(shop: Shop) -> Counter[str]:
    return Counter(stored.item["data"]["title"] for stored in shop.sandbox.items())


def test_what_was_added_is_sent_once(shop: Shop, lake: Any) -> None:
    lake.append(range(30))
    path = sync(shop, lake)
    shop.delivers(path, map(str, range(30)))
    assert shop.run("run", "--json", path).counts["read"] == 0
    lake.append(range(30, 35))
    shop.delivers(path, map(str, range(35)))


def test_commands_know_such_tables(shop: Shop, lake: Any) -> None:
    lake.append(range(30))
    path = sync(shop, lake)
    for command in ("check", "preview", "plan"):
        assert shop.run(command, path).code == 0, command
    assert json.loads(shop.run("plan", "--json", path).out)["counts"]["read"] == 30
    shop.delivers(path, map(str, range(30)))
    assert '"version"' in shop.run("state", "show", path).out
    assert "type: " + lake.source["type"] in shop.run("check", "--show", path).out


def test_unchanged_rows_of_rewritten_files_are_not_sent_where_keys_are_tracked(shop: Shop, lake: Any) -> None:
    lake.append(range(30))
    path = sync(shop, lake, source_track_keys=True)
    assert shop.run("run", path).code == 0
    lake.rename(7, "new")
    lake.delete(8)
    counts = shop.run("run", "--json", path).counts
    assert (counts["delivered"], counts["unchanged"]) in {
        (1, 28),
        (1, 29),
    }  # Iceberg's file of the row is one of its own
    assert titles(shop)["new"] == 1
    reconciled = shop.run("reconcile", path)
    assert reconciled.code in (0, 5), reconciled


def test_what_vanished_is_told_in_mode_diff(shop: Shop, lake: Any) -> None:
    lake.append(range(30))
    gone = {"kind": "product", "productId": "part_id", "data": {"title": {"value": "gone"}}}
    path = sync(shop, lake, source_mode="diff", source_on_delete=gone)
    assert shop.run("run", path).code == 0
    lake.delete(8)
    lake.rename(7, "new")
    counts = shop.run("run", "--json", path).counts
    assert counts["unchanged"] == 28
    assert titles(shop) == Counter(["gone", "new", *(f"part {i}" for i in range(30))])


def kill(shop: Shop, path: Path) -> None:
    """Kill a run in the middle of what it reads."""
    shop.sandbox.set_faults({"latency": 0.1})
    process = shop.start("run", "--json", path)
    wait_for(lambda: process.poll() is not None or shop.sandbox.counters()["accepted"] >= 40)
    process.kill()
    process.communicate()
    wait_for(lambda: not shop.sandbox.counters()["in_flight"])
    shop.sandbox.set_faults({})


@pytest.mark.parametrize("way", [{}, {"source_mode": "full"}, {"source_track_keys": True}], ids=str)
@pytest.mark.parametrize("later", [False, True], ids=["first run", "later run"])
def test_a_kill_in_mid_file(shop: Shop, lake: Any, way: Any, later: bool) -> None:
    """While the table goes on: each row arrives, twice only if it was in doubt."""
    path = sync(shop, lake, destination__concurrency=3, **way)
    before = range(1000, 1010)
    if later:
        lake.append(before)
        assert shop.run("run", path).code == 0
    lake.append(range(200))
    lake.append(range(200, 260))
    kill(shop, path)
    assert 40 <= len(titles(shop)) < 260
    lake.append(range(300, 310))
    ended = shop.run("run", "--json", path)
    assert (ended.code, ended.counts["unfinished"]) == (0, 0)
    found, old = titles(shop), {f"part {i}" for i in (before if later else ())}
    wanted = {f"part {i}" for i in range(260)}
    if "source_mode" not in way:  # a pass reads one version, the next pass the next
        wanted |= {f"part {i}" for i in range(300, 310)}
    assert found.keys() == wanted | old
    assert sum(found[title] - 1 for title in wanted) <= ended.counts["in_doubt"] <= 3 * 10
    if "source_mode" not in way:
        assert all(found[title] == 1 for title in old)
        assert shop.run("run", "--json", path).counts["read"] == 0


def test_history_that_is_gone_stops_the_run(shop: Shop) -> None:
    """A person must decide, and is told what there is to decide; a reset and a start go on."""
    table = DeltaTable(shop.folder)
    table.append(range(10))
    path = sync(shop, table)
    assert shop.run("run", path).code == 0
    table.append(range(10, 20))
    table.append(range(20, 30))
    deltalake.DeltaTable(shop.folder / "lake").create_checkpoint()
    for version in (0, 1):
        (shop.folder / "lake" / "_delta_log" / f"{version:020d}.json").unlink()
    shop.refuses(shop.run("run", path), 5, "version", "cannot be told exactly")
    assert shop.run("state", "reset", "--yes", path).code == 0
    assert shop.run("run", "--json", sync(shop, table, source_start=2)).counts["read"] == 10


@pytest.mark.parametrize(("kind", "package"), [(DeltaTable, "deltalake"), (IcebergTable, "pyiceberg")])
def test_a_package_that_is_missing_is_named(shop: Shop, kind: Any, package: str) -> None:
    path = sync(shop, kind(shop.folder))
    program = f"import sys; sys.modules['{package}'] = None; from connector.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, "check", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SHOP_KEY": KEY},
    )
    assert f"intempt-connector[{kind.source['type']}]" in ended.stderr


def test_secrets_of_a_catalog_are_not_shown(shop: Shop) -> None:
    catalog = {
        "type": "rest",
        "uri": "http://user:p%40ss@127.0.0.1:9",
        "token": "t0psecret",
        "s3.secret-access-key": "x9y8z7",
    }
    path = shop.write(
        {"source": {"type": "iceberg", "catalog": catalog, "table": "shop.parts"}}, parquet=True
    )
    for ended in (shop.run("check", "--show", path), shop.run("run", path)):
        for secret in ("p%40ss", "p@ss", "t0psecret", "x9y8z7"):
            assert secret not in ended.out + ended.err
    assert shop.run("run", path).code == 3


# ── backfills ────────────────────────────────────────────────────────────────────────────────────────


FILL = ("--slice-rows", "200", "--order", "oldest", "--workers", "1", "--executor", "threads", "--json")


def test_a_table_is_filled_slice_by_slice(shop: Shop, lake: Any) -> None:
    """All of the version that is current at the beginning; later versions are the live lane's, and nothing is sent twice."""
    for n in range(6):
        lake.append(range(n * 100, n * 100 + 100))
    path = sync(shop, lake)
    [report] = shop.run("backfill", path, *FILL).lines
    assert (report["done"], report["rows"], report["slices"]["done"]) == (True, 600, 3)
    lake.append([600, 601])
    assert shop.run("run", "--json", path).counts["delivered"] == 2
    assert titles(shop) == {f"part {i}": 1 for i in range(602)}


def test_what_a_late_start_left_out_is_filled(shop: Shop, lake: Any) -> None:
    """Once: then nothing is left."""
    lake.append(range(300))
    path = sync(shop, lake, source_start="now")
    assert shop.run("run", path).code == 0
    lake.append([300])
    assert shop.run("run", path).code == 0
    assert titles(shop) == {"part 300": 1}
    [report] = shop.run("backfill", path, *FILL).lines
    assert (report["done"], report["rows"]) == (True, 300)
    assert titles(shop) == {f"part {i}": 1 for i in range(301)}
    shop.refuses(shop.run("backfill", path, *FILL), 2, "its runs have read every row")
    assert shop.run("run", "--json", path).counts["read"] == 0


def test_a_slice_goes_on_in_the_middle_of_its_file(shop: Shop, lake: Any) -> None:
    """As far as it was committed when the worker was killed."""
    lake.append(range(4_000))
    path = sync(shop, lake, destination__max_items=50, destination__concurrency=2)
    shop.sandbox.set_faults({"latency": 0.05})
    words = [word for word in FILL if word not in ("--slice-rows", "200")]
    process = shop.start("backfill", path, *words)
    wait_for(lambda: shop.sandbox.counters()["accepted"] >= 1_000)
    process.kill()
    process.wait()
    shop.sandbox.set_faults({})
    [report] = shop.run("backfill", path, *words).lines
    assert report["done"]
    assert report["counts"]["in_doubt"] <= 100
    found = titles(shop)
    assert set(found) == {f"part {i}" for i in range(4_000)}
    assert found.total() - 4_000 <= report["counts"]["in_doubt"]
