"""Drift: the source's columns are not those of the last run, and what that does to items.

The mapping of today is compiled twice, against the columns as they were and as they are. So only what the source has
changed shows, and a value that is made the same of both (by its `type:`, a hash, an identifier) has not changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from connector import wiring
from connector.config.models import Sql, Sync
from connector.errors import ConfigError, ConfigErrors, GuardTripped, SourceError
from connector.extract import Extractor
from connector.mapping.engine import Engine
from connector.mapping.expressions import nearest
from connector.mapping.kinds import UNKNOWN, ColumnType, described, schema_of
from connector.mapping.reads import Reads, reads

_MANY = 10  # changes that one message tells in full


class Drift:
    """Compares the columns of a source with those of the last run.

    Args:
        sync: what runs.
        before: its fingerprint as stored; None compares nothing, and neither does one without columns.
        accepted: whether a person lets the items change, this once.

    Attributes:
        before: as given.
    """

    def __init__(self, sync: Sync, before: Mapping[str, Any] | None, *, accepted: bool) -> None:
        self._sync = sync
        self._accepted = accepted
        self.before = before
        self._was = {name: _stored(column) for name, column in (before or {}).get("columns", {}).items()}

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Open the source; a cursor or key that the last run had and that is gone is no mistake of the configuration.

        Raises:
            GuardTripped: in place of the ConfigError that says so.
        """
        try:
            yield
        except ConfigError as error:
            found = error.errors if isinstance(error, ConfigErrors) else (error,)
            if gone := [text for each in found for text in self._missed(each)]:
                raise self._unreadable(gone, found[0].hint) from error
            raise

    @contextmanager
    def reading(self, extractor: Extractor) -> Iterator[None]:
        """Estimate, and compile the mapping; what cannot be done because the source has changed is told as that.

        Raises:
            GuardTripped: in place of the error.
        """
        try:
            yield
        except (ConfigError, SourceError) as error:
            another = (self.before or {}).get("source") != wiring.source_print(self._sync, extractor)
            if another or not self._was:
                raise
            looked = _Looked(self._sync, self._was, extractor)
            self._keep_order(looked.now)
            if isinstance(error, ConfigError) and not self._accepted and (broken := looked.broken()):
                raise self._refusal(broken) from error
            raise

    def compare(self, extractor: Extractor, now: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Return what a person should know of the columns of this run.

        Args:
            extractor: of the source.
            now: its columns, as the fingerprint of this run has them.

        Raises:
            GuardTripped: items would change in kind or lose a value, and nobody has accepted that; or the cursor
                or the key has another type.
        """
        if not self._was:
            return []
        types = {name: _stored(column) for name, column in now.items()}
        self._keep_order(types)
        if any(types.get(name) != column for name, column in self._was.items()):
            looked = _Looked(self._sync, self._was, extractor)
            if gone := looked.ordered(self._sync):
                raise self._unreadable(gone)
            changed = looked.changed()
            if changed and not self._accepted:
                raise self._refusal(changed)
            notes = [f"accepted: {_listed(changed)}"] if changed else []
        else:
            notes = []
        return [*notes, *self._new(now)]

    def _new(self, now: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        new = {name: column for name, column in now.items() if name not in self._was}
        taken = [f"{name} ({column['type']})" for name, column in new.items() if column["mapped"]]
        left = [f"{name} ({column['type']})" for name, column in new.items() if not column["mapped"]]
        if taken and self._sync.source.transform:
            yield f"new in the source, and handed to the transform from now on: {_listed(taken, ', ')}"
        elif taken:
            yield f"new in the source, and read by the mapping from now on: {_listed(taken, ', ')}"
        if left:
            yield f"new in the source, not mapped: {_listed(left, ', ')}"

    def _missed(self, error: ConfigError) -> Iterator[str]:
        """Yield what a mistake says of the cursor, the key or a declared column that the last run still had."""
        source, order = self._sync.source, wiring.order_prints(self._sync)
        part = error.path.removesuffix(".sql").removeprefix("source.")
        names: list[str] = []
        if part == "key":
            names = [*source.key]
        elif part == "cursor" and isinstance(source.cursor, str):
            names = [source.cursor]
        elif part in ("", "cursor") and isinstance(source.cursor, Sql):  # the words of a server have no place
            names, part = [name for name in self._was if _names(source.cursor.sql, name)], "cursor"
        elif part.startswith("columns."):
            names = [part.removeprefix("columns.")]
        if part in order and (self.before or {}).get(part) != order[part]:
            return  # the configuration names another one than before
        for name in names:
            if name in self._was and _names(error.message, name):
                yield f"{name} was {self._was[name].type}: {error.message.rstrip('.')} ({error.path or 'source'})"

    def _keep_order(self, now: Mapping[str, ColumnType]) -> None:
        """Refuse another kind of cursor or key: what the state knows of them could not be compared with it."""
        source = self._sync.source
        cursor = source.cursor if source.mode == "incremental" and isinstance(source.cursor, str) else None
        parts = {**({cursor: "cursor"} if cursor else {}), **dict.fromkeys(source.key, "key")}
        changed = [
            f"{name} was {self._was[name].type} and is {now[name].type} (source.{part})"
            for name, part in parts.items()
            if name in self._was and name in now and _differ(self._was[name].kind, now[name].kind)
        ]
        if changed:
            raise GuardTripped(
                f"the source has changed since the last run: {_listed(changed)}; its watermark and eventIds were made of "
                "the old type, and nothing was sent",
                hint="bring the old type back (a cast in source.query does), use a state of its own (--state), or start "
                f"over: connector state reset {self._sync.sync}",
            )

    def _unreadable(self, gone: list[str], hint: str = "") -> GuardTripped:
        """Return the refusal of a source whose rows cannot even be put in order: there is nothing to accept."""
        remedies = (
            "bring it back in the source; or take it out of source.columns, or name another cursor or key and start"
            f" over: connector state reset {self._sync.sync}"
        )
        return GuardTripped(
            f"the source has changed since the last run: {_listed(gone)}; nothing was sent",
            hint=f"{hint}{' ' if hint.endswith('?') else '; ' if hint else ''}{remedies}",
        )

    def _refusal(self, changes: list[str]) -> GuardTripped:
        remedies = (
            "bring it back in the source, or mend the mapping; to let items be so from now on, or where the mapping no"
            f" longer needs it: connector run --accept drift {self._sync.sync}"
        )
        return GuardTripped(
            f"the source has changed since the last run: {_listed(changes)}; nothing was sent",
            hint=remedies,
        )


class _Looked:
    """The mapping of today on the columns of the last run, and on those of this one."""

    def __init__(self, sync: Sync, was: Mapping[str, ColumnType], extractor: Extractor) -> None:
        engine = Engine()
        try:
            spec = wiring.mapping_spec(sync, extractor.schema())
            earlier = schema_of({name: column.type for name, column in was.items()}, engine)
            self.now: Mapping[str, ColumnType] = described(spec, engine)
            self._was = was
            self._then: Reads = reads(wiring.mapping_spec(sync, earlier), engine)
            self._today: Reads = reads(spec, engine)
        finally:
            engine.close()

    def broken(self) -> list[str]:
        """Return what of the mapping fits the columns of the last run alone; empty when no mistake comes of that."""
        caused = {at: said for at, said in self._today.mistakes.items() if at not in self._then.mistakes}
        if not caused:
            return []
        missed = {name: f"there is no column {name!r}" for name in self._gone()}
        blind = "source.transform" in caused  # what it reads nobody knows
        lost = [name for name, said in missed.items() if blind or said in caused.values()]
        lost += [name for name in self._lost() if name not in lost]
        others = [f"{at}: {said}" for at, said in caused.items() if said not in missed.values()]
        return [*map(self._told, lost), *self._retyped(blind=blind), *others]

    def ordered(self, sync: Sync) -> list[str]:
        """Return what an expression of the cursor names and is gone: not every source looks at it before it reads."""
        cursor = sync.source.cursor
        sql = cursor.sql if isinstance(cursor, Sql) and sync.source.mode == "incremental" else ""
        return [self._told(name) for name in self._gone() if _names(sql, name)]

    def changed(self) -> list[str]:
        """Return what items lose, and which of their values change in kind."""
        lost = self._lost()
        values = list(self._values({*lost}))
        return [*map(self._told, lost), *(self._retyped() if values else ()), *values]

    def _gone(self) -> list[str]:
        return [name for name in self._was if name not in self.now]

    def _lost(self) -> list[str]:
        """Return the columns that are gone, were read and are not."""
        return [name for name in self._gone() if name in self._then.columns - self._today.columns]

    def _told(self, name: str) -> str:
        near = nearest(name, [new for new in self.now if new not in self._was]) or nearest(name, self.now)
        return f"{name} was {self._was[name].type} and is gone" + (f" ({near})" if near else "")

    def _retyped(self, *, blind: bool = False) -> Iterator[str]:
        for name, was in self._was.items():
            if (
                (now := self.now.get(name))
                and now.type != was.type
                and (blind or name in self._today.columns)
            ):
                yield f"{name} was {was.type} and is {now.type}"

    def _values(self, lost: set[str]) -> Iterator[str]:
        for at, was in self._then.kinds.items():
            now = self._today.kinds.get(at)
            if now is not None and _differ(was, now):
                yield f"{at} would change from {was} to {now}"
            elif now is None and not lost & set(at.split(".")):
                yield f"{at} ({was}) would be left out"


def _differ(was: str, now: str) -> bool:
    return UNKNOWN not in (was, now) and was != now


def _stored(column: Mapping[str, Any]) -> ColumnType:
    return ColumnType(str(column["type"]), str(column["kind"]))


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _listed(changes: list[str], between: str = "; ") -> str:
    more = f"{between}and {len(changes) - _MANY} more" if len(changes) > _MANY else ""
    return between.join(changes[:_MANY]) + more
