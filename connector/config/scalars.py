"""Scalars with units, parsed from the text of the YAML: durations, sizes, shares, and strict plain ones.

A number may arrive as text, because a ``${VARIABLE}`` is never retyped; a text never arrives as a number.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

CRON_NAMES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
# The names that DuckDB knows its types by; what stands in brackets behind them is its own to check.
DATA_TYPES = {"timestamp with time zone", "time with time zone"} | set(
    re.findall(
        r"\w+",
        "bigint int8 long bit bitstring blob bytea binary varbinary boolean bool logical date decimal numeric double "
        "float8 float float4 real half hugeint integer int int4 signed interval json smallint int2 short time timetz "
        "timestamp datetime timestamptz timestamp_s timestamp_ms timestamp_us timestamp_ns tinyint int1 ubigint "
        "uhugeint uinteger usmallint utinyint uuid varchar char bpchar text string struct row map list",
    )
)

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?b)?", re.IGNORECASE)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_LONGEST = 36_500 * 86_400  # a hundred years, in seconds


def wrong(expected: str, hint: str = "") -> NoReturn:
    """Refuse a value: what was found is added where it is known whether it may be shown."""
    context = {"expected": expected, "hint": hint}
    raise PydanticCustomError("wrong", "a wrong value", context)


def refuse(message: str, hint: str) -> NoReturn:
    """Refuse a value with a message of its own."""
    raise PydanticCustomError("refused", "a refused value", {"message": message, "hint": hint})


def _duration(value: Any) -> Any:
    if isinstance(value, dt.timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        if value == "0" or (value == 0 and not isinstance(value, bool)):
            return dt.timedelta(0)
        wrong("a duration", "write a number and a unit: 500ms, 30s, 15m, 2h or 1d")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST:
        wrong("a duration of at most 36500d")
    return dt.timedelta(seconds=seconds)


def _positive(value: Any) -> Any:
    parsed = _duration(value)
    return (
        parsed if parsed > dt.timedelta(0) else wrong("a duration above 0", "write 500ms, 30s, 15m, 2h or 1d")
    )


def _none(value: Any) -> Any:
    return None if value == "none" else value


def _zero(value: Any) -> Any:
    return dt.timedelta(0) if value is None or value == "none" else _duration(value)


def _settle(value: Any) -> Any:
    return value if value in ("auto", None) else _zero(value)


def _size(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        wrong("a size", "write a number of bytes, or 500kB or 1MB (1 MB is 1,000,000 bytes)")
    return int(float(match[1]) * _SIZES[(match[2] or "b").lower()])


def _share(value: Any) -> Any:
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    share = float(match[1]) / 100 if match else _float(value)
    if share is None or not 0 <= share <= 1:
        wrong("a percentage", "write it with its sign: 5%")
    return share


def _float(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _rate(value: Any) -> Any:
    if value is None or value == "none":
        return None
    number = _float(value)
    return number if number is not None and number > 0 else wrong("a number above 0, or none")


def _whole(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d{1,18}", value.strip()):
        return int(value)
    return wrong("a whole number")


def _flag(value: Any) -> Any:
    if value in ("true", "false"):
        return value == "true"
    return value if isinstance(value, bool) else wrong("true or false", "write it without quotes: true")


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        hint = "" if isinstance(value, (dict, list)) or value is None else "put it in quotes"
        wrong("text", hint)
    return value if value.strip() else wrong("text that is not blank")


def _identifier(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        wrong("text in quotes", "put it in quotes: ids are text, and long ones lose digits as numbers")
    text = str(_text(value)).strip()
    if re.search(r"[\s/?#%]", text):
        wrong("an id without spaces, / ? # and %", "copy the id alone, not the address it stands in")
    return text


def _start(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return (
        _text(value)
        if isinstance(value, str)
        else wrong("beginning, now, or a value of the cursor", "put it in quotes")
    )


def _name(value: Any) -> Any:
    text = _text(value)
    if not re.fullmatch(r"\w[\w.-]{0,99}", text):
        wrong("a name of letters, digits, _ - and .", "at most 100 characters, no spaces")
    return text


def _zone(value: Any) -> Any:
    from zoneinfo import ZoneInfo, available_timezones

    text = _text(value)
    if text == "UTC":
        return text
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        near = difflib.get_close_matches(text, available_timezones(), 1)
        wrong("a time zone", f"did you mean {near[0]}?" if near else "write a name such as Europe/Berlin")
    return text


def _cron(value: Any) -> Any:
    text = " ".join(str(_text(value)).split())
    if text.startswith("@"):
        if text not in CRON_NAMES:
            wrong(f"one of {', '.join(CRON_NAMES)}", nearest(text, CRON_NAMES))
        return text
    if len(text.split(" ")) != 5:
        wrong("five cron fields", 'minute, hour, day, month, weekday: "0 */2 * * *"')
    if not re.fullmatch(r"[\dA-Za-z*,/ -]+", text):
        wrong("five cron fields", "a field has digits, names, * , - and /")
    return text


def _data_type(value: Any) -> Any:
    text = str(_text(value)).strip()
    name = re.sub(r"(\[\d*\])+$", "", text.lower()).split("(")[0].strip()
    if name not in DATA_TYPES or text.count("(") != text.count(")"):
        hint = nearest(name, DATA_TYPES) or 'such as integer, varchar, "decimal(18,2)", timestamp'
        wrong("a DuckDB type", hint)
    return text


def _transform(value: Any) -> Any:
    text = _text(value)
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", text):
        wrong("module:function", "write transform: my_module:clean")
    return text


def _base_url(value: Any) -> Any:
    parts = urlsplit(str(_text(value)).strip())
    try:
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        wrong("an http or https address", "write https://api.intempt.com/v1")
    if parts.query or parts.fragment or "@" in parts.netloc:
        wrong("an address without credentials, ? and #", "the key belongs into api_key")
    return parts.geturl().rstrip("/")


def _secret(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value
    text = str(_text(value))
    return SecretStr(text)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the question that names the nearest of the known names, or nothing."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""


_NUMBER = r"^\d+(\.\d+)?\s*"
_POSITIVE_SCHEMA = {"type": "string", "pattern": _NUMBER + "(ms|s|m|h|d)$"}
_DURATION_SCHEMA = {"anyOf": [_POSITIVE_SCHEMA, {"enum": [0, "0"]}]}
_NONE_SCHEMA = {"anyOf": [_POSITIVE_SCHEMA, {"enum": [0, "0", "none"]}]}
_SETTLE_SCHEMA = {"anyOf": [_POSITIVE_SCHEMA, {"enum": ["auto", 0, "0", "none"]}]}
_SIZE_SCHEMA = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": _NUMBER + "([kKmMgG]?[bB])?$"}]}
_SHARE_SCHEMA = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": _NUMBER + "%$"}]
}
_RATE_SCHEMA = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": "none"}]}
_TEXT_SCHEMA = {"type": "string", "minLength": 1}
_CRON_SCHEMA = {**_TEXT_SCHEMA, "examples": ["0 */2 * * *", *CRON_NAMES]}
ONE_OR_MANY = {"anyOf": [_TEXT_SCHEMA, {"type": "array", "items": _TEXT_SCHEMA, "minItems": 1}]}

Duration = Annotated[dt.timedelta, BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
PositiveDuration = Annotated[dt.timedelta, BeforeValidator(_positive), WithJsonSchema(_POSITIVE_SCHEMA)]
DurationOrNone = Annotated[dt.timedelta, BeforeValidator(_zero), WithJsonSchema(_NONE_SCHEMA)]
Settle = Annotated[
    Literal["auto"] | dt.timedelta | None, BeforeValidator(_settle), WithJsonSchema(_SETTLE_SCHEMA)
]
Size = Annotated[int, BeforeValidator(_size), WithJsonSchema(_SIZE_SCHEMA)]
Share = Annotated[float, BeforeValidator(_share), WithJsonSchema(_SHARE_SCHEMA)]
Rate = Annotated[float | None, BeforeValidator(_rate), WithJsonSchema(_RATE_SCHEMA)]
Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer"})]
Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
Text = Annotated[str, BeforeValidator(_text), WithJsonSchema(_TEXT_SCHEMA)]
Name = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": r"^\w[\w.-]*$"})]
Identifier = Annotated[str, BeforeValidator(_identifier), WithJsonSchema(_TEXT_SCHEMA)]
Secret = Annotated[SecretStr, BeforeValidator(_secret), WithJsonSchema(_TEXT_SCHEMA)]
Start = Annotated[str | int, BeforeValidator(_start), WithJsonSchema({"type": ["string", "integer"]})]
Zone = Annotated[str, BeforeValidator(_zone), WithJsonSchema(_TEXT_SCHEMA)]
Cron = Annotated[str, BeforeValidator(_cron), WithJsonSchema(_CRON_SCHEMA)]
DataType = Annotated[str, BeforeValidator(_data_type), WithJsonSchema(_TEXT_SCHEMA)]
Transform = Annotated[str, BeforeValidator(_transform), WithJsonSchema({"type": "string", "pattern": ":"})]
BaseUrl = Annotated[str, BeforeValidator(_base_url), WithJsonSchema(_TEXT_SCHEMA)]
# Before an optional field: the word none is its absence.
NoneText = BeforeValidator(_none)
