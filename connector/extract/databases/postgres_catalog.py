"""How PostgreSQL is called, and what it is asked about itself."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.engine import URL

# By one statement, and with functions: poolers forward these where they would refuse start-up options.
SESSION = """
select set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO, YMD', false),
    set_config('intervalstyle', 'iso_8601', false), set_config('standard_conforming_strings', 'on', false),
    set_config('bytea_output', 'hex', false), set_config('default_transaction_read_only', 'on', false),
    set_config('application_name', 'intempt-connector', false), current_setting('server_version_num')::int >= 140000"""

TABLES = """
select case when pg_table_is_visible(c.oid) then c.relname::text else n.nspname || '.' || c.relname end
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
    and n.nspname not like 'pg\\_toast%' and has_table_privilege(c.oid, 'select')"""

# Directions must be those of a plain `order by`, all of them forwards (0) or all backwards (3), and texts must be sorted
# as the column sorts them: the order of another collation, or of bytes (`text_pattern_ops`), is none to page by.
INDEXES = r"""
select string_agg(a.attname::text, E'\x01' order by k.place)
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
cross join lateral unnest(i.indkey::int2[], i.indoption::int2[], i.indcollation::oid[], i.indclass::oid[])
    with ordinality k (number, direction, sorted_by, family, place)
join pg_opclass o on o.oid = k.family
left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
where i.indrelid = {table} and i.indisvalid and i.indpred is null and m.amname = 'btree'
    and k.place <= i.indnkeyatts
group by i.indexrelid
having bool_and(k.number > 0 and k.sorted_by = a.attcollation and o.opcname not like '%pattern\_ops')
    and (bool_and(k.direction = 0) or bool_and(k.direction = 3))"""

# Every open transaction of this database counts, whether it has written or not: one that has not may write yet.
AUTO = """
select least(o.xact_start, clock_timestamp()) - interval '1 s',
    case when clock_timestamp() - o.xact_start > interval '60 s' then o.pid end,
    extract(epoch from clock_timestamp() - o.xact_start)::float8,
    (select count(*) from pg_prepared_xacts where database = current_database()),
    pg_is_in_recovery(), d.disabled, d.hidden
from (select count(*) filter (where state = 'disabled') as disabled,
        count(*) filter (where usesysid is not null and not pg_has_role(usesysid, 'usage')
            and not pg_has_role('pg_read_all_stats', 'usage')) as hidden
    from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()) d
left join (select xact_start, pid from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
    order by xact_start limit 1) o on true"""

# Of a standby neither is known. By the names that all versions have, and apart: some services refuse the second.
TRANSACTIONS = (
    "select case when not pg_is_in_recovery() then txid_snapshot_xmax(txid_current_snapshot())::text end"
)
TIMELINE = (
    "select case when not pg_is_in_recovery() then substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end"
)

ESTIMATE = "explain (format json)"


def obstacle(standby: bool, disabled: int, hidden: int) -> str:
    """Why the oldest open transaction may not be the one that was seen."""
    if standby:
        return "the server is a standby, which does not know the transactions of its primary"
    if disabled:
        return f"track_activities is off in {disabled} sessions"
    if hidden:
        return f"{hidden} sessions belong to other users, and this user lacks the role pg_read_all_stats"
    return ""


def conninfo(url: URL) -> str:
    """The connection string of libpq for an SQLAlchemy URL."""
    found = {
        "host": url.host,
        "port": str(url.port) if url.port else None,
        "user": url.username,
        "password": str(url.password) if url.password else None,
        "dbname": url.database,
        "connect_timeout": "10",
        **{name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()},
    }
    return " ".join(f"{name}='{_escaped(value)}'" for name, value in found.items() if value is not None)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def plan_rows(plan: Any) -> int:
    """The number of rows that the planner expects."""
    parsed = json.loads(plan) if isinstance(plan, str | bytes) else plan
    return int(parsed[0]["Plan"]["Plan Rows"])
