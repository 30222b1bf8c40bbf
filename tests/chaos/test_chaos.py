"""Every scenario of `make chaos`, a few rounds each: what the sandbox holds is what the source held."""

import pytest
from chaos.ground import Ground
from chaos.scenarios import SCENARIOS


@pytest.fixture(scope="session")
def ground():
    """One for all scenarios of a worker, for its PostgreSQL."""
    with Ground(seed=20240101) as ground:
        yield ground


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[f"{each.letter} {each.name}" for each in SCENARIOS])
def test_nothing_is_lost(ground, scenario):
    """Whatever fails: nothing is missing, duplicates were reported, only poison is rejected, and it was tried."""
    line = scenario.play(ground, scenario.few)
    assert not line.problems
    versions, received, missing = line.facts[:3]
    assert line.rounds >= scenario.few
    assert received >= versions - missing - line.facts[5] > 0
    assert missing == 0
