"""The picture of the data flow: an SVG with colours of its own for light and dark."""

from __future__ import annotations

_STYLE = """
  .page { fill: #ffffff; stroke: #d0d7de }
  .box { fill: #f6f8fa; stroke: #57606a }
  .ours { fill: #ddf4ff; stroke: #0969da }
  .kept { fill: #fff8c5; stroke: #9a6700 }
  text { font-family: system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328; text-anchor: middle }
  .name { font-size: 15px; font-weight: 600 }
  .small { font-size: 12px }
  .label { paint-order: stroke; stroke: #ffffff; stroke-width: 7px; stroke-linejoin: round }
  .edge { stroke: #57606a; stroke-width: 1.6; fill: none; marker-end: url(#tip) }
  .tip { fill: #57606a }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #30363d }
    .box { fill: #161b22; stroke: #8b949e }
    .ours { fill: #0c2d4d; stroke: #58a6ff }
    .kept { fill: #3a2d06; stroke: #d29922 }
    text { fill: #e6edf3 }
    .label { stroke: #0d1117 }
    .edge { stroke: #8b949e }
    .tip { fill: #8b949e }
  }
"""
_TITLE = "Rows flow from a source through extractor, mapping and loader into the Track API; the state keeps the place."
_TIP = """<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path class="tip" d="M0 0 L8 4 L0 8 z"/></marker>"""
# (left, top, width, height, look, name, lines below it)
_BOXES = (
    (20, 50, 132, 110, "box", "source", ("table or query", "Parquet files")),
    (215, 50, 132, 110, "ours", "extractor", ("ordered by", "(cursor, key),", "up to the horizon")),
    (410, 50, 132, 110, "ours", "mapping", ("one SELECT,", "checked by the", "rules of Track")),
    (605, 50, 132, 110, "ours", "loader", ("packs, sends,", "retries, finds", "the bad item")),
    (800, 50, 132, 110, "box", "Track API", ("or the sandbox",)),
    (215, 250, 522, 80, "kept", "state (SQLite or PostgreSQL)", ("watermark · intents · rejects · accounting: one transaction",)),
)  # fmt: skip
# (path, x and y of the label, lines of the label)
_EDGES = (
    ("M152 105 H209", 183, 95, ("rows",)),
    ("M347 105 H404", 378, 78, ("Arrow", "batches")),
    ("M542 105 H599", 573, 95, ("items",)),
    ("M737 95 H794", 768, 85, ("requests",)),
    ("M800 120 H743", 768, 138, ("answers",)),
    ("M281 250 V166", 281, 208, ("where to go on",)),
    ("M476 160 V244", 476, 208, ("rows that break a rule",)),
    ("M671 160 V244", 671, 208, ("what became of each row",)),
)


def picture() -> str:
    """Return the SVG."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 350" role="img" aria-labelledby="title">',
        f'<title id="title">{_TITLE}</title>',
        f"<style>{_STYLE}</style>",
        f"<defs>{_TIP}</defs>",
        '<rect class="page" x="0.5" y="0.5" width="959" height="349" rx="8"/>',
        *map(_box, _BOXES),
        *map(_edge, _EDGES),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(box: tuple[int, int, int, int, str, str, tuple[str, ...]]) -> str:
    left, top, width, height, look, name, lines = box
    middle = left + width // 2
    first = top + height // 2 - 9 * len(lines) + 5
    text = [f'<text class="name" x="{middle}" y="{first}">{name}</text>']
    text += [
        f'<text class="small" x="{middle}" y="{first + 20 + 17 * n}">{line}</text>'
        for n, line in enumerate(lines)
    ]
    return f'<rect class="{look}" x="{left}" y="{top}" width="{width}" height="{height}" rx="6"/>' + "".join(
        text
    )


def _edge(edge: tuple[str, int, int, tuple[str, ...]]) -> str:
    path, x, y, lines = edge
    text = [
        f'<text class="small label" x="{x}" y="{y + 14 * n}">{line}</text>' for n, line in enumerate(lines)
    ]
    return f'<path class="edge" d="{path}"/>' + "".join(text)
