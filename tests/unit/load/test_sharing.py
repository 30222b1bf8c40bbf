"""Shares of one pace: never more than the whole, live syncs first, nobody starves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.load.sharing import LEAST, Claim, share, wanted

PARTS = st.floats(0, 1)
CLAIMS = st.lists(st.tuples(st.booleans(), PARTS), min_size=1, max_size=8)


def settled(*claims: tuple[bool, float], rounds: int = 20) -> list[float]:
    """Return what each holds once all have asked a few times, in turn; the whole is never exceeded on the way."""
    held = [0.0] * len(claims)
    for _ in range(rounds):
        for n, (live, want) in enumerate(claims):
            others = [Claim(*claims[m], held[m]) for m in range(len(claims)) if m != n]
            held[n] = share(Claim(live, want, held[n]), others)
            assert sum(held) <= 1 + 1e-9
    return held


@pytest.mark.parametrize(
    ("claims", "shares"),
    [
        ([(True, 1)], [1]),
        ([(True, 1), (True, 1)], [0.5, 0.5]),
        ([(True, 0.1), (True, 1)], [0.1, 0.9]),
        ([(True, 0.3), (False, 1)], [0.3, 0.7]),
        ([(True, 1), (False, 1)], [1 - LEAST, LEAST]),
        ([(True, 0.2), (False, 1), (False, 1)], [0.2, 0.4, 0.4]),
        ([(False, 1), (False, 0.1)], [0.9, 0.1]),
    ],
)
def test_what_each_gets(claims, shares):
    assert settled(*claims) == pytest.approx(shares)


@given(CLAIMS)
def test_the_whole_is_shared_and_never_exceeded(claims):
    held = settled(*claims)
    assert all(part <= want + 1e-9 for part, (_, want) in zip(held, claims, strict=True))
    live = sum(part for part, (is_live, _) in zip(held, claims, strict=True) if is_live)
    wished = sum(want for is_live, want in claims if is_live)
    backfills = any(not is_live for is_live, _ in claims)
    assert live == pytest.approx(min(wished, 1 - LEAST if backfills else 1), abs=LEAST)


def test_a_newcomer_takes_nothing_from_those_who_have_not_let_go():
    assert share(Claim(True, 1, 0), [Claim(False, 1, 1.0)]) == 0
    assert share(Claim(False, 1, 1.0), [Claim(True, 1, 0)]) == pytest.approx(LEAST)
    assert share(Claim(True, 1, 0), [Claim(False, 1, LEAST)]) == pytest.approx(1 - LEAST)


def test_who_uses_all_of_a_share_wants_more():
    assert wanted(0.1, 0.1) == 1
    assert wanted(0.5, 0.2) == pytest.approx(0.25)
    assert wanted(0.5, 0) == LEAST
    assert wanted(0, 0) == 1
