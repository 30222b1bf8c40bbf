"""Every way to fail, on one screen.

::

    ConnectorError                      exit
    ├── ConfigError                       2   the YAML, an option or a name is wrong
    │   └── ConfigErrors                  2   several of them, reported together
    ├── CredentialsError                  2   401, 403 or 404 from the destination; a refused password
    ├── SourceError                       3   the source cannot be reached or read: safe to run again
    ├── ClusterError                      3   the workers of a backfill on many machines cannot be reached
    ├── DestinationError                  3   the destination is away, or is not the Track API
    ├── StateError                        3   the state store cannot be opened, written or trusted
    │   ├── StateVersionError             2   the store was written by a newer version
    │   ├── LeaseHeld                     3   another process holds the lane
    │   └── LeaseLost                     3   another process has taken the lane over
    ├── DataError                         2   the source's rows break a rule (null or duplicate key, ...)
    ├── TooManyRejects                    4   a ceiling of ``rejects:`` was passed
    ├── GuardTripped                      5   a person must decide
    ├── Stopped                           3   a signal ended the run early
    └── Bug                               1   an invariant does not hold

Messages name a row by its eventId and never contain secrets or values of rows. Foreign exceptions are
translated where they arise; the command line turns the tree into exit codes in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class ConnectorError(Exception):
    """Something went wrong that the person running the connector can act on.

    Args:
        message: what happened and where, one sentence, no secrets, no row values.
        hint: what to do about it.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class ConfigError(ConnectorError):
    """The configuration is wrong.

    Args:
        message: what was found.
        hint: the nearest right name, or the remedy.
        file: the file's path as the user gave it.
        path: the place in the YAML, such as ``mapping.data.amount``.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", file: str = "", path: str = "") -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.path = path

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.file, self.path) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n  → {self.hint}" if self.hint else text


class ConfigErrors(ConfigError):
    """All mistakes of a configuration at once, in file order."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        super().__init__(f"{len(errors)} mistakes in the configuration")
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class CredentialsError(ConnectorError):
    """The key, the password, or the organisation, project or source id is wrong."""

    exit_code = 2


class SourceError(ConnectorError):
    """The source cannot be reached or read; nothing was lost and the run can be repeated."""


class ClusterError(ConnectorError):
    """The machines that a backfill is spread over cannot be reached: safe to run again."""


class DestinationError(ConnectorError):
    """The destination is away, or what answers is not the Track API."""


class StateError(ConnectorError):
    """The state store cannot be opened, written or trusted."""


class StateVersionError(StateError):
    """The state store was written by a newer version of the connector."""

    exit_code = 2


class LeaseHeld(StateError):
    """Another process holds the lane of this sync."""


class LeaseLost(StateError):
    """Another process has taken the lane over; nothing can be committed under the old token."""


class DataError(ConnectorError):
    """Rows of the source break a rule that the configuration states, such as a unique key."""

    exit_code = 2


class TooManyRejects(ConnectorError):
    """More rows were rejected than ``rejects:`` allows."""

    exit_code = 4


class GuardTripped(ConnectorError):
    """Going on could do harm; a person must decide."""

    exit_code = 5


class Stopped(ConnectorError):
    """A signal ended the run before its end; everything acknowledged is committed."""

    def __init__(
        self, message: str = "stopped by a signal", *, hint: str = "run again: it goes on where it stopped"
    ) -> None:
        super().__init__(message, hint=hint)


class Bug(ConnectorError):
    """An invariant does not hold: a mistake of the program, not of its user."""

    exit_code = 1


# Several syncs run in one command: its exit code is the worst, in this order.
WORST_FIRST = (1, 2, 5, 4, 3, 0)


def worst_exit_code(codes: Sequence[int]) -> int:
    """Return the exit code of a command that ran several syncs (0 for none)."""
    return min(codes, key=WORST_FIRST.index, default=0)
