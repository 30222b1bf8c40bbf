"""Servers that are away, refuse, or are something else: nothing is lost, and nothing done by halves (invariant 9)."""

import socket

import pytest
import sqlalchemy as sa
from shop import SECRET

ROWS = range(1, 41)
IMPATIENT = {"destination.retry": {"max_elapsed": "250ms", "wait_initial": "5ms", "wait_max": "20ms"}}


@pytest.fixture
def closed_port():
    """A port that nobody listens on, kept by a socket that never will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def fill(url):
    """Create the orders of the shop in a database of a server."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)
    rows = ", ".join(f"({i}, 'user{i}@shop.example', {i}.25, '2024-01-01 00:00:{i:02d}')" for i in ROWS)
    with engine.begin() as connection:
        connection.execute(sa.text("drop table if exists orders"))
        connection.execute(
            sa.text(
                "create table orders(order_id integer primary key, email varchar(99), total decimal(18,2),"
                " created_at timestamp not null default '2024-01-01 00:00:00')"
            )
        )
        connection.execute(sa.text("create index orders_new on orders(created_at, order_id)"))
        connection.execute(sa.text(f"insert into orders values {rows}"))


def written(url, **changes):
    """Return a URL with parts of it changed, as a YAML holds it."""
    return sa.make_url(url).set(**changes).render_as_string(hide_password=False)


# ── where rows come from ──────────────────────────────────────────────────────────────────────────────────


def test_postgresql_is_away(shop, postgres_url, closed_port):
    """A closed port is named without the password, and the same sync goes on once the server is there."""
    fill(postgres_url)
    away = written(f"postgresql://me@127.0.0.1:{closed_port}/shop", password=SECRET)
    path = shop.write({"source.url": away})
    for command in ("check", "run"):
        shop.refuses(shop.run(command, path), 3, "orders", f"127.0.0.1:{closed_port}", "PostgreSQL")
    shop.write({"source.url": postgres_url, "source.settle": 0})
    shop.delivers(path, ROWS)


@pytest.mark.parametrize(
    ("changes", "code"), [({"username": "nobody", "password": SECRET}, 2), ({"database": "no_such_shop"}, 2)]
)
def test_postgresql_refuses(shop, postgres_url, changes, code):
    """Who and what it refuses is for a person to mend: exit 2, without the password."""
    path = shop.write({"source.url": written(postgres_url, **changes)})
    for command in ("check", "run"):
        shop.refuses(shop.run(command, path), code, "orders")
    assert not shop.sandbox.counters()["accepted"]


def test_mariadb_is_away(shop, mariadb_url, closed_port):
    """The same of MariaDB."""
    fill(mariadb_url)
    path = shop.write({"source.url": written(mariadb_url, port=closed_port, password=SECRET)})
    for command in ("check", "run"):
        shop.refuses(shop.run(command, path), 3, "orders", f"127.0.0.1:{closed_port}")
    shop.write({"source.url": mariadb_url, "source.settle": 0})
    shop.delivers(path, ROWS)


def test_mariadb_refuses_the_password(shop, mariadb_url):
    """A wrong password is named as such, and not printed; the right one delivers everything once."""
    fill(mariadb_url)
    path = shop.write({"source.url": written(mariadb_url, password=SECRET)})
    for command in ("check", "run", "preview"):
        shop.refuses(shop.run(command, path), 2, "password", "source.url")
    shop.write({"source.url": mariadb_url, "source.settle": 0})
    shop.delivers(path, ROWS)


def test_a_password_that_breaks_the_url(shop):
    """An @ and a / in a password are to be written as %40 and %2F: no part of it is taken for a host and printed."""
    path = shop.write({"source.url": "postgresql://me:p@ss/w#rd@127.0.0.1:1/shop"})
    for command in ("check", "run"):
        ended = shop.run(command, path)
        shop.refuses(ended, 2, str(path), "source.url", "%40")
        assert "w#rd" not in ended.err + ended.out
        assert "ss" not in ended.err.replace("password", "").split()


