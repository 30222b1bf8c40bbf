"""Files that change or vanish while a run reads."""

from __future__ import annotations

from connector.errors import SourceError
from connector.extract.files.listing import File


class Left:
    """Files in motion, left to the next run, which finds them as they are then.

    Args:
        whole: whether nothing may be left out, as in a pass: what it has not read would count as not there.
    """

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._paths: set[str] = set()

    def leave(self, file: File) -> None:
        """Leave a file to the next run.

        Raises:
            SourceError: nothing may be left out.
        """
        if self._whole:
            raise SourceError(
                f"{file.path} changed or vanished while the run was reading",
                hint="run again; write files under another name and rename them when they are complete",
            )
        self._paths.add(file.path)

    def leave_path(self, path: str) -> None:
        """Leave what was planned to be read and is not there any more, or another file now."""
        self._paths.add(path)

    @property
    def note(self) -> str:
        """A sentence about them; empty when there are none."""
        if not self._paths:
            return ""
        return (
            f"{len(self._paths)} files changed or vanished while the run was reading: left for the next run"
        )
