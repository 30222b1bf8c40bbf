"""The docs say what the program does: nothing undocumented, nothing invented, nothing out of date."""

import re
import sys
from functools import cache
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from ruamel.yaml import YAML

from connector import errors
from connector.config.models import REASONS, ScalarType
from connector.config.reader import load_sync
from connector.config.schema import schema, shared_schema
from connector.config.values import WORDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

from scripts import blocks, commands, flow, seam, shown, timeline  # noqa: E402 - they live beside the docs

PAGES = blocks.pages(ROOT)
# Which heading of configuration.md documents the keys of which model; those that several share stand under one.
SECTIONS = {
    "The file": "Sync",
    "source": "SourceSettings",
    "type: database": "DatabaseSource",
    "type: parquet": "ParquetSource",
    "type: delta": "DeltaSource",
    "type: iceberg": "IcebergSource",
    "storage": "Storage",
    "url in parts": "UrlParts",
    "mapping": "Mapping",
    "destination": "TrackDestination",
    "retry": "Retry",
    "rejects": "Rejects",
    "schedule": "Schedule",
    "tests": "MappingTest",
    "connector.yaml": "Shared",
}
REMEDY = "run `python docs/make.py --quick`"


@cache
def text_of(page):
    return page.read_text(encoding="utf-8")


def names(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_blocks_made_from_the_code_are_what_it_makes(page):
    """Commands, exit codes and examples stand in the pages as the generator writes them now."""
    made = blocks.fixed(ROOT)
    assert blocks.filled(text_of(page), made) == text_of(page), REMEDY


def test_every_block_has_a_maker():
    known = {*blocks.fixed(ROOT), *shown.PLAIN, *shown.AFTER_DEMO, shown.DRY, shown.SHOW}
    found = {name for page in PAGES for name in blocks.named(text_of(page))}
    assert found <= known
    assert {"commands", "exit codes", "command table"} <= found


def test_no_block_is_empty():
    empty = [name for page in PAGES for name, body in blocks.named(text_of(page)).items() if not body.strip()]
    assert not empty, "run `python docs/make.py`"


def test_every_command_and_option_says_what_it_does():
    unsaid = [name for name, command in commands.leaves() if not command.help]
    for name, command in [("", commands.root()), *commands.leaves()]:
        each = (*commands.options(command), *commands.arguments(command))
        unsaid += [f"{name} {option.opts[0]}" for option in each if not option.help]
    assert not unsaid


def test_every_command_and_option_is_in_the_page_of_commands():
    page = text_of(DOCS / "commands.md")
    for name, command in commands.leaves():
        section = page.split(f"### connector {name}\n", 1)[1].split("\n### ", 1)[0]
        for option in commands.options(command):
            assert f"| `{option.opts[0]}" in section, f"{name} {option.opts[0]}"


def test_every_exit_code_is_documented():
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    codes = {each.exit_code for each in kinds if issubclass(each, errors.ConnectorError)}
    table = blocks.named(text_of(DOCS / "commands.md"))["exit codes"]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert documented == codes | {0} == set(errors.WORST_FIRST)


@pytest.mark.parametrize("command", shown.PLAIN)
def test_output_is_what_the_program_prints_now(command):
    """Output that hangs on the repository alone is compared; other output differs by times and ports."""
    now = shown.without_demo(ROOT, (command,))[command]
    pages = [page for page in PAGES if command in blocks.named(text_of(page))]
    assert pages
    for page in pages:
        assert blocks.named(text_of(page))[command].strip() == now, REMEDY


def test_commands_named_in_the_pages_exist():
    """Every `connector …` in a code span or a shell block begins with a command."""
    known = {name for name, _ in commands.leaves()} | {"rejects", "state"}
    for page in PAGES:
        shell = "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", text_of(page), re.DOTALL))
        spans = re.findall(r"`(connector [a-z][^`]*)`", text_of(page))
        lines = re.findall(r"(?:^|&& |\$ )(connector [a-z].*)$", shell, re.MULTILINE)
        for line in (*spans, *lines):
            words = line.split()[1:]
            assert words[0] in known or " ".join(words[:2]) in known, f"{page.name}: {line}"


# ── configuration ────────────────────────────────────────────────────────────────────────────────────


def properties(model):
    """Return the keys of a model as the schema has them, each with its schema."""
    made = schema()
    parts = {name: part.get("properties", {}) for name, part in made["$defs"].items()}
    parts |= {"Sync": made["properties"], "Shared": shared_schema()["properties"]}
    both = parts["DatabaseSource"].keys() & parts["ParquetSource"].keys()
    parts["SourceSettings"] = {key: parts["DatabaseSource"][key] for key in both}
    own = {key: part for key, part in parts[model].items() if key not in both}
    return own if model.endswith("Source") else parts[model]


def section(heading):
    page = text_of(DOCS / "configuration.md")
    return re.split(rf"^##+ {re.escape(heading)}$", page, flags=re.MULTILINE)[1]


