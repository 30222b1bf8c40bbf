"""A source cut into slices and filled: what every database, and Parquet, must do the same."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from database_sources import DIALECTS, Database, add, fresh_database, orders, read
from parquet_sources import extractor, write

from connector.config.models import DatabaseSource
from connector.errors import ConfigError
from connector.extract import Limits
from connector.extract.backfilling import Asked, Beside, Cut, Sizes
from connector.extract.database import DatabaseExtractor, open_database
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark

# Ties everywhere: three rows share each stamp.
ROWS_OF = [(id_, id_ // 3) for id_ in range(1, 31)]
SMALL = Limits(rows=2, bytes=10**6)
FIVE = Sizes(rows=5)


@pytest.fixture(params=DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


@contextmanager
def opened(source: DatabaseSource) -> Iterator[DatabaseExtractor]:
    found = open_database(source, SMALL)
    assert isinstance(found, DatabaseExtractor)
    with closing(found):
        found.open()
        yield found


def through(value: Any) -> Any:
    """As it comes back from the ledger."""
    return json.loads(json.dumps(value))


def filled(
    source: Any, cut: Cut, watermark: Watermark = EMPTY_WATERMARK, which: int | None = None
) -> list[SourceBatch]:
    """The batches of one slice, or of all."""
    parts = cut.slices if which is None else [cut.slices[which]]
    return [
        batch
        for part in parts
        for batch in source.read_slice(
            ("id",), (through(cut.seam), through(part.bounds)), through(watermark), lambda _: None
        )
    ]


def ids(batches: list[SourceBatch]) -> list[int]:
    return [row["id"] for batch in batches for row in batch.rows.to_pylist()]


@pytest.mark.parametrize("by", ["cursor", "key"])
def test_each_row_is_in_one_slice_and_the_live_lane_reads_the_rest(database: Database, by: str) -> None:
    """Whatever the slices are ranges of; the versions are those that a run gives."""
    orders(database, ROWS_OF)
    source = database.source()
    with opened(source) as found:
        cut = found.cut(EMPTY_WATERMARK, Asked(by=by), Sizes(rows=7))
    add(database, [(100, 40), (101, 41)])
    with opened(source) as found:
        batches = filled(found, cut)
    assert [part.rows for part in cut.slices] == [7, 7, 7, 7, 2]
    assert Counter(ids(batches)) == Counter(range(1, 31))
    assert cut.watermark is not None
    live = read(source, ("id",), through(cut.watermark))
    assert [row["id"] for row in live.rows] == [100, 101]
    whole = {
        row["id"]: version for batch in read(source, ("id",)).batches for row, version in _versions(batch)
    }
    assert {row["id"]: version for batch in batches for row, version in _versions(batch)} == {
        id_: version for id_, version in whole.items() if id_ <= 30
    }


def _versions(batch: SourceBatch) -> list[tuple[dict[str, Any], Any]]:
    assert not isinstance(batch.version, str)
    return list(zip(batch.rows.to_pylist(), batch.version.to_pylist(), strict=True))


@pytest.mark.parametrize("by", ["cursor", "key"])
def test_a_slice_goes_on_from_every_row(database: Database, by: str) -> None:
    orders(database, ROWS_OF)
    with opened(database.source()) as found:
        cut = found.cut(EMPTY_WATERMARK, Asked(by=by), FIVE)
        batches = filled(found, cut, which=2)
        whole = ids(batches)
        assert len(whole) == 5
        seen = 0
        for batch in batches:
            for n in range(1, batch.rows.num_rows + 1):
                assert ids(filled(found, cut, batch.position(n), 2)) == whole[seen + n :]
            seen += batch.rows.num_rows


def test_skewed_rows_make_even_slices(database: Database) -> None:
    """Nine of ten rows in one week of a year: no slice has more than twice the rows of the median one."""
    dice = random.Random(3)
    rows = [(n, dice.uniform(20, 21) if n % 10 else dice.uniform(0, 50)) for n in range(1, 401)]
    orders(database, rows)
    with opened(database.source()) as found:
        cut = found.cut(EMPTY_WATERMARK, Asked(), Sizes(count=16))
        counts = [len(ids(filled(found, cut, which=n))) for n in range(len(cut.slices))]
    assert sum(counts) == 400
    assert counts == [part.rows for part in cut.slices]
    assert max(counts) <= 2 * median(counts)


def test_an_old_sync_is_filled_in_a_range_up_to_its_watermark(database: Database) -> None:
    """Without a range nothing is left to fill; rows above the watermark are never a slice's."""
    orders(database, ROWS_OF)
    source = database.source()
    watermark = read(source, ("id",)).watermark
    add(database, [(100, 40)])
    with opened(source) as found:
        with pytest.raises(ConfigError, match="have read every row"):
            found.cut(watermark, Asked(), FIVE)
        asked = Asked("2024-01-01 00:00:02", "2030-01-01 00:00:00")
        cut = found.cut(watermark, asked, FIVE)
        assert cut.watermark is None
        assert sorted(ids(filled(found, cut))) == list(range(6, 31))
        with pytest.raises(ConfigError, match="no row in that range"):
            found.cut(watermark, Asked("2024-01-01 00:00:30"), FIVE)
        if database.dialect != "sqlite":  # where any text may be a value
            with pytest.raises(ConfigError, match="--from"):
                found.cut(watermark, Asked("yesterday at noon"), FIVE)


