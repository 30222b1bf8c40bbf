"""Faults and settings as data."""

import random
from pathlib import Path

import pytest

from connector.errors import ConfigError
from connector.sandbox.__main__ import parse
from connector.sandbox.faults import FaultRun, Faults, Rule, parse_faults, read_faults
from connector.sandbox.process import _arguments
from connector.sandbox.settings import SandboxSettings


@pytest.mark.parametrize(
    ("trigger", "hit"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"next": 2}, [1, 2]),
        ({"next": 0}, []),
        ({"every": 3}, [3, 6]),
        ({"from_nth": 6}, [6, 7, 8]),
        ({"from_nth": 3, "next": 2}, [3, 4]),
        ({"from_nth": 3, "every": 2}, [4, 6, 8]),
        ({"rate": 0}, []),
    ],
)
def test_rule_hits_the_requests_it_names(trigger, hit):
    """Sequence triggers are exact."""
    rule = Rule(fault="hang", **trigger)

    assert [nth for nth in range(1, 9) if rule.hits(nth, random.Random(0))] == hit


def test_rate_hits_its_share():
    """A rate of a quarter hits about a quarter of many requests, the same ones for the same seed."""
    faults = parse_faults({"rules": [{"fault": "hang", "rate": 0.25}], "seed": 7})
    first, second = FaultRun(faults), FaultRun(faults)

    hits = [first.draw() is not None for _ in range(4000)]

    assert 900 < sum(hits) < 1100
    assert hits == [second.draw() is not None for _ in range(4000)]


def test_first_rule_that_hits_acts():
    """Two rules on one request: the first in the list wins, and both count on."""
    run = FaultRun(parse_faults({"rules": [{"fault": "hang", "every": 2}, {"fault": "reset"}]}))

    assert [rule.fault for rule in (run.draw() for _ in range(4)) if rule] == [
        "reset",
        "hang",
        "reset",
        "hang",
    ]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ({"latancy": 1}, "latancy"),
        ({"latency": -1}, "latency"),
        ({"rules": [{"fault": "explode"}]}, "rules.0.fault"),
        ({"rules": [{"fault": "status"}]}, "status"),
        ({"rules": [{"fault": "hang", "status": 500}]}, "status"),
        ({"poison": [""]}, "poison.0"),
        ([], "faults"),
    ],
)
def test_wrong_faults_are_named(data, word):
    """An unknown fault or an impossible value is refused and named."""
    with pytest.raises(ConfigError, match=word):
        parse_faults(data)


def test_faults_are_read_from_text_or_file(tmp_path):
    """JSON and a file of JSON mean the same; a missing file and bad JSON are errors."""
    text = '{"latency": 0.5}'
    (tmp_path / "faults.json").write_text(text)

    assert read_faults(text) == read_faults(str(tmp_path / "faults.json")) == Faults(latency=0.5)
    with pytest.raises(ConfigError, match="cannot read"):
        read_faults(str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match="not JSON"):
        read_faults("{")


def test_settings_survive_the_command_line(tmp_path):
    """Every setting can be given as an option and comes out the same."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.touch()
    key.touch()
    settings = SandboxSettings(
        host="::1",
        port=0,
        store=Path("a b.db"),
        no_store=True,
        base_path="",
        org="-o",
        project="p",
        source_id="1841710181319290881",
        key="-a.b",
        revoked=("c.d", "e.f"),
        identity="strict",
        echo=True,
        faults=parse_faults({"poison": ['"x" é'], "rules": [{"fault": "status", "status": 500}]}),
        tls_cert=cert,
        tls_key=key,
        stop_with_stdin=True,
    )

    assert parse(_arguments(settings)) == settings
    assert parse([]) == SandboxSettings()


@pytest.mark.parametrize("wrong", [{"tls_cert": Path("x")}, {"base_path": "v1"}, {"port": 70000}])
def test_settings_that_do_not_fit_are_refused(wrong):
    """A certificate without its key, a relative base path and an impossible port are errors."""
    with pytest.raises(ConfigError):
        SandboxSettings(**wrong)
