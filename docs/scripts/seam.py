"""The picture of a backfill: slices below the seam, the live lane above it, and how far that may read."""

from __future__ import annotations

from scripts.timeline import legend, svg, text

_LEFT, _SEAM, _HELD, _END = 30, 560, 740, 830
_SLICES = (
    ("same", "planned"),
    ("same", "planned"),
    ("flying", "running"),
    ("flying", "running"),
    ("sent", "done"),
)


def pictures() -> dict[str, str]:
    """Return the SVGs by the names of their files."""
    return {"seam": _seam()}


def _seam() -> str:
    width = (_SEAM - _LEFT) // len(_SLICES)
    body = [
        text("name", _LEFT, 32, "The seam: slices below it, the live lane above it"),
        f'<rect class="region" x="{_SEAM}" y="60" width="{_HELD - _SEAM}" height="88" rx="6"/>',
        f'<rect class="beyond" x="{_HELD}" y="60" width="{_END - _HELD}" height="88" rx="6"/>',
    ]
    for n, (look, said) in enumerate(_SLICES):
        left = _LEFT + n * width
        body += [
            f'<rect class="{look}" x="{left + 2}" y="84" width="{width - 4}" height="40" rx="4"/>',
            text("small middle", left + width // 2, 142, said),
        ]
    body += [
        f'<path class="axis" d="M{_LEFT} 160 H{_END}"/>',
        text("small", _LEFT, 178, "cursor: as many rows in each slice, however long a time that is"),
        f'<path class="mark" d="M{_SEAM} 54 V160"/>',
        text("small middle", _SEAM, 50, "seam"),
        text("small middle", (_SEAM + _HELD) // 2, 108, "live lane"),
        f'<path class="limit" d="M{_HELD} 54 V160"/>',
        text("small middle", _HELD, 50, "held"),
        text("small middle", (_HELD + _END) // 2, 108, "waits"),
        *legend(206, (("sent", "done"), ("flying", "rows on their way"), ("same", "not begun"))),
        text(
            "small",
            _LEFT,
            230,
            "A row on its way in a slice may be updated meanwhile. Its new version is stamped above what the slice holds, and so waits.",
        ),
    ]
    return svg(
        250, "Slices of equal size below the seam, the live lane between the seam and what slices hold.", body
    )
