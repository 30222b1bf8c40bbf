"""check --show: the merged configuration as YAML that says the same, with its secrets masked."""

from __future__ import annotations

import pytest

from connector.config.document import read_document
from connector.config.models import DatabaseSource, Sync
from connector.config.reader import load_sync
from connector.config.show import MASK, masked_url, show

WHOLE = """
sync: orders
id: first
source:
  type: database
  url: postgresql://u:hunter2@h/d?sslpassword=hunter3&sslmode=require
  query: "select '$${x}' as a"
  columns: {total: "decimal(18,2)"}
  mode: diff
  cursor: {sql: "coalesce(a, b)"}
  key: [a, b]
  start: "5"
  settle: 1500ms
  future: 36h
  delete_guard: 7.5%
  timezone: Europe/Berlin
  transform: a.b:c
  on_delete: {event: Gone, userId: a, data: {why: {value: null}}}
mapping:
  - kind: event
    when: "x = 'NO'"
    event: {column: name}
    userId: email
    timestamp: {column: at, type: timestamp}
    data:
      "*": true
      password: false
      value: {value: {a: [1, 2.5, null, "2024-01-01", "NO", "1"]}}
      nested: {object: {value: a, list: {list: [b, {template: "{{x}} {y}"}]}}}
      plain: {city: c, deep: {zip: {column: z, default: 0, hash: sha256}}}
  - {kind: identify, userId: u, userAttributes: {column: a, object: b}}
destination:
  base_url: https://localhost:8443/v1/
  org: acme
  project: shop
  source_id: '1841710181319290881'
  api_key: ${API_KEY}
  max_bytes: 500kB
  max_items_per_second: 10
  retry: {wait_initial: 1.5s}
  ca_file: ca.pem
rejects: {max: 0, retention: 90m}
schedule: {cron: "@daily", blackout: "22:00-06:00"}
tests:
  - {row: {a: 1, b: "2024-01-01", c: null}, item: [{userId: x}]}
  - {row: {}, reject: missing_identity}
"""


def comparable(sync: Sync) -> dict:
    return sync.model_dump(exclude={"file": True, "source": {"url"}, "destination": {"api_key"}})


@pytest.mark.parametrize("text", [WHOLE, "sync: orders"])
def test_what_is_shown_reads_as_the_same_sync(folder, text) -> None:
    sync = folder.sync(text, environ={"API_KEY": "pre.hunter4"})
    shown = show(sync)
    again = load_sync(folder.write("again.yaml", shown.replace("api_key: '***'", "api_key: a.b")), environ={})
    assert comparable(again) == comparable(sync)
    assert shown.startswith(f"# {sync.file}\n")


def test_secrets_are_masked_and_the_rest_of_a_url_is_not(folder) -> None:
    """Keys, passwords, and variables that are secret by their name or because a file holds them."""
    folder.write("salt", "hunter5\n")
    sync = folder.sync(
        WHOLE.replace("x = 'NO'", "x = '${file:salt}' or y = '${MY_TOKEN}' or z = '${PLACE}'"),
        environ={"API_KEY": "pre.hunter4", "MY_TOKEN": "hunter6", "PLACE": "visible"},
    )
    shown = show(sync)
    assert "hunter" not in shown
    assert "url: postgresql://u:***@h/d?sslmode=require&sslpassword=***\n" in shown
    assert f"x = '{MASK}' or y = '{MASK}' or z = 'visible'" in shown
    assert read_document(folder.write("b.yaml", shown)).plain()["destination"]["api_key"] == MASK


def test_the_whole_url_is_not_masked_when_its_variable_sounds_secret(folder) -> None:
    sync = folder.sync(
        "source: {type: database, url: '${KEY_DB}', table: t}",
        environ={"KEY_DB": "postgresql://u:hunter2@h/d"},
    )
    assert "url: postgresql://u:***@h/d\n" in show(sync)


def test_no_representation_of_a_sync_tells_its_secrets(folder) -> None:
    sync = folder.sync(WHOLE, environ={"API_KEY": "pre.hunter4"})
    assert isinstance(sync.source, DatabaseSource)
    assert "hunter" not in f"{sync!r} {sync} {sync.model_dump_json()}"
    assert masked_url("mysql+pymysql://h/d?passwd=x&a=b") == "mysql+pymysql://h/d?a=b&passwd=***"


def test_the_environment_is_named(folder) -> None:
    folder.write("connector.yaml", "environments: {staging: {}}")
    sync = folder.sync("", env="staging")
    assert show(sync).startswith(f"# {sync.file}, environment staging\n")
