"""Rules between the keys of a sync: what must come together, and what excludes what.

They look at the written tree, not at the finished models, so that they are told together with wrong types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector.config.document import Node
from connector.config.mapping import FIELDS, RESERVED_EVENT, RESERVED_PREFIX
from connector.config.mistakes import Mistakes
from connector.config.source import FILE_SOURCES
from connector.config.values import WORDS, template_columns

# A duration that is more than nothing, as far as it is one.
_LASTING = re.compile(r"(?=.*[1-9])\d+(\.\d+)? *[a-z]+")

# Which identifiers an item of a kind needs: one of these.
NEEDS = {
    "event": ("profileId", "userId", "accountId"),
    "identify": ("userId", "profileId"),
    "group": ("accountId",),
    "product": ("productId",),
}


def check_rules(sync: Node, mistakes: Mistakes) -> None:
    """Note every broken rule of a merged sync."""
    source, mapping = sync.get("source"), sync.get("mapping")
    if source is not None and not source.broken:
        _check_rows(source, mistakes)
        _check_reading(source, mistakes)
        _check_deletes(source, mistakes)
    for each in mapping.elements() if mapping is not None else []:
        _check_mapping(each, mistakes)
    _check_key_form(sync, mistakes)
    _check_schedule(sync, mistakes)
    tests = sync.get("tests")
    for test in tests.value if tests is not None and isinstance(tests.value, list) else []:
        if isinstance(test.value, dict) and ("item" in test.value) == ("reject" in test.value):
            mistakes.add(
                test, "expected either item or reject", "say what the row becomes, or why it is rejected"
            )


def _check_rows(source: Node, mistakes: Mistakes) -> None:
    if source.plain_member("type") != "database":
        return
    members = source.members()
    if "table" in members and "query" in members:
        mistakes.add(
            members["query"], "table and query exclude each other", "keep one; a query can name the table"
        )
    elif "table" not in members and "query" not in members:
        mistakes.add(source, "neither table nor query is there", 'add `table: NAME` or `query: "select ..."`')


def _check_reading(source: Node, mistakes: Mistakes) -> None:
    members = source.members()
    kind, mode = _text(source, "type"), _text(source, "mode")
    if mode == "incremental" and kind == "database" and "cursor" not in members:
        hint = "add `cursor:`, the column that orders rows in time, or write `mode: full`"
        mistakes.add(members["mode"], "incremental needs a cursor", hint)
    if mode == "diff" and "key" not in members:
        mistakes.add(
            members["mode"], "diff needs a key", "add `key:`, the column or columns that make a row unique"
        )
    if "track_keys" in members and members["track_keys"].value in (True, "true") and "key" not in members:
        mistakes.add(members["track_keys"], "track_keys needs a key", "add `key:`")
    _check_lookback(source, mistakes)
    if "start" in members and "cursor" not in members and kind == "database":
        mistakes.add(members["start"], "start needs a cursor", "add `cursor:`, or leave start out")
    cursor = members.get("cursor")
    for key in ("type", "default", "hash"):
        if cursor is not None and key in cursor.members():
            mistakes.add(
                cursor.members()[key], f"a cursor has no {key}", "write the cursor as a column or {sql: ...}"
            )
    url = _text(source, "url") or ""
    if _text(source, "settle") == "auto" and (
        kind in FILE_SOURCES or (url and not url.startswith("postgresql"))
    ):
        mistakes.add(
            members["settle"],
            "auto works on PostgreSQL only",
            "write a duration longer than the longest write, such as 60s",
        )


def _check_lookback(source: Node, mistakes: Mistakes) -> None:
    members = source.members()
    lookback = members.get("lookback")
    if lookback is None or lookback.broken or not _LASTING.fullmatch(str(lookback.value).strip()):
        return
    if _text(source, "type") in FILE_SOURCES:
        hint = (
            "leave it out: a file that was written again is read above its own last cursor, a new one whole"
        )
        mistakes.add(lookback, "files have no lookback", hint)
    elif "cursor" not in members or _text(source, "mode") in ("full", "diff"):
        hint = "leave it out, or add `cursor:`, a time; modes full and diff read everything anyway"
        mistakes.add(lookback, "lookback needs a cursor", hint)
    elif "key" not in members:
        mistakes.add(
            lookback, "lookback needs a key", "add `key:`, the column or columns that make a row unique"
        )


def _check_deletes(source: Node, mistakes: Mistakes) -> None:
    deletion = source.get("on_delete")
    if deletion is None or not isinstance(deletion.value, dict):
        return
    if _text(source, "mode") != "diff":
        mistakes.add(
            deletion, "only mode diff sees deleted rows", "write `mode: diff`, or leave on_delete out"
        )
    _check_mapping(deletion, mistakes, default="event")
    key = source.get("key")
    known = {each.value for each in key.elements()} if key is not None else set()
    for node, column in _columns(deletion):
        if column not in known:
            mistakes.add(
                node,
                f"{column} is not part of the key",
                "of a deleted row only its key is left: use key columns and {value: ...}",
            )


def _columns(mapping: Node) -> Iterator[tuple[Node, str]]:
    """Yield the columns that the identifiers, time and properties of a mapping name."""
    for key in (*FIELDS, "timestamp", "data", "userAttributes", "accountAttributes"):
        if key in mapping.members():
            yield from _value_columns(
                mapping.members()[key], form=key not in ("data", "userAttributes", "accountAttributes")
            )


def _value_columns(node: Node, *, form: bool) -> Iterator[tuple[Node, str]]:
    members = node.members()
    word = next((word for word in WORDS if word in members), None) if form else None
    if isinstance(node.value, str):
        yield node, node.value
    elif word == "column" and isinstance(members[word].value, str):
        yield members[word], str(members[word].value)
    elif word == "template":
        try:
            names = template_columns(str(members[word].value))
        except ValueError:
            names = ()
        yield from ((members[word], name) for name in names)
    elif word == "list":
        for each in members[word].elements():
            yield from _value_columns(each, form=True)
    elif word in (None, "object"):
        inner = members[word] if word is not None else node
        for each in inner.members().values():
            yield from _value_columns(each, form=True)


def _check_mapping(mapping: Node, mistakes: Mistakes, default: str | None = None) -> None:
    kind = _text(mapping, "kind") or default
    if kind not in NEEDS:
        return
    needs = NEEDS[kind]
    if not any(identified(mapping, field) for field in needs):
        one = needs[0] if len(needs) == 1 else f"one of {', '.join(needs)}"
        mistakes.add(mapping, f"an item of kind {kind} needs {one}", f"map it: `{needs[0]}: COLUMN`")
    elif (
        kind in ("event", "identify")
        and _text(mapping, "identity") == "strict"
        and not identified(mapping, "profileId")
    ):
        mistakes.add(
            mapping.members()["identity"],
            "strict needs a mapped profileId",
            "add `profileId: COLUMN`, or write `identity: any`",
        )
    _check_event(mapping, kind, mistakes)


def identified(mapping: Node, field: str) -> bool:
    """Tell whether a mapping maps an identifier, to more than ``{value: null}``."""
    node = mapping.get(field)
    constant = mapping.get(field, "value")
    return node is not None and (constant is None or constant.value is not None)


def _check_event(mapping: Node, kind: str, mistakes: Mistakes) -> None:
    event = mapping.get("event")
    if event is None:
        if kind == "event":
            mistakes.add(
                mapping, "is missing", "add `event: NAME`, or `event: {column: COLUMN}`", key="event"
            )
        return
    constant = event.get("value") or event
    if not isinstance(constant.value, str):
        return
    name = constant.value.strip()
    if name.startswith(RESERVED_PREFIX):
        mistakes.add(constant, f"names that begin with {RESERVED_PREFIX} are reserved", "choose another name")
    elif name == RESERVED_EVENT and kind in ("event", "product"):
        hint = "write `kind: identify` to write attributes, or choose another name"
        mistakes.add(constant, f"{RESERVED_EVENT} is reserved", hint)


def _check_key_form(sync: Node, mistakes: Mistakes) -> None:
    destination = sync.get("destination")
    key, auth = sync.get("destination", "api_key"), sync.get("destination", "auth")
    if destination is None or key is None or auth is None or key.broken or not isinstance(key.value, str):
        return
    if auth.value == "header" and not has_prefix(key.value):
        mistakes.add(
            auth, "header needs a key of the form prefix.secret", "write `auth: query`, or leave auth out"
        )


def has_prefix(key: str) -> bool:
    """Tell whether an API key has the form ``prefix.secret``."""
    prefix, dot, secret = key.strip().partition(".")
    return bool(prefix and dot and secret)


def _check_schedule(sync: Node, mistakes: Mistakes) -> None:
    schedule = sync.get("schedule")
    if schedule is None or not isinstance(schedule.value, dict):
        return
    if "every" in schedule.value and "cron" in schedule.value:
        mistakes.add(schedule.value["cron"], "every and cron exclude each other", "keep one of them")
    elif not {"every", "cron", "after"} & schedule.value.keys():
        mistakes.add(schedule, "expected every or cron", 'write `every: 15m`, or `cron: "0 */2 * * *"`')


def _text(node: Node, key: str) -> str | None:
    child = node.get(key)
    return child.value if child is not None and isinstance(child.value, str) else None
