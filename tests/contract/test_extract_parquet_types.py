"""What Parquet types become, and which files make one table."""

import datetime as dt
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from parquet_sources import Run, extractor, write

from connector.errors import ConfigErrors, DataError

UUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
STAMP = dt.datetime.fromisoformat("2024-01-02 03:04:05.123456")

# given values, their type in the file, the type and kind in a batch, the values there (None: the same)
MATRIX = [
    (["a", None], pa.string_view(), pa.string(), None, None),
    (["a", None], pa.large_string(), pa.string(), None, None),
    (["a", None, "a"], pa.dictionary(pa.int8(), pa.string()), pa.string(), None, None),
    ([1, None], pa.dictionary(pa.int8(), pa.int64()), pa.int64(), None, None),
    ([b"\x00", None], pa.binary_view(), pa.binary(), None, None),
    ([b"\x00", None], pa.large_binary(), pa.binary(), None, None),
    ([b"ab", None], pa.binary(2), pa.binary(2), None, None),
    ([0, 2**64 - 1, None], pa.uint64(), pa.uint64(), None, None),
    ([-(2**63), 2**63 - 1], pa.int64(), pa.int64(), None, None),
    ([Decimal("-1.50"), None], pa.decimal32(5, 2), pa.decimal128(5, 2), None, None),
    ([Decimal("9" * 36 + ".99")], pa.decimal128(38, 2), pa.decimal128(38, 2), None, None),
    ([Decimal("1.50"), None], pa.decimal256(38, 2), pa.decimal128(38, 2), None, None),
    ([Decimal("9" * 58 + ".99"), None], pa.decimal256(60, 2), pa.string(), b"number", ["9" * 58 + ".99", None]),
    ([Decimal("1E-30"), None], pa.decimal256(60, 32), pa.string(), b"number", ["0." + "0" * 29 + "100", None]),
    ([1.5, None], pa.float16(), pa.float32(), None, None),
    ([dt.date(2024, 1, 2), None], pa.date32(), pa.date32(), None, None),
    ([STAMP, None], pa.timestamp("us"), pa.timestamp("us"), None, None),
    ([1, None], pa.timestamp("ns", "Europe/Berlin"), pa.timestamp("ns", "Europe/Berlin"), None, None),
    ([dt.time(1, 2, 3), None], pa.time32("ms"), pa.time32("ms"), None, None),
    ([1, None], pa.time64("ns"), pa.time64("ns"), None, None),
    ([dt.timedelta(days=1), None], pa.duration("us"), pa.duration("us"), None, None),
    ([True, None], pa.bool_(), pa.bool_(), None, None),
    ([None, None], pa.null(), pa.null(), None, None),
    ([UUID.bytes, None], pa.uuid(), pa.string(), b"uuid", [str(UUID), None]),
    (['{"a": 1}', None], pa.json_(), pa.string(), b"json", None),
    ([["a", None], None, []], pa.list_(pa.string_view()), pa.list_(pa.string()), None, None),
    ([["a", None], None, []], pa.large_list(pa.large_string()), pa.list_(pa.string()), None, None),
    ([[1, None], None, []], pa.list_view(pa.int32()), pa.list_(pa.int32()), None, None),
    ([[1, None], None], pa.list_(pa.int32(), 2), pa.list_(pa.int32()), None, None),
    ([[[1], None], None], pa.list_(pa.list_view(pa.int8())), pa.list_(pa.list_(pa.int8())), None, None),
    (
        [{"a": 1, "b": ["x"]}, None],
        pa.struct([("a", pa.int32()), ("b", pa.list_(pa.dictionary(pa.int8(), pa.string())))]),
        pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))]),
        None,
        None,
    ),
    ([[("k", 1)], None, []], pa.map_(pa.string_view(), pa.int32()), pa.map_(pa.string(), pa.int32()), None, None),
    ([{"x": Decimal("1.5")}], pa.struct([("x", pa.decimal256(60, 1))]), pa.struct([("x", pa.json_())]), None, [{"x": "1.5"}]),
    ([[UUID.bytes], None], pa.list_(pa.uuid()), pa.list_(pa.string()), None, [[str(UUID)], None]),
]  # fmt: skip


