"""Addresses, paths, the files that SYNC means, and where state is kept."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import make_url

from connector.config.models import DatabaseSource, ParquetSource
from connector.config.reader import load_sync
from connector.config.syncs import find_syncs, state_url
from connector.errors import ConfigError, ConfigErrors


def url_of(folder, written: str) -> str:
    sync = folder.sync(f"source: {{type: database, table: t, url: {written}}}")
    assert isinstance(sync.source, DatabaseSource)
    return sync.source.url.get_secret_value()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///shop.db", "sqlite:///FOLDER/shop.db"),
        ("sqlite:///../shop.db", "sqlite:///FOLDER/../shop.db"),
        ("sqlite:////data/shop.db", "sqlite:////data/shop.db"),
        ("sqlite://", "sqlite://"),
        ("'sqlite:///:memory:'", "sqlite:///:memory:"),
        ("duckdb:///shop.duckdb", "duckdb:///FOLDER/shop.duckdb"),
        ("{driver: sqlite, database: shop.db}", "sqlite:///FOLDER/shop.db"),
        ("postgresql://u:p@h:5433/d?sslmode=require", "postgresql://u:p@h:5433/d?sslmode=require"),
        ("mysql+pymysql://h/d", "mysql+pymysql://h/d"),
    ],
)
def test_a_url_of_a_file_resolves_from_the_folder(folder, written, read) -> None:
    assert url_of(folder, written) == read.replace("FOLDER", str(folder.path))


def test_the_working_directory_does_not_matter(folder, monkeypatch) -> None:
    file = folder.write("configs/a.yaml", folder.sync().file.read_text())
    monkeypatch.chdir(folder.path)
    sync = load_sync("configs/a.yaml", environ={})
    assert isinstance(sync.source, DatabaseSource)
    assert sync.source.url.get_secret_value() == f"sqlite:///{file.parent}/shop.db"
    assert str(sync.file) == "configs/a.yaml"


@pytest.mark.parametrize("password", ["p@ss", "a/b#c?d", "100%", "a:b", "ü €", "x y+z", "$${A}"])
def test_a_password_in_parts_may_hold_any_character(folder, password) -> None:
    parts = f"{{driver: postgresql, host: h, port: 5433, database: d, user: u@x, password: '{password}', options: {{sslmode: require}}}}"
    url = make_url(url_of(folder, parts))
    assert url.password == password.replace("$${", "${")
    assert (url.username, url.host, url.port, url.database) == ("u@x", "h", 5433, "d")
    assert dict(url.query) == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("written", "path", "said", "remedy"),
    [
        ("shop.db", "source.url", "no database URL", "driver://user"),
        ("mysq://h/d", "source.url", "no database dialect mysq", "did you mean mysql?"),
        ("postgres://h/d", "source.url", "no database dialect postgres", "did you mean postgresql?"),
        ("postgresql://u:p@ss@h/d", "source.url", "has two @", "%40"),
        ("{host: h}", "source.url.driver", "is missing", "SQLAlchemy dialect"),
        ("{driver: postgresql, hst: h}", "source.url.hst", "unknown key", "did you mean host?"),
        ("{driver: postgresql, port: 70000}", "source.url.port", "must be at most 65,535", ""),
        ("{driver: postgresql, port: x}", "source.url.port", "expected a whole number, found text", ""),
        ("5", "source.url", "expected text, found an integer", "quotes"),
        ("''", "source.url", "text that is not blank", ""),
    ],
)
def test_a_wrong_url(folder, written, path, said, remedy) -> None:
    (mistake,) = folder.mistakes(f"source: {{type: database, table: t, url: {written}}}")
    assert mistake.path == path
    assert said in mistake.message
    assert remedy in mistake.hint


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("data/*.parquet", "FOLDER/data/*.parquet"),
        ("/data/x.parquet", "/data/x.parquet"),
        ("s3://bucket/x", "s3://bucket/x"),
        ("gs://bucket/x/*.parquet", "gs://bucket/x/*.parquet"),
    ],
)
def test_a_parquet_path_resolves_from_the_folder(folder, written, read) -> None:
    source = folder.sync(
        f"source: {{type: parquet, path: '{written}', partitions: {{year: integer}}}}"
    ).source
    assert isinstance(source, ParquetSource)
    assert source.path == read.replace("FOLDER", str(folder.path))


def test_a_ca_file_resolves_from_the_folder(folder) -> None:
    sync = folder.sync("destination: {org: a, project: b, source_id: '1', api_key: k, ca_file: ca.pem}")
    assert sync.destination.ca_file == folder.path / "ca.pem"


@pytest.mark.parametrize(
    ("option", "environ", "environment", "url"),
    [
        (None, {}, None, "sqlite:///FOLDER/.connector/state.db"),
        (None, {}, "staging", "sqlite:///FOLDER/.connector/state-staging.db"),
        (None, {"CONNECTOR_STATE": "sqlite:///x.db"}, "staging", "sqlite:///FOLDER/x.db"),
        ("sqlite:///y.db", {"CONNECTOR_STATE": "x.db"}, None, "sqlite:///FOLDER/y.db"),
        ("y.db", {}, None, "sqlite:///FOLDER/y.db"),
        ("/abs/y.db", {}, None, "sqlite:////abs/y.db"),
        ("postgresql://u:p@h/d", {}, None, "postgresql://u:p@h/d"),
    ],
)
def test_the_url_of_the_state(folder, option, environ, environment, url) -> None:
    found = state_url(folder.path / "orders.yaml", option, environ, environment)
    assert found == url.replace("FOLDER", str(folder.path))


@pytest.mark.parametrize("option", ["://hunter2", "mysql://u:hunter2@h/d", "hunter2://x"])
def test_a_wrong_state_url_is_refused_without_being_shown(folder, option) -> None:
    with pytest.raises(ConfigError, match="--state is n") as caught:
        state_url(folder.path / "orders.yaml", option, {})
    assert "hunter2" not in str(caught.value)


@pytest.fixture
def syncs(folder):
    folder.write("configs/orders.yaml", "sync: orders\n")
    folder.write("configs/people.yml", "sync: customers\nid: people\n")
    folder.write("configs/named.yaml", "sync: ${NAME:-named}\n")
    folder.write("configs/connector.yaml", "defaults: {}\n")
    folder.write("configs/.hidden.yaml", "sync: orders\n")
    folder.write("configs/notes.txt", "sync: orders\n")
    return folder.path / "configs"


def test_no_target_means_all_of_the_configs_folder(syncs) -> None:
    expected = [syncs / name for name in ("named.yaml", "orders.yaml", "people.yml")]
    assert find_syncs(None, syncs) == expected
    assert find_syncs(None, environ={"CONNECTOR_CONFIGS": str(syncs)}) == expected
    assert find_syncs(str(syncs), environ={}) == expected


def test_a_file_and_a_name(syncs, monkeypatch) -> None:
    assert find_syncs(str(syncs / "orders.yaml")) == [syncs / "orders.yaml"]
    assert find_syncs("customers", syncs) == [syncs / "people.yml"]
    assert find_syncs("x", syncs, environ={"NAME": "x"}) == [syncs / "named.yaml"]
    monkeypatch.chdir(syncs.parent)
    assert [str(file) for file in find_syncs("orders", environ={})] == ["configs/orders.yaml"]


@pytest.mark.parametrize(
    ("target", "said", "remedy"),
    [
        ("ordrs", "there is no sync ordrs", "did you mean orders?"),
        ("zzz", "there is no sync zzz", "known: named, orders, customers"),
        ("configs/ordrs.yaml", "no such file or folder", "did you mean orders.yaml?"),
        ("nowhere/", "there is no sync nowhere", "known"),
        ("configs/connector.yaml", "shared settings", "beside it"),
        ("empty/inner", "no syncs in this folder", "one sync a file"),
    ],
)
def test_what_is_not_found(syncs, monkeypatch, target, said, remedy) -> None:
    (syncs.parent / "empty/inner").mkdir(parents=True)
    monkeypatch.chdir(syncs.parent)
    with pytest.raises(ConfigError) as caught:
        find_syncs(target, environ={})
    assert said in caught.value.message
    assert remedy in caught.value.hint


def test_a_folder_that_is_not_there(folder) -> None:
    for target in (None, "orders"):
        with pytest.raises(ConfigError) as caught:
            find_syncs(target, folder.path / "none")
        assert "--configs" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "key"),
    [("sync: orders\n", "sync"), ("sync: other\nid: orders\n", "id"), ("sync: x\nid: people\n", "id")],
)
def test_two_syncs_of_one_name_or_id_are_refused_naming_both_files(syncs, text, key) -> None:
    """They would share their state and their eventIds, so it does not matter which of them is asked for."""
    (syncs / "second.yaml").write_text(text)
    for target in (None, str(syncs), str(syncs / "second.yaml"), "orders"):
        with pytest.raises(ConfigErrors) as caught:
            find_syncs(target, syncs)
        (error,) = caught.value.errors
        told = str(error)
        assert error.path == key
        assert "second.yaml" in told
        assert "orders.yaml" in told or "people.yml" in told


def test_a_broken_neighbour_hides_no_sync(syncs) -> None:
    (syncs / "broken.yaml").write_text("a: [\n")
    assert find_syncs("orders", syncs) == [syncs / "orders.yaml"]
    with pytest.raises(ConfigError) as caught:
        find_syncs("zzz", syncs)
    assert "not readable: broken.yaml" in caught.value.hint
