"""The folder listing is the architecture: who may import whom, and how large things may grow."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "connector"
FILES = sorted(PACKAGE.rglob("*.py"))

# Parts know the values that flow, the errors, and the configuration's values: nothing of each other.
PARTS = ("extract", "mapping", "load", "state", "sandbox")
COMMON = {
    "connector.model",
    "connector.synced",
    "connector.errors",
    "connector.masking",
    "connector.config.models",
}
SANDBOX = {"connector.errors"}


def imports_of(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("connector"):
            if node.module == "connector":
                yield from (f"connector.{name.name}" for name in node.names)
            elif f"{node.module}" == "connector.config":
                yield from (f"connector.config.{name.name}" for name in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("connector"))


@pytest.mark.parametrize("part", PARTS)
def test_parts_do_not_import_each_other(part):
    allowed = SANDBOX if part == "sandbox" else COMMON
    for file in (PACKAGE / part).rglob("*.py"):
        foreign = {name for name in imports_of(file) if not name.startswith(f"connector.{part}")} - allowed
        assert not foreign, f"{file.name} imports {foreign}"


def test_values_and_errors_import_nothing_of_the_rest():
    assert set(imports_of(PACKAGE / "errors.py")) == set()
    assert set(imports_of(PACKAGE / "synced.py")) == set()
    assert set(imports_of(PACKAGE / "model.py")) <= {"connector.errors", "connector.synced"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(file):
    assert len(file.read_text().splitlines()) <= 300
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = node.end_lineno - node.lineno + 1 - docstring_lines(node)
            assert body <= 40, f"{node.name} has {body} lines"


def docstring_lines(node):
    if not ast.get_docstring(node):
        return 0
    first = node.body[0]
    return first.end_lineno - first.lineno + 1


def test_there_is_no_drawer_for_odds_and_ends():
    names = {part for file in FILES for part in file.relative_to(PACKAGE).with_suffix("").parts}
    assert not names & {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}
