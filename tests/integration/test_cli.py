"""Every command as a stranger meets it: what it prints, where, and with which exit code."""

import json
import os
import subprocess
import sys

import jsonschema
import pytest
from ruamel.yaml import YAML
from shop import KEY, SECRET

import connector
from connector import wiring

COMMANDS = [
    *("run", "check", "test", "preview", "status", "sandbox", "demo", "schema"),
    *(
        "rejects list",
        "rejects show",
        "rejects export",
        "rejects drop",
        "state show",
        "state set",
        "state reset",
        "state rename",
        "state copy",
    ),
]


@pytest.mark.parametrize("command", ["", *COMMANDS, "rejects", "state"])
def test_help(shop, command):
    """Each command says what it is for, and its defaults are readable."""
    told = shop.run(*command.split(), "--help")
    assert (told.code, told.err) == (0, "")
    assert "Usage: " in told.out
    assert "Show this message and exit" in told.out
    if command in ("run", "check"):
        assert "./configs" in told.out
        assert "CONNECTOR_STATE" in told.out


def test_all_commands_are_listed(shop):
    """The help names each command, and none that does not exist."""
    told = shop.run("--help").out
    for command in COMMANDS:
        assert f" {command.split()[0]} " in told


def test_version_and_misspellings(shop):
    """The version is the package's; a misspelt command or option is exit 2, with the nearest one."""
    assert shop.run("--version").out.strip() == connector.__version__
    for words, near in (
        (["runn"], "run"),
        (["run", "--limt"], "--limit"),
        (["run", "--limit", "0"], "--limit"),
    ):
        told = shop.run(*words)
        assert (told.code, near in told.err) == (2, True)


def test_a_process_says_the_same(shop):
    """As a process: results on standard output, the rest on standard error, no colours, no bar, one exit code."""
    shop.orders(range(1, 31))
    path = shop.write()
    ended = shop.execute("run", "--json", path)
    assert (ended.code, ended.counts["delivered"]) == (0, 30)
    assert [line.split()[0] for line in ended.err.splitlines()] == ["note"]
    assert "\x1b" not in ended.err
    shop.keeps_secrets(ended)
    path.write_text("sync: [")
    shop.refuses(shop.execute("run", path), 2, "is not YAML")


def test_a_terminal_shows_progress(shop):
    """On a terminal a bar shows rows, rate, requests in flight and rejects, and goes when the run ends."""
    pty = pytest.importorskip("pty", reason="needs a pseudo-terminal, which Windows has none of")
    shop.orders(range(1, 201))
    path = shop.write({"destination.concurrency": 2})
    shop.sandbox.set_faults({"latency": 0.1})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "run", str(path)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "SHOP_KEY": KEY, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65_536):
            shown += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    process.communicate()
    os.close(ours)
    assert process.returncode == 0
    for words in (b" rows/s", b" in flight", b" rejected"):
        assert words in shown


def test_check(shop):
    """It opens everything, sends nothing, creates no state, and says that the key shows only on sending."""
    shop.orders(range(1, 11))
    path = shop.write()
    told = shop.run("check", path)
    assert (told.code, "ready to run" in told.out, "API key" in told.out) == (0, True, True)
    assert shop.sandbox.stats()["items"] == 0
    assert not shop.state.parent.exists()
    (shop.folder / "shop.db").unlink()
    offline = shop.run("check", "--offline", path)
    assert (offline.code, "nothing was opened" in offline.out) == (0, True)


def test_check_show(shop):
    """The merged configuration is YAML again, every default filled in, and without a secret."""
    (shop.folder / "connector.yaml").write_text("defaults: {rejects: {max: 9%}}\n")
    path = shop.write(
        {"source.url": f"postgresql://me:{SECRET.replace('@', '%40').replace('/', '%2F')}@db/shop"}
    )
    told = shop.run("check", "--show", path)
    assert told.code == 0
    shop.keeps_secrets(told)
    shown = YAML(typ="safe").load(told.out)
    assert shown["rejects"]["max"] == "9%"
    assert shown["destination"]["api_key"] == "***"
    assert "me:***@db" in shown["source"]["url"]
    assert shown["destination"]["concurrency"] == 8


def test_the_tests_of_a_yaml(shop):
    """They need no source and no variables; what differs is shown, with exit 2."""
    rows = [
        {"row": {"order_id": 1, "email": "a@b.c", "total": 1.5}, "item": {"userId": "a@b.c"}},
        {"row": {"order_id": 2, "total": 1.5}, "reject": "missing_identity"},
    ]
    rows[0]["row"]["created_at"] = "2024-01-01 00:00:00"
    rows[0]["item"] |= {"timestamp": 1704067200000, "data": {"orderId": 1, "amount": 1.5}}
    changes = {"tests": rows, "mapping.timestamp": {"column": "created_at", "default": "2024-01-01"}}
    path = shop.write(changes)
    passed = shop.run("test", path)
    assert (passed.code, passed.out) == (0, "2 passed, 0 failed\n")
    rows[0]["item"]["data"]["amount"] = 2
    shop.write(changes)
    failed = shop.run("test", path)
    assert failed.code == 2
    assert f"{path}: tests[0] expected" in failed.out
    assert '"amount": 2}' in failed.out
    assert '"amount": 1.5}' in failed.out


def test_preview(shop):
    """Rows stand beside their items, or beside why they become none; nothing is sent and nothing kept."""
    shop.orders(range(1, 11))
    shop.sql("update orders set email = null where order_id = 2")
    path = shop.write({"mapping.when": "total <> 3.25"})
    first, second, third = shop.run("preview", "--json", "--limit", 3, path).lines
    assert first["items"][0]["data"] == {"orderId": 1, "amount": 1.25}
    assert (second["items"], second["reject"]) == ([], "missing_identity")
    assert (third["items"], third["reject"], "filtered" in third["message"]) == ([], "", True)
    table = shop.run("preview", path)
    assert table.out.count('"order_id"') == 5
    assert "missing_identity" in table.out
    assert shop.sandbox.stats()["items"] == 0
    assert not shop.state.parent.exists()


