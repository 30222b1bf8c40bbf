"""The demo, as a person runs it: a process of its own on a real sandbox."""

import os
import re
import signal
import sqlite3
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from connector import demo_shop
from connector.demo_shop import build_shop
from connector.errors import ConfigError

# An account and a proxy of the machine's owner, which must not matter.
FOREIGN = {
    "INTEMPT_BASE_URL": "http://127.0.0.1:9/v1",
    "INTEMPT_API_KEY": "real.key",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "COLUMNS": "200",
}


def start(folder):
    return subprocess.Popen(
        [sys.executable, "-m", "connector", "demo", "--folder", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder.parent,
        env={**os.environ, **FOREIGN},
        start_new_session=True,
    )


def left_running(process):
    """Tell whether any process of the demo's group is still there."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def cells(text, sync):
    """Return the rows of a sync in the comparisons that were printed: lists of numbers and words."""
    lines = [re.split(r"\s*│\s*", line.strip())[1:-1] for line in text.splitlines() if "│" in line]
    return [
        [int(cell.replace(",", "")) if cell[:1].isdigit() else cell for cell in line[1:]]
        for line in lines
        if line[0] == sync
    ]


def counts(file, query):
    database = sqlite3.connect(file)
    try:
        return dict(database.execute(query).fetchall())
    finally:
        database.close()


def test_demo_accounts_for_every_row(tmp_path):
    """What it prints is what stands in the shop and in the sandbox, before and after the change of ten rows."""
    folder = tmp_path / "my shop"
    process = start(folder)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert not left_running(process)

    held = {
        name: next(iter(counts(folder / "shop.db", f"select count(*), 0 from {name}")))
        for name in ("orders", "customers")
    }
    files = sorted((folder / "catalog").iterdir())
    parts = [pq.read_metadata(file).num_rows for file in files]
    received = counts(folder / "track.db", "select event, count(*) from items group by 1")
    assert received == {
        "Purchase": held["orders"] - 1,
        "Identify": held["customers"] + 2,
        "ProductSync": sum(parts),
    }

    before = {"orders": held["orders"] - 4, "customers": held["customers"] - 1, "catalog": sum(parts[:-1])}
    events = {"orders": "Purchase", "customers": "Identify", "catalog": "ProductSync"}
    news = {"orders": [4, before["orders"], 3, 1], "customers": [3, before["customers"], 3, 0]}
    news["catalog"] = [3, before["catalog"], 3, 0]
    for sync, rows in before.items():
        assert cells(out, sync) == [[rows, rows, events[sync]], news[sync]]
    assert out.count("Every row is accounted for, and nothing arrived twice.") == 2
    assert "orders: 1 rejected: missing_identity" in out
    assert "real.key" not in out + err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupted", "terminated"])
def test_demo_leaves_nothing_running(tmp_path, number):
    """Ended amid its first run it says so, and its sandbox ends with it."""
    process = start(tmp_path / "shop")
    for line in process.stdout:
        if "$ connector run" in line:
            break
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "Traceback" not in err
    assert not left_running(process)


def test_shop_is_built_anew(tmp_path):
    """A shop that the demo made is replaced, with all that happened in it."""
    shop = build_shop(tmp_path / "shop", scale=0.001)
    fresh = shop.count("orders"), shop.count("customers"), shop.count_parts()
    assert sum(shop.change().values()) == 10
    assert (shop.count("orders"), shop.count("customers"), shop.count_parts()) == (
        fresh[0] + 4,
        fresh[1] + 1,
        fresh[2] + 3,
    )
    again = build_shop(tmp_path / "shop", scale=0.001)
    assert (again.count("orders"), again.count("customers"), again.count_parts()) == fresh


def test_shop_lies_in_times_that_the_platform_accepts(tmp_path):
    """TPC-H's orders of 1992 to 1998 lie 26 years later."""
    shop = build_shop(tmp_path / "shop", scale=0.001)
    years = counts(shop.database, "select substr(created_at, 1, 4), count(*) from orders group by 1")
    assert sorted(years) == ["2018", "2019", "2020", "2021", "2022", "2023", "2024"]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_the_demo_did_not_make_is_left_alone(tmp_path, kind):
    """A folder with somebody's files, a file, and a link, be it to a shop, are refused and stay."""
    place = tmp_path / "place"
    if kind == "folder":
        place.mkdir()
        (place / "thesis.txt").write_text("years of work")
    elif kind == "file":
        place.write_text("years of work")
    else:
        build_shop(tmp_path / "shop", scale=0.001)
        place.symlink_to(tmp_path / "shop")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="did not make it") as caught:
        build_shop(place, scale=0.001)
    assert "--folder" in caught.value.hint
    assert sorted(tmp_path.rglob("*")) == before


def test_missing_generator_says_what_to_install(tmp_path, monkeypatch):
    """Without tpchgen-cli nothing is made, and the error names the extra."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(demo_shop.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(demo_shop.sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        build_shop(tmp_path / "shop")
    assert caught.value.hint == "pip install 'intempt-connector[demo]'"
    assert not (tmp_path / "shop").exists()
