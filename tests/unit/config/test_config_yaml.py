"""YAML 1.2 and what is no YAML: every file is read right, or refused with its place and a remedy."""

from __future__ import annotations

import pytest

from connector.config.document import read_document
from connector.errors import ConfigError, ConfigErrors


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("false", False),
        ("1:30", "1:30"),
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02 03:04:05", "2024-01-02 03:04:05"),
        ("1_000", "1_000"),
        ("1841710181319290881", 1841710181319290881),
        ("0o17", 15),
        ("0x1f", 31),
        ("1.5e3", 1500.0),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("=", "="),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(folder, written, read) -> None:
    """Only true and false are booleans, and dates and times of day stay text."""
    document = read_document(folder.write("a.yaml", f"key: {written}\n")).plain()
    assert document == {"key": read}
    assert type(document["key"]) is type(read)


def test_anchors_and_merge_keys(folder) -> None:
    """An alias is its anchor's value, and what is written beside a merge key wins over it."""
    document = read_document(
        folder.write("a.yaml", "one: &x {a: 1, b: 2}\ntwo: *x\nthree:\n  <<: *x\n  b: 3\n")
    )
    assert document.plain() == {"one": {"a": 1, "b": 2}, "two": {"a": 1, "b": 2}, "three": {"a": 1, "b": 3}}


def test_a_byte_order_mark_is_no_part_of_the_first_key(folder) -> None:
    file = folder.path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfsync: x\n")
    assert read_document(file).plain() == {"sync": "x"}


@pytest.mark.parametrize(
    ("text", "line", "said", "remedy"),
    [
        ("a:\n\tb: 1\n", 2, "'\\t'", "spaces"),
        ("a: b: c\n", 1, "mapping values", "quotes"),
        ("a: 1\n b: 2\n", 2, "mapping values", "indentation"),
        ("a: [1\n", 2, "flow sequence", "closed"),
        ("a: {b: ${C}}\n", 1, "flow mapping", "put ${VARIABLES}"),
        ("a: 'x\n", 2, "end of stream", "quote"),
        ("a: @x\n", 1, "'@'", "quotes"),
        ("x: 1\na: *b\n", 2, "undefined alias", "&"),
        ('x: "\\q"\n', 1, "unknown escape", "single quotes"),
        ("a: 1\n---\nb: 2\n", 2, "another document", "one sync a file"),
        ("a: !thing x\n", 1, "tags", "leave it out"),
        ("? [a]\n: 1\n", 1, "where a key should be", "quotes"),
        ("a: &a [*a]\n", 1, "alias", "write the values out"),
        ("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcde", "bcdef", strict=True)
        ), 1, "unfolds to too much", "write the values out"),
    ],
)  # fmt: skip
def test_a_syntax_error_has_its_line_and_a_remedy(folder, text, line, said, remedy) -> None:
    file = folder.write("a.yaml", text)
    with pytest.raises(ConfigError) as caught:
        read_document(file)
    error = caught.value.errors[0] if isinstance(caught.value, ConfigErrors) else caught.value
    assert error.file.startswith(f"{file}:")
    assert int(error.file.rsplit(":", 1)[1]) == line
    assert said in error.message
    assert remedy in error.hint


def test_duplicate_keys_are_told_all_at_once_with_both_lines(folder) -> None:
    file = folder.write("a.yaml", "a: 1\nb: {c: 1, c: 2}\na: 3\n")
    with pytest.raises(ConfigErrors) as caught:
        read_document(file)
    told = [(error.file, error.path, error.message, error.hint) for error in caught.value.errors]
    assert told == [
        (f"{file}:2", "b.c", "the key c is there twice", "it stands on line 2 already"),
        (f"{file}:3", "a", "the key a is there twice", "it stands on line 1 already"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"# only a comment\n", "empty"),
        (b"- a\n- b\n", "not a mapping"),
        (b"just text\n", "not a mapping"),
        (b"a: \xff\xfe\n", "not UTF-8 text (byte 3)"),
        (b"a: \x00\n", "control character"),
        (b"[" * 1000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_configuration(folder, content, said) -> None:
    file = folder.path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"a\.yaml") as caught:
        read_document(file)
    assert said in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_a_missing_file_and_a_folder(folder) -> None:
    for path, said in ((folder.path / "none.yaml", "no such file"), (folder.path, "cannot be read")):
        with pytest.raises(ConfigError) as caught:
            read_document(path)
        assert said in caught.value.message
        assert caught.value.file == str(path)