def test_status(shop):
    """Each sync's last run, also one that could not open its source, and syncs that never ran."""
    shop.orders(range(1, 1001))
    shop.write()
    shop.write(parquet=True)
    assert "never" in shop.run("status", shop.folder).out
    shop.run("run", "orders", "--configs", shop.folder)
    lines = shop.run("status", "--json", shop.folder).lines
    assert [(line["sync"], bool(line["run"])) for line in lines] == [("catalog", False), ("orders", True)]
    assert lines[1]["run"]["counts"]["delivered"] == 1000
    told = shop.run("status", shop.folder).out
    assert "1,000" in told
    assert "ok" in told
    (shop.folder / "shop.db").rename(shop.folder / "gone.db")
    shop.run("run", "orders", "--configs", shop.folder)
    assert "exit 2" in shop.run("status", shop.folder).out
    (shop.folder / "broken.yaml").write_text("sync: broken\n")
    partly = shop.run("status", shop.folder)
    assert (partly.code, "broken.yaml" in partly.err, "orders" in partly.out) == (2, True, True)


def test_state(shop):
    """A watermark can be shown, set back, forgotten, and given to a sync of another name."""
    shop.orders(range(1, 21))
    path = shop.write()
    assert "starts from the beginning" in shop.run("state", "show", path).out
    shop.run("run", "--limit", 5, path)
    early = shop.run("state", "show", "--json", path).out
    shop.run("run", path)
    assert "2024-01-01 00:00:20" in shop.run("state", "show", path).out
    assert shop.run("state", "set", path, early).code == 0
    assert shop.run("run", "--json", path).counts["read"] == 15
    shop.refuses(shop.run("state", "set", path, "2024-01-01"), 2, "JSON", "state show")
    shop.refuses(shop.run("state", "reset", path), 2, "--yes")
    assert shop.run("run", "--json", path).counts["read"] == 0
    assert shop.run("state", "reset", "--yes", path).code == 0
    assert shop.run("run", "--json", path).counts["read"] == 20
    path.unlink()
    renamed = shop.write({"sync": "purchases"})
    shop.refuses(shop.run("state", "rename", renamed, "ordres"), 2, "ordres")
    assert shop.run("state", "rename", renamed, "orders").code == 0
    assert shop.run("run", "--json", renamed).counts["read"] == 0


def test_state_is_named_without_its_password(shop, postgres_url):
    """Wherever the state's URL is told, its password is not."""
    shop.orders(range(1, 6))
    path = shop.write()
    url = postgres_url.replace("://postgres@", "://postgres:p%40ss%2Fw%23rd@")
    assert url != postgres_url
    for command in (["state", "show"], ["run"], ["status"], ["check"]):
        told = shop.run(*command, "--state", url, path)
        assert told.code == 0
        shop.keeps_secrets(told)


def test_schema(shop):
    """The schema that editors complete from takes a good sync, and finds a misspelt key."""
    schema = json.loads(shop.run("schema").out)
    jsonschema.validate(shop.config(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**shop.config(), "destinatoin": {}}, schema)
    assert json.loads(shop.run("schema", "--shared").out) != schema


def test_a_bug_is_said_in_a_sentence(shop, monkeypatch):
    """What nobody foresaw is exit 1 in one sentence, is recorded, and keeps no other sync back; --debug tells more."""
    compile_mapping = wiring.open_mapper

    def careless(sync, *arguments):
        if sync.sync == "orders":
            raise KeyError("user1@shop.example")
        return compile_mapping(sync, *arguments)

    monkeypatch.setattr(wiring, "open_mapper", careless)
    shop.orders(range(1, 11))
    shop.parts("a.parquet", range(10))
    path = shop.write()
    shop.write(parquet=True)
    ended = shop.run("run", "--json", shop.folder)
    shop.refuses(ended, 1, "orders: a mistake of the program (KeyError)", "--debug")
    assert [line["exit_code"] for line in ended.lines] == [0, 1]
    assert len(shop.received()) == 10
    shop.refuses(shop.run("check", path), 1, "KeyError", "--debug")
    assert shop.run("status", "--json", path).lines[0]["run"]["exit_code"] == 1
    for printed in (ended.out + ended.err, shop.stored().decode("latin-1")):
        assert "user1@shop.example" not in printed
    told = shop.run("--debug", "run", path)
    assert "KeyError: 'user1@shop.example'" in told.err


def test_a_transform_that_fails(shop):
    """Someone else's code may fail on a row: the run says whose, shows no value, and goes on once it is mended."""
    cleaning = {
        "shop_careless": "    if len(rows):\n        raise ValueError(rows.email[0])\n    return rows\n",
        "shop_careful": "    return rows[rows.order_id > 3]\n",
    }
    for module, body in cleaning.items():
        (shop.folder / f"{module}.py").write_text(f"def clean(rows):\n{body}")
    shop.orders(range(1, 11))
    path = shop.write({"source.transform": "shop_careless:clean"})
    ended = shop.run("run", "--json", path)
    shop.refuses(ended, 2, "shop_careless:clean", "ValueError")
    assert "@shop.example" not in ended.err + ended.out
    shop.write({"source.transform": "shop_careful:clean"})
    mended = shop.run("run", "--json", path)
    assert (mended.code, mended.counts["filtered"], mended.counts["delivered"]) == (0, 3, 7)
    assert shop.received() == dict.fromkeys(range(4, 11), 1)
