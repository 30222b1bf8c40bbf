"""The picture of self-tuning: items a second, requests in flight and items a request over time, as an SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

_STYLE = """
  .page { fill: #ffffff; stroke: #d0d7de }
  text { font-family: system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328; font-size: 12px }
  .name { font-size: 14px; font-weight: 600 }
  .small { fill: #57606a }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .half { fill: #fff8c5 }
  .line { stroke: #0969da; stroke-width: 1.6; fill: none; stroke-linejoin: round }
  .best { stroke: #1a7f37; stroke-width: 1.2; stroke-dasharray: 5 4; fill: none }
  .bad { fill: #cf222e }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #30363d }
    text { fill: #e6edf3 } .small { fill: #8b949e } .grid { stroke: #30363d } .half { fill: #3a2d06 }
    .line { stroke: #58a6ff } .best { stroke: #3fb950 } .bad { fill: #f85149 }
  }
"""
_LEFT, _WIDTH, _HEIGHT, _GAP, _TOP = 78, 760, 120, 52, 92
_STEP = 0.5  # seconds a point stands for

Requests = Sequence[dict[str, Any]]


def picture(requests: Requests, best: float, times: tuple[int, int, int]) -> str:
    """Return the SVG.

    Args:
        requests: as the sandbox keeps them, ``at`` in seconds since the first.
        best: items a second of the best fixed setting.
        times: when the limit halves, is back, and the run is over, in seconds.
    """
    half, back, over = times
    points = [n * _STEP for n in range(int(over / _STEP))]
    accepted = [r for r in requests if r["status"] == 200]
    rates = [sum(r["accepted"] for r in _within(accepted, at)) / _STEP for at in points]
    flying = [max((r["in_flight"] for r in _within(accepted, at)), default=0) for at in points]
    sizes = [max((r["items"] for r in _within(accepted, at)), default=0) for at in points]
    limit = [10.0 if half <= at < back else 20.0 for at in points]
    bests = [best / 2 if half <= at < back else best for at in points]
    panels = (
        ("items a second", rates, bests, 1.2 * best),
        ("requests in flight", flying, limit, 28),
        ("items a request", sizes, [400.0] * len(points), 520),
    )
    height = _TOP + 3 * (_HEIGHT + _GAP)
    told = (
        "Dashed: its limits, and the best setting found by hand. Red: requests answered 429 or 413.",
        f"From {half} to {back} s it takes half as many requests at a time.",
    )
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 30} {height}" role="img">',
        "<title>Self-tuning: items a second, requests in flight and items a request, over time.</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{_LEFT + _WIDTH + 29}" height="{height - 1}" rx="8"/>',
        f'<text class="name" x="{_LEFT}" y="24">Ceilings 64 and 2,000; a server with 100 ms that hides its limits</text>',
        *(f'<text class="small" x="{_LEFT}" y="{43 + 16 * n}">{line}</text>' for n, line in enumerate(told)),
    ]
    refused = [r["at"] for r in requests if r["status"] in (413, 429)]
    for number, (name, values, wanted, most) in enumerate(panels):
        top = _TOP + number * (_HEIGHT + _GAP)
        body += _panel(name, (points, values, wanted), most, (top, half, back, over))
        if number == 1:
            body += [
                f'<circle class="bad" cx="{_x(at, over):.1f}" cy="{top + 5}" r="1.6"/>' for at in refused
            ]
    return "\n".join([*body, "</svg>"]) + "\n"


def _within(requests: Requests, at: float) -> Iterator[dict[str, Any]]:
    return (r for r in requests if at <= r["at"] + r["seconds"] < at + _STEP)


def _x(at: float, over: float) -> float:
    return _LEFT + _WIDTH * at / over


def _panel(
    name: str,
    lines: tuple[Sequence[float], Sequence[float], Sequence[float]],
    most: float,
    place: tuple[int, int, int, int],
) -> Iterator[str]:
    points, values, wanted = lines
    top, half, back, over = place
    bottom = top + _HEIGHT

    def y(value: float) -> float:
        return bottom - _HEIGHT * min(value, most) / most

    yield f'<rect class="half" x="{_x(half, over):.1f}" y="{top}" width="{_x(back, over) - _x(half, over):.1f}" height="{_HEIGHT}"/>'
    yield f'<text class="name" x="{_LEFT}" y="{top - 6}">{name}</text>'
    for share in (0.0, 0.5, 1.0):
        value = _round(most) * share
        yield f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield f'<text class="small" x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.0f}</text>'
    for at in range(0, over + 1, 10):
        yield f'<text class="small" x="{_x(at, over):.1f}" y="{bottom + 16}" text-anchor="middle">{at} s</text>'
    yield f'<path class="best" d="{_path(points, wanted, y, over)}"/>'
    yield f'<path class="line" d="{_path(points, values, y, over)}"/>'


def _path(points: Sequence[float], values: Sequence[float], y: Callable[[float], float], over: float) -> str:
    pairs = (f"{_x(at, over):.1f} {y(value):.1f}" for at, value in zip(points, values, strict=True))
    return "M" + " L".join(pairs)


def _round(most: float) -> float:
    """Return a round number just below `most`."""
    unit = 10 ** (len(str(int(most))) - 1)
    return most // unit * unit
