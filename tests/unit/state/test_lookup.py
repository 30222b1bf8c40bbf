"""Whatever the hashes are, what is in a look-up is found where it stands, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.state.lookup import Lookup
from connector.synced import PRINT, Prints, latest

# Few values of each half, the least and the greatest among them: neighbours and twins are common then.
HALVES = st.tuples(
    st.sampled_from([0, 1, 7, 1 << 63, (1 << 64) - 2, (1 << 64) - 1]) | st.integers(0, (1 << 64) - 1),
    st.sampled_from([0, 5, (1 << 32) - 1]),
)


def prints(keys: list[tuple[int, int]]) -> Prints:
    made = np.zeros(len(keys), PRINT)
    made["high"] = np.array([high for high, _ in keys], np.uint64)
    made["low"] = [low for _, low in keys]
    made["item"] = np.arange(len(keys))
    return made


@pytest.mark.parametrize("held", [True, False])
@given(keys=st.lists(HALVES, unique=True, max_size=60), others=st.lists(HALVES, max_size=20))
def test_what_is_there_is_found_and_nothing_else(held, keys, others):
    known = prints(keys)
    ordered = known[latest(known["high"].copy(), known["low"].copy())]
    lookup = Lookup.ordered(len(ordered), [ordered[:3], ordered[3:]], held=held)
    wanted = prints([*keys, *others])
    found, places = lookup.find(wanted)
    assert found.tolist() == [tuple(key) in set(keys) for key in [*keys, *others]]
    filled = wanted.copy()
    filled["item"] = 0
    lookup.fill(filled, found, places[found])
    assert filled["item"][: len(keys)].tolist() == [*range(len(keys))]
    assert lookup.seen.all()
    assert (lookup.prints(slice(None)) == ordered).all()


@given(keys=st.lists(HALVES, max_size=60))
def test_of_several_prints_of_a_key_the_last_is_found(keys):
    known = prints(keys)
    lookup = Lookup.unordered(len(known), [known[:7], known[7:]])
    assert len(lookup) == len(set(keys))
    found, places = lookup.find(known)
    assert found.all()
    last = {key: n for n, key in enumerate(keys)}
    assert lookup.prints(places)["item"].tolist() == [last[key] for key in keys]
