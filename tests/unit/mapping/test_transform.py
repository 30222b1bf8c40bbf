"""A user's own function over DataFrames, before the mapping."""

import json
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from mappings import USER, batch_of_rows, field, items, mapped, mapper_of, rows_of

from connector.errors import ConfigError, ConfigErrors, DataError

ROWS = {"k": [1, 2, 3], "price": ["1.50", "x", "2.25"], "keep": [True, False, True]}
BY_KEY = USER | {"data": {"*": True}}


def clean(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop rows, change a key, add a column."""
    frame = frame[frame["keep"]].copy()
    frame["cents"] = frame["price"].astype("float64[pyarrow]") * 100
    frame["k"] = frame["k"] * 1000
    return frame[["cents", "k"]]


def test_rows_that_it_drops_are_filtered_and_indexes_stay():
    """Dropped rows count as filtered; entries point at the rows of the source."""
    batch = mapped(ROWS, BY_KEY, transform=clean, key=("k",))
    assert [item["data"] for item in items(batch)] == [
        {"cents": Decimal("150.0"), "k": 1000},
        {"cents": Decimal("225.0"), "k": 3000},
    ]
    assert (batch.row.tolist(), batch.filtered.tolist()) == ([0, 2], [1])


def test_ids_and_rejects_hold_the_source():
    """eventIds, keys and rows are those of the source, whatever the transform makes of its columns."""
    yaml = USER | {"data": {"c": {"sql": "(cents - 225)::utinyint"}}}
    batch = mapped(
        ROWS, yaml, transform=clean, key=("k",), version=pa.array(["1", "2", "3"], pa.string_view())
    )
    assert batch.event_id.to_pylist() == mapped({"k": [3]}, USER, key=("k",)).event_id.to_pylist()
    reject = batch.rejected[0]
    assert (reject.key, json.loads(reject.row)) == ("[1]", {"k": 1, "price": "1.50", "keep": True})
    assert batch.describe([2])[0].key == "[3]"


def test_everything_is_read_and_types_stay():
    """A transform may use any column; integers, decimals, nulls and marks come out as they went in."""
    columns = [
        field("k", pa.array([1841710181319290881, None])),
        field("d", pa.array([Decimal("1.50"), None], pa.decimal128(30, 2))),
        field("j", pa.array(['{"a": 1.10}', None]), "json"),
        field("n", pa.array(["12345678901234567890.10", None]), "number"),
        field("t", pa.array([1704164645123456789, None], pa.timestamp("ns"))),
        field("l", pa.array([[1, None], None])),
    ]
    rows = rows_of(columns)
    mapper = mapper_of(rows, BY_KEY, transform=lambda frame: frame)
    assert mapper.columns == ("k", "d", "j", "n", "t", "l")
    batch = mapper.map(batch_of_rows(rows))
    text = batch.entries[0].as_py()
    assert (
        '"data":{"k":1841710181319290881,"d":1.50,"j":{"a": 1.10},"n":12345678901234567890.10,"t":"2024-01-02T03:04:05.123456Z","l":[1,null]}'
        in text
    )
    assert items(batch)[1]["data"] == {}


def test_rows_out_of_order_are_put_back():
    """Sorting a frame does not change the order of delivery."""
    batch = mapped(ROWS, BY_KEY, transform=lambda frame: frame.sort_values("k", ascending=False))
    assert [item["data"]["k"] for item in items(batch)] == [1, 2, 3]


def test_its_columns_are_what_the_mapping_sees():
    """Names and types are checked against what the function returns."""
    with pytest.raises(ConfigErrors, match="no column 'price'"):
        mapped(ROWS, USER | {"data": {"p": "price"}}, transform=clean)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda frame: frame.set_axis([7] * len(frame)), "index values that no row has"),
        (lambda frame: pd.concat([frame, frame]), "an index value twice"),
        (lambda frame: frame.set_axis(["a", "b", "c"][: len(frame)]), "another index"),
        (lambda frame: frame if frame.empty else frame.assign(new=1), "other columns"),
        (lambda frame: frame if frame.empty else frame.assign(k="x"), "'k' that is not int64"),
    ],
)  # fmt: skip
def test_a_frame_that_does_not_fit_stops_the_run(function, words):
    """A lost index or another schema is an error of the data, never a guess."""
    with pytest.raises(DataError, match=words):
        mapped(ROWS, BY_KEY, transform=function)


def test_a_failing_function_is_named_without_its_words():
    """The error of a user's function names it and the kind of its exception; its text may hold rows."""

    def broken(frame):
        raise ValueError(f"secret {frame}")

    with pytest.raises(ConfigError, match="broken failed with ValueError") as caught:
        mapped(ROWS, BY_KEY, transform=broken)
    assert "secret" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("function", "words"),
    [(lambda _: 1, "not a DataFrame"), (lambda frame: frame.assign(x=None), "no type on an empty frame")],
)
def test_a_function_must_return_typed_columns(function, words):
    """What it returns for an empty frame fixes the schema of the run."""
    with pytest.raises(ConfigError, match=words):
        mapped(ROWS, BY_KEY, transform=function)


def test_a_module_beside_the_yaml_is_found(tmp_path):
    """`module:function` is looked up in the folder of the YAML file first."""
    (tmp_path / "shop_rules_a.py").write_text(
        "def double(frame):\n    frame['k'] = frame['k'] * 2\n    return frame\nNAME = 1\n"
    )
    found = mapped(ROWS, BY_KEY, transform="shop_rules_a:double", folder=tmp_path)
    assert [item["data"]["k"] for item in items(found)] == [2, 4, 6]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shop_rules_b", "not module:function"),
        ("no_such_module_x:f", "cannot be imported: ModuleNotFoundError"),
        ("shop_rules_b:g", "has no g"),
        ("shop_rules_b:NAME", "not a function"),
        ("shop_rules_c:f", "cannot be imported: SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_used_is_explained(name, words, tmp_path):
    """A wrong module or name says what is wrong and what to do."""
    (tmp_path / "shop_rules_b.py").write_text("NAME = 1\n")
    (tmp_path / "shop_rules_c.py").write_text("def\n")
    with pytest.raises(ConfigError, match=words) as caught:
        mapped(ROWS, BY_KEY, transform=name, folder=tmp_path)
    assert caught.value.hint
