"""Variables: replaced after parsing, inside scalars, never retyped, and told all at once when unset."""

from __future__ import annotations

import pytest

from connector.config.models import Column, Constant

DESTINATION = "destination: {{org: a, project: b, source_id: '1', api_key: k, {}}}"


@pytest.mark.parametrize(
    ("written", "environ", "value"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("${A}", {"A": ""}, ""),
        ("p-${A}-${B}", {"A": "x", "B": "y"}, "p-x-y"),
        ("${A:-d e}", {}, "d e"),
        ("${A:-d}", {"A": ""}, "d"),
        ("${A:-d}", {"A": "x"}, "x"),
        ("${A:-}", {}, ""),
        ("$${A}", {"A": "x"}, "${A}"),
        ("$A", {"A": "x"}, "$A"),
        ("${A}", {"A": "12"}, "12"),
        ("${A}", {"A": "true"}, "true"),
        ("${A}", {"A": "a: b # ${B}"}, "a: b # ${B}"),
        ("${file:secret}", {}, "from file"),
        ("<${file:secret}>", {}, "<from file>"),
    ],
)
def test_a_variable_is_replaced_and_stays_text(folder, written, environ, value) -> None:
    folder.write("secret", "from file\n")
    sync = folder.sync(
        f"mapping: {{kind: event, event: x, userId: u, data: {{a: {{value: '{written}'}}}}}}", environ=environ
    )
    data = sync.mapping[0].data
    assert data is not None
    assert data.members["a"] == Constant(value=value)


def test_an_option_parses_a_variables_text(folder) -> None:
    """A number with a unit, a whole number, a boolean and a percentage may come from the environment."""
    sync = folder.sync(
        DESTINATION.format("concurrency: '${N}', timeout: '${T}', max_bytes: '${B}'"),
        "rejects: {max: '${P}', keep_rows: '${F}'}",
        environ={"N": "3", "T": "5s", "B": "2MB", "P": "7%", "F": "false"},
    )
    to = sync.destination
    assert (to.concurrency, to.timeout.seconds, to.max_bytes) == (3, 5, 2_000_000)
    assert (sync.rejects.max, sync.rejects.keep_rows) == (0.07, False)


def test_a_long_id_keeps_its_digits(folder) -> None:
    sync = folder.sync(
        "destination: {org: a, project: b, source_id: '${ID}', api_key: k}",
        environ={"ID": "1841710181319290881"},
    )
    assert sync.destination.source_id == "1841710181319290881"


def test_keys_are_no_place_for_variables(folder) -> None:
    sync = folder.sync("mapping: {kind: event, event: x, userId: u, data: {'${A}': b}}")
    data = sync.mapping[0].data
    assert data is not None
    assert data.members == {"${A}": Column(column="b")}


def test_unset_variables_are_told_at_once_and_once(folder) -> None:
    """An unset variable is one mistake, whatever its text would have been checked for."""
    mistakes = folder.mistakes(
        "source: {type: database, url: '${URL}', table: '${T}', mode: '${M}'}",
        "destination: {org: '${O}', project: '${O}', source_id: '${S}', api_key: '${K}', concurrency: '${N}'}",
    )
    told = [(mistake.path, mistake.message) for mistake in mistakes]
    assert sorted(told) == [
        ("destination.api_key", "the variable K is not set"),
        ("destination.concurrency", "the variable N is not set"),
        ("destination.org", "the variable O is not set"),
        ("destination.project", "the variable O is not set"),
        ("destination.source_id", "the variable S is not set"),
        ("source.mode", "the variable M is not set"),
        ("source.table", "the variable T is not set"),
        ("source.url", "the variable URL is not set"),
    ]
    assert all("set it" in mistake.hint for mistake in mistakes)


def test_an_unset_part_of_a_url_is_told_once(folder) -> None:
    mistakes = folder.mistakes("source: {type: database, url: {driver: sqlite, password: '${P}'}, table: t}")
    assert [(mistake.path, mistake.message) for mistake in mistakes] == [
        ("source.url.password", "the variable P is not set")
    ]


@pytest.mark.parametrize("written", ["${}", "${1A}", "${A", "${A-b}", "${A B}", "${a.b}"])
def test_what_is_no_variable_is_refused_with_the_forms(folder, written) -> None:
    (mistake,) = folder.mistakes(f"source: {{type: database, url: 'sqlite://', table: '{written}'}}")
    assert mistake.path == "source.table"
    assert mistake.message == "this is no variable"
    assert "$${ for a literal ${" in mistake.hint


def test_a_secret_file_that_is_not_there(folder) -> None:
    (mistake,) = folder.mistakes("destination: {org: a, project: b, source_id: '1', api_key: '${file:none}'}")
    assert mistake.path == "destination.api_key"
    assert mistake.message == f"{folder.path}/none cannot be read: no such file or directory"
