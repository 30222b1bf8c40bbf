"""Names that are not there: every one of them at once, with the nearest that is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from connector.errors import ConfigError, ConfigErrors


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names what `name` may have been meant to be, or some of what there is."""
    names = sorted(set(known))
    folded = {candidate.casefold(): candidate for candidate in names}
    matches = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.6)
    if matches:
        return "did you mean " + " or ".join(repr(folded[match]) for match in matches) + "?"
    if not names:
        return "there is none"
    shown = ", ".join(names[:20])
    return f"there are: {shown}" + (", …" if len(names) > 20 else "")


def raise_all(errors: Sequence[ConfigError]) -> None:
    """Raise what was found: nothing, one error, or all of them together."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigErrors(errors)
