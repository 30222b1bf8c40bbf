"""connector.yaml: what syncs share, and the environments over it."""

from __future__ import annotations

import datetime as dt

import pytest

from connector.config.models import DatabaseSource
from connector.config.reader import load_sync

SHARED = """
sources:
  warehouse: {type: database, url: 'sqlite:///shop.db', timezone: Europe/Berlin}
  unused: {type: database, url: '${NEVER_SET}'}
destinations:
  intempt: {org: acme, project: live, source_id: '1', api_key: '${KEY}', retry: {max_elapsed: 5m}}
defaults:
  source: {lookback: 1h}
  destination: {concurrency: 4}
  rejects: {max: 1%, after: 10}
  mapping: {nulls: send}
  schedule: {every: 15m, timezone: Europe/Berlin}
environments:
  staging:
    destinations: {intempt: {project: staging}}
    defaults: {rejects: {max: 50%}}
  tests:
    sources: {warehouse: {url: 'sqlite:///tests.db'}}
"""
SYNC = """
sync: orders
source: {use: warehouse, table: orders, cursor: id, key: id}
mapping: {kind: event, event: Purchase, userId: email}
destination: {use: intempt, retry: {wait_max: 9s}}
"""
ENV = {"KEY": "a.b"}


def url(sync) -> str:
    assert isinstance(sync.source, DatabaseSource)
    return sync.source.url.get_secret_value()


def test_layers_are_merged_and_the_sync_wins(folder) -> None:
    """Defaults lie below the named source, that below the sync's own keys; unused variables may be unset."""
    folder.write("connector.yaml", SHARED)
    sync = folder.sync(SYNC, "rejects: {after: 99}", environ=ENV)
    assert url(sync) == f"sqlite:///{folder.path}/shop.db"
    assert (sync.source.timezone, sync.source.lookback) == ("Europe/Berlin", dt.timedelta(hours=1))
    assert (sync.destination.project, sync.destination.concurrency, sync.destination.auth) == (
        "live",
        4,
        "header",
    )
    assert (sync.destination.retry.max_elapsed.seconds, sync.destination.retry.wait_max.seconds) == (300, 9)
    assert (sync.rejects.max, sync.rejects.after) == (0.01, 99)
    assert sync.mapping[0].nulls == "send"
    assert sync.schedule is not None
    assert sync.schedule.every == dt.timedelta(minutes=15)


def test_an_environment_lies_over_the_shared_settings(folder) -> None:
    folder.write("connector.yaml", SHARED)
    staging = folder.sync(SYNC, environ=ENV, env="staging")
    assert (staging.environment, staging.destination.project, staging.rejects.max) == (
        "staging",
        "staging",
        0.5,
    )
    assert staging.rejects.after == 10
    assert url(staging).endswith("/shop.db")
    assert url(folder.sync(SYNC, environ=ENV, env="tests")).endswith("/tests.db")


def test_the_nearest_file_above_counts_and_its_paths_are_its_own(folder) -> None:
    """A relative path resolves from the folder of the file that it is written in."""
    folder.write("connector.yaml", SHARED)
    file = folder.write("team/a/orders.yaml", SYNC)
    assert url(load_sync(file, environ=ENV)) == f"sqlite:///{folder.path}/shop.db"
    folder.write("team/connector.yaml", SHARED)
    assert url(load_sync(file, environ=ENV)) == f"sqlite:///{folder.path}/team/shop.db"


@pytest.mark.parametrize(
    ("weak", "strong", "kept"),
    [
        ("schedule: {every: 15m}", "schedule: {cron: '@daily'}", "cron"),
        ("schedule: {cron: '@daily'}", "schedule: {every: 1h}", "every"),
    ],
)
def test_of_keys_that_exclude_each_other_the_stronger_layers_stays(folder, weak, strong, kept) -> None:
    folder.write("connector.yaml", f"defaults: {{{weak}}}\n")
    schedule = folder.sync(strong).schedule
    assert schedule.model_dump(include={"every", "cron"}, exclude_none=True).keys() == {kept}


