"""Where a state file lies, told from the table of mounts."""

from pathlib import Path

import pytest

from connector.state.location import in_container, mount_of, risk, risk_at

MACHINE = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard
31 27 0:30 / /run rw,nosuid - tmpfs tmpfs rw,size=1000k
40 27 0:41 / /home rw,relatime shared:7 - nfs4 files:/export rw,vers=4.2
41 40 8:1 / /home/local rw,relatime - xfs /dev/sdb1 rw
42 27 0:42 / /mnt/two\\040words rw - cifs //files/share rw
43 27 0:43 / /mnt/again rw - ext4 /dev/sdc rw
44 43 0:44 / /mnt/again rw - fuse.sshfs me@files: rw
45 27 0:45 / /tmp rw - tmpfs tmpfs rw
"""
CONTAINER = """\
600 500 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b,upperdir=/c
601 600 0:51 / /proc rw - proc proc rw
602 600 8:1 /volumes/state /state rw,relatime - ext4 /dev/sda1 rw
603 600 0:52 / /dev/shm rw - tmpfs shm rw
604 600 0:53 / /share rw - nfs files:/share rw
"""
TEMPORARY = Path("/tmp")


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/data/state.db", ("/", "ext4")),
        ("/home/me/state.db", ("/home", "nfs4")),
        ("/homework/state.db", ("/", "ext4")),
        ("/home/local/state.db", ("/home/local", "xfs")),
        ("/mnt/two words/state.db", ("/mnt/two words", "cifs")),
        ("/mnt/again/state.db", ("/mnt/again", "fuse.sshfs")),
    ],
)
def test_the_longest_and_latest_mount_holds_a_file(path, mount):
    assert mount_of(Path(path), MACHINE) == mount


def test_a_table_that_is_not_understood_tells_nothing():
    for table in ("", "nonsense\n", "1 2 3 - x\n", "\0\n\n"):
        assert mount_of(Path("/a/b"), table) == ("", "")
        assert risk_at(Path("/a/b"), table, container=True, temporary=TEMPORARY) == ""


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/data/state.db", ""),
        ("/home/me/state.db", "network file system (nfs4)"),
        ("/home/local/state.db", ""),
        ("/mnt/two words/state.db", "network file system (cifs)"),
        ("/mnt/again/state.db", "network file system (fuse.sshfs)"),
        ("/run/state.db", "in memory (tmpfs)"),
        ("/tmp/state.db", ""),
    ],
)
def test_risks_of_a_machine(path, words):
    """What lies in the temporary folder is not meant to last."""
    for container in (False, True):
        said = risk_at(Path(path), MACHINE, container=container, temporary=TEMPORARY)
        assert words in said
        assert bool(said) == bool(words)
        assert not said or ("PostgreSQL" in said and path in said)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/app/.connector/state.db", "container's own layer"),
        ("/state/state.db", ""),
        ("/dev/shm/state.db", "in memory"),
        ("/share/state.db", "network file system (nfs)"),
        ("/tmp/state.db", ""),
    ],
)
def test_risks_of_a_container(path, words):
    said = risk_at(Path(path), CONTAINER, container=True, temporary=TEMPORARY)
    assert words in said
    assert bool(said) == bool(words)


def test_an_overlay_outside_a_container_stays():
    """A live system or an immutable one may have an overlay for a root."""
    assert risk_at(Path("/app/state.db"), CONTAINER, container=False, temporary=TEMPORARY) == ""


@pytest.mark.parametrize("kind", ["9p", "virtiofs"])
def test_roots_of_other_containers(kind):
    table = CONTAINER.replace("overlay overlay", f"{kind} none")
    assert "own layer" in risk_at(Path("/app/state.db"), table, container=True, temporary=TEMPORARY)


def test_a_network_share_in_the_temporary_folder_is_one():
    table = MACHINE.replace("/tmp rw - tmpfs", "/tmp rw - nfs4")
    assert "network" in risk_at(Path("/tmp/s.db"), table, container=False, temporary=TEMPORARY)


def test_containers_are_known_by_their_marks(tmp_path):
    assert not in_container({}, tmp_path)
    assert in_container({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".containerenv").touch()
    assert in_container({}, tmp_path)
    (tmp_path / "run" / ".containerenv").unlink()
    (tmp_path / ".dockerenv").touch()
    assert in_container({}, tmp_path)


def test_this_machine(tmp_path):
    """The real table is read: the folder of tests is safe, memory is not, and no other store lies in a file."""
    assert risk(f"sqlite:///{tmp_path / 'state.db'}") == ""
    for url in ("sqlite://", "sqlite:///:memory:", "postgresql://me@db/state"):
        assert risk(url) == ""
    shared = Path("/dev/shm")
    if shared.exists():
        assert "in memory (tmpfs)" in risk(f"sqlite:///{shared / 'state.db'}")