def test_a_range_of_keys(database: Database) -> None:
    """Of an old sync; of a new one it would leave rows to nobody."""
    orders(database, ROWS_OF)
    source = database.source()
    watermark = read(source, ("id",)).watermark
    asked = Asked("7", "12", by="key")
    with opened(source) as found:
        assert sorted(ids(filled(found, found.cut(watermark, asked, FIVE)))) == list(range(7, 12))
        with pytest.raises(ConfigError, match="left to nobody"):
            found.cut(EMPTY_WATERMARK, asked, FIVE)


@pytest.mark.parametrize("start", ["now", "2024-01-01 00:00:05"])
def test_what_the_first_run_left_out_is_filled(database: Database, start: str) -> None:
    """And counts as read from then on, so that rejects among it can be replayed."""
    orders(database, ROWS_OF)
    source = database.source(start=start)
    first = read(source, ("id",))
    unread = sorted({*range(1, 31)} - {row["id"] for row in first.rows})
    with opened(source) as found:
        cut = found.cut(through(first.watermark), Asked(), FIVE)
        assert sorted(ids(filled(found, cut))) == unread
        assert cut.watermark is not None
        moved = through({**first.watermark, **cut.watermark})
        assert sorted(ids(list(found.read_passed(("id",), moved)))) == list(range(1, 31))
    assert not read(source, ("id",), moved).rows


def test_the_live_lane_reads_between_seam_and_what_is_held(database: Database) -> None:
    """Invariant 10: nothing at or above what a slice holds, so no newer version of what is on its way."""
    orders(database, ROWS_OF)
    source = database.source()
    held: list[Any] = []
    with opened(source) as found:
        cut = found.cut(EMPTY_WATERMARK, Asked(high="2024-01-01 00:00:05"), FIVE)
        place = (cut.seam, cut.slices[0].bounds)
        list(found.read_slice(("id",), place, EMPTY_WATERMARK, held.append))
        assert held
    add(database, [(200, 50)])
    with opened(source) as found:
        live = found.read(("id",), through(cut.watermark), lambda: Beside(through(cut.seam), through(held)))
        got = ids(list(live))
        assert 200 not in got
        assert min(got) == 15
        assert max(got) <= 30
        free = found.read(("id",), through(cut.watermark), lambda: Beside(through(cut.seam)))
        assert 200 in ids(list(free))
        assert not list(found.read(("id",), through(cut.watermark), lambda: Beside(cut.seam, waits=True)))


def test_the_lookback_of_a_live_lane_ends_at_the_seam(database: Database) -> None:
    orders(database, ROWS_OF)
    source = database.source(lookback="3s")
    first = read(source, ("id",))
    with opened(source) as found:
        cut = found.cut(through(first.watermark), Asked("2024-01-01 00:00:00"), FIVE)
        filled_ids = ids(filled(found, cut))
    add(database, [(100, 12)])
    with opened(source) as found:
        live = ids(list(found.read(("id",), through(first.watermark), lambda: Beside(through(cut.seam)))))
    assert not {*filled_ids} & {*live}
    assert {*filled_ids} | {*live} == {*range(1, 31), 100}


def test_without_an_index_the_plan_says_what_it_costs(database: Database) -> None:
    orders(database, ROWS_OF, index=False)
    with opened(database.source()) as found:
        cut = found.cut(EMPTY_WATERMARK, Asked(), FIVE)
        assert sorted(ids(filled(found, cut))) == list(range(1, 31))
    if database.dialect == "duckdb":
        return  # it scans as fast as any index leads it
    [note] = [note for note in cut.notes if "index" in note]
    assert "about 180 rows looked at for 30" in note
    assert "--by key" in note


