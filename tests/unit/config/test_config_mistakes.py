"""Every mistake says where it is, what was found and what to do; all are told at once, none tells a secret."""

from __future__ import annotations

import pytest

from connector.config.models import REASONS

DB = "type: database, url: 'sqlite:///shop.db', table: orders"
EVENT = "kind: event, event: Purchase, userId: email"
TRACK = "org: acme, project: shop, api_key: abc.def"


def source(more: str) -> str:
    return f"source: {{{DB}, {more}}}"


def mapping(more: str) -> str:
    return f"mapping: {{{EVENT}, {more}}}"


def destination(more: str) -> str:
    return f"destination: {{{TRACK}, source_id: '1', {more}}}"


CASES = [
    # ── unknown keys ──
    ("frehness: 2h", "frehness", "unknown key", "did you mean freshness?"),
    ("file: x", "file", "unknown key", "known here: sync, id, source"),
    (source("curser: id"), "source.curser", "unknown key", "did you mean cursor?"),
    (source("partitions: {a: text}"), "source.partitions", "unknown key", "known here: where"),
    (mapping("userid: email"), "mapping.userid", "unknown key", "did you mean userId?"),
    (mapping("user_attributes: {a: b}"), "mapping.user_attributes", "unknown key", "did you mean userAttributes?"),
    (mapping("fields: {a: b}"), "mapping.fields", "unknown key", "known here: kind"),
    (destination("max_item: 5"), "destination.max_item", "unknown key", "did you mean max_items?"),
    (destination("retry: {max_elapse: 5s}"), "destination.retry.max_elapse", "unknown key", "max_elapsed"),
    ("rejects: {maximum: 5%}", "rejects.maximum", "unknown key", "did you mean max?"),
    ("schedule: {every: 5m, jittr: 5s}", "schedule.jittr", "unknown key", "did you mean jitter?"),
    ("tests: [{row: {}, item: {}, rejct: x}]", "tests[0].rejct", "unknown key", "did you mean reject?"),
    # ── missing keys ──
    ("destination: {org: a, project: b, source_id: '1'}", "destination.api_key", "is missing", "add `api_key:`"),
    ("mapping: {event: x, userId: a}", "mapping.kind", "is missing", "event, identify, group or product"),
    ("mapping: {kind: event, userId: a}", "mapping.event", "is missing", "add `event: NAME`"),
    ("source: {table: x, url: 'sqlite://'}", "source.type", "is missing", "database, parquet, delta or iceberg"),
    ("source: {type: parquet}", "source.path", "is missing", "a file, a glob"),
    ("source: {type: database, table: x}", "source.url", "is missing", "any SQLAlchemy URL"),
    # ── shapes ──
    ("source: shop", "source", "expected a mapping of keys, found text", ""),
    ("source:", "source", "expected a mapping of keys, found nothing", ""),
    ("mapping: []", "mapping", "expected a mapping, or a list of mappings, found a list", ""),
    ("mapping: [email]", "mapping[0]", "expected a mapping of keys, found", "kind: event"),
    ("mapping: email", "mapping", "expected a mapping of keys, found", "kind: event"),
    ("destination: [a]", "destination", "expected a mapping of keys, found a list", ""),
    ("tests: {row: {}}", "tests", "expected a list, found a mapping", ""),
    (mapping("data: [a]"), "mapping.data", "expected a mapping of properties, found a list", "`name: column`"),
    # ── words ──
    ("source: {type: databse, url: 'sqlite://', table: a}", "source.type", 'expected database, parquet, delta or iceberg, found the text "databse"', "did you mean database?"),
    (source("mode: incrementl, cursor: id"), "source.mode", "expected incremental, full or diff", "did you mean incremental?"),
    ("mapping: {kind: evnt, event: x, userId: a}", "mapping.kind", 'expected event, identify, group or product, found the text "evnt"', "did you mean event?"),
    (mapping("nulls: sent"), "mapping.nulls", "expected omit or send", "did you mean send?"),
    (mapping("ordered: NO"), "mapping.ordered", 'expected true or false, found the text "NO"', "without quotes"),
    (mapping("ordered: 1"), "mapping.ordered", "expected true or false, found an integer, 1", ""),
    (destination("compression: zip"), "destination.compression", "expected none or gzip", ""),
    (destination("on_doubt: rsend"), "destination.on_doubt", "expected resend or hold", "did you mean resend?"),
    (source("on_delete: ignor"), "source.on_delete", "expected ignore", "did you mean ignore?"),
    ("tests: [{row: {}, reject: missing_identiy}]", "tests[0].reject", "expected missing_identity", "did you mean missing_identity?"),
    # ── numbers with units ──
    ("freshness: 30", "freshness", "expected a duration, found an integer, 30", "500ms, 30s, 15m, 2h or 1d"),
    ("freshness: 1:30", "freshness", 'expected a duration, found the text "1:30"', "500ms"),
    ("freshness: 2 weeks", "freshness", 'expected a duration, found the text "2 weeks"', "1d"),
    ("freshness: -1h", "freshness", "expected a duration", "1d"),
    ("freshness: 99999d", "freshness", "expected a duration of at most 36500d", ""),
    (destination("timeout: 0"), "destination.timeout", "expected a duration above 0, found an integer, 0", "30s"),
    (destination("timeout: none"), "destination.timeout", "expected a duration", "30s"),
    (source("lookback: true, cursor: id"), "source.lookback", "expected a duration, found a boolean, true", ""),
    (destination("max_bytes: 1MiB"), "destination.max_bytes", 'expected a size, found the text "1MiB"', "1,000,000 bytes"),
    (destination("max_bytes: 10B"), "destination.max_bytes", "must be at least 1,000", ""),
    (destination("concurrency: 0"), "destination.concurrency", "must be at least 1, found an integer, 0", ""),
    (destination("concurrency: 257"), "destination.concurrency", "must be at most 256", ""),
    (destination("concurrency: true"), "destination.concurrency", "expected a whole number, found a boolean", ""),
    (destination("concurrency: 8.5"), "destination.concurrency", "expected a whole number, found a decimal", ""),
    (destination("max_items_per_second: 0"), "destination.max_items_per_second", "above 0, or none", ""),
    ("rejects: {max: 5}", "rejects.max", "expected a percentage, found an integer, 5", "with its sign: 5%"),
    ("rejects: {max: 101%}", "rejects.max", "expected a percentage", "5%"),
    ("rejects: {max: .nan}", "rejects.max", "expected a percentage", "5%"),
    # ── ids and names are text ──
    (f"destination: {{{TRACK}, source_id: 1841710181319290881}}", "destination.source_id", "expected text in quotes, found an integer", "put it in quotes"),
    (f"destination: {{{TRACK}, source_id: 1.8e18}}", "destination.source_id", "expected text in quotes, found a decimal", "put it in quotes"),
    (f"destination: {{{TRACK}, source_id: ' '}}", "destination.source_id", "text that is not blank", ""),
    (f"destination: {{{TRACK}, source_id: a/b}}", "destination.source_id", "an id without spaces", "the id alone"),
    ("sync: 2024", "sync", "expected text, found an integer", "quotes"),
    ("sync: my orders", "sync", "expected a name of letters", "no spaces"),
    ("sync: ../x", "sync", "expected a name of letters", ""),
    (source("key: 5"), "source.key", "expected a column or a list of columns, found an integer", "key: order_id"),
    (source("key: []"), "source.key", "expected a column or a list of columns", ""),
    (source("key: [a, 5]"), "source.key[1]", "expected text, found an integer", "quotes"),
    (source("key: [a, a]"), "source.key", "expected a list of different columns", ""),
    (source("cursor: 5"), "source.cursor", "expected text, found an integer", "quotes"),
    (source("cursor: {sql: a, hash: sha256}"), "source.cursor.hash", "a cursor has no hash", "{sql: ...}"),
    (source("cursor: id, start: 1.5"), "source.start", "expected beginning, now", "quotes"),
    (source("where: ''"), "source.where", "text that is not blank", ""),
    # ── types, zones, functions, addresses ──
    (source("columns: {total: decimel(18)}"), "source.columns.total", "expected a DuckDB type", "did you mean decimal?"),
    (source("columns: {total: 'decimal(18'}"), "source.columns.total", "expected a DuckDB type", ""),
    ("source: {type: parquet, path: x, partitions: {year: int5}}", "source.partitions.year", "expected a DuckDB type", "did you mean int"),
    (source("timezone: Europe/Berln"), "source.timezone", "expected a time zone", "did you mean Europe/Berlin?"),
    (source("transform: clean"), "source.transform", "expected module:function", "my_module:clean"),
    (destination("base_url: ftp://x"), "destination.base_url", "expected an http or https address", "https://"),
    (destination("base_url: 'https://a?apiKey=hunter2'"), "destination.base_url", "without credentials", "api_key"),
    (destination("base_url: 'https://u:hunter2@a'"), "destination.base_url", "without credentials", "api_key"),
    # ── values ──
    (mapping("data: {a: 5}"), "mapping.data.a", "a constant stands where", "{value: ...}"),
    (mapping("data: {a: true}"), "mapping.data.a", "a constant stands where", "{value: ...}"),
    (mapping("data: {a: }"), "mapping.data.a", "is empty", "{value: null}"),
    (mapping("data: {a: [b, c]}"), "mapping.data.a", "a list stands where", "{list: [column_a, column_b]}"),
    (mapping("data: {a: {sql: x, column: y}}"), "mapping.data.a", "column and sql exclude each other", "{object: {...}}"),
    (mapping("data: {a: {value: 1, currency: c}}"), "mapping.data.a", "currency cannot stand beside value", "{object: {...}}"),
    (mapping("data: {a: {column: x, hsh: sha256}}"), "mapping.data.a", "hsh cannot stand beside column", "did you mean hash?"),
    (mapping("data: {a: {list: [x], type: json}}"), "mapping.data.a", "type cannot stand beside list", "{object"),
    (mapping("data: {a: {column: x, hash: md5}}"), "mapping.data.a.hash", "expected sha256", ""),
    (mapping("data: {a: {column: x, type: strng}}"), "mapping.data.a.type", "expected string, integer", "did you mean string?"),
    (mapping("data: {a: {column: 5}}"), "mapping.data.a.column", "expected text, found an integer", "quotes"),
    (mapping("data: {a: {template: 'x-{y'}}"), "mapping.data.a.template", "a brace of the template", "{{"),
    (mapping("data: {a: {template: 'x-}'}}"), "mapping.data.a.template", "a brace of the template", "{{"),
    (mapping("data: {a: {template: '{}'}}"), "mapping.data.a.template", "a brace of the template", "{column}"),
    (mapping("data: {a: {list: x}}"), "mapping.data.a.list", "expected a list, found text", ""),
    (mapping("data: {a: {list: [x, 5]}}"), "mapping.data.a.list[1]", "a constant stands where", "{value"),
    (mapping("data: {a: {b: {c: 5}}}"), "mapping.data.a.b.c", "a constant stands where", "{value"),
    (mapping("data: {a: {object: {value: 5}}}"), "mapping.data.a.object.value", "a constant stands where", "{value"),
    (mapping("data: {a: {value: .inf}}"), "mapping.data.a.value", "expected a finite number", ""),
    (mapping("data: {password: false}"), "mapping.data", "password: false leaves a column out", "{value: false}"),
    (mapping("data: {'*': yes}"), "mapping.data", '"*" takes only true', "leave it out"),
    (mapping("timestamp: 5"), "mapping.timestamp", "a constant stands where", "{value"),
    (mapping("accountId: {sql: ''}"), "mapping.accountId.sql", "text that is not blank", ""),
    # ── rules between keys ──
    ("source: {type: database, url: 'sqlite://'}", "source", "neither table nor query", "table: NAME"),
    (source("query: select 1"), "source.query", "table and query exclude each other", "keep one"),
    (source("mode: incremental"), "source.mode", "incremental needs a cursor", "mode: full"),
    (source("mode: diff"), "source.mode", "diff needs a key", "add `key:`"),
    (source("track_keys: true"), "source.track_keys", "track_keys needs a key", "add `key:`"),
    (source("lookback: 1h, cursor: at"), "source.lookback", "lookback needs a key", "add `key:`"),
    (source("lookback: 1h, key: id"), "source.lookback", "lookback needs a cursor", "a time"),
    (source("lookback: 1h, key: id, cursor: at, mode: diff"), "source.lookback", "lookback needs a cursor", "read everything"),
    ("source: {type: parquet, path: x, key: id, lookback: 1h}", "source.lookback", "files have no lookback", "leave it out"),
    (source("start: now"), "source.start", "start needs a cursor", "leave start out"),
    (source("settle: auto, cursor: id"), "source.settle", "PostgreSQL only", "60s"),
    (source("key: id, on_delete: {event: x, userId: id}"), "source.on_delete", "only mode diff", "mode: diff"),
    (source("key: id, mode: diff, on_delete: {event: x, userId: mail}"), "source.on_delete.userId", "mail is not part of the key", "key columns"),
    (source("key: id, mode: diff, on_delete: {event: x, userId: id, data: {a: {template: '{b}'}}}"), "source.on_delete.data.a.template", "b is not part of the key", "{value: ...}"),
    (source("key: id, mode: diff, on_delete: {userId: id}"), "source.on_delete.event", "is missing", "event: NAME"),
    ("mapping: {kind: event, event: x}", "mapping", "kind event needs one of profileId, userId, accountId", "`profileId: COLUMN`"),
    ("mapping: {kind: event, event: x, profileId: {value: null}}", "mapping", "kind event needs one of", ""),
    ("mapping: {kind: identify, accountId: a}", "mapping", "kind identify needs one of userId, profileId", "userId"),
    ("mapping: {kind: group, userId: a}", "mapping", "kind group needs accountId", "`accountId: COLUMN`"),
    ("mapping: [{kind: product, data: {id: a}}]", "mapping[0]", "kind product needs productId", "productId"),
    (mapping("identity: strict"), "mapping.identity", "strict needs a mapped profileId", "identity: any"),
    ("mapping: {kind: event, event: Identify, userId: a}", "mapping.event", "Identify is reserved", "kind: identify"),
    ("mapping: {kind: event, event: {value: Identify}, userId: a}", "mapping.event.value", "Identify is reserved", ""),
    ("mapping: {kind: product, event: 'intempt:x', productId: a}", "mapping.event", "intempt: are reserved", "another name"),
    ("schedule: {timezone: UTC}", "schedule", "expected every or cron", "every: 15m"),
    ("schedule: {every: 15m, cron: '@daily'}", "schedule.cron", "every and cron exclude each other", "keep one"),
    ("schedule: {cron: '* *'}", "schedule.cron", "expected five cron fields", "weekday"),
    ("schedule: {cron: '@dayly'}", "schedule.cron", "expected one of @hourly", "did you mean @daily?"),
    ("schedule: {every: 0}", "schedule.every", "expected a duration above 0", ""),
    ("tests: [{row: {a: 1}}]", "tests[0]", "expected either item or reject", "why it is rejected"),
    ("tests: [{row: {}, item: {}, reject: in_doubt}]", "tests[0]", "expected either item or reject", ""),
    (f"destination: {{{TRACK.replace('abc.def', 'hunter2')}, source_id: '1', auth: header}}", "destination.auth", "prefix.secret", "auth: query"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "said", "remedy"), CASES, ids=[case[0][:60] for case in CASES])
