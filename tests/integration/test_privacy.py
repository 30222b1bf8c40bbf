"""Invariant 5: secrets and personal values reach no output, no log and no state but the rejects, whatever goes wrong."""

from __future__ import annotations

import pytest


def test_what_runs_well_says_nothing(scene):
    ended = scene.play("run")
    assert ended.code == 0, ended
    assert scene.leaks() == []


def test_a_leak_is_found(scene):
    scene.bug = "printing"
    scene.aftermath = ()
    ended = scene.play("run")
    assert ended.code == 0, ended
    leaks = "\n".join(scene.leaks())
    assert "stdout of run" in leaks
    assert "the API key" in leaks
    assert "log of run" in leaks
    assert "an e-mail of row 3" in leaks
