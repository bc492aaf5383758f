"""Values that a program wrote as Python spells them: read by a list of what may stand there, never run."""

from __future__ import annotations

import ast
import datetime
import math
import zoneinfo
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from geoflood.core.image_files import STRANGERS_SOURCE, silenced_warnings

__all__ = ["python_value"]

MAX_SOURCE = 1_000_000
"""Characters: the parser takes some hundred bytes for each."""


def python_value(source: str) -> Any:
    """What `str(value)` or `repr(value)` made of dicts, lists, texts, numbers, dates and paths.

    Of a call that is not known, its named arguments are kept as a dict: so data classes write themselves.
    Raises ValueError, or whatever the parser does, for anything else.
    """
    if len(source) > MAX_SOURCE:
        raise ValueError(f"over {MAX_SOURCE:,} characters")
    with silenced_warnings:
        parsed = ast.parse(source.strip(), STRANGERS_SOURCE, mode="eval")
    return _value(parsed.body)


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {_key(key): _value(value) for key, value in pairs if key is not None}
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Name() | ast.Attribute():
            return _NAMED.get(_dotted(node))
        case ast.Call(func=function, args=arguments, keywords=named):
            return _called(
                _dotted(function),
                [_value(one) for one in arguments],
                {one.arg: _value(one.value) for one in named if one.arg},
            )
    raise ValueError(f"{type(node).__name__} is no value")


def _key(node: ast.expr) -> str:
    value = _value(node)
    return value if isinstance(value, str) else repr(value)


def _dotted(node: ast.expr) -> str:
    """The last two parts of a dotted name: "datetime.datetime", "timezone.utc"."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise ValueError("a call of what is no name")
    return ".".join([node.id, *reversed(parts)][-2:])


def _called(name: str, arguments: list[Any], named: Mapping[str, Any]) -> Any:
    make = _CALLS.get(name) or _CALLS.get(name.rpartition(".")[2])
    return dict(named) if make is None else make(*arguments, **named)


def _zone(key: str) -> datetime.tzinfo | None:
    with suppress(LookupError, ValueError, OSError):
        return zoneinfo.ZoneInfo(key)
    return None


def _offset(name: object, ahead: float | datetime.timedelta) -> datetime.timezone:
    """As dateutil writes it."""
    return datetime.timezone(
        ahead if isinstance(ahead, datetime.timedelta) else datetime.timedelta(seconds=ahead)
    )


def _first(*values: Any) -> Any:
    return values[0] if values else []


_CALLS: dict[str, Callable[..., Any]] = {
    "datetime": datetime.datetime,
    "date": datetime.date,
    "timedelta": datetime.timedelta,
    "timezone": datetime.timezone,
    "ZoneInfo": _zone,
    "tzutc": lambda: datetime.UTC,
    "tzlocal": lambda: None,
    "tzoffset": _offset,
    **dict.fromkeys(("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path"), _first),
    **dict.fromkeys(("set", "frozenset", "OrderedDict", "deque", "Decimal", "UUID"), _first),
}
_NAMED = {
    "timezone.utc": datetime.UTC,
    "datetime.UTC": datetime.UTC,
    "nan": math.nan,
    "inf": math.inf,
}
