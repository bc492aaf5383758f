"""A street map as the one file of it in an index's folder: written small, read without trust.

It is a zip of arrays and texts. Positions are kept as differences to the one before, zigzagged and by bytes,
which deflates to about two bytes a number. The file may come out of a bundle, from anyone.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.core.errors import IndexUnusableError
from geoflood.core.files import ARRAY_HEADS, BROKEN_ARRAYS, replacing
from geoflood.core.plain_text import one_line
from geoflood.places.street_map import (
    DEGREE,
    NAMELESS,
    AreaKind,
    Doors,
    Ints,
    LineKind,
    Name,
    NamedSpots,
    Shapes,
    StreetMap,
)

__all__ = ["LONGEST_NAME", "MOST_BYTES", "STREETS", "find", "load", "save"]

STREETS = "streets.npz"
"""The file, in the folder of an index."""
VERSION = 1

MOST_BYTES = 256 << 20
"""Of the file: a hundred times that of a large city."""
MOST_POINTS, MOST_SHAPES, MOST_NAMES = 20_000_000, 4_000_000, 1_000_000
MOST_TEXT = 64 << 20
"""Bytes of all names, and of all house numbers."""
LONGEST_NAME, MOST_FORMS = 200, 100

Arrays: TypeAlias = dict[str, NDArray[Any]]

_SHAPES = ("points", "lengths", "kinds", "names", "parts_of")
_MEMBERS = {
    **{f"{part}_{name}": 8 * MOST_POINTS for part in ("lines", "areas") for name in _SHAPES},
    **{f"{part}_{name}": 8 * MOST_SHAPES for part in ("spots", "doors") for name in ("points", "names")},
    "spots_sorts": 4 * MOST_SHAPES,
    "head": 1 << 20,
    "texts": MOST_TEXT,
    "numbers": MOST_TEXT,
}
"""Member -> bytes at the most."""
_HEADER = 4096
"""Of an array: bytes before its numbers, at the most."""


class _BrokenMapError(Exception):
    """What is wrong with a file, in a few words that may be shown."""


def save(path: Path, street_map: StreetMap) -> Path:
    """Write a street map, whole or not at all; returns the file. A folder gets it as `streets.npz`."""
    target = path / STREETS if path.is_dir() else path
    head = {
        "version": VERSION,
        "credit": street_map.credit,
        "source": street_map.source,
        "sort_words": street_map.spots.sort_words,
    }
    spots, doors = street_map.spots, street_map.doors
    arrays: Arrays = {
        **_shapes_to("lines", street_map.lines),
        **_shapes_to("areas", street_map.areas),
        "spots_points": _packed(spots.points),
        "spots_names": spots.names.astype("<i4"),
        "spots_sorts": spots.sorts.astype("<i4"),
        "doors_points": _packed(doors.points),
        "doors_names": doors.streets.astype("<i4"),
        "head": _bytes(head),
        "texts": _bytes([name.forms for name in street_map.names]),
        "numbers": _bytes(doors.numbers),
    }
    with replacing(target) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return target


def find(folder: Path) -> StreetMap | None:
    """The street map of an index; None where it has none. Raises IndexUnusableError for a damaged one."""
    path = folder / STREETS
    return load(path) if path.is_file() else None


def load(path: Path) -> StreetMap:
    """The street map in a file. Raises IndexUnusableError when it is damaged, or was made to do damage."""
    try:
        arrays = _arrays(path)
        head = _object(arrays["head"])
        names = tuple(map(_name, _list(arrays["texts"], MOST_NAMES)))
        sort_words = tuple(_text(word, 40) for word in _listed(head.get("sort_words"), 10_000))
        spots = NamedSpots(
            _unpacked(arrays["spots_points"]),
            _indexes(arrays["spots_names"], len(names)),
            _indexes(arrays["spots_sorts"], len(sort_words)),
            sort_words,
        )
        numbers = tuple(_text(number, LONGEST_NAME) for number in _list(arrays["numbers"], MOST_SHAPES))
        doors = Doors(_unpacked(arrays["doors_points"]), _indexes(arrays["doors_names"], len(names)), numbers)
        if not len(spots.points) == len(spots.names) == len(spots.sorts):
            raise _BrokenMapError("its named places are not as many as they say")
        if not len(doors.points) == len(doors.streets) == len(numbers):
            raise _BrokenMapError("its house numbers are not as many as they say")
        return StreetMap(
            names,
            _shapes_from("lines", arrays, max(LineKind), len(names), 2),
            _shapes_from("areas", arrays, max(AreaKind), len(names), 4),
            spots,
            doors,
            _text(head.get("credit"), LONGEST_NAME),
            _text(head.get("source"), LONGEST_NAME),
        )
    except (*BROKEN_ARRAYS, RecursionError, OverflowError, NotImplementedError, _BrokenMapError) as error:
        why = str(error) if isinstance(error, _BrokenMapError | OSError) else type(error).__name__
        raise IndexUnusableError(
            f"{path} is no street map that can be used: {why}", "make it again: geoflood streets CITY FILE"
        ) from error


def _shapes_to(part: str, shapes: Shapes) -> Arrays:
    return {
        f"{part}_points": _packed(shapes.points),
        f"{part}_lengths": np.diff(shapes.starts).astype("<i4"),
        f"{part}_kinds": shapes.kinds.astype(np.uint8),
        f"{part}_names": shapes.names.astype("<i4"),
        f"{part}_parts_of": np.diff(shapes.parts_of, prepend=0).astype("<i4"),
    }


def _shapes_from(part: str, arrays: Arrays, last_kind: int, names: int, fewest: int) -> Shapes:
    """Shapes of which every index is one. Raises _BrokenMapError."""
    points = _unpacked(arrays[f"{part}_points"])
    lengths = _column(arrays[f"{part}_lengths"])
    kinds = arrays[f"{part}_kinds"]
    held = _indexes(arrays[f"{part}_names"], names, least=NAMELESS)
    parts_of = np.cumsum(_column(arrays[f"{part}_parts_of"]).astype(np.int64))
    if kinds.dtype != np.uint8 or kinds.ndim != 1 or (kinds > last_kind).any():
        raise _BrokenMapError(f"its {part} are of kinds that there are not")
    if not len(lengths) == len(kinds) == len(held) == len(parts_of) <= MOST_SHAPES:
        raise _BrokenMapError(f"its {part} are not as many as they say")
    if (lengths < fewest).any() or int(lengths.sum(dtype=np.int64)) != len(points):
        raise _BrokenMapError(f"its {part} have other points than they say")
    if len(parts_of) and not (parts_of.min() >= 0 and parts_of.max() < len(parts_of)):
        raise _BrokenMapError(f"its {part} are parts of what there is not")
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return Shapes(points, starts, kinds, held, parts_of.astype(np.int32))


def _packed(points: Ints) -> NDArray[np.uint8]:
    """[8, P] bytes of the zigzagged differences of points [P, 2], bytes of one weight together."""
    steps = np.diff(points.astype(np.int64), axis=0, prepend=0)
    zigzag = np.where(steps < 0, -2 * steps - 1, 2 * steps).astype("<u4")
    return np.ascontiguousarray(zigzag).view(np.uint8).reshape(-1, 8).T.copy()


def _unpacked(packed: NDArray[Any]) -> Ints:
    """Points [P, 2] of what `_packed` made. Raises _BrokenMapError for what is no place on Earth."""
    if packed.dtype != np.uint8 or packed.ndim != 2 or len(packed) != 8 or packed.shape[1] > MOST_POINTS:
        raise _BrokenMapError("its positions are of another form")
    zigzag = np.ascontiguousarray(packed.T).view("<u4").astype(np.int64)
    points = np.cumsum((zigzag >> 1) ^ -(zigzag & 1), axis=0)
    if (np.abs(points) > (90 * DEGREE, 540 * DEGREE)).any():
        raise _BrokenMapError("it has positions that are none")
    return points.astype(np.int32)


def _column(array: NDArray[Any]) -> Ints:
    if array.dtype != np.dtype("<i4") or array.ndim != 1:
        raise _BrokenMapError("its arrays are of another form")
    return array


def _indexes(array: NDArray[Any], count: int, least: int = 0) -> Ints:
    """[N] indexes into `count` things. Raises _BrokenMapError for others."""
    column = _column(array)
    if len(column) and not (least <= column.min() and column.max() < count):
        raise _BrokenMapError("it names what it does not hold")
    return column


def _arrays(path: Path) -> Arrays:
    """All members, none larger than it may be. Raises _BrokenMapError, and what numpy raises."""
    if path.stat().st_size > MOST_BYTES:
        raise _BrokenMapError(f"it is larger than {MOST_BYTES >> 20} MB")
    with zipfile.ZipFile(path) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
    if sizes.keys() != {f"{name}.npy" for name in _MEMBERS}:
        raise _BrokenMapError("it lacks parts, or has others")
    for name, most in _MEMBERS.items():
        if sizes[f"{name}.npy"] > most + _HEADER:
            raise _BrokenMapError(f"its part {name} is too large")
    with ARRAY_HEADS, np.load(path, allow_pickle=False) as held:
        return {name: held[name] for name in _MEMBERS}


def _bytes(content: object) -> NDArray[np.uint8]:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return np.frombuffer(text.encode("utf-8", "replace"), np.uint8)


def _json(array: NDArray[Any]) -> Any:
    if array.dtype != np.uint8 or array.ndim != 1:
        raise _BrokenMapError("its texts are of another form")
    return json.loads(array.tobytes())


def _object(array: NDArray[Any]) -> dict[str, Any]:
    content = _json(array)
    if not isinstance(content, dict) or type(content.get("version")) is not int:
        raise _BrokenMapError("it does not say what it is")
    if content["version"] > VERSION:
        raise _BrokenMapError(f"it is of form {content['version']}, newer than this geoflood")
    return content


def _list(array: NDArray[Any], most: int) -> list[Any]:
    return _listed(_json(array), most)


def _listed(value: object, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise _BrokenMapError("it lacks a list, or has one that is too long")
    return value


def _name(forms: object) -> Name:
    pairs = [_listed(pair, 2) for pair in _listed(forms, MOST_FORMS)]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise _BrokenMapError("it has a name without forms")
    return Name(tuple((_text(key, 40, 1), _text(text, LONGEST_NAME, 1)) for key, text in pairs))


def _text(value: object, most: int, least: int = 0) -> str:
    """One plain line. Raises _BrokenMapError for anything else."""
    if not isinstance(value, str) or not least <= len(value) <= most or one_line(value, most) != value:
        raise _BrokenMapError("it has texts that are not plain")
    return value
