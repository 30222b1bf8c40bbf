"""What a Parquet file says about itself: its footer, read once per new or changed file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs as pafs

from connector.errors import ConnectorError, DataError, SourceError
from connector.extract.files.listing import Dataset, File, access_error

_TAIL = 65_536  # most footers fit, so that one read is enough
_THREADS = 16  # footers are waited for, not computed
_MAGIC = b"PAR1"
# Bytes read ahead per column: little from a disk, much over a network, where each read is a round trip.
_LOCAL_BUFFER, _REMOTE_BUFFER = 65_536, 4_000_000


@dataclass(frozen=True, slots=True)
class Footer:
    """A footer in short.

    Attributes:
        digest: md5 of the footer's bytes and the file's size: tells whether a file was rewritten.
        rows: number of rows.
        schema: the file's own Arrow schema.
    """

    digest: str
    rows: int
    schema: pa.Schema


class Unfinished(Exception):
    """The file has no footer (yet)."""


def open_file(dataset: Dataset, file: File) -> tuple[pa.NativeFile, pq.FileMetaData, str]:
    """Open a file and return it with its metadata and its digest.

    Raises:
        Unfinished: it has no footer.
        SourceError: it cannot be opened, or its footer is damaged or encrypted.
    """
    try:
        handle = dataset.filesystem.open_input_file(file.full)
    except FileNotFoundError as error:
        raise SourceError(f"{_named(dataset, file)} vanished during the run", hint="run again") from error
    except OSError as error:
        raise access_error(_named(dataset, file), error) from error
    try:
        footer = _footer_bytes(handle, file, dataset)
        metadata = pq.read_metadata(pa.BufferReader(_MAGIC + footer))
    except Unfinished:
        handle.close()
        raise
    except (OSError, ValueError) as error:
        handle.close()
        raise damaged(dataset, file) from error
    digest = hashlib.md5(footer + str(file.size).encode(), usedforsecurity=False).hexdigest()
    return handle, metadata, digest


def parquet_file(handle: pa.NativeFile, metadata: pq.FileMetaData, *, local: bool) -> pq.ParquetFile:
    """Return a reader of an open file that holds little of it in memory."""
    # Far dates do not fit INT96's nanoseconds into 64 bits and would come out wrong; microseconds hold them all.
    return pq.ParquetFile(
        handle,
        metadata=metadata,
        pre_buffer=False,
        buffer_size=_LOCAL_BUFFER if local else _REMOTE_BUFFER,
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
    )


def damaged(dataset: Dataset, file: File) -> SourceError:
    """The error for a file whose bytes are not what its footer promises."""
    return SourceError(
        f"{_named(dataset, file)} is damaged, or is no Parquet file",
        hint="write the file again, or move it away; files before it in path order are kept as read",
    )


class Footers:
    """Reads footers in threads, each file's once; equal schemas are kept once.

    Args:
        dataset: where the files are.
        stable_for: seconds for which a file without a footer counts as still being written.
        stopped: asked between files; raises to stop.
    """

    def __init__(self, dataset: Dataset, stable_for: float, stopped: Callable[[], None]) -> None:
        self._dataset = dataset
        self._stable_for = stable_for
        self._stopped = stopped
        self._known: dict[str, Footer | None] = {}
        self._schemas: dict[bytes, pa.Schema] = {}

    def read(self, files: Sequence[File]) -> list[tuple[File, Footer]]:
        """Return the footers of `files`, without the files that are still being written.

        Raises:
            SourceError: a file is damaged, or without a footer for longer than `stable_for`.
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
        for file, footer in zip(unread, results, strict=True):
            self._known[file.path] = self._shared(footer) if isinstance(footer, Footer) else None
        found = ((file, self._known[file.path]) for file in files)
        return [(file, footer) for file, footer in found if footer is not None]

    @property
    def unfinished(self) -> int:
        """The number of files seen without a footer."""
        return sum(footer is None for footer in self._known.values())

    def _try(self, file: File) -> Footer | ConnectorError | None:
        self._stopped()
        try:
            handle, metadata, digest = open_file(self._dataset, file)
        except Unfinished:
            young = time.time() - file.mtime / 1e9 < self._stable_for
            return None if young else self._left_unfinished(file)
        except ConnectorError as error:
            return error
        with handle:
            try:
                schema = parquet_file(handle, metadata, local=True).schema_arrow
            except (pa.ArrowException, OSError):
                return damaged(self._dataset, file)
        if len(set(schema.names)) < len(schema.names):
            return DataError(
                f"{_named(self._dataset, file)} has two columns of one name", hint="rename one of them"
            )
        return Footer(digest, metadata.num_rows, schema)

    def _left_unfinished(self, file: File) -> SourceError:
        what = (
            "is empty (0 bytes)" if file.size == 0 else "has no footer: it was cut off, or is no Parquet file"
        )
        return SourceError(
            f"{_named(self._dataset, file)} {what}",
            hint=f"write it again or move it away (files younger than stable_for = {self._stable_for:g}s are waited for)",
        )

    def _shared(self, footer: Footer) -> Footer:
        schema = self._schemas.setdefault(footer.schema.serialize().to_pybytes(), footer.schema)
        return Footer(footer.digest, footer.rows, schema)


def _footer_bytes(handle: pa.NativeFile, file: File, dataset: Dataset) -> bytes:
    """The footer with its length and the closing magic."""
    tail = _tail(handle, file.size, _TAIL)
    if tail[-4:] == b"PARE":
        raise SourceError(f"{_named(dataset, file)} is encrypted", hint="write it without Parquet encryption")
    if file.size < 12 or tail[-4:] != _MAGIC:
        raise Unfinished
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length > len(tail):
        tail = _tail(handle, file.size, length)
    return tail[-length:]


def _tail(handle: pa.NativeFile, size: int, length: int) -> bytes:
    length = min(size, length)
    return bytes(handle.read_at(length, size - length)) if length else b""


def _first_of(problems: Sequence[ConnectorError]) -> ConnectorError:
    """The first problem, which also says how many there are."""
    first = problems[0]
    if len(problems) > 1:
        first.message += f" (and {len(problems) - 1} more files like it)"
    return first


def _named(dataset: Dataset, file: File) -> str:
    local = isinstance(dataset.filesystem, pafs.LocalFileSystem)
    return file.full if local else f"{file.path} of {dataset.name}"
