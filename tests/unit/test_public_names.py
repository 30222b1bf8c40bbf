"""The public API is a decision, not an accident."""

import inspect

import connector


def test_the_public_names_are_these_and_no_others():
    assert sorted(connector.__all__) == ["load_sync", "preview", "run"]
    public = {name for name, value in vars(connector).items() if inspect.isfunction(value) and name[0] != "_"}
    assert public == set(connector.__all__)


def test_every_public_name_says_what_it_does():
    for name in connector.__all__:
        assert inspect.getdoc(getattr(connector, name))
