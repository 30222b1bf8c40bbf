"""``${NAME}``, ``${NAME:-default}`` and ``${file:/path}``: replaced in parsed scalars, never retyped."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from connector.config.document import Node
from connector.config.mistakes import Mistakes

_PLACE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
# A variable of such a name is masked wherever its text is shown, not only in fields known to be secret.
_SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|SALT|PRIVATE", re.IGNORECASE)


class Variables:
    """Replaces variables; notes unset ones, and what must not be shown.

    Attributes:
        secrets: the texts of variables that came from files or whose names say that they are secret.
    """

    def __init__(self, environ: Mapping[str, str], mistakes: Mistakes, *, stand_in: bool = False) -> None:
        self._environ = environ
        self._stand_in = stand_in
        self._mistakes = mistakes
        self.secrets: set[str] = set()

    def replace(self, node: Node) -> Node:
        """Return the node with every variable in its scalars replaced."""
        value = node.value
        if isinstance(value, dict):
            return dataclasses.replace(node, value={key: self.replace(child) for key, child in value.items()})
        if isinstance(value, list):
            return dataclasses.replace(node, value=[self.replace(child) for child in value])
        if not isinstance(value, str) or "${" not in value:
            return node
        return self._text(node, value)

    def _text(self, node: Node, text: str) -> Node:
        parts: list[str] = []
        position, broken, hidden = 0, False, False
        for match in _PLACE.finditer(text):
            parts.append(text[position : match.start()])
            position = match.end()
            if match[0] == "$${":
                parts.append("${")
                continue
            hidden = True
            found = self._value(node, match)
            broken = broken or found is None
            parts.append(found or "")
        parts.append(text[position:])
        return dataclasses.replace(node, value="".join(parts), hidden=hidden, broken=broken or node.broken)

    def _value(self, node: Node, match: re.Match[str]) -> str | None:
        inside, closed = match[1], match[2]
        if closed and inside.startswith("file:"):
            return self._file(node, inside[5:].strip())
        name = _NAME.fullmatch(inside)
        if not closed or name is None:
            self._mistakes.add(
                node,
                "this is no variable",
                "write ${NAME}, ${NAME:-default} or ${file:/path}; $${ for a literal ${",
            )
            return None
        value = self._environ.get(name[1])
        if name[2] is not None and not value:
            return name[2]
        if value is None and self._stand_in:
            return f"unset-{name[1]}"
        if value is None:
            hint = f"set it, or write ${{{name[1]}:-default}}; $${{ is a literal ${{"
            self._mistakes.add(node, f"the variable {name[1]} is not set", hint)
        elif value and _SECRET_NAME.search(name[1]):
            self.secrets.add(value)
        return value

    def _file(self, node: Node, name: str) -> str | None:
        path = node.file.absolute().parent / Path(name).expanduser()
        try:
            text = path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self._mistakes.add(
                node, f"{path} cannot be read: {str(reason).lower()}", "check the path after file:"
            )
            return None
        if text:
            self.secrets.add(text)
        return text
