"""What PyMySQL raises, in this program's words: servers quote values of rows in theirs."""

from __future__ import annotations

from sqlalchemy.engine import URL

from connector.errors import ConfigError, ConnectorError, CredentialsError, SourceError, Stopped
from connector.extract.quotations import without_values

_REFUSED = {1044, 1045, 1142, 1143, 1227, 1698, 2059, 3118}
_NAMES_AND_SYNTAX = {1051, 1052, 1054, 1064, 1109, 1146, 1222, 1248, 1305}
_VALUES = {1264, 1292, 1366, 1411, 1525, 1690}
_INTERRUPTED, _NO_DATABASE = 1317, 1049
_OUT_OF_TIME = {1969, 3024}
_UNREACHABLE = {2002, 2003, 2005}


def translate(error: Exception, url: URL) -> ConnectorError | None:
    """Turn an error of the driver into ours; None for one that is not the driver's."""
    import pymysql

    if not isinstance(error, pymysql.Error | OSError):
        return None
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    said = without_values(str(error.args[1])) if len(error.args) > 1 else ""
    where = f"{url.host}:{url.port or 3306}"
    statement = "check source.table, query, where and cursor"
    if code == _INTERRUPTED:
        return Stopped("Reading was stopped.")
    known: tuple[tuple[set[int], ConnectorError], ...] = (
        (
            _REFUSED,
            CredentialsError(
                f"The server at {where} refuses the user, the password or the access (code {code}).",
                hint="check source.url and what is granted to the user",
            ),
        ),
        ({_NO_DATABASE}, ConfigError(f"There is no database {url.database!r}.", hint="check source.url")),
        (_NAMES_AND_SYNTAX, ConfigError(f"The server refuses the statement: {said}", hint=statement)),
        (_VALUES, SourceError(f"A value in the source broke the statement (code {code}).", hint=statement)),
        (
            _OUT_OF_TIME,
            SourceError(f"The server ended the statement: {said}.", hint="raise its limit of time"),
        ),
        (
            _UNREACHABLE,
            SourceError(
                f"Cannot reach MySQL at {where}.", hint="check that it runs and can be reached from here"
            ),
        ),
    )
    found = next((ours for codes, ours in known if code in codes), None)
    return found or SourceError(f"The server at {where} ended the statement (code {code}).", hint="run again")
