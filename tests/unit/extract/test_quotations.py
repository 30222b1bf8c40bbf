"""What is left of a database's words: names, as people need them to mend a mistake, and no value."""

import pytest

from connector.extract.quotations import without_values


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ('column "totl" does not exist', 'column "totl" does not exist'),
        ("Table 'shop.order' doesn't exist", "Table 'shop.order' doesn't exist"),
        ("no such column: totl", "no such column: totl"),
        ('near "frm": syntax error', 'near "frm": syntax error'),
        ('near "@shop": syntax error', "near …: syntax error"),
        ("near 'a@b.c and x = 'y'' at line 1", "near … at line 1"),
        ("near 'O'Hara' at line 1", "near … at line 1"),
        (
            'unterminated quoted string at or near "\'a@b.c and 1 = 0"',
            "unterminated quoted string at or near …",
        ),
        ('unrecognized token: "\'a@b.c)"', "unrecognized token: …"),
        ("no such column: Anna Ohara", "no such column: …"),
        ("bad JSON path: 'a@b.c'", "bad JSON path: …"),
        ("cut off at 'a@b.c", "cut off at …"),
    ],
)
def test_names_stay_and_values_go(words, left):
    assert without_values(words) == left
