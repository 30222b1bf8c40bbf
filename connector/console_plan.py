"""Plans as people read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from connector import console
from connector.model import Counts
from connector.planning import Forecast, Gone, Pace, Plan

_OUTCOMES = ("read", "delivered", "rejected", "unchanged", "filtered", "superseded")
_ALWAYS = ("read", "delivered", "rejected", "items", "requests")


def plans(found: Sequence[Plan]) -> None:
    """Print what runs would do, a column a read, then why rows would be rejected, and samples."""
    columns = [
        (title, plan, forecast)
        for plan in found
        for title, forecast in (
            (f"{plan.sync} (what was sent before)", plan.resend),
            (plan.sync, plan.news),
        )
        if forecast is not None
    ]
    if columns:
        rows = list(_rows([forecast for _, _, forecast in columns]))
        rows += _vanished([plan if forecast is plan.news else None for _, plan, forecast in columns])
        rows.append(["exit code", *(plan.exit_code for _, plan, _ in columns)])
        console.table("", ["would be", *(title for title, _, _ in columns)], rows)
    for title, plan, forecast in columns:
        for line in _lines(plan, forecast):
            console.say(f"  {title}: {line}")
        for item in forecast.samples:
            console.say(console.exact_json(item, indent="  "))


def _rows(forecasts: Sequence[Forecast]) -> Iterator[list[object]]:
    for name in (*_OUTCOMES, "items", "requests"):
        values: list[int] = [getattr(forecast.counts, name) for forecast in forecasts]
        if name in _ALWAYS or any(values):
            yield [name, *values]
    yield ["bytes", *(forecast.bytes for forecast in forecasts)]
    times: tuple[tuple[str, Callable[[Forecast], float | None]], ...] = (
        ("seconds, reading", lambda forecast: forecast.reading),
        ("seconds, mapping", lambda forecast: forecast.mapping),
        ("seconds, sending", lambda forecast: forecast.sending),
        ("seconds, in all", lambda forecast: forecast.seconds),
    )
    for name, of in times:
        yield [name, *(console.seconds(of(forecast)) for forecast in forecasts)]


def _vanished(found: Sequence[Plan | None]) -> Iterator[list[object]]:
    gone = [None if plan is None else plan.gone for plan in found]
    if any(each is not None for each in gone):
        yield ["vanished", *("" if each is None else each.rows for each in gone)]


def _lines(plan: Plan, forecast: Forecast) -> Iterator[str]:
    for reason, count in sorted(forecast.rejects.items()):
        yield f"{count:,} rejected: {reason}"
    for code, count in sorted(forecast.warnings.items()):
        yield f"{count:,} values: {code} (warning)"
    if forecast is plan.news and plan.gone is not None and plan.gone.rows:
        yield f"{plan.gone.rows:,} of {plan.gone.of:,} rows have vanished from the source: {_fate(plan)}"
    yield f"requests of at most {plan.max_items:,} items and {plan.max_bytes:,} bytes"
    yield _pace(plan)
    if forecast.samples:
        yield f"the first {len(forecast.samples)} items, as they would be sent:"


def _fate(plan: Plan) -> str:
    if plan.gone is None or plan.gone.held:
        return "held back by source.delete_guard"
    return "told to Track" if plan.gone.told else "nobody is told of them (source.on_delete: ignore)"


def _pace(plan: Plan) -> str:
    if plan.pace is None:
        return "how fast the destination takes items is not known yet: no run has sent any"
    how = "as measured by earlier runs" if plan.pace.known_from == "measured" else "as the largest run did"
    return f"the destination takes {plan.pace.items_per_second:,.0f} items/s, {how}"


def as_json(found: Plan) -> dict[str, Any]:
    """Return a plan as JSON values."""
    gone, pace = found.gone, found.pace
    return {
        "sync": found.sync,
        "id": found.id,
        "exit_code": found.exit_code,
        "errors": [str(error) for error in found.errors],
        "first_run": found.first,
        "rows_ahead": found.about,
        "mapping_changed": found.mapping_changed,
        **_forecast_json(found.news or Forecast()),
        "vanished": None if gone is None else {name: getattr(gone, name) for name in Gone.__slots__},
        "request": {"max_items": found.max_items, "max_bytes": found.max_bytes},
        "pace": None if pace is None else {name: getattr(pace, name) for name in Pace.__slots__},
        "resend": None if found.resend is None else _forecast_json(found.resend),
        "notes": found.notes,
    }


def _forecast_json(forecast: Forecast) -> dict[str, Any]:
    times = {name: getattr(forecast, name) for name in ("reading", "mapping", "sending")}
    return {
        "counts": {name: getattr(forecast.counts, name) for name in Counts.__slots__},
        "bytes": forecast.bytes,
        "rejects": dict(forecast.rejects),
        "warnings": dict(forecast.warnings),
        "seconds": {**times, "total": forecast.seconds},
        "samples": forecast.samples,
    }
