"""Writes vector tiles, as providers do: values once each, keys by number, points in the tile's own units."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

Properties = Mapping[str, Any]
Point = tuple[int, int, Properties]
"""x, y (downwards) and what is known of it; None values are left out."""


def vector_tile(layers: Mapping[str, Sequence[Point]], extent: int = 4096) -> bytes:
    """A tile with layers of points; no bytes when they are all empty."""
    return b"".join(_bytes(3, _layer(name, points, extent)) for name, points in layers.items() if points)


def pixel(lat: float, lon: float, zoom: int, x: int, y: int, extent: int = 4096) -> tuple[int, int]:
    """Where a place is on a tile, in its units; outside [0, extent) beyond its edges."""
    across = (lon + 180.0) / 360.0 * 2**zoom - x
    down = (1.0 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2.0 * 2**zoom - y
    return math.floor(across * extent), math.floor(down * extent)


def _layer(name: str, points: Sequence[Point], extent: int) -> bytes:
    keys: dict[str, int] = {}
    values: dict[tuple[type, Any], int] = {}
    features = []
    for number, (x, y, properties) in enumerate(points):
        tags = []
        for key, value in properties.items():
            if value is not None:
                tags += [
                    keys.setdefault(key, len(keys)),
                    values.setdefault((type(value), value), len(values)),
                ]
        shape = b"".join(map(_varint, [9, _zigzag(x), _zigzag(y)]))
        content = [
            _number(1, number),
            _bytes(2, b"".join(map(_varint, tags))),
            _number(3, 1),
            _bytes(4, shape),
        ]
        features.append(_bytes(2, b"".join(content)))
    return b"".join(
        [
            _bytes(1, name.encode()),
            *features,
            *(_bytes(3, key.encode()) for key in keys),
            *(_bytes(4, _value(value)) for _, value in values),
            _number(5, extent),
            _number(15, 2),
        ]
    )


def _value(value: Any) -> bytes:
    match value:
        case bool():
            return _number(7, int(value))
        case int():
            return _number(4, value % 2**64)
        case float():
            return _varint(3 << 3 | 1) + struct.pack("<d", value)
    return _bytes(1, value.encode())


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
