"""How far below the watermark a run reads again."""

from __future__ import annotations

import datetime as dt

from connector.errors import ConfigError
from connector.extract.databases.keyset import Keyset
from connector.extract.databases.reader import CURSOR, Column, Raw
from connector.extract.databases.times import written

_PATH = "source.lookback"


def check_lookback(keyset: Keyset, *, keyed: bool) -> None:
    """Refuse a lookback that could not be kept.

    Raises:
        ConfigError: there is no key to tell rows apart that were sent, or the cursor is no time.
    """
    cursor, reader = keyset.order[0], keyset.reader
    if not keyed:
        raise ConfigError(
            "lookback needs a key: without one nothing tells rows that were sent from those that are late.",
            hint="set source.key, or leave lookback out",
            path=_PATH,
        )
    if not reader.traits.mixed:
        if not cursor.is_time:
            raise _no_time(cursor)
        return
    # What is declared binds nobody: only what is stored tells.
    greatest = reader.greatest(cursor, keyset.extreme("max", cursor))
    if greatest is not None:
        bound(greatest, dt.timedelta(0), cursor)


def bound(watermark: Raw, lookback: dt.timedelta, cursor: Column) -> Raw:
    """The cursor value that lies `lookback` before the watermark's, in the same type and form.

    Raises:
        ConfigError: the watermark's is no time.
    """
    native, text = watermark
    found = written(text) if native not in {"integer", "blob"} else None
    if found is None:
        raise _no_time(cursor)
    return native, found.before(lookback)


def _no_time(cursor: Column) -> ConfigError:
    what = "The expression" if cursor.name == CURSOR else f"The cursor {cursor.name!r}"
    return ConfigError(
        f"{what} is no time that lookback can be subtracted from.",
        hint="use a timestamp or date as cursor (in SQLite text such as 2024-05-01 12:00:00), or leave lookback out",
        path=_PATH,
    )
