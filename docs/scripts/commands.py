"""Commands, options and exit codes as Markdown, read from the program itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from connector import errors
from connector.cli import app

# What an exit code means to whoever runs the command, and whether running it again can help.
_CODES = {
    0: ("Done.", "Nothing to do. The next scheduled run reads what is new."),
    1: ("A mistake in the program.", "No. Please report it with the output."),
    2: ("The configuration, a name, a credential or the data is wrong.", "No: correct it first."),
    3: ("The source, the destination or the state is not available, or a signal ended the run.", "**Yes.** It goes on where it stopped."),
    4: ("Too many rows were rejected: all of them, or more than `rejects` allows.", "After a look at `connector rejects list`."),
    5: ("A guard stopped the run: going on could do harm.", "No: a person must decide. The message says what to decide."),
}  # fmt: skip


def root() -> Any:
    """Return the program as a tree of click commands."""
    return typer.main.get_command(app)


def leaves(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield each command that does something, with its name as typed behind ``connector``."""
    for name, command in (group or root()).commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def arguments(command: Any) -> list[Any]:
    """Return the arguments of a command."""
    return [each for each in command.params if each.param_type_name == "argument"]


def options(command: Any) -> list[Any]:
    """Return the options of a command, without ``--help``, which each has."""
    return [each for each in command.params if each.param_type_name == "option" and each.name != "help"]


def table() -> str:
    """Return one line for each command."""
    rows = [
        f"| [`connector {name}`](docs/commands.md#{anchor(name)}) | {_first(command)} |"
        for name, command in leaves()
    ]
    return "\n".join(("| command | what it does |", "| --- | --- |", *rows))


def anchor(name: str) -> str:
    """Return where the section of a command is."""
    return "connector-" + name.replace(" ", "-")


def reference() -> str:
    """Return a section for each command."""
    everywhere = [(_flag(each), _default(each), _said(each)) for each in options(root())]
    first = "### connector\n\nThese stand before the command, as in `connector --debug run`. Each command has `--help` too.\n\n"
    sections = [_section(name, command) for name, command in leaves()]
    return "\n\n".join((first + _listed("option", everywhere), *sections))


def exit_codes() -> str:
    """Return a table of all exit codes, worst first, with the errors behind each."""
    rows = [
        f"| {code} | {_CODES[code][0]} | {_CODES[code][1]} | {', '.join(f'`{name}`' for name in _errors(code)) or '-'} |"
        for code in sorted(errors.WORST_FIRST)
    ]
    return "\n".join(("| code | meaning | run again? | errors |", "| --- | --- | --- | --- |", *rows))


def _errors(code: int) -> list[str]:
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    kinds = [each for each in found if issubclass(each, errors.ConnectorError)]
    return sorted(
        each.__name__ for each in kinds if each.exit_code == code and each is not errors.ConnectorError
    )


def _section(name: str, command: Any) -> str:
    given = arguments(command)
    usage = " ".join((f"connector {name}", *map(_usage, given), "[OPTIONS]"))
    parts = [f"### connector {name}", _plain(command.help), f"```\n{usage}\n```"]
    if given:
        parts.append(
            _listed("argument", [(f"`{_placeholder(each)}`", "", _plain(each.help or "")) for each in given])
        )
    chosen = [(_flag(each), _default(each), _said(each)) for each in options(command)]
    if chosen:
        parts.append(_listed("option", chosen))
    return "\n\n".join(parts)


def _listed(what: str, rows: list[tuple[str, str, str]]) -> str:
    if not any(default for _, default, _ in rows):
        body = [f"| {name} | {meaning} |" for name, _, meaning in rows]
        return "\n".join((f"| {what} | meaning |", "| --- | --- |", *body))
    body = [f"| {name} | {default} | {meaning} |" for name, default, meaning in rows]
    return "\n".join((f"| {what} | default | meaning |", "| --- | --- | --- |", *body))


def _flag(option: Any) -> str:
    words = {int: " N", Path: " PATH"}
    word = f" {option.metavar}" if option.metavar else " TEXT"
    value = "" if option.is_flag else words.get(option.type_descriptor.annotation, word)
    return f"`{option.opts[0]}{value}`"


def _default(option: Any) -> str:
    if option.is_flag or option.default is None:
        return ""
    return f"`{option.default}`"


def _said(option: Any) -> str:
    said = _plain(option.help or "")
    return f"{said} Also `{option.envvar}`." if option.envvar else said


def _placeholder(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper()).strip("[].")


def _usage(argument: Any) -> str:
    word = _placeholder(argument) if argument.required else f"[{_placeholder(argument)}]"
    return f"{word}..." if argument.nargs < 0 else word


def _first(command: Any) -> str:
    return _plain(command.help).split("\n", 1)[0]


def _plain(text: str) -> str:
    """Return help text as Markdown; the backslash keeps square brackets from being taken for colours."""
    return re.sub(r"\s+", " ", text.replace("\\[", "[")).replace("|", "\\|").strip()
