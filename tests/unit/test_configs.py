"""The example configurations: well-formed, tested, and free of what only one machine has."""

import re
import tomllib
from pathlib import Path

import pytest

from connector.checking import Options, check
from connector.config.reader import load_sync
from connector.config.syncs import find_syncs
from connector.testing import run_tests

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
SYNCS = find_syncs(None, CONFIGS)

# What the service needs to know of its user; everything else has a default.
ACCOUNT = {
    "INTEMPT_ORG": "my-company",
    "INTEMPT_PROJECT": "my-project",
    "INTEMPT_SOURCE_ID": "1234567890123456789",
    "INTEMPT_API_KEY": "prefix.secret",
}
RECOMMENDED = {
    "id", "title", "description", "url", "image_link", "price", "brand", "category", "tags", "availability",
}  # fmt: skip


@pytest.fixture(autouse=True)
def account(monkeypatch):
    for name in ("SHOP_URL", "SHOP_CATALOG", "INTEMPT_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)


def test_there_is_one_example_for_each_use():
    """A database's rows as events and as attributes, and files as products."""
    syncs = {sync.sync: sync for sync in map(load_sync, SYNCS)}
    assert {
        name: (sync.source.type, [mapping.kind for mapping in sync.mapping]) for name, sync in syncs.items()
    } == {
        "orders": ("database", ["event"]),
        "customers": ("database", ["identify"]),
        "catalog": ("parquet", ["product"]),
    }


@pytest.mark.parametrize("environment", [None, "staging"])
def test_check_finds_no_mistake(environment, capsys):
    """`connector check --offline` passes with nothing set but the account."""
    assert check(SYNCS, Options(environment, None, offline=True, show=False)) == 0
    assert capsys.readouterr().out.count("ok ") == len(SYNCS)


@pytest.mark.parametrize("file", SYNCS, ids=lambda file: file.stem)
def test_own_tests_pass(file):
    """Each example has `tests:`, and its mapping passes them."""
    differences = list(run_tests(load_sync(file)))
    assert differences
    assert differences == [""] * len(differences)


@pytest.mark.parametrize("file", SYNCS, ids=lambda file: file.stem)
def test_a_wrong_item_is_noticed(file):
    """The examples' tests look at the mapping: with another expected item they fail."""
    sync = load_sync(file)
    wrong = sync.tests[0].model_copy(update={"item": {"userId": "nobody"}})
    assert list(run_tests(sync.model_copy(update={"tests": (wrong,)}))) != [""]


@pytest.mark.parametrize("file", SYNCS, ids=lambda file: file.stem)
def test_items_go_to_the_real_service_unless_told_otherwise(file):
    """With the account's variables alone the destination is the public API, and the key goes in a header."""
    destination = load_sync(file).destination
    assert (destination.base_url, destination.auth) == ("https://api.intempt.com/v1", "header")
    assert destination.source_id == ACCOUNT["INTEMPT_SOURCE_ID"]


def test_every_variable_is_explained():
    """.env.example names each variable that the YAML reads, and sets those without a default."""
    text = "\n".join(file.read_text() for file in CONFIGS.glob("*.yaml"))
    example = (CONFIGS / ".env.example").read_text()
    required = set(re.findall(r"\$\{(\w+)\}", re.sub(r"#.*", "", text)))
    assert required == set(ACCOUNT) == set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    optional = set(re.findall(r"\$\{(\w+):-", re.sub(r"#.*", "", text)))
    assert optional - {"INTEMPT_STAGING_PROJECT"} == set(re.findall(r"^# (\w+)=", example, re.MULTILINE))


def test_products_have_what_catalogs_should():
    """The catalog maps every field that the platform recommends."""
    [mapping] = load_sync(CONFIGS / "catalog.yaml").mapping
    assert mapping.data.members.keys() >= RECOMMENDED


def test_the_package_brings_the_examples():
    """Every file of the examples is in the wheel, and nothing else of their folder, such as a state."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    files = {file.name for file in CONFIGS.iterdir() if file.is_file()}
    assert included == {f"configs/{name}": f"connector/examples/{name}" for name in files}