def rows(heading):
    """Return the rows of the first table under a heading: first cell without its backticks -> the other cells."""
    table = re.search(r"^\|.*?(?=\n\n|\Z)", section(heading), re.DOTALL | re.MULTILINE)
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in table[0].splitlines()[2:]]
    return {first.strip("`"): rest for first, *rest in cells}


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_keys_of_a_section_are_those_of_the_schema(heading):
    """No key is undocumented, and none is documented that is not there."""
    assert rows(heading).keys() == properties(SECTIONS[heading]).keys()


@pytest.mark.parametrize("heading", SECTIONS)
def test_defaults_are_those_of_the_schema(heading):
    """Where the schema knows a default, the page has the same."""
    said = rows(heading)
    for key, part in properties(SECTIONS[heading]).items():
        default = part.get("default")
        if default not in (None, {}):
            assert written(key, default) in said[key][0], key


def written(key, default):
    if key in ("max", "delete_guard"):
        return f"`{default:.0%}`"
    if key == "max_bytes":
        return f"`{default // 10**6}MB`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_reason_has_a_remedy():
    said = rows("Reasons of rejects")
    assert said.keys() == set(REASONS)
    assert all(meaning and remedy for meaning, remedy in said.values())


def test_every_form_of_a_value_is_documented():
    forms = " ".join(rows("Values"))
    assert [word for word in WORDS if f"{{{word}: " not in forms] == []
    assert [kind for kind in get_args(ScalarType) if f"`{kind}`" not in section("Values")] == []


# ── examples ─────────────────────────────────────────────────────────────────────────────────────────


def yaml_examples():
    for page in PAGES:
        for number, body in enumerate(re.findall(r"```yaml\n(.*?)```", text_of(page), re.DOTALL)):
            yield pytest.param(body, id=f"{page.relative_to(ROOT)}-{number}")


EXAMPLES = list(yaml_examples())


@pytest.mark.parametrize("body", EXAMPLES)
def test_examples_of_yaml_have_only_keys_that_exist(body):
    """A whole sync or connector.yaml must be valid; of a part, each key at its top and all below it."""
    example = YAML(typ="safe", pure=True).load(body)
    made = schema() | {"required": ["sync", "mapping"] if "sync" in example else []}
    if not example.keys() <= made["properties"].keys():
        made = shared_schema()
    jsonschema.Draft202012Validator(made).validate(plain(example))


def plain(value):
    """Return parsed YAML with dates as text, as the connector reads it."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


@pytest.mark.parametrize("body", [each for each in EXAMPLES if "sync:" in each.values[0]])
def test_whole_syncs_load(body, tmp_path):
    """A reader can copy a whole sync into a file, beside the connector.yaml of the examples."""
    if "\nmapping:" not in body or not re.search(r"^sync:", body, re.MULTILINE):
        pytest.fail("an example names a sync without being one")
    (tmp_path / "connector.yaml").write_text((ROOT / "configs" / "connector.yaml").read_text())
    (tmp_path / "sync.yaml").write_text(body)
    variables = dict.fromkeys(
        re.findall(r"\$\{(\w+)\}", body + text_of(ROOT / "configs" / "connector.yaml")), "id.1"
    )
    assert load_sync(
        tmp_path / "sync.yaml", environ=variables | {"WAREHOUSE_URL": "sqlite:///shop.db"}
    ).mapping


# ── links ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_links_and_files_exist(page):
    """Every relative link has its file and its heading; every path of the repository in backticks is there."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text_of(page)):
        file, _, heading = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        if heading:
            assert heading in anchors(text_of(linked)), target
    for path in re.findall(r"`((?:connector|docs|tests|configs|\.ci)/[\w./*-]*)`", text_of(page)):
        assert list(ROOT.glob(path.rstrip("/"))), path


def anchors(text):
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_can_be_reached_from_the_readme():
    seen, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page not in seen:
            seen.add(page)
            targets = re.findall(r"\]\((?!https?:)([^)#\s]+\.md)", text_of(page))
            left += [linked for target in targets if (linked := (page.parent / target).resolve()).exists()]
    assert set(names(PAGES)) <= set(names(seen)) | {"CHANGELOG.md"}


def test_pictures_need_nothing_from_elsewhere():
    """A picture with a font or image of another site would not show where sites are closed off."""
    pictures = sorted((DOCS / "images").glob("*.svg"))
    drawn = {"flow": flow.picture(), **timeline.pictures(), **seam.pictures()}
    assert {picture.stem for picture in pictures} == {"demo", "preview", "tuning", *drawn}
    for picture in pictures:
        assert not re.search(r"(?:href|url|src)[=(:\s\"']+https?://", text_of(picture)), picture.name
    for name, picture in drawn.items():
        assert text_of(DOCS / "images" / f"{name}.svg") == picture, REMEDY


def test_the_tests_that_show_a_guarantee_exist():
    """Each test that the page of guarantees names is there, under its name, and every invariant has its section."""
    page = text_of(DOCS / "guarantees.md")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 15
    for file, test in named:
        assert f"def {test}(" in text_of(ROOT / file), test
    numbers = re.findall(r"^### (\d+)\.", page, re.MULTILINE)
    loop = text_of(ROOT / "connector" / "pipeline.py")
    assert numbers == re.findall(r"^(\d+)\. ", loop.split('"""')[1], re.MULTILINE)
