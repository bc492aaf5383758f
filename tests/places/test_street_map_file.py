"""The file of a street map: what is written is read, and what would do damage is refused in one line."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geoflood.core.errors import IndexUnusableError
from geoflood.places.street_map import StreetMap
from geoflood.places.street_map_file import STREETS, find, load, save
from tests.support.street_maps import street_map


def same(a: StreetMap, b: StreetMap) -> bool:
    arrays = [
        (getattr(getattr(a, part), name), getattr(getattr(b, part), name))
        for part in ("lines", "areas")
        for name in ("points", "starts", "kinds", "names", "parts_of")
    ]
    arrays += [(getattr(a.spots, name), getattr(b.spots, name)) for name in ("points", "names", "sorts")]
    arrays += [(getattr(a.doors, name), getattr(b.doors, name)) for name in ("points", "streets")]
    texts = (a.names, a.credit, a.source, a.spots.sort_words, a.doors.numbers)
    return all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in arrays) and texts == (
        b.names,
        b.credit,
        b.source,
        b.spots.sort_words,
        b.doors.numbers,
    )


@pytest.mark.parametrize("made", [street_map(), StreetMap()], ids=["town", "empty"])
def test_what_is_written_is_read(made: StreetMap, tmp_path: Path) -> None:
    assert save(tmp_path, made) == tmp_path / STREETS
    assert same(load(tmp_path / STREETS), made)
    assert [path.name for path in tmp_path.iterdir()] == [STREETS]


def test_positions_of_all_the_earth_are_exact(tmp_path: Path) -> None:
    made = street_map()
    ends = np.array([[-90_000_000, -180_000_000], [90_000_000, 540_000_000]], np.int32)
    points = made.lines.points.copy()
    points[:2] = ends
    lines = type(made.lines)(
        points, made.lines.starts, made.lines.kinds, made.lines.names, made.lines.parts_of
    )
    saved = save(tmp_path, StreetMap(made.names, lines))
    assert np.array_equal(load(saved).lines.points, points)


def test_an_index_without_one_has_none(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    save(tmp_path, street_map())
    assert find(tmp_path) is not None


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The file with its arrays changed."""
    with np.load(path) as held:
        arrays = dict(held)
    change(arrays)
    np.savez_compressed(path, allow_pickle=True, **arrays)
    return path


def text(content: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(json.dumps(content).encode(), np.uint8)


def head(**more: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return text({"version": 1, "credit": "", "source": "", "sort_words": ["a", "b"]} | more)


BAD: dict[str, Callable[[dict[str, Any]], None]] = {
    "a part is missing": lambda a: a.pop("spots_sorts"),
    "a part too many": lambda a: a.update(more=np.zeros(3)),
    "a pickle": lambda a: a.update(texts=np.array([{"a": 1}], object)),
    "floats for bytes": lambda a: a.update(lines_points=a["lines_points"].astype(float)),
    "half of the positions": lambda a: a.update(lines_points=a["lines_points"][:, ::2]),
    "off the Earth": lambda a: a.update(lines_points=np.full_like(a["lines_points"], 255)),
    "no such kind": lambda a: a.update(lines_kinds=a["lines_kinds"] + 50),
    "no such name": lambda a: a.update(lines_names=a["lines_names"] + 1000),
    "names below none": lambda a: a.update(lines_names=a["lines_names"] - 5),
    "lines of one point": lambda a: a.update(lines_lengths=np.ones_like(a["lines_lengths"])),
    "lengths below none": lambda a: a.update(lines_lengths=-a["lines_lengths"]),
    "parts of nothing": lambda a: a.update(areas_parts_of=a["areas_parts_of"] + 100),
    "a spot too few": lambda a: a.update(spots_names=a["spots_names"][1:]),
    "no such sort": lambda a: a.update(spots_sorts=a["spots_sorts"] + 10),
    "a door too few": lambda a: a.update(numbers=text([])),
    "texts that are none": lambda a: a.update(texts=np.frombuffer(b"\xff\xfe{", np.uint8)),
    "JSON too deep": lambda a: a.update(texts=np.frombuffer(b"[" * 200_000, np.uint8)),
    "a name of two lines": lambda a: a.update(texts=text([[["name", "a\nb"]]] * 20)),
    "a name turned round": lambda a: a.update(texts=text([[["name", "a\u202eb"]]] * 20)),
    "a name without end": lambda a: a.update(texts=text([[["name", "a" * 201]]] * 20)),
    "a name without forms": lambda a: a.update(texts=text([[]] * 20)),
    "names that are numbers": lambda a: a.update(texts=text([[["name", 5]]] * 20)),
    "a newer form": lambda a: a.update(head=head(version=2)),
    "no version": lambda a: a.update(head=text([])),
    "credit of many lines": lambda a: a.update(head=head(credit="a\r\nb")),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_is_one_line(bad: str, tmp_path: Path) -> None:
    path = rewritten(save(tmp_path, street_map()), BAD[bad])
    with pytest.raises(IndexUnusableError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "geoflood streets" in caught.value.hint


@pytest.mark.parametrize("cut", [0, 1, 100, -30, -1])
def test_a_file_cut_short_is_refused(cut: int, tmp_path: Path) -> None:
    path = save(tmp_path, street_map())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(IndexUnusableError):
        load(path)


def test_a_bomb_does_not_go_off(tmp_path: Path) -> None:
    """Two hundred megabytes of names in two hundred kilobytes."""
    path = save(tmp_path, street_map())
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, b"[" * 200_000_000 if name == "texts.npy" else data)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(IndexUnusableError, match="texts is too large"):
        load(path)


def test_any_flipped_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    whole = save(tmp_path, street_map()).read_bytes()
    path = tmp_path / STREETS
    refused = 0
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            load(path)
        except IndexUnusableError:
            refused += 1
    assert refused > len(whole) // 14
