"""One file opened: its footer, and whether its bytes are still those of the file that was listed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs as pafs

from connector.errors import SourceError
from connector.extract.files.listing import Dataset, File
from connector.extract.files.stores import access_error

_TAIL = 65_536  # most footers fit, so that one read is enough
_MAGIC = b"PAR1"
# Bytes read ahead per column: little from a disk, much over a network, where each read is a round trip.
_LOCAL_BUFFER, _REMOTE_BUFFER = 65_536, 4_000_000


class Unfinished(Exception):
    """The file has no footer (yet)."""


class Moved(Exception):
    """The file is no longer the one that was listed: it was written again, or is gone."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file with a footer, open; to be closed by `close`.

    Attributes:
        dataset, file: what it is.
        handle: its bytes.
        metadata: its footer.
        digest: md5 of the footer's bytes and the file's size.
        inode: which file it is on a disk, whatever its name comes to stand for; None elsewhere.
    """

    dataset: Dataset
    file: File
    handle: pa.NativeFile
    metadata: pq.FileMetaData
    digest: str
    inode: int | None

    def parquet(self) -> pq.ParquetFile:
        """Return a reader that holds little of the file in memory."""
        # Far dates do not fit INT96's nanoseconds into 64 bits and would come out wrong; microseconds hold them all.
        return pq.ParquetFile(
            self.handle,
            metadata=self.metadata,
            pre_buffer=False,
            buffer_size=_REMOTE_BUFFER if self.inode is None else _LOCAL_BUFFER,
            coerce_int96_timestamp_unit="us",
            page_checksum_verification=True,
        )

    def check(self, *, last: bool) -> None:
        """Make sure that what was read so far is of the file as listed: one written over in place yields a mixture.

        A file on a disk whose name now stands for another one, or that was deleted, is whole to whoever has it open.

        Args:
            last: whether the file is read to its end; in between, a store over a network is not asked.

        Raises:
            Moved: it was written again.
        """
        if (last or self.inode is not None) and not _same(self.dataset, self.file, self.inode):
            raise Moved

    def close(self) -> None:
        """Let go of it."""
        self.handle.close()


def open_file(dataset: Dataset, file: File) -> Opened:
    """Open a file.

    Raises:
        Unfinished: it has no footer.
        Moved: it is not the file that was listed.
        SourceError: it cannot be opened, or its footer is damaged or encrypted.
    """
    try:
        handle = dataset.filesystem.open_input_file(file.full)
    except FileNotFoundError:
        raise Moved from None
    except OSError as error:
        raise access_error(named(dataset, file), error) from error
    inode = None
    try:
        inode = _inode(dataset, file, handle)
        footer = _footer_bytes(handle, file, dataset)
        metadata = pq.read_metadata(pa.BufferReader(_MAGIC + footer))
    except (Unfinished, OSError, ValueError) as error:
        handle.close()
        if not _same(dataset, file, inode):
            raise Moved from None
        raise error if isinstance(error, Unfinished) else damaged(dataset, file) from error
    except BaseException:
        handle.close()
        raise
    digest = hashlib.md5(footer + str(file.size).encode(), usedforsecurity=False).hexdigest()
    return Opened(dataset, file, handle, metadata, digest, inode)


def look_again(dataset: Dataset, file: File) -> File | None:
    """Return the file as it is listed now, None when it is gone."""
    state = _state(dataset, file)
    return None if state is None else replace(file, size=state[0], mtime=state[1])


def damaged(dataset: Dataset, file: File) -> SourceError:
    """The error for a file whose bytes are not what its footer promises."""
    return SourceError(
        f"{named(dataset, file)} is damaged, or is no Parquet file",
        hint="write the file again, or move it away; files before it in path order are kept as read",
    )


def named(dataset: Dataset, file: File) -> str:
    """Return a file's name for people."""
    return file.full if _is_local(dataset) else f"{file.path} of {dataset.name}"


def _is_local(dataset: Dataset) -> bool:
    return isinstance(dataset.filesystem, pafs.LocalFileSystem)


def _state(dataset: Dataset, file: File) -> tuple[int, int, int] | None:
    """Size, time and inode (0 where there is none) of what the file's name stands for now; None for nothing."""
    if _is_local(dataset):
        try:
            found = os.stat(file.full)  # noqa: PTH116 - called for each piece; a Path would cost more than the call
        except FileNotFoundError:
            return None
        return found.st_size, found.st_mtime_ns, found.st_ino
    try:
        info = dataset.filesystem.get_file_info(file.full)
    except OSError as error:
        raise access_error(named(dataset, file), error) from error
    return (info.size, info.mtime_ns or 0, 0) if info.type is pafs.FileType.File else None


def _inode(dataset: Dataset, file: File, handle: pa.NativeFile) -> int | None:
    """The inode of a file that was just opened; raises Moved for one that is not as listed."""
    if not _is_local(dataset):
        if handle.size() != file.size:
            raise Moved
        return None
    state = _state(dataset, file)
    if state is None or state[:2] != (file.size, file.mtime):
        raise Moved
    return state[2]


def _same(dataset: Dataset, file: File, inode: int | None) -> bool:
    """Whether an open file has the bytes that it had when it was listed."""
    state = _state(dataset, file)
    if inode is not None and (state is None or state[2] != inode):
        return True
    return state is not None and state[:2] == (file.size, file.mtime)


def _footer_bytes(handle: pa.NativeFile, file: File, dataset: Dataset) -> bytes:
    """The footer with its length and the closing magic."""
    tail = _tail(handle, file.size, _TAIL)
    if tail[-4:] == b"PARE":
        raise SourceError(f"{named(dataset, file)} is encrypted", hint="write it without Parquet encryption")
    if file.size < 12 or tail[-4:] != _MAGIC:
        raise Unfinished
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length > len(tail):
        tail = _tail(handle, file.size, length)
    return tail[-length:]


def _tail(handle: pa.NativeFile, size: int, length: int) -> bytes:
    length = min(size, length)
    return bytes(handle.read_at(length, size - length)) if length else b""
