"""``python -m connector.sandbox``: options are the fields of `SandboxSettings`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connector.errors import ConnectorError
from connector.sandbox.faults import Faults, read_faults
from connector.sandbox.server import serve
from connector.sandbox.settings import SandboxSettings

_READERS: dict[str, Any] = {"port": int, "store": Path, "tls_cert": Path, "tls_key": Path}


def parse(arguments: Sequence[str]) -> SandboxSettings:
    """Return the settings that command line arguments stand for.

    Raises:
        ConfigError: options that do not fit together, or wrong faults.
    """
    parser = argparse.ArgumentParser(prog="connector.sandbox", description="A local Track API.")
    for option in dataclasses.fields(SandboxSettings):
        flag, details = f"--{option.name.replace('_', '-')}", option.metadata["help"]
        if isinstance(option.default, bool):
            parser.add_argument(flag, action="store_true", help=details)
        elif isinstance(option.default, tuple):
            parser.add_argument(flag, action="append", default=[], help=details)
        elif isinstance(option.default, Faults):
            parser.add_argument(flag, default="{}", help=details)
        else:
            reader = _READERS.get(option.name, str)
            parser.add_argument(
                flag, type=reader, default=option.default, help=f"{details} (= {option.default})"
            )
    given = vars(parser.parse_args(arguments))
    return SandboxSettings(
        **given | {"faults": read_faults(given["faults"]), "revoked": tuple(given["revoked"])}
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; return the exit code."""
    try:
        serve(parse(sys.argv[1:] if arguments is None else arguments))
    except ConnectorError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
