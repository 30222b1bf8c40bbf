"""What a Parquet file says about itself: its footer, read once per new or changed file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

import pyarrow as pa

from connector.errors import ConnectorError, DataError, SourceError
from connector.extract.files.left import Left
from connector.extract.files.listing import Dataset, File
from connector.extract.files.opening import Moved, Unfinished, damaged, look_again, named, open_file

_THREADS = 16  # footers are waited for, not computed
_TRIES = 3  # looks at a file that is written again and again


@dataclass(frozen=True, slots=True)
class Footer:
    """A footer in short.

    Attributes:
        digest: md5 of the footer's bytes and the file's size: tells whether a file was rewritten.
        rows: number of rows.
        schema: the file's own Arrow schema.
        groups: the rows of each of its row groups.
    """

    digest: str
    rows: int
    schema: pa.Schema
    groups: tuple[int, ...] = ()


class Footers:
    """Reads footers in threads, each file's once; equal schemas are kept once.

    Args:
        dataset: where the files are.
        stable_for: seconds for which a file without a footer counts as still being written.
        left: takes the files that change or vanish meanwhile.
        stopped: asked between files; raises to stop.

    Attributes:
        unfinished: the number of files seen without a footer.
    """

    def __init__(self, dataset: Dataset, stable_for: float, left: Left, stopped: Callable[[], None]) -> None:
        self._dataset = dataset
        self._stable_for = stable_for
        self._left = left
        self._stopped = stopped
        self._known: dict[str, tuple[File, Footer] | None] = {}
        self._schemas: dict[bytes, pa.Schema] = {}
        self.unfinished = 0

    def read(self, files: Sequence[File]) -> list[tuple[File, Footer]]:
        """Return `files` with their footers, without those that are still being written.

        A file that was written again since it was listed is returned as it is now; one that is gone, or does not come
        to rest, is left to the next run.

        Raises:
            SourceError: a file is damaged, or without a footer for longer than `stable_for`, or may not be left.
        """
        unread = [file for file in files if file.path not in self._known]
        if len(unread) > 1:
            with ThreadPoolExecutor(_THREADS) as pool:
                results = list(pool.map(self._try, unread))
        else:
            results = [self._try(file) for file in unread]
        problems = [result for result in results if isinstance(result, ConnectorError)]
        if problems:
            raise _first_of(problems)
        for file, result in zip(unread, results, strict=True):
            self._keep(file, result)
        found = [self._known[file.path] for file in files]
        return [each for each in found if each is not None]

    def last(self) -> tuple[File, Footer]:
        """Return the last complete file of the dataset.

        Raises:
            SourceError: there is none.
        """
        for file in reversed(self._dataset.files):
            if found := self.read([file]):
                return found[0]
        message = f"{self._dataset.name} holds no complete Parquet file yet"
        raise SourceError(message, hint="run again when the first file is written")

    def demand_all(self) -> None:
        """Make sure that no file was left out.

        Raises:
            SourceError: one is still being written.
        """
        if self.unfinished:
            raise SourceError(
                f"{self.unfinished} files of {self._dataset.name} have no footer yet: what vanished cannot be told",
                hint="run again when they are written",
            )

    def _keep(self, file: File, result: tuple[File, Footer | None] | ConnectorError | None) -> None:
        self._known[file.path] = None
        if not isinstance(result, tuple):
            self._left.leave(file)
        elif result[1] is None:
            self.unfinished += 1
        else:
            self._known[file.path] = result[0], self._shared(result[1])

    def _try(self, file: File) -> tuple[File, Footer | None] | ConnectorError | None:
        """Return the file as it is now and its footer, if it has one; None for a file that is gone or in motion."""
        try:
            for _ in range(_TRIES):
                self._stopped()
                try:
                    return file, self._footer(file)
                except Moved:
                    now = look_again(self._dataset, file)
                    if now is None:
                        return None
                    file = now
        except ConnectorError as error:
            return error
        return None

    def _footer(self, file: File) -> Footer | None:
        try:
            opened = open_file(self._dataset, file)
        except Unfinished:
            if time.time() - file.mtime / 1e9 < self._stable_for:
                return None
            raise self._left_unfinished(file) from None
        with closing(opened):
            try:
                schema = opened.parquet().schema_arrow
            except (pa.ArrowException, OSError) as error:
                opened.check(last=True)
                raise damaged(self._dataset, file) from error
        if len(set(schema.names)) < len(schema.names):
            raise DataError(
                f"{named(self._dataset, file)} has two columns of one name", hint="rename one of them"
            )
        metadata = opened.metadata
        groups = tuple(metadata.row_group(n).num_rows for n in range(metadata.num_row_groups))
        return Footer(opened.digest, metadata.num_rows, schema, groups)

    def _left_unfinished(self, file: File) -> SourceError:
        what = (
            "is empty (0 bytes)" if file.size == 0 else "has no footer: it was cut off, or is no Parquet file"
        )
        return SourceError(
            f"{named(self._dataset, file)} {what}",
            hint=f"write it again or move it away (files younger than stable_for = {self._stable_for:g}s are waited for)",
        )

    def _shared(self, footer: Footer) -> Footer:
        schema = self._schemas.setdefault(footer.schema.serialize().to_pybytes(), footer.schema)
        return replace(footer, schema=schema)


def _first_of(problems: Sequence[ConnectorError]) -> ConnectorError:
    """The first problem, which also says how many there are."""
    first = problems[0]
    if len(problems) > 1:
        first.message += f" (and {len(problems) - 1} more files like it)"
    return first
