"""Points out of vector tiles (Mapbox Vector Tile 2.1), as columns: a dense tile has 170,000 of them.

Only what a census needs is read: one layer, its points, and their attributes. Lines and polygons are left
out. The bytes come from strangers: whatever is wrong with them ends in a ValueError.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.area import Tile

__all__ = ["TilePoints", "points_of", "unpacked"]

Value: TypeAlias = str | float | int | bool
Ints: TypeAlias = NDArray[np.int32]

MOST_BYTES = 64_000_000
"""Of one tile, decompressed: six times the densest seen."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Protobuf's ways of writing a value."""
_NAME, _FEATURE, _KEY, _VALUE, _EXTENT = 1, 2, 3, 4, 5
"""Numbers of a layer's fields."""
_POINT, _MOVE_TO = 1, 1


@dataclass(frozen=True, eq=False, slots=True)
class TilePoints:
    """The points of one layer."""

    lats: NDArray[np.float64]
    """[N] degrees; points in the tile's margin lie outside it."""
    lons: NDArray[np.float64]
    """[N]"""
    _keys: tuple[str, ...]
    _values: tuple[Value, ...]
    _pairs: tuple[Ints, Ints, Ints]
    """Point, key and value of every attribute [M]."""

    def __len__(self) -> int:
        return len(self.lats)

    def rows(self, *keys: str) -> Iterator[dict[str, Value | None]]:
        """Each point with its `lat`, `lon` and these attributes, None where it has none."""
        columns = zip(self.lats.tolist(), self.lons.tolist(), *map(self.column, keys), strict=True)
        return (dict(zip(("lat", "lon", *keys), row, strict=True)) for row in columns)

    def column(self, key: str) -> Sequence[Value | None]:
        """An attribute of every point, None where a point has none."""
        column: list[Value | None] = [None] * len(self)
        points, keys, values = self._pairs
        for number, name in enumerate(self._keys):
            if name == key:
                of_key = keys == number
                for point, value in zip(points[of_key].tolist(), values[of_key].tolist(), strict=True):
                    column[point] = self._values[value]
        return column


def unpacked(data: bytes) -> bytes:
    """A tile's bytes, decompressed if they are gzip, which servers do not always say. Raises ValueError."""
    if data[:2] != b"\x1f\x8b":
        return data
    stream = zlib.decompressobj(31)
    try:
        plain = stream.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"a broken gzip: {error}") from error
    if not stream.eof:
        raise ValueError("a gzip that does not end")
    return plain


def points_of(data: bytes, layer: str, tile: Tile) -> TilePoints:
    """The points of a layer of a tile; none when it has no such layer. Raises ValueError for rubbish."""
    try:
        for number, value in _fields(data):
            if number == 3 and isinstance(value, bytes):
                found = _layer(value, layer, tile)
                if found is not None:
                    return found
    except (IndexError, struct.error, UnicodeDecodeError, OverflowError) as error:
        raise ValueError(f"not a vector tile: {error}") from error
    return _points(tile, 4096, [], [], [])


def _layer(data: bytes, name: str, tile: Tile) -> TilePoints | None:
    """The layer's points; None when it has another name."""
    features: list[bytes] = []
    keys: list[str] = []
    values: list[Value] = []
    extent = 4096
    for number, value in _fields(data):
        if number == _FEATURE and isinstance(value, bytes):
            features.append(value)
        elif number == _VALUE and isinstance(value, bytes):
            values.append(_value(value))
        elif number == _KEY and isinstance(value, bytes):
            keys.append(value.decode("utf-8"))
        elif number == _NAME and isinstance(value, bytes):
            if value.decode("utf-8") != name:  # writers put the name first
                return None
        elif number == _EXTENT and isinstance(value, int):
            extent = value
    if not 1 <= extent <= 1 << 24:
        raise ValueError(f"an extent of {extent}")
    return _points(tile, extent, features, keys, values)


