"""Points out of vector tiles, beside the library of the field, and out of rubbish."""

from __future__ import annotations

import contextlib
import gzip
import math
import random
from typing import Any

import mapbox_vector_tile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.area import Tile
from geoflood.imagery.sources.tiles import MOST_BYTES, points_of, unpacked
from tests.support.vector_tiles import Point, pixel, vector_tile

TILE = Tile(14, 8779, 5095)

VALUES: tuple[Any, ...] = (
    *("", "a", "Żółć", True, False, 0, 1, 127, 128, -1, 2**53 + 1, -(2**63), 2**63 - 1),
    *(0.0, -0.5, 1e300, 26774514888887982.0, math.pi),
)


def some_points(count: int, seed: int = 1) -> list[Point]:
    dice = random.Random(seed)
    return [
        (
            dice.randrange(-64, 4160),
            dice.randrange(-64, 4160),
            {key: dice.choice(VALUES) for key in dice.sample("abcdef", dice.randrange(7))},
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 300])
def test_it_reads_what_the_library_of_the_field_reads(count: int) -> None:
    points = some_points(count)
    data = vector_tile({"other": some_points(5, 2), "image": points, "more": some_points(5, 3)})
    theirs = mapbox_vector_tile.decode(data, default_options={"y_coord_down": True})["image"]["features"]
    ours = points_of(data, "image", TILE)
    assert len(ours) == len(theirs) == count
    columns = {key: ours.column(key) for key in "abcdefx"}
    for number, (x, y, properties) in enumerate(points):
        known = {key: column[number] for key, column in columns.items() if column[number] is not None}
        assert known == theirs[number]["properties"] == properties
        assert {key: type(value) for key, value in known.items()} == {
            key: type(v) for key, v in properties.items()
        }
        assert theirs[number]["geometry"]["coordinates"] == [x, y]
        assert pixel(ours.lats[number], ours.lons[number] + 1e-9, *TILE) in {(x, y), (x, y - 1)}


def test_it_reads_what_the_library_of_the_field_writes() -> None:
    features = [
        {"geometry": f"POINT({x} {y})", "properties": {"id": x, "name": str(y), "far": float(x)}}
        for x, y in [(0, 0), (4095, 4095), (17, 2048)]
    ]
    line = {"geometry": "LINESTRING(0 0, 5 5)", "properties": {"id": 9}}
    layers = [{"name": "image", "features": [*features, line]}]
    data = mapbox_vector_tile.encode(layers, default_options={"y_coord_down": True})
    found = points_of(data, "image", TILE)
    assert found.column("id") == [0, 4095, 17]
    assert found.column("far") == [0.0, 4095.0, 17.0]
    assert found.column("name") == ["0", "4095", "2048"]


@pytest.mark.parametrize(("x", "y", "lat", "lon"), [(0, 0, 1, 0), (4096, 4096, 0, 1), (2048, 0, 1, 0.5)])
def test_where_a_point_is(x: int, y: int, lat: float, lon: float) -> None:
    box = TILE.bounds
    found = points_of(vector_tile({"image": [(x, y, {})]}), "image", TILE)
    assert found.lats[0] == pytest.approx(box.south + lat * (box.north - box.south))
    assert found.lons[0] == pytest.approx(box.west + lon * (box.east - box.west))


def test_longitudes_stay_in_their_circle() -> None:
    east = points_of(vector_tile({"image": [(4100, 0, {})]}), "image", Tile(1, 1, 0))
    west = points_of(vector_tile({"image": [(-4, 0, {})]}), "image", Tile(1, 0, 0))
    assert -180 <= east.lons[0] < -179
    assert 179 < west.lons[0] <= 180


@pytest.mark.parametrize("data", [b"", vector_tile({"other": some_points(3)})])
def test_a_tile_without_the_layer_has_no_points(data: bytes) -> None:
    found = points_of(data, "image", TILE)
    assert (len(found), found.column("a")) == (0, [])


def test_another_extent() -> None:
    data = vector_tile({"image": [(256, 256, {})]}, extent=512)
    box = TILE.bounds
    assert points_of(data, "image", TILE).lons[0] == pytest.approx((box.west + box.east) / 2)


def test_gzip_is_known_by_its_bytes() -> None:
    data = vector_tile({"image": some_points(20)})
    assert unpacked(data) == data
    assert unpacked(gzip.compress(data)) == data


@pytest.mark.parametrize(
    "data",
    [b"\x1f\x8b", b"\x1f\x8bxxxx", gzip.compress(b"abc")[:-9], gzip.compress(bytes(MOST_BYTES + 10))],
    ids=["its mark", "no gzip", "cut", "a bomb"],
)
def test_a_gzip_that_is_broken_or_a_bomb(data: bytes) -> None:
    with pytest.raises(ValueError, match="gzip"):
        unpacked(data)


@given(st.binary(max_size=300))
def test_rubbish_is_a_value_error_or_nothing(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        points_of(data, "image", TILE)


@given(st.integers(0, 10_000), st.integers(0, 255), st.randoms(use_true_random=False))
def test_a_damaged_tile_is_a_value_error_or_points(at: int, byte: int, dice: random.Random) -> None:
    data = bytearray(vector_tile({"image": some_points(30, dice.randrange(100))}))
    data[at % len(data)] = byte
    try:
        found = points_of(bytes(data), "image", TILE)
    except ValueError:
        return
    assert all(len(found.column(key)) == len(found) for key in "abcdef")


@given(st.integers(1, 3000))
def test_a_tile_that_is_cut_off(length: int) -> None:
    data = vector_tile({"image": some_points(30)})
    cut = data[: length % len(data)]
    if cut:
        with pytest.raises(ValueError, match=r"."):
            points_of(cut, "image", TILE)
