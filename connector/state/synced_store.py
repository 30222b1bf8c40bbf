"""What Track is known to have, as a part of the state store."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as sa

from connector.state import segments
from connector.state.history import History
from connector.state.lease import Lease, fenced
from connector.state.merging import merge, write_next
from connector.state.synced import Synced
from connector.synced import Segment


class SyncedStore(History):
    """Synced of all syncs that keep it."""

    def synced(self, sync_id: str, *, keyed: bool = False) -> Synced | None:
        """Return what is known of rows that were sent, as of now; None where nothing is kept.

        Args:
            sync_id: the sync.
            keyed: whether the keys of rows are needed.

        Raises:
            StateError: it is not all there.
        """
        head = self._database.read(lambda connection: segments.head(connection, sync_id))
        if head is None:
            return None
        if keyed and not head.keyed:
            raise segments.lost(sync_id, "the keys of rows, to tell of vanished ones, were not kept so far")
        left = self._database.read(lambda connection: segments.doubtful(connection, sync_id))
        return Synced(self._database, head, left)

    def keep_synced(self, lease: Lease, wanted: bool, *, keyed: bool, new: bool) -> Synced | None:
        """Return what is known of rows that were sent, if that is wanted; else let it go, as it would grow old.

        Args:
            lease: of a lane of the sync.
            wanted: whether it is kept from now on.
            keyed: whether with the keys of rows.
            new: whether nothing was sent so far.

        Raises:
            StateError: it was not kept so far, or is not all there.
            LeaseLost: another process holds the lane; nothing was written.
        """
        head = self._database.read(lambda connection: segments.head(connection, lease.sync))
        if not wanted:
            if head is not None:
                fenced(lease, lambda connection: segments.drop(connection, lease.sync))
            return None
        if head is None:
            if not new:
                raise segments.lost(lease.sync, "it was not kept so far")
            self.begin_synced(lease, keyed=keyed)
        self.adopt_synced(lease)
        return self.synced(lease.sync, keyed=keyed)

    def adopt_synced(self, lease: Lease) -> None:
        """Note what earlier holders of the lane left in doubt, before their intents go.

        Raises:
            LeaseLost: another process holds the lane; nothing was written.
        """
        if self._database.read(lambda connection: segments.doubtful(connection, lease.sync)):
            fenced(lease, lambda connection: segments.adopt(connection, lease.bind()))

    def foresee_synced(self, sync_id: str, wanted: bool, *, keyed: bool, new: bool) -> Synced | None:
        """Return what `keep_synced` would, and write nothing; None also where a run would begin with nothing known.

        Raises:
            StateError: it was not kept so far, or is not all there.
        """
        found = self.synced(sync_id, keyed=keyed) if wanted else None
        if wanted and found is None and not new:
            raise segments.lost(sync_id, "it was not kept so far")
        return found

    def begin_synced(self, lease: Lease, *, keyed: bool) -> None:
        """Begin to keep what is sent, with nothing known.

        Raises:
            LeaseLost: another process holds the lane; nothing was written.
        """
        fenced(lease, lambda connection: segments.create(connection, lease.sync, keyed=keyed))

    def note_synced(self, lease: Lease, segment: Segment) -> None:
        """Add what is known without a request having been sent.

        Raises:
            LeaseLost: another process holds the lane; nothing was written.
        """
        if len(segment):
            fenced(lease, lambda connection: segments.append(connection, lease.sync, segment))

    def rebuild_synced(self, lease: Lease, noted: Iterator[Segment], *, keyed: bool) -> None:
        """Put what is `noted` in the place of what is known. That stays in force until everything is written.

        Raises:
            LeaseLost: another process holds the lane; what was known is in force.
        """
        before = self._database.read(lambda connection: segments.head(connection, lease.sync))
        before = before or segments.Head(lease.sync, 0, 0, 0, 0, keyed)
        fenced(lease, lambda connection: segments.drop_others(connection, before))
        after = segments.Head(lease.sync, before.generation + 1, 0, 0, 0, keyed)
        for segment in noted:
            after = write_next(lease, after, segment)

        def put(connection: sa.Connection) -> None:
            segments.settle(connection, lease.bind())
            segments.replace(connection, before, after)

        fenced(lease, put)

    def merge_synced(self, lease: Lease, without: Collection[tuple[int, int]] = ()) -> None:
        """Merge what was appended, if that is worth its cost, or if keys must go from it.

        Args:
            lease: of the live lane.
            without: the hashes (high, low) of keys to forget.
        """
        if without and self.synced(lease.sync) is not None:
            self.adopt_synced(lease)
        found = self.synced(lease.sync)
        if found is not None and (found.due or without):
            merge(self._database, lease, found.head, without)
            self._database.shrink()
