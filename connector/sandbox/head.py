"""What is checked before a request's body is read."""

from __future__ import annotations

import base64
import secrets
from urllib.parse import parse_qs

from starlette.types import Scope

from connector.sandbox.answers import JSON
from connector.sandbox.rules import Refusal
from connector.sandbox.settings import SandboxSettings


def check_head(scope: Scope, settings: SandboxSettings) -> dict[str, str]:
    """Check method, path, key and headers; return the headers by lower-case name.

    Raises:
        Refusal: 401, 403, 404, 405, 411 or 415.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["path_params"]
    if scope["method"] != "POST":
        raise Refusal("wrong_method", "the track endpoint takes POST", status=405)
    if (path["org"], path["project"], path["source_id"]) != (
        settings.org,
        settings.project,
        settings.source_id,
    ):
        raise Refusal("unknown_source", "no such organisation, project or source", status=404)
    _check_keys(_keys(scope["query_string"].decode("latin-1"), headers.get("authorization", "")), settings)
    if "content-length" not in headers:
        raise Refusal(
            "no_content_length", "Content-Length is needed; chunked bodies are not taken", status=411
        )
    if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise Refusal("wrong_content_type", f"Content-Type must be {JSON}", status=415)
    return headers


def _check_keys(offered: list[str], settings: SandboxSettings) -> None:
    if any(key in settings.revoked for key in offered):
        raise Refusal("revoked_key", "the API key was revoked", status=403)
    if not offered or not all(secrets.compare_digest(key.encode(), settings.key.encode()) for key in offered):
        raise Refusal("wrong_key", "the API key is missing or wrong", status=401)


def _keys(query: str, authorization: str) -> list[str]:
    """Return the keys that a request offers: ``?apiKey=KEY``, and Basic ``prefix:secret`` for ``prefix.secret``."""
    keys = parse_qs(query, keep_blank_values=True).get("apiKey", []) if query else []
    scheme, _, credentials = authorization.partition(" ")
    if scheme:
        try:
            text = base64.b64decode(credentials, validate=True).decode() if scheme.lower() == "basic" else ""
        except ValueError:
            text = ""
        prefix, colon, secret = text.partition(":")
        keys.append(f"{prefix}.{secret}" if colon else "")
    return keys
