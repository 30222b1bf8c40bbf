"""The file of a state store: its owner's alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from connector.errors import StateError


def create_private(path: Path, where: str) -> None:
    """Make the file readable by its owner alone: watermarks, keys and rejected rows are personal data.

    A file that is there is not opened: closing it again would end all locks that other stores of this process have on
    it, and another process could then take itself for the last one and remove the log that they still write to.

    Raises:
        StateError: it cannot be created or written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise _unusable(where, errno.EISDIR if path.is_dir() else errno.ENOTDIR) from None
        if not os.access(path, os.R_OK | os.W_OK):
            raise _unusable(where, errno.EACCES) from None
    except OSError as error:
        raise _unusable(where, error.errno or 0) from None


def _unusable(where: str, number: int) -> StateError:
    return StateError(
        f"{where} cannot be created or written: {os.strerror(number)}",
        hint="check the path in --state (or CONNECTOR_STATE) and the permissions of its folder",
    )
