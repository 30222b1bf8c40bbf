"""Output of the program as the docs show it: the real commands are run, and nothing but paths is changed."""

from __future__ import annotations

import io
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.text import Text

WIDTH = 100
# Output that hangs on the repository alone. These are not set, so that nobody's own settings are shown.
PLAIN = ("connector check --offline docs/examples/mistakes.yaml", "connector test")
_VARIABLES = ("INTEMPT_", "SHOP_", "CONNECTOR_")
# Output over the shop that the demo has left behind, with its sandbox started again.
AFTER_DEMO = (
    "connector check",
    "connector status",
    "connector rejects list orders",
    "connector state show orders",
    "connector check --show orders",
)
DRY = "connector run orders --dry-run --limit 1"
# What is left of a progress bar that is not shown: a cursor hidden and shown again, and its line.
_CURSOR = re.compile(r"^(?:\x1b\[\?25[lh])+\n", re.MULTILINE)
SHOW = "connector rejects show orders"
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def without_demo(root: Path, commands: Iterable[str] = PLAIN) -> dict[str, str]:
    """Return the blocks of output that need no run, by their commands."""
    environment = _plain_environment() | {
        "INTEMPT_ORG": "my-company",
        "INTEMPT_PROJECT": "my-project",
        "INTEMPT_SOURCE_ID": "1234567890123456789",
        "INTEMPT_API_KEY": "prefix.secret",
    }
    return {command: _block(command, _output(command, environment, root)) for command in commands}


def with_demo(root: Path, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Run the demo in `folder`, then other commands over what it leaves.

    Returns:
        blocks of output by their commands, and pictures by the names of their files.
    """

    def tidy(output: str) -> str:
        return output.replace(f"{root}/", "").replace(f"{folder}/", "")

    demo = tidy(_output("connector demo", _plain_environment() | _COLOURS, folder))
    pictures = {
        "demo": _picture("make demo", _steps(demo, 4, 7)),
        "preview": _picture("connector preview", _steps(demo, 3, 4)),
    }
    environment = _plain_environment() | _exported(folder / ".demo" / "env.sh")
    with _sandbox(environment, folder):
        texts = {command: tidy(_output(command, environment, folder)) for command in AFTER_DEMO}
        fresh = environment | {"CONNECTOR_STATE": str(folder / "fresh.db")}
        texts[DRY] = tidy(_output(DRY, fresh, folder))
        event_id = re.findall(r"[0-9a-f]{32}", texts["connector rejects list orders"])[0]
        made = {SHOW: f"{SHOW} {event_id}"}
        texts[SHOW] = tidy(_output(made[SHOW], environment, folder))
    blocks = {command: _block(made.get(command, command), output) for command, output in texts.items()}
    return blocks, pictures


_COLOURS = {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "0"}


def _plain_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_VARIABLES)}
    for name in ("FORCE_COLOR", "NO_COLOR", "TERM"):
        kept.pop(name, None)
    binaries = str(Path(sys.executable).parent)
    return kept | {"COLUMNS": str(WIDTH), "PATH": os.pathsep.join((binaries, kept.get("PATH", "")))}


def _output(command: str, environment: dict[str, str], folder: Path) -> str:
    words = shlex.split(command)
    program = [sys.executable, "-m", "connector", *words[1:]]
    ended = subprocess.run(  # noqa: S603 - our own program with words of this file
        program,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    if "Traceback" in ended.stdout:
        raise RuntimeError(f"{command} failed:\n{ended.stdout}")
    return _CURSOR.sub("", ended.stdout)


def _block(command: str, output: str) -> str:
    """Return the command and what it printed, without the blanks that tables end lines with."""
    lines = [line.rstrip() for line in output.strip("\n").splitlines()]
    return "\n".join(("```console", f"$ {command}", *lines, "```"))


def _exported(file: Path) -> dict[str, str]:
    """Return the variables that a shell file exports, other than PATH."""
    lines = [shlex.split(line) for line in file.read_text(encoding="utf-8").splitlines()]
    pairs = [words[1].split("=", 1) for words in lines if words[:1] == ["export"]]
    return {name: value for name, value in pairs if name != "PATH"}


def _steps(output: str, first: int, last: int) -> str:
    """Return the steps [first, last) of the demo."""
    lines = output.splitlines()
    plain = [Text.from_ansi(line).plain for line in lines]
    begins = {int(text[0]): place for place, text in enumerate(plain) if re.match(r"\d  \S", text)}
    return "\n".join(lines[begins[first] : begins[last]]).rstrip()


def _picture(title: str, output: str) -> str:
    """Return the output of a terminal as an SVG that needs no font from elsewhere."""
    text = Text.from_ansi(output)
    width = max(line.cell_len for line in text.split()) + 1
    console = Console(
        record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(text, soft_wrap=True)
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code, monospace", _FONT)
    return console.export_svg(title=title, code_format=form, unique_id=title.replace(" ", "-"))


@contextmanager
def _sandbox(environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Run the sandbox where the demo had it, until the block ends."""
    address = urlsplit(environment["INTEMPT_BASE_URL"])
    host, port = str(address.hostname), int(address.port or 80)
    program = [sys.executable, "-m", "connector.sandbox", "--host", host, "--port", str(port)]
    server = subprocess.Popen(program, env=environment, cwd=folder, stdout=subprocess.DEVNULL)  # noqa: S603 - the same
    try:
        _wait_for(host, port)
        yield
    finally:
        server.terminate()
        server.wait()


def _wait_for(host: str, port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