def _points(
    tile: Tile, extent: int, features: list[bytes], keys: list[str], values: list[Value]
) -> TilePoints:
    """The point features with their places and attributes; all numbers of all features decoded at once."""
    tags, shapes = [], []
    for feature in features:
        kind, tag, shape = 0, b"", b""
        for number, value in _fields(feature):
            if number == 2 and isinstance(value, bytes):
                tag = value
            elif number == 3 and isinstance(value, int):
                kind = value
            elif number == 4 and isinstance(value, bytes):
                shape = value
        if kind == _POINT:
            tags.append(tag)
            shapes.append(shape)
    features.clear()  # a hundred thousand of them
    x, y = _first_points(shapes)
    owner, pairs = _ragged(tags)
    if len(pairs) % 2 or (np.diff(np.flatnonzero(np.diff(owner, prepend=-1)), append=len(owner)) % 2).any():
        raise ValueError("an attribute without its value")
    key, value_number = pairs[::2], pairs[1::2]
    if len(key) and (key.max() >= len(keys) or value_number.max() >= len(values)):
        raise ValueError("an attribute that is not in the layer")
    lats, lons = _degrees(tile, x / extent, y / extent)
    return TilePoints(lats, lons, tuple(keys), tuple(values), (owner[::2], key, value_number))


def _first_points(shapes: list[bytes]) -> tuple[Ints, Ints]:
    """x and y [N] in the tile's units, y downwards: of a cloud of points the first."""
    owner, numbers = _ragged(shapes)
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    counts = np.diff(starts, append=len(owner))
    if len(starts) != len(shapes) or (counts < 3).any() or (numbers[starts] & 7 != _MOVE_TO).any():
        raise ValueError("a point without a place")
    x, y = numbers[starts + 1], numbers[starts + 2]
    return (x >> 1) ^ -(x & 1), (y >> 1) ^ -(y & 1)


def _ragged(parts: list[bytes]) -> tuple[Ints, Ints]:
    """The varints in all of `parts`: [M] which part each is from, and [M] the numbers; 28 bits are enough."""
    data = np.frombuffer(b"".join(parts), np.uint8)
    ends = np.flatnonzero(data < 128).astype(np.int32)  # the last byte of each number
    sizes = np.diff(ends, prepend=np.int32(-1)).astype(np.uint8)
    borders = np.cumsum(np.array([len(part) for part in parts], np.int32), dtype=np.int32)
    filled = borders[np.diff(borders, prepend=np.int32(0)) > 0]
    if len(data) and (data[filled - 1].max() >= 128 or np.diff(ends, prepend=-1).max() > 4):
        raise ValueError("a number that does not end")
    numbers: Ints = np.zeros(len(ends), np.int32)
    for place in range(int(sizes.max()) if len(sizes) else 0):
        long = np.flatnonzero(sizes > place)
        at = ends[long] - sizes[long] + 1 + place
        numbers[long] |= (data[at].astype(np.int32) & 127) << (7 * place)
    return np.searchsorted(borders, ends, side="right").astype(np.int32), numbers


def _degrees(tile: Tile, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Latitudes and longitudes of shares of a tile, y downwards."""
    across, down = (tile.x + x) / 2.0**tile.zoom, (tile.y + y) / 2.0**tile.zoom
    lats = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * down))))
    return lats, (across * 360.0) % 360.0 - 180.0


def _value(data: bytes) -> Value:
    """An attribute's value; of several the last, as protobuf has it."""
    if len(data) == 9 and data[0] == 0x19:  # most values of a tile are doubles
        return float(struct.unpack_from("<d", data, 1)[0])
    found: Value | None = None
    for number, value in _fields(data):
        if isinstance(value, int):
            found = _whole_number(number, value, found)
        elif number == 1:
            found = value.decode("utf-8", "replace")
        elif number in (2, 3):
            found = float(struct.unpack("<f" if number == 2 else "<d", value)[0])
    if found is None:
        raise ValueError("a value of no kind")
    return found


def _whole_number(number: int, value: int, otherwise: Value | None) -> Value | None:
    """A varint as the field of this number means it: int64, uint64, sint64 or bool."""
    match number:
        case 4:
            return value - (1 << 64) if value >= 1 << 63 else value
        case 5:
            return value
        case 6:
            return (value >> 1) ^ -(value & 1)
        case 7:
            return bool(value)
    return otherwise


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: number and value, fixed-width ones as their bytes."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, way = tag >> 3, tag & 7
        if way == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if way == _BYTES:
            size, at = _varint(data, at)
        elif way == _FIXED64:
            size = 8
        elif way == _FIXED32:
            size = 4
        else:
            raise ValueError(f"a field written in way {way}")
        if at + size > end:
            raise ValueError("a field that is cut off")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where the next thing begins."""
    number = data[at]
    if number < 128:
        return number, at + 1
    number = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise ValueError("a number of more than 64 bits")
