"""A key on the command line is the key that a reject has."""

import pytest

from connector.keys import canonical_key


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("17", "[17]"),
        ("-17", "[-17]"),
        ("123456789012345678901234567890", "[123456789012345678901234567890]"),
        ("1.50", "[1.5]"),
        ("1.0", "[1]"),
        ("-0.0", "[0]"),
        ("1e20", "[1e20]"),
        ("007", '["007"]'),
        ("NaN", '["NaN"]'),
        ("abc", '["abc"]'),
        ('"17"', '["17"]'),
        ("true", "[true]"),
        ("", '[""]'),
        ("a@b.c", '["a@b.c"]'),
        ('say "hü"', '["say \\"hü\\""]'),
        ('[1, "a"]', '[1,"a"]'),
        ("[2.50]", "[2.5]"),
        ('["2024-01-01T00:00:00.000000Z", 7]', '["2024-01-01T00:00:00.000000Z",7]'),
        ('{"a": 1}', '["{\\"a\\": 1}"]'),
        ("[1", '["[1"]'),
        ("9" * 5000, f'["{"9" * 5000}"]'),
    ],
)
def test_a_key_is_brought_into_canonical_form(typed, key):
    assert canonical_key(typed) == key
