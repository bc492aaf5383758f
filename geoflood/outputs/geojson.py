"""GeoJSON (RFC 7946): (lon, lat), right-hand rule, at most seven decimals; for QGIS, ArcGIS and the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import shapely.geometry

from geoflood.core.datatypes import Estimate, Located
from geoflood.core.files import write_whole
from geoflood.outputs.fields import Row, answer_row
from geoflood.outputs.record import STATUS, record
from geoflood.outputs.shapes import Shape, outline

__all__ = ["SHARES", "collection", "geometry", "row_feature", "write_geojson"]

SHARES = (0.5, 0.9)
"""Shares of the belief whose search areas are drawn, smallest first."""

Json = dict[str, Any]


def write_geojson(path: Path, located: Iterable[Located]) -> None:
    """Write a FeatureCollection of all photos, whole or not at all."""
    write_whole(path, json.dumps(collection(located), ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def collection(located: Iterable[Located]) -> Json:
    """A FeatureCollection: for each photo its estimate, candidates and search areas, told apart by `kind`."""
    return {
        "type": "FeatureCollection",
        "features": [feature for photo in located for feature in _features(photo)],
    }


def _features(located: Located) -> list[Json]:
    """A photo whose place was not found is a feature without geometry, so that none is lost."""
    row = answer_row(located)
    photo = {"photo": row["photo"]}
    features = [row_feature(row, kind="estimate")]
    for candidate in record(located)["candidates"]:
        features.append(row_feature({"kind": "candidate", **photo, **candidate, "status": STATUS}))
    if located.place and located.other:
        features += _runner_up(located, photo)
    return features + (_areas(located.place, photo) if located.place else [])


def _runner_up(located: Located, photo: Row) -> list[Json]:
    """The place and the candidates of the next likeliest city, where neither is likely enough alone."""
    other = dict(record(located)["other"])
    candidates = other.pop("candidates")
    told = {"status": STATUS, "outcome": located.outcome.value}
    return [
        row_feature({"kind": "runner-up", **photo, **other, **told}),
        *(
            row_feature({"kind": "candidate", **photo, "city": other["city"], **candidate, "status": STATUS})
            for candidate in candidates
        ),
    ]


def row_feature(row: Row, **first: str) -> Json:
    """The feature of a row: lat and lon are its geometry, all else its properties, `first` before them."""
    properties = {name: value for name, value in row.items() if name not in ("lat", "lon")}
    point = None if row["lat"] is None else {"type": "Point", "coordinates": [row["lon"], row["lat"]]}
    return _feature(point, {**first, **properties})


def _areas(estimate: Estimate, photo: Row) -> list[Json]:
    areas = []
    for share in SHARES:
        cells = estimate.cells(share)
        if cells:
            km2 = round(sum(cell.size_m**2 for cell in cells) / 1e6, 6)
            properties = {"kind": "search-area", **photo, "share": share, "area_km2": km2, "status": STATUS}
            areas.append(_feature(geometry(outline(cells)), properties))
    return areas


def _feature(place: Json | None, properties: Json) -> Json:
    return {"type": "Feature", "geometry": place, "properties": properties}


def geometry(shape: Shape) -> Json:
    """The geometry of a shape, rounded to a centimetre."""
    rounded = shapely.transform(shape, lambda degrees: np.round(degrees, 7))
    return dict(shapely.geometry.mapping(rounded))
