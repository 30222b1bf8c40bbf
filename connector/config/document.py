"""YAML text → nodes that know their place, by the rules of YAML 1.2 (core schema).

Only ``true`` and ``false`` are booleans, so ``NO`` is Norway; dates and ``1:30`` stay text; a duplicate key is
an error. Tags resolve here and not in the library, whose schema still knows dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from connector.errors import ConfigError, ConfigErrors

Scalar = str | int | float | bool | None

# The settings that the syncs of a folder, and of the folders below it, share.
SHARED_NAME = "connector.yaml"

# Aliases of aliases can blow a few lines up to gigabytes; no honest configuration comes near this.
MAX_NODES = 100_000

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)

_TAG = "tag:yaml.org,2002:"
_HINTS = (
    ("'\\t'", "indent with spaces, never with tabs"),
    ("mapping values are not allowed", "put a text that holds ': ' in quotes, and check the indentation"),
    ("cannot start any token", "put a text that begins with this character in quotes"),
    (
        "but got",
        "inside { } and [ ] put ${VARIABLES}, and texts with , [ ] { }, in quotes; check that each is closed",
    ),
    ("undefined alias", "define it with & before this line, or put a text that begins with * in quotes"),
    ("unknown escape", "write the text in single quotes, where a backslash is a backslash"),
    ("another document", "one sync a file: remove the line ---"),
    ("unexpected end of stream", "a quote is not closed"),
)


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a YAML file and its place.

    Attributes:
        value: a dict or list of nodes, or a scalar.
        file: the file's path as the user gave it.
        path: its place in that file, such as ``mapping[1].data.amount``.
        line: the line of its key or its own, from 1.
        hidden: a variable was replaced in it, so no message shows it.
        broken: what is wrong with it has been reported already.
    """

    value: dict[str, Node] | list[Node] | Scalar
    file: Path
    path: str
    line: int
    hidden: bool = False
    broken: bool = False

    def members(self) -> dict[str, Node]:
        """Return the members of a mapping; none of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def elements(self) -> list[Node]:
        """Return the elements of a list; of anything else the node itself."""
        return self.value if isinstance(self.value, list) else [self]

    def get(self, *path: str) -> Node | None:
        """Return the node at a path of keys, or None."""
        node: Node | None = self
        for key in path:
            node = node.members().get(key) if node is not None else None
        return node

    def plain_member(self, key: str) -> Scalar:
        """Return the scalar of a member; None where it is none."""
        child = self.members().get(key)
        return None if child is None or isinstance(child.value, (dict, list)) else child.value

    def plain(self) -> Any:
        """Return the value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def walk(self) -> Iterator[Node]:
        """Yield the node and all below it."""
        yield self
        if isinstance(self.value, (dict, list)):
            for child in self.value.values() if isinstance(self.value, dict) else self.value:
                yield from child.walk()


def below(path: str, key: str) -> str:
    """Return the path of a key below a path."""
    if not re.fullmatch(r"[\w*-]+", key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


def read_document(file: Path) -> Node:
    """Read one YAML file whose outermost value is a mapping.

    Raises:
        ConfigErrors: the file cannot be read, is not UTF-8, is empty, or is not YAML; one error for each
            duplicate key.
    """
    text = _read_text(file)
    try:
        yaml = YAML(pure=True)
        composed = yaml.compose(text)
        builder = _Builder(file)
        root = builder.build(composed, path="", line=1, above=()) if composed is not None else None
    except MarkedYAMLError as error:
        raise _syntax_error(file, error) from None
    except YAMLError as error:
        raise ConfigError(
            f"is not YAML: a control character, near character {getattr(error, 'position', 0)}",
            hint="save it as plain UTF-8 text",
            file=str(file),
        ) from None
    except RecursionError:
        raise ConfigError("is nested too deeply", hint="close your brackets", file=str(file)) from None
    if root is None or not isinstance(root.value, dict):
        what = "empty" if root is None or root.value is None else "not a mapping of keys to values"
        begin = "sources:" if file.name == SHARED_NAME else "sync: NAME"
        raise ConfigError(f"the file is {what}", hint=f"begin with `{begin}`", file=str(file))
    if builder.errors:
        raise ConfigErrors(builder.errors)
    return root


def _read_text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError("no such file", hint="check the path", file=str(file)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not UTF-8 text (byte {error.start})", hint="save it as UTF-8", file=str(file)
        ) from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigError(
            f"cannot be read: {reason}", hint="check the path and its permissions", file=str(file)
        ) from None


def _syntax_error(file: Path, error: MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    # A name behind * & or ! may be a secret that was written without quotes.
    problem = re.sub(
        r"(alias|anchor|tag handle) ['\"].*", r"\1", str(error.problem or "something unexpected")
    )
    hint = next((hint for part, hint in _HINTS if part in problem), "check brackets, quotes and indentation")
    context = f" {error.context}" if error.context else ""
    line = mark.line + 1 if mark is not None else 1
    return ConfigError(f"is not YAML: {problem}{context}", hint=hint, file=f"{file}:{line}")


class _Builder:
    """Turns the library's nodes into ours; collects what is wrong with keys and tags."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.count = 0
        self.errors: list[ConfigError] = []

    def build(self, node: Any, *, path: str, line: int, above: tuple[Any, ...]) -> Node:
        self.count += 1
        if self.count > MAX_NODES or any(node is parent for parent in above):
            raise ConfigError(
                "an alias (*name) holds itself, or unfolds to too much",
                hint="write the values out",
                file=f"{self.file}:{line}",
                path=path,
            )
        if not str(node.tag).startswith(_TAG):
            self._wrong(line, path, "tags such as !name are not known here", "leave it out")
        value: dict[str, Node] | list[Node] | Scalar
        if isinstance(node, MappingNode):
            value = self._mapping(node, path, above)
        elif isinstance(node, SequenceNode):
            value = [
                self.build(item, path=f"{path}[{n}]", line=_line(item), above=(*above, node))
                for n, item in enumerate(node.value)
            ]
        else:
            value = self._scalar(node)
        return Node(value, self.file, path, line)

    def _mapping(self, node: Any, path: str, above: tuple[Any, ...]) -> dict[str, Node]:
        members: dict[str, Node] = {}
        merged: list[Node] = []
        for key, value in node.value:
            line, name = _line(key), str(key.value)
            if not isinstance(key, ScalarNode):
                self._wrong(
                    line, path, "a list or mapping stands where a key should be", "write it in quotes"
                )
                continue
            place = below(path, name)
            child = self.build(value, path=place, line=line, above=(*above, node))
            if key.tag == f"{_TAG}merge":
                merged += child.elements()
            elif name in members:
                first = members[name].line
                self._wrong(
                    line, place, f"the key {name} is there twice", f"it stands on line {first} already"
                )
            else:
                members[name] = child
        for source in merged:  # "<<: *name": what is written here wins
            members = source.members() | members
        return members

    def _scalar(self, node: Any) -> Scalar:
        text = str(node.value)
        return text if node.style is not None or node.tag == f"{_TAG}str" else _core(text)

    def _wrong(self, line: int, path: str, message: str, hint: str) -> None:
        self.errors.append(ConfigError(message, hint=hint, file=f"{self.file}:{line}", path=path))


def _core(text: str) -> Scalar:
    """Resolve a plain scalar by the core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
