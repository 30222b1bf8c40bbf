"""The part of the YAML that says where items go."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from connector.config.scalars import (
    BaseUrl,
    Identifier,
    NoneText,
    PositiveDuration,
    Rate,
    Secret,
    Size,
    Whole,
)
from connector.config.values import Model


class Retry(Model):
    """Exponential backoff with full jitter, from `wait_initial` to `wait_max`, given up after `max_elapsed`."""

    max_elapsed: PositiveDuration = dt.timedelta(minutes=15)
    """How long a request is tried before the run gives up; nothing is lost then."""
    wait_initial: PositiveDuration = dt.timedelta(milliseconds=200)
    """The first wait, at most."""
    wait_max: PositiveDuration = dt.timedelta(seconds=60)
    """The longest wait between two tries."""


class TrackDestination(Model):
    """The Track API. Sizes in bytes; `max_items`, `max_bytes` and `concurrency` are ceilings."""

    type: Literal["track"] = "track"
    """track."""
    base_url: BaseUrl = "https://api.intempt.com/v1"
    """The address of the API, up to and with its version."""
    org: Identifier
    """The organisation's name."""
    project: Identifier
    """The project's name."""
    source_id: Identifier
    """The id of the source in the project: 19 digits, in quotes."""
    api_key: Secret
    """The API key: write ${INTEMPT_API_KEY}, never the key itself."""
    auth: Literal["header", "query"]
    """How the key is sent; header for a key of the form prefix.secret, else query."""
    max_items: Whole = Field(default=500, ge=1)
    """Items a request, at most."""
    max_bytes: Size = Field(default=1_000_000, ge=1_000)
    """Bytes a request, at most, such as 1MB."""
    concurrency: Whole = Field(default=8, ge=1, le=256)
    """Requests in flight, at most."""
    window: Whole = Field(default=64, ge=1)
    """Requests read ahead of the last commit, at most."""
    timeout: PositiveDuration = dt.timedelta(seconds=30)
    """How long one request may take."""
    retry: Retry = Retry()
    """When a request that met a passing failure is tried again."""
    max_items_per_second: Rate = None
    """A ceiling of items a second, or none."""
    max_requests_per_second: Rate = None
    """A ceiling of requests a second, or none."""
    compression: Literal["none", "gzip"] = "none"
    """none or gzip."""
    on_doubt: Literal["resend", "hold"] = "resend"
    """What becomes of a request without a definite answer: sent again, or held for a person."""
    on_5xx: Literal["isolate", "stop"] = "isolate"
    """What becomes of a request that alone meets the same 5xx again and again."""
    ca_file: Annotated[Path | None, NoneText] = None
    """A file with the certificates of a private authority, or none."""
