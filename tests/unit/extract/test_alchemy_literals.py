"""Bytes as SQL, in the words of each dialect."""

from __future__ import annotations

import pytest

from connector.extract.databases.alchemy_types import bytes_literal, text_of


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("mssql", "0x00000000000007d1"),
        ("oracle", "hextoraw('00000000000007d1')"),
        ("postgresql", "'\\x00000000000007d1'::bytea"),
        ("snowflake", "x'00000000000007d1'"),
    ],
)
def test_a_row_version_is_written_as_bytes(dialect: str, expected: str) -> None:
    """As text it would compare with nothing, and a page would be read for ever."""
    assert bytes_literal(dialect, "00000000000007D1") == expected


def test_nothing_but_digits_gets_into_the_statement() -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        bytes_literal("mssql", "00' or 1 = 1")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_every_driver_are_kept_as_digits(kind: type) -> None:
    assert text_of(kind(b"\x07\xd1")) == "07d1"
