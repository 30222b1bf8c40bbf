"""What Snowflake's driver raises, in this program's words: its own quote statements, and some quote values."""

from __future__ import annotations

import re

from sqlalchemy.engine import URL

from connector.errors import ConfigError, ConnectorError, CredentialsError, SourceError
from connector.extract.quotations import without_values

# The words of the server, behind its number and the SQLSTATE.
_SAID = re.compile(r"\(\w{5}\): (?!\d{6} \()(.*?)(?:\. Vendor code|$)", re.DOTALL)
_LOGIN, _NO_WAREHOUSE, _NO_OBJECT, _SQL = range(390_100, 390_500), 606, 2003, 2043


def translate(error: Exception, url: URL) -> ConnectorError:
    """Turn one error of the driver into ours."""
    code = abs(int(getattr(error, "vendor_code", 0) or 0))
    state = str(getattr(error, "sqlstate", "") or "")
    where = f"Snowflake account {url.host}"
    return _refused(code, state, where) or _statement(error, code, state, where) or _unreached(error, where)


def _refused(code: int, state: str, where: str) -> ConnectorError | None:
    if code in _LOGIN or state.startswith("28"):
        return CredentialsError(
            f"{where} refuses the user, the password or the key (code {code}).",
            hint="check source.url, and that the user may use its role",
        )
    if state == "42501":
        return CredentialsError(f"{where} refuses to read (code {code}).", hint="grant select to this role")
    if code == _NO_WAREHOUSE:
        return ConfigError(
            "No warehouse is there to run the statement.",
            hint="add ?warehouse=name to source.url, and grant usage on it to the role",
            path="source.url",
        )
    return None


def _statement(error: Exception, code: int, state: str, where: str) -> ConnectorError | None:
    if code == _NO_OBJECT:
        return ConfigError(
            f"{where} knows no such table, or does not show it to this role: {_said(error)}",
            hint="check source.table, and the database, schema and role of source.url",
        )
    if state.startswith("42") or code == _SQL:
        return ConfigError(
            f"{where} refuses the statement: {_said(error)}",
            hint="check source.table, query, where and cursor",
        )
    if state.startswith("22"):  # the server's words quote the value
        return SourceError(
            f"A value in the source broke the statement (code {code}).", hint="check the query"
        )
    if code:
        hint = "raise its limit of time" if state == "57014" else "run again"
        return SourceError(f"{where} ended the statement (code {code}).", hint=hint)
    return None


def _said(error: Exception) -> str:
    found = _SAID.search(str(error))
    said = found[1] if found else ""
    line = " ".join(said.partition("\n\n")[0].split())
    return without_values(line).rstrip(".") + "."


def _unreached(error: Exception, where: str) -> ConnectorError:
    text = str(error)
    if "private key" in text.lower() or "pkcs" in text.lower():
        return CredentialsError(
            "The private key cannot be read.",
            hint="give a key in PKCS 8 (PEM), and its passphrase as private_key_passphrase",
        )
    return SourceError(
        f"{where} cannot be reached.", hint="check the account in source.url, and the network from here"
    )