def test_a_default_use_is_for_syncs_that_name_no_type(folder) -> None:
    folder.write("connector.yaml", SHARED + "\n").write_text(
        SHARED.replace("{lookback: 1h}", "{use: warehouse}").replace("{concurrency: 4}", "{use: intempt}")
    )
    mapping = "mapping: {kind: event, event: x, userId: u}"
    sync = load_sync(folder.write("a.yaml", f"sync: a\nsource: {{table: t}}\n{mapping}\n"), environ=ENV)
    assert (url(sync)[-7:], sync.destination.org) == ("shop.db", "acme")
    file = folder.write("b.yaml", f"sync: b\nsource: {{type: parquet, path: x}}\n{mapping}\n")
    assert load_sync(file, environ=ENV).source.type == "parquet"


@pytest.mark.parametrize(
    ("shared", "sync", "where", "said", "remedy"),
    [
        (None, SYNC, ("orders.yaml:3", "source.use"), "no connector.yaml in this folder or above", "sources:"),
        (SHARED, SYNC.replace("use: warehouse", "use: warehose"), ("orders.yaml:3", "source.use"), "no such name under sources", "did you mean warehouse?"),
        (SHARED, SYNC.replace("use: warehouse", "use: x"), ("orders.yaml:3", "source.use"), "no such name", "has: warehouse, unused"),
        (SHARED, SYNC.replace("use: warehouse", "use: [x]"), ("orders.yaml:3", "source.use"), "expected the name", "use: NAME"),
        (SHARED + "sorces: {}", SYNC, ("connector.yaml:19", "sorces"), "unknown key", "did you mean sources?"),
        (SHARED.replace("{every: 15m,", "{evry: 15m, every: 15m,"), SYNC, ("connector.yaml:12", "defaults.schedule.evry"), "unknown key", "did you mean every?"),
        (SHARED.replace("type: database, url: 'sqlite:", "tpe: x, type: database, url: 'sqlite:"), SYNC, ("connector.yaml:3", "sources.warehouse.tpe"), "unknown key", "did you mean type?"),
        (SHARED.replace("nulls: send", "kind: event"), SYNC, ("connector.yaml:11", "defaults.mapping.kind"), "unknown key", "nulls"),
        (SHARED.replace("  rejects: {max", "  sync: x\n  rejects: {max"), SYNC, ("connector.yaml:10", "defaults.sync"), "each sync's own", "sync's file"),
        (SHARED.replace("'${KEY}'", "'${KEYS}'"), SYNC, ("connector.yaml:6", "destinations.intempt.api_key"), "KEYS is not set", "set it"),
        ("sources: [a]", SYNC.replace("use: intempt", "org: a, project: b, source_id: '1', api_key: k"), ("connector.yaml:1", "sources"), "expected a mapping of names", "NAME:"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_is_written(folder, shared, sync, where, said, remedy) -> None:
    """Paths are those of the file that holds the mistake, not of the merged sync."""
    if shared is not None:
        folder.write("connector.yaml", shared)
    mistakes = folder.mistakes(sync, environ=ENV)
    mistake = next(mistake for mistake in mistakes if mistake.path == where[1])
    assert mistake.file == f"{folder.path}/{where[0]}"
    assert said in mistake.message
    assert remedy in mistake.hint
    # A `use` that leads nowhere is not followed by all the keys that it would have brought.
    assert not any("is missing" in mistake.message and "source" in mistake.path for mistake in mistakes)


@pytest.mark.parametrize(
    ("shared", "said", "remedy"),
    [
        (None, "there is no environment stagin: no connector.yaml", "leave out --env"),
        (SHARED, "there is no environment stagin", "did you mean staging?"),
        ("defaults: {}", "there is no environment stagin", "known: none"),
    ],
)
def test_an_unknown_environment(folder, shared, said, remedy) -> None:
    if shared is not None:
        folder.write("connector.yaml", shared)
    (mistake,) = folder.mistakes(SYNC, environ=ENV, env="stagin")
    assert said in mistake.message
    assert remedy in mistake.hint


def test_an_empty_shared_file_says_how_to_begin(folder) -> None:
    folder.write("connector.yaml", "# nothing\n")
    (mistake,) = folder.mistakes(SYNC)
    assert (mistake.message, mistake.hint) == ("the file is empty", "begin with `sources:`")
