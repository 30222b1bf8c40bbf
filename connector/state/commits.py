"""The transactions of a run on its lane, and what they leave for the next when the process dies.

A commit is made up to several hundred times a second, so its statements are built once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from connector.errors import Bug
from connector.model import Commit, Recovery
from connector.state import rejects, runs, segments, watermarks
from connector.state.lease import Lease
from connector.state.schema import intents
from connector.state.schema import rejects as rejected

_lane = (intents.c.sync == sa.bindparam("b_sync"), intents.c.lane == sa.bindparam("b_lane"))
_ours = (*_lane, intents.c.token == sa.bindparam("b_token"))
_theirs = (*_lane, intents.c.token != sa.bindparam("b_token"))

_INTEND = sa.insert(intents)
_ACKNOWLEDGE = (
    sa.update(intents)
    .where(*_ours, intents.c.seq == sa.bindparam("b_seq"))
    .values(acknowledged=sa.bindparam("b_acknowledged"))
)
_FINISH = sa.delete(intents).where(*_ours, intents.c.seq <= sa.bindparam("b_through"))

_LEFT = sa.select(*intents.c["items", "digests", "acknowledged", "counted"]).where(*_theirs)
_in_doubt = (*_theirs, intents.c.acknowledged.is_(None))
_DROP_DOUBT = sa.delete(intents).where(*_in_doubt, intents.c.digests.is_(None))
_COUNT_DOUBT = sa.update(intents).where(*_in_doubt).values(counted=True)
_known = (*_lane, intents.c.acknowledged.is_not(None))
_DROP_ACKNOWLEDGED = sa.delete(intents).where(*_known, intents.c.prints.is_(None))
_CLEAR_ACKNOWLEDGED = sa.update(intents).where(*_known).values(acknowledged=b"")
# A run has passed what runs left behind. What a replay had acknowledged is of use as long as rejects are open.
_open = sa.exists().where(rejected.c.sync == sa.bindparam("b_sync"), rejected.c.closed.is_(None))
_DROP_LEFT = sa.delete(intents).where(*_theirs, sa.or_(~intents.c.replay, ~_open))


def write(
    connection: sa.Connection,
    lease: Lease,
    run_id: str,
    commit: Commit,
    *,
    replay: bool,
) -> None:
    """Write everything of a commit.

    The caller has made sure of the lease in this transaction.
    """
    bind = lease.bind()
    if commit.intents:
        place = {"sync": lease.sync, "lane": lease.lane, "token": lease.token, "replay": replay}
        rows = [
            {
                **place,
                "seq": new.seq,
                "rows": new.rows,
                "items": new.items,
                "digests": new.digests or None,
                **segments.packed(new.doubt),
            }
            for new in commit.intents
        ]
        connection.execute(_INTEND, rows)
    if commit.acknowledged:
        outcomes = [{**bind, "b_seq": seq, "b_acknowledged": new} for seq, new in commit.acknowledged.items()]
        if connection.execute(_ACKNOWLEDGE, outcomes).rowcount != len(outcomes):
            raise Bug(f"a request of sync {lease.sync} was acknowledged without an intent")
    if commit.through is not None:
        connection.execute(_FINISH, {**bind, "b_through": commit.through})
    watermarks.put(connection, lease.sync, lease.lane, commit.watermark)
    if commit.rejects:
        rejects.put(connection, (lease.sync, lease.lane, run_id), commit.rejects)
    if len(commit.synced):
        segments.append(connection, lease.sync, commit.synced)
    if commit.closed:
        rejects.close_delivered(connection, lease.sync, commit.closed)
    runs.update_counts(connection, run_id, commit.counts)


def recovery(connection: sa.Connection, bind: Mapping[str, Any]) -> Recovery:
    """Read what earlier holders of a lane have left behind; `bind` names the lane and the token of its holder."""
    rows = connection.execute(_LEFT, bind).all()
    doubtful = [row for row in rows if row.acknowledged is None]
    fresh = [row for row in doubtful if not row.counted]
    return Recovery(
        in_doubt_items=sum(row.items for row in fresh),
        in_doubt_requests=len(fresh),
        acknowledged=_digests([row.acknowledged for row in rows if row.acknowledged]),
        held=_digests([row.digests for row in doubtful if row.digests]),
    )


def settle_doubt(connection: sa.Connection, lease: Lease) -> None:
    """Note that what earlier holders left in doubt has been counted; what is held stays, to be rejected."""
    connection.execute(_DROP_DOUBT, lease.bind())
    connection.execute(_COUNT_DOUBT, lease.bind())


def forget_recovered(connection: sa.Connection, lease: Lease) -> None:
    """Drop what earlier holders left and the watermark has passed."""
    connection.execute(_DROP_LEFT, lease.bind())


def forget_acknowledged(connection: sa.Connection, sync: str, lane: str) -> None:
    """Drop what is known to be delivered beyond the watermark; what is in doubt stays."""
    for statement in (_DROP_ACKNOWLEDGED, _CLEAR_ACKNOWLEDGED):  # what is in doubt in synced stays, too
        connection.execute(statement, {"b_sync": sync, "b_lane": lane})


def _digests(stored: list[bytes]) -> npt.NDArray[np.uint64]:
    return np.unique(np.frombuffer(b"".join(stored), np.uint64))
