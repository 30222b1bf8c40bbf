"""Fixtures for every suite; the real servers live in servers.py."""

pytest_plugins = ["servers"]