# ── Parquet ───────────────────────────────────────────────────────────────────────────────────────────────


def parts(path: Path, sizes: list[int], group: int = 4) -> list[int]:
    first = 0
    for n, size in enumerate(sizes):
        values = list(range(first, first + size))
        write(path / f"day={n:02d}" / "a.parquet", {"id": values, "at": values}, row_group_size=group)
        first += size
    return list(range(first))


@pytest.mark.parametrize("settings", [{}, {"key": ("id",)}, {"key": ("id",), "cursor": "at"}])
def test_files_are_gathered_and_large_ones_are_cut(tmp_path: Path, settings: dict[str, Any]) -> None:
    every = parts(tmp_path / "d", [100, 1, 2, 3, 40, 1, 30])
    source = extractor(tmp_path / "d", SMALL, **settings)
    source.open()
    cut = source.cut(EMPTY_WATERMARK, Asked(), Sizes(rows=20))
    counts = [len(ids(filled(source, cut, which=n))) for n in range(len(cut.slices))]
    assert counts == [part.rows for part in cut.slices]
    assert max(counts) <= 2 * median(counts)
    assert sorted(ids(filled(source, cut))) == every
    source.close()
    again = extractor(tmp_path / "d", SMALL, **settings)
    again.open()
    again.estimate(through(cut.watermark))
    assert ids(filled(again, cut)) == ids(filled(again, cut))
    write(tmp_path / "d" / "day=99" / "b.parquet", {"id": [1000], "at": [1000]})
    again.close()
    live = extractor(tmp_path / "d", SMALL, **settings)
    live.open()
    live.estimate(through(cut.watermark))
    assert ids(list(live.read(("id",), through(cut.watermark)))) == [1000]
    live.close()


def test_a_slice_of_files_goes_on_from_every_row(tmp_path: Path) -> None:
    parts(tmp_path / "d", [30, 2, 2])
    source = extractor(tmp_path / "d", SMALL, key=("id",))
    source.open()
    cut = source.cut(EMPTY_WATERMARK, Asked(), Sizes(rows=12))
    last = len(cut.slices) - 1
    batches = filled(source, cut, which=last)
    whole = ids(batches)
    position: dict[str, Any] = {}
    seen = 0
    for batch in batches:
        for n in range(1, batch.rows.num_rows + 1):
            at = Watermark({**position, **batch.position(n)})
            assert ids(filled(source, cut, at, last)) == whole[seen + n :]
        seen += batch.rows.num_rows
        position |= batch.end
    source.close()


def test_a_range_of_partitions(tmp_path: Path) -> None:
    """What lies above is the live lane's; what lies below nobody's."""
    parts(tmp_path / "d", [5, 5, 5, 5])
    source = extractor(tmp_path / "d", key=("id",))
    source.open()
    cut = source.cut(EMPTY_WATERMARK, Asked("day=01", "day=03"), Sizes(rows=5))
    assert ids(filled(source, cut)) == list(range(5, 15))
    assert ids(list(source.read(("id",), through(cut.watermark)))) == list(range(15, 20))
    source.close()


def test_what_start_now_left_is_filled(tmp_path: Path) -> None:
    every = parts(tmp_path / "d", [5, 5])
    source = extractor(tmp_path / "d", key=("id",), start="now")
    source.open()
    watermark: dict[str, Any] = {}
    for batch in source.read(("id",), EMPTY_WATERMARK):
        watermark |= batch.end
    cut = source.cut(through(watermark), Asked(), Sizes(rows=5))
    assert ids(filled(source, cut)) == every
    source.close()


def test_a_file_that_was_written_again_is_left_to_the_live_lane(tmp_path: Path) -> None:
    """With a cursor the slice still reads it up to where the live lane begins."""
    for settings in ({"key": ("id",)}, {"key": ("id",), "cursor": "at"}):
        parts(tmp_path / "d", [6])
        source = extractor(tmp_path / "d", **settings)
        source.open()
        cut = source.cut(EMPTY_WATERMARK, Asked(), Sizes(rows=10))
        source.close()
        write(tmp_path / "d" / "day=00" / "a.parquet", {"id": list(range(9)), "at": list(range(9))})
        source = extractor(tmp_path / "d", **settings)
        source.open()
        source.estimate(through(cut.watermark))
        mine = ids(filled(source, cut))
        live = ids(list(source.read(("id",), through(cut.watermark))))
        source.close()
        assert sorted([*mine, *live]) == list(range(9))
