"""Basemaps as programs write them: what is street, water or ground, and what draws nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.errors import InputError
from geoflood.outputs.basemap import read_basemap, street_map_of
from geoflood.outputs.ground import draw_ground
from geoflood.places.street_map import AreaKind, LineKind

LINE = {"type": "LineString", "coordinates": [[9.9, 53.5], [10.0, 53.6]]}
RING = {"type": "Polygon", "coordinates": [[[9.9, 53.5], [10.0, 53.6], [10.0, 53.5], [9.9, 53.5]]]}
POINT = {"type": "Point", "coordinates": [9.9, 53.5]}


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def counts(*features: Any) -> dict[LineKind | AreaKind, int]:
    """How many shapes of each kind that has any."""
    drawn = street_map_of(collection(*features))
    lines, areas = map(LineKind, drawn.lines.kinds.tolist()), map(AreaKind, drawn.areas.kinds.tolist())
    return dict(Counter([*lines, *areas]))


@pytest.mark.parametrize(
    "nothing", [None, "", " ", "no", "None", "nan", float("nan"), False, 0, [], {}, [None]]
)
@pytest.mark.parametrize("tag", ["waterway", "water", "natural"])
def test_a_column_that_is_empty_makes_no_water(tag: str, nothing: object) -> None:
    assert counts(feature(LINE, highway="residential", **{tag: nothing})) == {LineKind.MINOR: 1}
    assert counts(feature(RING, building="yes", **{tag: nothing})) == {AreaKind.BUILDING: 1}


@pytest.mark.parametrize(
    "tags",
    [
        {"waterway": "river"},
        {"waterway": ["stream", "canal"]},
        {"water": "lake"},
        {"water": True},
        {"natural": "water"},
        {"natural": "coastline", "water": None},
    ],
)
def test_what_is_water(tags: dict[str, Any]) -> None:
    assert counts(feature(LINE, **tags), feature(RING, **tags)) == {
        LineKind.STREAM: 1,
        AreaKind.WATER: 1,
    }


def test_a_collection_of_geometries_is_drawn_part_by_part() -> None:
    both = {"type": "GeometryCollection", "geometries": [LINE, POINT, RING]}
    nested = {"type": "GeometryCollection", "geometries": [both, both]}
    assert counts(feature(both, name="Quay")) == {LineKind.MIDDLE: 1, AreaKind.SQUARE: 1}
    assert counts(feature(nested, waterway="river"), nested) == {
        LineKind.STREAM: 2,
        LineKind.MIDDLE: 2,
        AreaKind.WATER: 2,
        AreaKind.SQUARE: 2,
    }


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def test_what_is_drawn_is_read(tmp_path: Path) -> None:
    streets = collection(feature(None), feature(POINT), feature(LINE))
    found = read_basemap(written(tmp_path / "a.geojson", streets))
    assert found.lines.degrees(0).tolist() == [[53.5, 9.9], [53.6, 10.0]]
    assert found.source == "a.geojson"


@pytest.mark.parametrize(
    ("content", "said", "helps"),
    [
        ({"type": "Topology", "objects": {}, "arcs": []}, "is TopoJSON", "ogr2ogr"),
        (collection(), "nothing in it is drawn", "lines and polygons"),
        (collection(feature(POINT), feature(None)), "nothing in it is drawn", "lines and polygons"),
        (
            collection(feature({"type": "GeometryCollection", "geometries": [POINT]})),
            "nothing in it",
            "lines",
        ),
        (collection(feature({"type": "LineString", "coordinates": [[1]]})), "no GeoJSON", "lines and"),
        (
            collection(feature({"type": "LineString", "coordinates": [[10**400, 1]]})),
            "no GeoJSON",
            "lines and",
        ),
        (collection(feature({"type": "GeometryCollection"})), "no GeoJSON", "lines and"),
        ([LINE], "not a GeoJSON FeatureCollection", "WGS 84"),
        ("{", "not GeoJSON", "WGS 84"),
        ('{"type":"Feature"}\n{"type":"Feature"}', "not GeoJSON", "WGS 84"),
    ],
)
def test_what_draws_nothing_is_said_in_one_line(tmp_path: Path, content: Any, said: str, helps: str) -> None:
    with pytest.raises(InputError) as error:
        read_basemap(written(tmp_path / "a.geojson", content))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert helps in error.value.hint


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just([9.9, 53.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
geometries = st.recursive(
    st.sampled_from([LINE, RING, POINT, None])
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["LineString", "Polygon", "X"]), "coordinates": json_values}
    )
    | json_values,
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("GeometryCollection"), "geometries": st.lists(inner, max_size=3) | json_values}
    ),
    max_leaves=4,
)
tags = st.dictionaries(st.sampled_from(["waterway", "water", "natural", "name", "highway"]), json_values)


@given(st.lists(st.builds(lambda g, p: feature(g, **p), geometries, tags) | json_values, max_size=4))
def test_any_basemap_is_drawn_or_refused(features: list[Any]) -> None:
    try:
        drawn = street_map_of(collection(*features))
    except InputError:
        return
    draw_ground(drawn, np.empty((0, 2)))


def test_lines_and_areas_keep_kind_name_and_place() -> None:
    line = [[0.1234567891, 52, 8], [0.2, 52]]
    lines, rings = {"type": "MultiLineString", "coordinates": [line, line]}, RING["coordinates"]
    found = street_map_of(
        collection(
            feature({"type": "LineString", "coordinates": line}, name="High\u202e Street", owner="someone"),
            feature(lines, highway="motorway", name="A 1", lanes=3),
            feature({"type": "Polygon", "coordinates": [*rings, *rings]}, natural="water"),
            feature({"type": "MultiPolygon", "coordinates": [rings, rings]}),
            feature({"type": "Polygon", "coordinates": []}),
        )
    )
    assert found.lines.kinds.tolist() == [LineKind.MIDDLE, LineKind.MAJOR, LineKind.MAJOR]
    assert [name.shown for name in found.names] == [r"High\u202e Street", "A 1"]
    assert found.lines.names.tolist() == [0, 1, 1]
    assert found.lines.degrees(0) == pytest.approx(np.array([[52.0, 0.123457], [52.0, 0.2]]))
    assert found.areas.kinds.tolist() == [AreaKind.WATER] * 2 + [AreaKind.SQUARE] * 2
    first, hole, second, other = found.areas.parts_of.tolist()
    assert first == hole != second == other


@pytest.mark.parametrize(
    "broken",
    [
        {},
        collection(7),
        collection(feature({"type": "LineString", "coordinates": [["<script>", 1]]})),
        collection(feature({"type": "LineString", "coordinates": [[float("nan"), 1]]})),
        collection(feature({"type": "LineString", "coordinates": [[1e9, 1], [0, 1]]})),
        collection(feature({"type": "Polygon", "coordinates": 3})),
    ],
)
def test_a_broken_basemap_is_one_clear_error(broken: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="basemap"):
        street_map_of(broken)


def test_a_basemap_names_its_makers() -> None:
    copyright = {**collection(), "copyright": "© OpenStreetMap contributors"}
    assert street_map_of(copyright).credit == "© OpenStreetMap contributors"
    assert street_map_of({**collection(), "attribution": 7}).credit == ""
