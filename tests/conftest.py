"""Fixtures for every suite; the real servers live in servers.py."""

import os

import pytest
from hypothesis import settings

pytest_plugins = ["servers", "object_stores", "shop", "privacy_stage", "snowflake_server", "bigquery_server"]

# Machines are shared: how long an example takes says nothing about it.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip into a failure where all real parts must be there."""
    report = yield
    if report.skipped and os.environ.get("CONNECTOR_FORBID_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but no test may be: {report.longrepr}"
    return report
