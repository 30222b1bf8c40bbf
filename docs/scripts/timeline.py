"""The pictures of incremental reading: rows on a line of time, and the places on it that a run keeps to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_STYLE = """
  .page { fill: #ffffff; stroke: #d0d7de }
  text { font-family: system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328; font-size: 13px }
  .name { font-size: 15px; font-weight: 600 }
  .small { fill: #57606a; font-size: 12px }
  .middle { text-anchor: middle }
  .axis, .tie { stroke: #8c959f; stroke-width: 1.4; fill: none }
  .sent { fill: #0969da }
  .flying { fill: #ffffff; stroke: #0969da; stroke-width: 2 }
  .unread { fill: #d0d7de }
  .waits { fill: #d4a72c }
  .late { fill: #1a7f37 }
  .same { fill: #afb8c1 }
  .mark { stroke: #0969da; stroke-width: 2 }
  .limit { stroke: #9a6700; stroke-width: 2; stroke-dasharray: 6 4 }
  .region { fill: #dafbe1 }
  .beyond { fill: #fff8c5 }
  .open { fill: #fff8c5; stroke: #9a6700 }
  .done { fill: #ddf4ff; stroke: #0969da }
  .now { stroke: #1f2328; stroke-width: 1.4 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #30363d }
    text { fill: #e6edf3 } .small { fill: #8b949e } .axis, .tie { stroke: #6e7681 }
    .sent { fill: #58a6ff } .flying { fill: #0d1117; stroke: #58a6ff } .unread { fill: #30363d }
    .waits { fill: #d29922 } .late { fill: #3fb950 } .same { fill: #484f58 }
    .mark { stroke: #58a6ff } .limit { stroke: #d29922 } .region { fill: #0f2d1a } .beyond { fill: #3a2d06 }
    .open { fill: #3a2d06; stroke: #d29922 } .done { fill: #0c2d4d; stroke: #58a6ff } .now { stroke: #e6edf3 }
  }
"""
_WIDTH, _LEFT = 860, 30


def pictures() -> dict[str, str]:
    """Return the SVGs by the names of their files."""
    return {"watermark": _watermark(), "horizon": _horizon(), "lookback": _lookback()}


def _watermark() -> str:
    dots = "sent sent sent sent sent sent flying sent flying unread unread unread unread unread waits waits"
    line, step = 105, 48
    body = [
        text("name", _LEFT, 32, "The watermark: the last row up to which everything is finished"),
        f'<rect class="beyond" x="{_LEFT + 14 * step - 12}" y="62" width="{_WIDTH - 2 * _LEFT - 14 * step + 12}" height="86" rx="6"/>',
        *_axis(line, "the source's own order: by cursor, then by key"),
        *_dots(dots.split(), line, step),
        *_bar("mark", _LEFT + 6 * step - 12, line, "watermark"),
        *_bar("limit", _LEFT + 14 * step - 12, line, "horizon"),
        _tie((2, 3, 4), line, step, "ties: one cursor, told apart by the key"),
        *legend(
            200,
            (
                ("sent", "finished"),
                ("flying", "sent, no answer yet"),
                ("unread", "read next"),
                ("waits", "waits: may be joined by late rows"),
            ),
        ),
        text(
            "small",
            _LEFT,
            222,
            "The row beyond the gap was answered: that is noted beside the watermark, and after a crash it is not sent again.",
        ),
    ]
    return svg(
        240, "Rows in the order of cursor and key, with the watermark behind the last finished one.", body
    )


def _horizon() -> str:
    bars = (
        (60, 300, "done", "committed before the run looks: read"),
        (210, 380, "done", "committed: stamped below the horizon, read"),
        (330, 720, "open", "still open when the run looks: what it stamped may come yet"),
        (430, 520, "done", "committed, but stamped above the horizon: waits for a later run"),
    )
    body = [
        text("name", _LEFT, 32, "The horizon: no further than the start of the oldest open transaction"),
        '<rect class="beyond" x="318" y="60" width="512" height="196" rx="6"/>',
        *(part for n, bar in enumerate(bars) for part in _bar_of_time(78 + 44 * n, bar)),
        '<path class="limit" d="M318 54 V262"/>',
        text("small middle", 318, 278, "horizon"),
        '<path class="now" d="M600 54 V262"/>',
        text("small middle", 600, 278, "the run looks"),
        text(
            "small",
            _LEFT,
            304,
            "Bars are transactions, from their stamp to their commit. A reader that takes all that is visible would move past the open one",
        ),
        text(
            "small",
            _LEFT,
            322,
            "and never see what the open transaction commits. With settle: 60s the horizon is sixty seconds before the run looks.",
        ),
    ]
    return svg(
        340, "Transactions as bars in time; the horizon stands at the start of the oldest open one.", body
    )


def _lookback() -> str:
    dots = "same same same same same late same changed same unread unread unread"
    line, step = 105, 62
    first = _LEFT + 3 * step - 18
    body = [
        text("name", _LEFT, 32, "Lookback: read again, and send what is new or changed there"),
        f'<rect class="region" x="{first}" y="62" width="{6 * step}" height="86" rx="6"/>',
        *_axis(line, "cursor"),
        *_dots([("late" if each == "changed" else each) for each in dots.split()], line, step),
        *_bar("mark", _LEFT + 9 * step - 18, line, "watermark"),
        text("small middle", first + 3 * step, 80, "lookback: 2h"),
        text("small middle", _LEFT + 5 * step, line + 30, "came late"),
        text("small middle", _LEFT + 7 * step, line + 30, "was corrected"),
        *legend(185, (("same", "as Track has it: not sent"), ("late", "sent"), ("unread", "what is new"))),
    ]
    return svg(205, "Rows below the watermark are read again; two of them are sent.", body)


# ── what they are made of ───────────────────────────────────────────────────────────────────────────────


def svg(height: int, title: str, body: Sequence[str]) -> str:
    """Return a picture."""
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{title}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>',
    ]
    return "\n".join([*head, *body, "</svg>"]) + "\n"


def text(look: str, x: int, y: int, said: str) -> str:
    """Return words at a place, in a look."""
    return f'<text class="{look}" x="{x}" y="{y}">{said}</text>'


def _axis(y: int, named: str) -> Iterator[str]:
    end = _WIDTH - _LEFT
    yield f'<path class="axis" d="M{_LEFT - 10} {y} H{end} m-8 -5 l8 5 l-8 5"/>'
    yield f'<text class="small" x="{end}" y="{y + 58}" text-anchor="end">{named}</text>'


def _dots(looks: Sequence[str], y: int, step: int) -> Iterator[str]:
    for n, look in enumerate(looks):
        yield f'<circle class="{look}" cx="{_LEFT + n * step + 6}" cy="{y}" r="8"/>'


def _bar(look: str, x: int, y: int, named: str) -> Iterator[str]:
    yield f'<path class="{look}" d="M{x} {y - 38} V{y + 26}"/>'
    yield text("small middle", x, y - 44, named)


def _tie(places: Sequence[int], y: int, step: int, named: str) -> str:
    low, high = (_LEFT + places[end] * step + 6 for end in (0, -1))
    brace = f'<path class="tie" d="M{low} {y + 14} v8 H{high} v-8"/>'
    return brace + text("small middle", (low + high) // 2, y + 40, named)


def _bar_of_time(y: int, bar: tuple[int, int, str, str]) -> Iterator[str]:
    low, high, look, said = bar
    yield f'<rect class="{look}" x="{low}" y="{y}" width="{high - low}" height="16" rx="4"/>'
    yield text("small", low, y + 31, said)


def legend(y: int, entries: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield dots with what they mean."""
    x = _LEFT + 6
    for look, said in entries:
        yield f'<circle class="{look}" cx="{x}" cy="{y - 4}" r="7"/>'
        yield text("small", x + 14, y, said)
        x += 60 + 7 * len(said)