def test_the_state_server_is_away(shop, closed_port):
    """Without its state a run sends nothing; with it, all."""
    shop.orders(ROWS)
    path = shop.write()
    url = written(f"postgresql://me@127.0.0.1:{closed_port}/state?connect_timeout=1", password=SECRET)
    for command in ("run", "check", "status"):
        shop.refuses(
            shop.run(command, "--state", url, path), 3, f"127.0.0.1:{closed_port}/state", "state store"
        )
    assert not shop.sandbox.counters()["accepted"]
    shop.delivers(path, ROWS)


# ── where items go ────────────────────────────────────────────────────────────────────────────────────────

# The answer to each request -> exit code, and what the program says.
ANSWERS = {
    "login-page": ({"fault": "login_page"}, 3, "not the Track API"),
    "redirect": ({"fault": "redirect"}, 3, "302, a redirect"),
    "401": ({"fault": "status", "status": 401}, 2, "destination.api_key"),
    "403": ({"fault": "status", "status": 403}, 2, "destination.api_key"),
    "404": ({"fault": "status", "status": 404}, 2, "destination.source_id"),
    "405": ({"fault": "status", "status": 405}, 3, "405"),
    "429": ({"fault": "status", "status": 429}, 3, "within 0.25 s (last: status 429)"),
    "503": ({"fault": "status", "status": 503}, 3, "within 0.25 s (last: status 503)"),
    "hang": ({"fault": "hang"}, 3, "no answer from 127.0.0.1"),
    "reset": ({"fault": "reset"}, 3, "no answer from 127.0.0.1"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_destination_that_does_not_take_items(shop, name):
    """The run says why it ends, rejects nothing, and the next one delivers every row once."""
    rule, code, words = ANSWERS[name]
    shop.orders(ROWS)
    path = shop.write({**IMPATIENT, "destination.timeout": "100ms"})
    shop.sandbox.set_faults({"rules": [rule]})
    ended = shop.run("run", "--json", path)
    shop.refuses(ended, code, "orders", words)
    assert {"delivered": 0, "rejected": 0}.items() <= ended.counts.items()
    assert "no state" in shop.run("state", "show", path).out
    shop.sandbox.set_faults({})
    shop.write()
    shop.delivers(path, ROWS)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_destination_that_stops_taking_items(shop, name):
    """What was acknowledged before is committed, and not sent again."""
    rule, code, words = ANSWERS[name]
    shop.orders(ROWS)
    path = shop.write({**IMPATIENT, "destination.timeout": "100ms", "destination.concurrency": 2})
    shop.sandbox.set_faults({"rules": [{**rule, "from_nth": 3}]})
    ended = shop.run("run", "--json", path)
    shop.refuses(ended, code, "orders", words)
    assert ended.counts["rejected"] == 0
    assert 1 <= len(shop.received()) < len(ROWS)
    shop.sandbox.set_faults({})
    shop.write()
    shop.delivers(path, ROWS)


@pytest.mark.parametrize(
    "changes",
    [
        {"destination.api_key": f"other.{SECRET}"},
        {"destination.api_key": f"other{SECRET}", "destination.auth": "query"},
        {"destination.org": "nobody"},
    ],
    ids=["header-key", "query-key", "organisation"],
)
def test_a_destination_that_knows_us_not(shop, changes):
    """A key or a name that is wrong stops the run at once, and the key is shown nowhere."""
    shop.orders(ROWS)
    path = shop.write(changes)
    shop.refuses(shop.run("run", path), 2, "orders", "destination.")
    assert sum(shop.sandbox.counters()["statuses"].values()) <= 4
    shop.refuses(shop.run("run", path), 2, "orders")
    shop.write()
    shop.delivers(path, ROWS)


def test_nobody_listens(shop, closed_port):
    """A destination that is away is named with the reason; the run gives up after retry.max_elapsed."""
    shop.orders(ROWS)
    path = shop.write({**IMPATIENT, "destination.base_url": f"http://127.0.0.1:{closed_port}/v1"})
    for command, words in (("check", "cannot be reached"), ("run", "destination.retry.max_elapsed")):
        ended = shop.run(command, path)
        shop.refuses(
            ended, 3, "orders", words, f"cannot connect to 127.0.0.1:{closed_port}: Connection refused"
        )
    # Sent to an address before, but never acknowledged: the address may be corrected.
    shop.write()
    shop.delivers(path, ROWS)
