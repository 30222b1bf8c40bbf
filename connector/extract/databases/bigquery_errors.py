"""What BigQuery's driver raises, in this program's words: its own quote statements, and some quote values."""

from __future__ import annotations

import re

from sqlalchemy.engine import URL

from connector.errors import ConfigError, ConnectorError, CredentialsError, SourceError
from connector.extract.quotations import without_values

_STATUS = re.compile(r"(?:Error |code = |HTTP )(\d{3})\b|rpc error: code = (\w+)")
_REASON = re.compile(
    r"\b(accessDenied|authError|invalidQuery|notFound|quotaExceeded|rateLimitExceeded|responseTooLarge|billingNotEnabled"
    r"|billingTierLimitExceeded|bytesBilledLimitExceeded|backendError|internalError|jobBackendError|stopped)\b"
)
# The words of a refused statement: names and places in it, and nothing that a row holds.
_SAID = re.compile(
    r"((?:Unrecognized name|Syntax error|Function not found|Table not found|Not found|No matching signature|Name)[^\n;]*?)"
    r"(?:, invalidQuery|, notFound|$)",
    re.MULTILINE,
)


def translate(error: Exception, url: URL) -> ConnectorError:
    """Turn one error of the driver into ours: its words quote statements, and some quote values."""
    text = str(error)
    reason = found[1] if (found := _REASON.search(text)) else ""
    where = f"BigQuery project {url.host}"
    if "find default credentials" in text:
        return CredentialsError(
            "No credentials for Google Cloud are found.",
            hint="set GOOGLE_APPLICATION_CREDENTIALS, run gcloud auth application-default login, or give"
            " ?credentials_file=path in source.url",
        )
    if reason in {"accessDenied", "authError"} or any(
        words in text for words in ("invalid_grant", "Unauthenticated", "PermissionDenied", "Error 401", "oauth2:", "readSessionUser")
    ):  # fmt: skip
        return CredentialsError(
            f"{where} refuses these credentials, or to read.",
            hint="grant roles/bigquery.jobUser and roles/bigquery.readSessionUser on the project, roles/bigquery.dataViewer on the data",
        )
    if reason == "notFound" or "Not found:" in text:
        return ConfigError(
            f"{where} knows no such table, dataset or location: {_said(text)}",
            hint="check source.table, and project, dataset and ?location= of source.url",
        )
    if reason == "invalidQuery":
        return ConfigError(
            f"{where} refuses the statement: {_said(text)}",
            hint="check source.table, query, where and cursor",
        )
    if reason:
        return SourceError(f"{where} ended the statement ({reason}).", hint="run again")
    status = next((part for match in _STATUS.finditer(text) for part in match.groups() if part), "")
    return SourceError(
        f"{where} cannot be read{f' ({status})' if status else ''}.", hint="check the network from here, and run again"
    )  # fmt: skip


def _said(text: str) -> str:
    found = _SAID.search(text)
    return without_values(" ".join(found[1].split())).rstrip(".") + "." if found else "…"
