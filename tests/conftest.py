"""Fixtures for every suite; the real servers live in servers.py."""

from hypothesis import settings

pytest_plugins = ["servers"]

# Machines are shared: how long an example takes says nothing about it.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