def test_a_mistake_has_its_place_and_remedy(folder, text, path, said, remedy) -> None:
    """Each lone mistake is told once, at its place."""
    mistakes = folder.mistakes("sync: orders" if not text.startswith("sync:") else "", text)
    assert [mistake.path for mistake in mistakes] == [path]
    assert said in mistakes[0].message
    assert remedy in mistakes[0].hint
    assert mistakes[0].file.startswith(f"{folder.path}/orders.yaml:")
    assert mistakes[0].exit_code == 2


def test_all_mistakes_are_told_at_once_in_file_order(folder) -> None:
    mistakes = folder.mistakes(
        """
        sync: orders
        source:
          type: database
          url: nowhere://x
          tabel: orders
        mapping:
          kind: event
          data:
            a: 5
            b: ${NONE}
        destination:
          org: ${ORG}
          project: shop
          source_id: 5
        frehness: 2h
        """
    )
    told = [(int(mistake.file.rsplit(":", 1)[1]), mistake.path) for mistake in mistakes]
    assert told == [
        (3, "source"),
        (5, "source.url"),
        (6, "source.tabel"),
        (7, "mapping"),
        (7, "mapping.event"),
        (10, "mapping.data.a"),
        (11, "mapping.data.b"),
        (12, "destination.api_key"),
        (13, "destination.org"),
        (15, "destination.source_id"),
        (16, "frehness"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "source: {type: database, url: 'hunter2', table: a}",
        "source: {type: database, url: 'x://hunter2', table: a}",
        "source: {type: database, url: 'postgresql://u:hun@ter2@h/d', table: a}",
        "source: {type: database, url: {driver: nope, password: hunter2}, table: a}",
        "source: {type: database, url: {driver: postgresql, pasword: hunter2}, table: a}",
        "source: {type: database, url: {driver: postgresql, password: [hunter2]}, table: a}",
        "source: postgresql://u:hunter2@h/d",
        "destination: {org: a, project: b, source_id: '1', api_key: [hunter2]}",
        "destination: {org: a, project: b, source_id: '1', apikey: hunter2}",
        "destination: {org: a, project: b, source_id: '1', api_key: hunter2, auth: header}",
        "destination: hunter2",
        "freshness: ${PASSWORD}",
        "source: {type: database, url: 'sqlite://', table: a, mode: '${PASSWORD}'}",
        "tests: [{row: hunter2}]",
        "tests: [{row: {}, item: hunter2}]",
        "mapping: {kind: event, event: a, userId: b, data: {c: {value: hunter2, x: hunter2}}}",
    ],
)
def test_no_message_tells_a_secret(folder, text) -> None:
    mistakes = folder.mistakes(text, environ={"PASSWORD": "hunter2"})
    told = "\n".join(str(mistake) for mistake in mistakes)
    for part in ("hunter2", "ter2", "1841"):
        assert part not in told


def test_reject_reasons_are_the_documented_ones(folder) -> None:
    tests = "\n".join(f"  - {{row: {{}}, reject: {reason}}}" for reason in REASONS)
    assert [test.reject for test in folder.sync(f"tests:\n{tests}").tests] == list(REASONS)
    assert len(REASONS) == 13
