"""Where an SQLite state lies, and whether it is safe there."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

# SQLite's locks and its shared log need a file system of this machine.
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ncpfs"),
    *("lustre", "ceph", "glusterfs", "gpfs", "beegfs", "ocfs2", "gfs2", "orangefs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone"),
}
# What containers have for a root: of Docker and Podman, of gVisor, of Kata.
_LAYER = {"overlay", "fuse.fuse-overlayfs", "aufs", "9p", "virtiofs"}
_MEMORY = {"tmpfs", "ramfs"}
_REMEDY = "in PostgreSQL: `connector state copy` takes it there"
_ESCAPED = re.compile(r"\\([0-7]{3})")


def risk(url: str) -> str:
    """Return what may become of a state where it lies and what to do about it; empty where it is safe.

    Args:
        url: of the store. PostgreSQL looks after itself, and so does who keeps state in the temporary folder.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return ""
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:  # no Linux: nothing is known
        return ""
    path = Path(parsed.database or "").absolute()
    return risk_at(path.resolve(), mounts, container=in_container(os.environ), temporary=_temporary())


def _temporary() -> Path:
    return Path(tempfile.gettempdir()).resolve()


def in_container(environ: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Tell whether this is a container of Docker, Podman or Kubernetes."""
    marks = (root / ".dockerenv", root / "run" / ".containerenv")
    return "KUBERNETES_SERVICE_HOST" in environ or any(mark.exists() for mark in marks)


def risk_at(path: Path, mounts: str, *, container: bool, temporary: Path) -> str:
    """Return what may become of a state file.

    Args:
        path: of the file, absolute, without symbolic links.
        mounts: the text of ``/proc/self/mountinfo``.
        container: whether the root file system is that of a container.
        temporary: the folder of files that nobody counts on.
    """
    point, kind = mount_of(path, mounts)
    own_layer = container and point == "/" and kind in _LAYER
    if kind in _NETWORK and not own_layer:
        return (
            f"the state {path} lies on a network file system ({kind}), whose locks SQLite cannot rely on: "
            f"keep it on a disk of this machine, or {_REMEDY}"
        )
    if path.is_relative_to(temporary):
        return ""
    if own_layer:
        return (
            f"the state {path} lies in the container's own layer and is lost with the container: "
            f"keep it on a volume, or {_REMEDY}"
        )
    if kind in _MEMORY:
        return (
            f"the state {path} lies in memory ({kind}) and is lost when the machine stops: "
            f"keep it on a disk, or {_REMEDY}"
        )
    return ""


def mount_of(path: Path, mounts: str) -> tuple[str, str]:
    """Return mount point and type of the file system that holds a path; empty where it is unknown.

    Of several mounts at one point the last is seen, so it counts.
    """
    found = ("", "")
    for line in mounts.splitlines():
        # id parent device root POINT options [optional fields…] - TYPE source options
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), fields[4])
        if len(point) >= len(found[0]) and path.is_relative_to(point):
            found = (point, after.split(" ")[0])
    return found
