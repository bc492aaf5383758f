"""GeoJSON as RFC 7946 has it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from geoflood.core.datatypes import (
    Candidate,
    Cell,
    Estimate,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
)
from geoflood.outputs.geojson import collection, write_geojson

SPOT = LatLon(52.2, 0.12)
CELLS = (
    Cell(LatLon(52.2, 0.12), 10.0, 0.6),
    Cell(LatLon(52.2 + 10 / 111_195.08, 0.12), 10.0, 0.2),
    Cell(LatLon(52.21, 0.12), 10.0, 0.1),
)


def found(photo: str = "flood.jpg") -> Located:
    reference = Reference(
        7, "folder:a.jpg", LatLon(52.20005, 0.1201), "a.jpg", None, None, "CC0-1.0", "A. Mapper"
    )
    estimate = Estimate(SPOT, 0.7, 9.0, 40.0, CELLS, 0.1)
    return Located(
        Query(Path(photo)),
        Outcome.LOCATED,
        Reason.recorded("they agree"),
        (Candidate(reference, 0.8),),
        estimate,
    )


def by_kind(located: Located, kind: str) -> list[dict[str, Any]]:
    return [f for f in collection([located])["features"] if f["properties"]["kind"] == kind]


def test_the_estimate_is_a_point_with_all_that_a_map_needs() -> None:
    (feature,) = by_kind(found(), "estimate")
    assert feature == {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [0.12, 52.2]},
        "properties": {
            "kind": "estimate",
            "photo": "flood.jpg",
            "outcome": "located",
            "probability": 0.7,
            "radius_50_m": 9.0,
            "radius_90_m": 40.0,
            "not_in_index": 0.1,
            "reason": "they agree",
            "accuracy_m": 40.0,
            "usng": "31U CT 031 871",
            "status": "candidate",
            "method": "visual place recognition by geoflood",
            "best_match": "a.jpg",
            "credit": "A. Mapper",
            "licence": "CC0-1.0",
            "link": None,
            "licence_link": "https://creativecommons.org/publicdomain/zero/1.0/",
            "dmm": "52-12.0N 0-7.2E",
            **dict.fromkeys(("waterline", "attention_reason", "signs", "verdict", "comparison")),
            **dict.fromkeys(("street", "streets", "street_gap", "street_credit")),
            **dict.fromkeys(("city", "city_probability", "other_city", "other_city_probability")),
            **dict.fromkeys(("other_lat", "other_lon")),
            "attention": "none",
        },
    }


def test_candidates_are_points_with_their_rank_and_licence() -> None:
    (feature,) = by_kind(found(), "candidate")
    assert feature["geometry"]["coordinates"] == [0.1201, 52.20005]
    assert (
        feature["properties"] | {"rank": 1, "licence": "CC0-1.0", "photo": "flood.jpg"}
        == feature["properties"]
    )


def test_search_areas_merge_their_cells() -> None:
    half, ninety = by_kind(found(), "search-area")
    assert [half["properties"]["share"], ninety["properties"]["share"]] == [0.5, 0.9]
    assert len(half["geometry"]["coordinates"]) == 1
    tall, lone = ninety["geometry"]["coordinates"]
    lats = [lat for _, lat in tall[0]]
    assert (max(lats) - min(lats)) * 111_195 == pytest.approx(20.0, abs=0.05), "two cells became one shape"
    assert len(lone) == 1
    assert len(lone[0]) == 5
    assert ninety["properties"]["area_km2"] == pytest.approx(300e-6)


def test_coordinates_are_lon_lat_closed_and_no_finer_than_a_centimetre() -> None:
    for feature in by_kind(found(), "search-area"):
        for ring in (ring for polygon in feature["geometry"]["coordinates"] for ring in polygon):
            assert ring[0] == ring[-1]
            for lon, lat in ring:
                assert 0.1 < lon < 0.2
                assert 52 < lat < 53
                assert [lon, lat] == [round(lon, 7), round(lat, 7)]


def test_a_photo_without_an_estimate_is_a_feature_without_geometry() -> None:
    failed = Located(Query(Path("x.jpg")), Outcome.FAILED, Reason.recorded("truncated"))
    (feature,) = collection([failed])["features"]
    assert feature["geometry"] is None
    assert feature["properties"]["outcome"] == "failed"
    assert feature["properties"]["reason"] == "truncated"
    assert feature["properties"].keys() == by_kind(found(), "estimate")[0]["properties"].keys()


def test_the_file_is_one_utf8_collection_of_all_photos(tmp_path: Path) -> None:
    write_geojson(tmp_path / "out.geojson", [found("Überlauf.jpg"), found("b.jpg")])
    content = (tmp_path / "out.geojson").read_bytes()
    assert "Überlauf.jpg".encode() in content
    read = json.loads(content)
    assert read.keys() == {"type", "features"}
    assert {feature["properties"]["photo"] for feature in read["features"]} == {"Überlauf.jpg", "b.jpg"}
    assert [file.name for file in tmp_path.iterdir()] == ["out.geojson"]


def test_a_place_that_was_not_found_is_not_drawn() -> None:
    absent = replace(found(), outcome=Outcome.NOT_FOUND)
    assert by_kind(absent, "estimate")[0]["geometry"] is None
    assert by_kind(absent, "search-area") == []
    assert by_kind(absent, "candidate")