def storage(values, data_type):
    if isinstance(data_type, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(data_type, pa.array(values, data_type.storage_type))
    if pa.types.is_list(data_type) and isinstance(data_type.value_type, pa.UuidType):
        plain = pa.array(values, pa.list_(pa.binary(16)))
        items = pa.ExtensionArray.from_storage(data_type.value_type, plain.values)
        return pa.ListArray.from_arrays(plain.offsets, items, mask=plain.is_null())
    return pa.array(values, data_type)


@pytest.mark.parametrize(("values", "given", "expected", "kind", "texts"), MATRIX, ids=lambda v: str(v)[:40])
def test_types(tmp_path, values, given, expected, kind, texts):
    """A type of Parquet becomes a plain one, with every value the same."""
    path = write(tmp_path / "a.parquet", {"v": storage(values, given)})
    run = Run(path)
    field = run.schema.field("v")
    assert (field.type, (field.metadata or {}).get(b"connector")) == (expected, kind)
    if texts is None:
        assert run.table.column("v").combine_chunks() == pa.array(values, expected)
    else:
        assert run.column("v") == texts
    assert run.table.schema.field("v").type == expected


def test_int96_far_date(tmp_path):
    """A far date in INT96 keeps its microseconds, where nanoseconds would wrap around."""
    far = dt.datetime.fromisoformat("9999-12-31 23:59:59.999999")
    table = pa.table({"v": pa.array([STAMP, None], pa.timestamp("us"))})
    path = write(tmp_path / "a.parquet", table, use_deprecated_int96_timestamps=True)
    assert Run(path).column("v") == [STAMP, None]
    path = write(
        tmp_path / "a.parquet",
        {"v": pa.array([far], pa.timestamp("us"))},
        use_deprecated_int96_timestamps=True,
    )
    assert Run(path).column("v") == [far]


# two files' types and what holds both, None where nothing does
UNIFICATIONS = [
    (pa.int32(), pa.int64(), pa.int64()),
    (pa.uint8(), pa.int8(), pa.int16()),
    (pa.uint32(), pa.int32(), pa.int64()),
    (pa.uint64(), pa.int8(), pa.decimal128(20, 0)),
    (pa.float32(), pa.float64(), pa.float64()),
    (pa.float16(), pa.float32(), pa.float32()),
    (pa.int16(), pa.float32(), pa.float32()),
    (pa.int32(), pa.float32(), pa.float64()),
    (pa.int64(), pa.float64(), None),
    (pa.decimal128(10, 2), pa.decimal128(12, 4), pa.decimal128(12, 4)),
    (pa.decimal128(10, 2), pa.decimal128(10, 4), pa.decimal128(12, 4)),
    (pa.int64(), pa.decimal128(10, 2), pa.decimal128(22, 2)),
    (pa.decimal128(38, 0), pa.decimal128(38, 10), pa.string()),
    (pa.decimal128(10, 2), pa.float64(), None),
    (pa.date32(), pa.timestamp("us"), pa.timestamp("us")),
    (pa.date32(), pa.timestamp("us", "UTC"), None),
    (pa.timestamp("ms"), pa.timestamp("ns"), pa.timestamp("ns")),
    (pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Berlin"), pa.timestamp("us", "UTC")),
    (pa.timestamp("us"), pa.timestamp("us", "UTC"), None),
    (pa.time32("ms"), pa.time64("us"), pa.time64("us")),
    (pa.null(), pa.list_(pa.int8()), pa.list_(pa.int8())),
    (pa.string(), pa.string_view(), pa.string()),
    (pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string()),
    (pa.string(), pa.int64(), None),
    (pa.string(), pa.binary(), None),
    (pa.bool_(), pa.int8(), None),
    (pa.binary(2), pa.binary(3), pa.binary()),
    (pa.uuid(), pa.string(), pa.string()),
    (pa.json_(), pa.string(), None),
    (pa.list_(pa.int8()), pa.large_list(pa.int32()), pa.list_(pa.int32())),
    (pa.list_(pa.int8()), pa.int8(), None),
    (
        pa.struct([("a", pa.int8()), ("b", pa.string())]),
        pa.struct([("c", pa.bool_()), ("a", pa.int16())]),
        pa.struct([("a", pa.int16()), ("b", pa.string()), ("c", pa.bool_())]),
    ),
    (pa.struct([("a", pa.int8())]), pa.struct([("a", pa.string())]), None),
    (pa.map_(pa.string(), pa.int8()), pa.map_(pa.string(), pa.int16()), pa.map_(pa.string(), pa.int16())),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "expected"), UNIFICATIONS, ids=str)
@pytest.mark.parametrize("swapped", [False, True])
def test_unification(tmp_path, one, other, expected, swapped):
    """Two files' column has the type that holds both without loss, whichever is first, or an error names both."""
    first, second = (other, one) if swapped else (one, other)
    write(tmp_path / "a.parquet", {"v": storage([None], first)})
    write(tmp_path / "b.parquet", {"v": storage([None], second)})
    if expected is None:
        with pytest.raises(ConfigErrors) as caught:
            Run(tmp_path)
        message = str(caught.value)
        assert all(word in message for word in ("'v'", "a.parquet", "b.parquet", "source.columns"))
        return
    found = Run(tmp_path).table.schema.field("v").type
    if pa.types.is_struct(expected):
        assert {f.name: f.type for f in found} == {f.name: f.type for f in expected}
    else:
        assert found == expected


def test_missing_column_is_null(tmp_path):
    """Files are unified by name: a missing column is null, and order does not matter."""
    write(tmp_path / "a.parquet", {"x": [1], "y": ["a"]})
    write(tmp_path / "b.parquet", {"z": [2.5], "x": [2]})
    run = Run(tmp_path, key=("x",))
    assert run.table.to_pydict() == {"x": [1, 2], "y": ["a", None], "z": [None, 2.5]}


def test_names_that_differ_in_case(tmp_path):
    """Columns whose names differ in case alone stay apart, in filters too."""
    path = write(tmp_path / "a.parquet", {"email": [1, 2], "Email": [3, 4]})
    run = Run(path, key=("email",), where='"Email" > 3')
    assert run.table.to_pydict() == {"email": [2], "Email": [4]}


def test_declared_types_rescue(tmp_path):
    """A declared type holds for files that have no common one."""
    write(tmp_path / "a.parquet", {"v": [2**60 + 1]})
    write(tmp_path / "b.parquet", {"v": ["3"]})
    assert Run(tmp_path, columns={"v": "bigint"}).column("v") == [2**60 + 1, 3]


def test_declared_type_that_does_not_fit(tmp_path):
    """A value that is none of the declared type stops the run without being shown."""
    path = write(tmp_path / "a.parquet", {"v": ["secret"]})
    with pytest.raises(DataError) as caught:
        Run(path, columns={"v": "bigint"})
    assert "'v' of a.parquet" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_all_mistakes_at_once(tmp_path):
    """Every wrong name is reported in one error, each with the nearest right one."""
    path = write(tmp_path / "a.parquet", {"order_id": [1], "created": [1.5], "total": [1]})
    source = extractor(
        path, key=("order_ids", "totals"), cursor="creatd", where="totl > 1", columns={"tot": "int"}
    )
    with pytest.raises(ConfigErrors) as caught:
        source.open()
    problems = {(error.path, error.hint) for error in caught.value.errors}
    assert {path for path, _ in problems} == {
        "source.key",
        "source.cursor",
        "source.where",
        "source.columns.tot",
    }
    assert ("source.cursor", "did you mean created?") in problems
    assert ("source.key", "did you mean order_id?") in problems


@pytest.mark.parametrize("values", [[1.5], ["a"], [True]])
def test_cursor_types_refused(tmp_path, values):
    """A cursor whose order or ties are not exact is refused."""
    path = write(tmp_path / "a.parquet", {"c": values})
    with pytest.raises(ConfigErrors, match="a cursor cannot be of type"):
        extractor(path, cursor="c").open()


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("x in (select 1)", "subquery"),
        ("random() > x", "differs from run to run"),
        ("now() > '2024-01-01'", "differs from run to run"),
        ("current_date > '2024-01-01'", "no column 'current_date'"),
        ("sum(x) > 1", "cannot be"),
        ("unnest([x, x]) > 0", "cannot be"),
        ("row_number() over () > 1", "window"),
        ("x >", "no SQL expression"),
        ("x = '", "no SQL expression"),
        ("frobnicate(x)", "cannot be"),
        ("y", "no column 'y'"),
    ],
)
def test_filters_refused(tmp_path, where, expected):
    """A filter is one scalar expression over the row, the same in every run."""
    path = write(tmp_path / "a.parquet", {"x": [1]})
    with pytest.raises(ConfigErrors, match=r"source\.where") as caught:
        extractor(path, where=where).open()
    assert expected in str(caught.value)


def test_filter_that_fails_on_a_row(tmp_path):
    """A filter that fails on a row stops the run without showing the value."""
    path = write(tmp_path / "a.parquet", {"x": ["secret"]})
    with pytest.raises(DataError) as caught:
        Run(path, where="cast(x as integer) > 1")
    assert "secret" not in str(caught.value)
