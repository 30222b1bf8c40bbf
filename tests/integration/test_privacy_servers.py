"""Invariant 5 beside databases and destinations that fail and quote what they were given: no canary is given away."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
import trustme
from canaries import API_KEY, EMAIL, PASSWORD, PROXY_PASSWORD, QUERY_KEY, STATE_PASSWORD, Place
from privacy_stage import TABLE, Scenario, rows, table_of
from shop import wait_for
from transport_servers import Proxy, Server, answer

SCENARIOS: dict[str, Scenario] = {}
scenario = table_of(SCENARIOS)

# What a careless server, proxy or page answers with.
ECHO = f"{API_KEY} {quote(API_KEY, safe='')} {EMAIL.format(1)}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_given_away(scene, name):
    """It fails in its words and with its exit code, and no canary is found outside of where it may stand."""
    SCENARIOS[name].happens(scene)
    assert scene.leaks() == []


def closed_port(scene):
    """Return a port that nobody listens on, kept by a socket that never will."""
    taken = scene.open(socket.socket())
    taken.bind(("127.0.0.1", 0))
    return taken.getsockname()[1]


# ── databases that cannot be reached, or refuse ───────────────────────────────────────────────────────────


@scenario(3, "Connection refused")
def postgresql_is_away(scene):
    scene.changes["source.url"] = scene.url("postgresql", PASSWORD, f"127.0.0.1:{closed_port(scene)}")


@scenario(3, "There is no host")
def a_host_that_is_not_there(scene):
    scene.changes["source.url"] = scene.url("postgresql", PASSWORD, "no-such-host.invalid")


@scenario(3, "Cannot reach PostgreSQL at")
def a_url_without_a_host(scene):
    scene.changes["source.url"] = {
        "driver": "postgresql",
        "user": "me",
        "password": PASSWORD,
        "database": "shop",
    }


@scenario(2, "an option that PostgreSQL does not know")
def an_option_that_is_none(scene):
    scene.changes["source.url"] = scene.url("postgresql", PASSWORD, "127.0.0.1:1") + "?pasword=x"


@scenario(3, "Cannot reach MySQL at")
def mariadb_is_away(scene):
    scene.changes["source.url"] = scene.url("mysql", PASSWORD, f"127.0.0.1:{closed_port(scene)}")


@scenario(3, "cannot be read (OperationalError)")
def another_driver_finds_nobody(scene):
    scene.changes["source.url"] = scene.url("postgresql+psycopg", PASSWORD, f"127.0.0.1:{closed_port(scene)}")


@scenario(2, "refuses the user, the password")
def mariadb_refuses_the_password(scene):
    server = sa.make_url(_mariadb(scene))
    parts = {"driver": "mysql", "host": server.host, "port": server.port, "database": server.database}
    scene.changes["source.url"] = {**parts, "user": "root", "password": PASSWORD}


@scenario(2, "The server refuses the password")
def postgresql_refuses_the_password(scene):
    scene.changes["source.url"] = _guarded(scene, "postgresql", PASSWORD)


@scenario(3, "cannot be read (OperationalError)")
def another_driver_is_refused(scene):
    scene.changes["source.url"] = _guarded(scene, "postgresql+psycopg", PASSWORD)


@scenario(2, "refuses the user or the password")
def the_state_refuses_the_password(scene):
    scene.options = ["--state", _guarded(scene, "postgresql", STATE_PASSWORD)]
    scene.aftermath = (("--debug", "run"), ("status",), ("rejects", "list"))


def _postgres(scene, dialect="postgresql"):
    return _filled(scene, scene.request.getfixturevalue("postgres_url"), dialect)


def _mariadb(scene):
    return _filled(scene, scene.request.getfixturevalue("mariadb_url"), "mysql+pymysql")


def _filled(scene, url, dialect):
    """Put the people into a database, and return its URL for a dialect."""
    scene.changes |= {"source.settle": 0}
    connect = "postgresql+psycopg" if url.startswith("postgresql") else dialect
    engine = sa.create_engine(sa.make_url(url).set(drivername=connect), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("drop table if exists people")
        connection.exec_driver_sql(TABLE.format(json="json"))
        connection.exec_driver_sql(f"insert into people values ({', '.join(['%s'] * 7)})", rows())
    return sa.make_url(url).set(drivername=dialect).render_as_string(hide_password=False)


def _guarded(scene, driver, password):
    """Return the URL of a user whose password the server wants to see (SCRAM), with another one."""
    url = sa.make_url(scene.request.getfixturevalue("postgres_url"))
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("drop role if exists guarded")
        connection.exec_driver_sql("create role guarded login password 'the right one'")
        rules = Path(connection.exec_driver_sql("show hba_file").scalar_one())
        if rules.exists() and "guarded" not in rules.read_text():
            rules.write_text(f"local all guarded scram-sha-256\n{rules.read_text()}")
            connection.exec_driver_sql("select pg_reload_conf()")
    guarded = url.set(drivername=driver, username="guarded", password=password)
    return guarded.render_as_string(hide_password=False)


# ── databases that quote ──────────────────────────────────────────────────────────────────────────────────


def _reading(scene, url, expression):
    """Read people with a column that fails while rows are read."""
    scene.changes |= {
        "source.url": url,
        "source.table": None,
        "source.query": f"select p.*, {expression} bad from people p",
    }
    scene.changes |= {"mapping.data": {"bad": "bad"}}


@scenario(2, "emial")
def a_filter_of_postgresql(scene):
    scene.changes |= {"source.url": _postgres(scene), "source.where": f"emial = '{EMAIL.format(1)}'"}


@scenario(2, "The source refuses the filter")
def a_filter_of_postgresql_with_an_open_quote(scene):
    scene.changes |= {"source.url": _postgres(scene), "source.where": f"email = '{EMAIL.format(1)}"}


@scenario(2, "The source refuses the filter")
def a_filter_of_postgresql_with_a_value_as_name(scene):
    scene.changes |= {"source.url": _postgres(scene), "source.where": f'email = "{EMAIL.format(1)}"'}


@scenario(2, "SQLSTATE 22P02")
def a_filter_of_postgresql_with_a_wrong_type(scene):
    scene.changes |= {"source.url": _postgres(scene), "source.where": f"5 = '{EMAIL.format(1)}'"}


@scenario(3, "ended the statement")
def postgresql_casts_a_row(scene):
    _reading(scene, _postgres(scene), "cast(email as integer)")


@scenario(3, "ended the statement")
def postgresql_divides_by_nothing(scene):
    _reading(scene, _postgres(scene), "length(email) / (length(phone) - length(phone))")


@scenario(3, "ended the statement")
def a_number_of_postgresql_is_too_large(scene):
    _reading(scene, _postgres(scene), "cast(repeat(right(phone, 8), 3) as integer)")


@scenario(3, "ended the statement")
def postgresql_looks_a_value_up(scene):
    _reading(scene, _postgres(scene), "cast(email as regclass)::text")


@scenario(3, "ended the statement")
def postgresql_asks_for_a_setting(scene):
    _reading(scene, _postgres(scene), "current_setting(email)")


@scenario(3, "cannot be read (DataError)")
def another_driver_casts_a_row(scene):
    _reading(scene, _postgres(scene, "postgresql+psycopg"), "cast(email as integer)")
    scene.changes["source.columns"] = _TYPES


@scenario(2, "refuses the statement (ProgrammingError)")
def a_filter_of_another_driver(scene):
    url = _postgres(scene, "postgresql+psycopg")
    scene.changes |= {"source.url": url, "source.where": f"emial = '{EMAIL.format(1)}'"}


@scenario(0, '"delivered": 12')
def another_driver_reads_well(scene):
    scene.changes["source.url"] = _postgres(scene, "postgresql+psycopg")


@scenario(2, "emial")
def a_filter_of_mariadb(scene):
    scene.changes |= {"source.url": _mariadb(scene), "source.where": f"emial = '{EMAIL.format(1)}'"}


@scenario(2, "right syntax to use near …")
def a_filter_of_mariadb_with_an_open_quote(scene):
    scene.changes |= {"source.url": _mariadb(scene), "source.where": f"email = '{EMAIL.format(1)}"}


@scenario(3, "ended the statement (code 1105)")
def mariadb_quotes_a_row(scene):
    _reading(scene, _mariadb(scene), "extractvalue(1, concat('~', email))")


@scenario(3, "broke the statement (code 1690)")
def a_number_of_mariadb_is_too_large(scene):
    _reading(scene, _mariadb(scene), "cast(right(phone, 8) as unsigned) - 18446744073709551615")


@scenario(3, "ConversionException")
def duckdb_casts_a_row(scene):
    _reading(scene, _duckdb(scene), "cast(email as integer)")


@scenario(2, "DuckDB refuses the statement")
def a_filter_of_duckdb(scene):
    scene.changes |= {"source.url": _duckdb(scene), "source.where": f"emial = '{EMAIL.format(1)}'"}


@scenario(2, "DuckDB refuses the statement")
def a_filter_of_duckdb_with_a_value_as_name(scene):
    scene.changes |= {"source.url": _duckdb(scene), "source.where": f'email = "{EMAIL.format(1)}"'}


_TYPES = {
    **dict.fromkeys(("id", "email", "name", "phone", "user_id", "profile"), "varchar"),
    "joined": "timestamp",
    "bad": "integer",
}


def _duckdb(scene):
    import duckdb

    with duckdb.connect(scene.folder / "shop.duckdb") as connection:
        connection.execute(TABLE.format(json="json"))
        connection.executemany(f"insert into people values ({', '.join('?' * 7)})", rows())
    return "duckdb:///shop.duckdb"


# ── destinations ──────────────────────────────────────────────────────────────────────────────────────────


def _answers(code, words, **rule):
    """Enter a scenario in which the sandbox answers every request by a rule, with an echo."""

    def enter(arrange):
        def arranged(scene):
            arrange(scene)
            scene.shop.sandbox.set_faults({"rules": [{"fault": "status", "body": ECHO, **rule}]})

        arranged.__name__ = arrange.__name__
        scenario(code, words)(arranged)

    return enter


for status, code, words in (
    (400, 4, "all 12 rows were rejected"),
    (401, 2, "refused the API key (401)"),
    (403, 2, "refused the API key (403)"),
    (404, 2, "404"),
    (405, 3, "405"),
    (413, 4, "all 12 rows were rejected"),
    (429, 3, "status 429"),
    (500, 3, "status 500"),
):

    def echo(scene):
        """Only the answer matters."""

    echo.__name__ = f"an_echo_with_{status}"
    _answers(code, words, status=status)(echo)


@_answers(3, "not the Track API", status=200)
def a_login_page(scene):
    """It holds the address that was asked for."""


@_answers(3, "within 0.2 s", fault="hang", status=None, body=None)
def no_answer(scene):
    """The request is in doubt."""


@_answers(3, "within 0.2 s", fault="reset", status=None, body=None)
def a_reset(scene):
    """In the middle of the body."""


@_answers(4, "all 12 rows were rejected", fault="hang", status=None, body=None)
def no_answer_and_all_is_held(scene):
    scene.changes["destination.on_doubt"] = "hold"


@scenario(0, '"refused_by_server": 1')
def a_refusal_that_quotes_the_item(scene):
    scene.shop.sandbox.set_faults({"poison": ["kanarek3"], "quote_refused": True})


@scenario(0, '"refused_by_server": 1')
def a_refusal_in_an_echo(scene):
    scene.shop.sandbox.set_faults({"poison_echo": ["kanarek3"]})


@scenario(4, "rows in a row were rejected")
def too_many_rejects(scene):
    scene.shop.sandbox.set_faults({"poison": ["kanarek"], "quote_refused": True, "refusal": "text"})
    scene.changes["rejects"] = {"max_consecutive": 3}


@scenario(4, "item_too_large")
def an_item_that_is_too_large(scene):
    scene.shop.sandbox.set_faults({"max_bytes": 50})


@scenario(2, "refused the API key")
def a_key_in_the_address(scene):
    scene.changes |= {"destination.api_key": QUERY_KEY, "destination.auth": "query"}


@scenario(3, "302, a redirect")
def a_redirect_with_the_key(scene):
    location = f"Location: http://127.0.0.1:1/?apiKey={quote(API_KEY, safe='')}\r\n".encode()
    _serve(scene, answer(ECHO.encode(), location, b"302 Found"))


@scenario(3, "not HTTP/1")
def an_answer_that_is_not_http(scene):
    _serve(scene, f"{ECHO}\r\n\r\n".encode())


@scenario(3, "malformed header")
def a_header_that_is_none(scene):
    _serve(scene, answer(b"{}", f" {ECHO}\r\n".encode()))


def _serve(scene, reply):
    server = scene.open(Server(reply))
    scene.changes["destination.base_url"] = f"http://127.0.0.1:{server.port}/v1"


@scenario(3, "TLS certificate is not trusted")
def a_certificate_that_nobody_vouches_for(scene):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = scene.open(Server(tls=context))
    scene.changes["destination.base_url"] = f"https://127.0.0.1:{server.port}/v1"


@scenario(3, "its credentials are missing or wrong")
def a_proxy_that_refuses(scene):
    proxy = scene.open(Proxy(b"407 Proxy Authentication Required"))
    scene.environ["HTTPS_PROXY"] = f"http://me:{quote(PROXY_PASSWORD, safe='')}@127.0.0.1:{proxy.port}"
    scene.changes["destination.base_url"] = "https://api.example/v1"


@scenario(3, "through the proxy 127.0.0.1")
def a_proxy_that_is_away(scene):
    port = closed_port(scene)
    scene.environ["HTTP_PROXY"] = f"http://me:{quote(PROXY_PASSWORD, safe='')}@127.0.0.1:{port}"
    scene.changes["destination.base_url"] = "http://api.example/v1"


@scenario(3, "the URL of the proxy is malformed")
def a_proxy_whose_password_is_not_escaped(scene):
    scene.environ["HTTP_PROXY"] = f"http://me:{PROXY_PASSWORD}@127.0.0.1:1"
    scene.changes["destination.base_url"] = "http://api.example/v1"


@scenario(3, "are in doubt")
def a_run_after_a_crash(scene):
    scene.shop.sandbox.set_faults({"rules": [{"fault": "hang"}]})
    scene.changes["destination.timeout"] = "30s"
    process = scene.shop.start("run", scene.write())
    wait_for(lambda: scene.shop.sandbox.counters()["in_flight"])
    process.kill()
    out, err = process.communicate()
    scene.places += [Place("stdout of a run that was killed", out), Place("stderr of it", err)]
    scene.changes["destination.timeout"] = "200ms"
