"""State in PostgreSQL: servers that are not there, and rights that are missing."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from connector.errors import CredentialsError, StateError
from connector.model import Watermark
from connector.state.store import StateStore

TTL = dt.timedelta(seconds=60)


@pytest.fixture
def url(postgres_server) -> Iterator[str]:
    with postgres_server.database() as made:
        yield made


def test_nobody_there():
    with pytest.raises(StateError, match=r"127\.0\.0\.1:1/db cannot be reached") as refused:
        StateStore.open("postgresql+psycopg://user:hunter2@127.0.0.1:1/db")
    assert "hunter2" not in str(refused.value)


def test_a_database_that_does_not_exist(url):
    missing = sa.make_url(url).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(StateError, match="/nowhere does not exist"):
        StateStore.open(missing)


@pytest.mark.skipif("CONNECTOR_TEST_POSTGRES" in os.environ, reason="changes who may log in to the server")
@pytest.mark.parametrize(
    "role", ["connector_test_password", "connector_test_nologin", "connector_test_missing"]
)
def test_a_refused_user_or_password(url, role):
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    refused_url = (
        sa.make_url(url).set(username=role, password="hunter2").render_as_string(hide_password=False)
    )
    with engine.connect() as admin:
        rules = admin.execute(sa.text("select pg_read_file(current_setting('hba_file'))")).scalar_one()
        admin.execute(sa.text("create role connector_test_password login password 'right'"))
        admin.execute(sa.text("create role connector_test_nologin nologin"))
        try:
            log_in_by(admin, f"local all connector_test_password scram-sha-256\n{rules}")
            refused = refusal(refused_url)
        finally:
            log_in_by(admin, rules)
            admin.execute(sa.text("drop role connector_test_password, connector_test_nologin"))
    assert "refuses the user or the password" in refused.message
    assert "hunter2" not in str(refused)


def refusal(url: str) -> CredentialsError:
    """Ask until the server has taken its new rules up, which it tells nobody; till then it lets anyone in."""
    while True:
        try:
            StateStore.open(url).close()
        except CredentialsError as error:
            return error
        except StateError:
            time.sleep(0.02)  # let in, but without the right to create tables


def log_in_by(admin: sa.Connection, rules: str) -> None:
    file = admin.execute(sa.text("show hba_file")).scalar_one()
    lines = [line for line in rules.splitlines() if line.strip() and not line.startswith("#")]
    admin.exec_driver_sql(f"copy (select unnest(array{lines})) to '{file}'")
    admin.execute(sa.text("select pg_reload_conf()"))


def test_reading_only_creates_no_tables(url):
    with StateStore.open(url, read_only=True) as store:
        assert (store.syncs(), store.watermark("orders")) == ([], {})
        with pytest.raises(StateError, match="reading only"):
            store.reset("orders")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    assert sa.inspect(engine).get_table_names() == []


def test_tables_live_beside_others(url):
    """The database may hold other things, tables named like ours among them."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("create table runs (id integer)"))
    with StateStore.open(url) as store:
        store.set_watermark("orders", Watermark({"a": 1}))
    ours = [name for name in sa.inspect(engine).get_table_names() if name != "runs"]
    assert ours
    assert all(name.startswith("connector_") for name in ours)


def test_a_right_that_is_missing_is_named(url):
    """A user who may read but not write is told which right is missing."""
    reader = (
        f"connector_test_{os.getpid()}"  # roles belong to the whole server, which may serve other workers
    )
    with StateStore.open(url) as store:
        store.set_watermark("orders", Watermark({"personal": "value"}))
        with store._database.engine.begin() as connection:
            connection.execute(sa.text(f"drop role if exists {reader}"))
            connection.execute(sa.text(f"create role {reader} login"))
            connection.execute(sa.text(f"grant select on all tables in schema public to {reader}"))
    reading = sa.make_url(url).set(username=reader).render_as_string(hide_password=False)
    with StateStore.open(reading) as store:
        assert store.watermark("orders") == {"personal": "value"}
        with pytest.raises(StateError, match=r"denies a right .*42501"):
            store.acquire("orders", ttl=TTL)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f"drop owned by {reader}"))
        connection.execute(sa.text(f"drop role {reader}"))
