"""A Nominatim, and a Photon beside it: numbers are texts, and a node comes beside its relation."""

from __future__ import annotations

import time
from typing import Any

from tests.support.far_side.server import Json
from tests.support.far_side.source_server import FarSource, Params, SourceWire

Ring = list[list[float]]


def ring(*corners: tuple[float, float]) -> Ring:
    return [*map(list, corners), list(corners[0])]


def square(west: float, south: float, side: float) -> Ring:
    return ring((west, south), (west + side, south), (west + side, south + side), (west, south + side))


def place(
    full_name: str,
    lat: float,
    lon: float,
    importance: float,
    geometry: Json,
    osm_type: str = "relation",
    kind: str = "city",
    of_class: str = "boundary",
) -> Json:
    """One answer of `search?format=json&polygon_geojson=1`."""
    return {
        "place_id": 1,
        "licence": "Data © OpenStreetMap contributors, ODbL 1.0. http://osm.org/copyright",
        "osm_type": osm_type,
        "osm_id": 2688911,
        "lat": str(lat),
        "lon": str(lon),
        "class": of_class,
        "type": "administrative" if of_class == "boundary" else kind,
        "place_rank": 16,
        "importance": importance,
        "addresstype": kind,
        "name": full_name.partition(",")[0],
        "display_name": full_name,
        "boundingbox": [str(lat - 0.1), str(lat + 0.1), str(lon - 0.1), str(lon + 0.1)],
        "geojson": geometry,
    }


def polygon(outline: Ring) -> Json:
    return {"type": "Polygon", "coordinates": [outline]}


def point(lat: float, lon: float) -> Json:
    return {"type": "Point", "coordinates": [lon, lat]}


HOUSTON = "Houston, Harris County, Texas, United States"
ILLINOIS = "Springfield, Sangamon County, Illinois, United States"
MASSACHUSETTS = "Springfield, Hampden County, Massachusetts, United States"
LINE: Json = {"type": "LineString", "coordinates": [[13.4, 52.5], [13.41, 52.5]]}
PLACES: dict[str, list[Json]] = {
    "houston": [
        place("Houston, Texas", 29.76, -95.37, 0.78, point(29.76, -95.37), "node", of_class="place"),
        place(HOUSTON, 29.7589, -95.3677, 0.77, polygon(square(-95.8, 29.5, 0.6))),
        place("Houston Street, Berlin", 52.5, 13.4, 0.2, LINE, "way", "road", "highway"),
        place("Houston County, Texas", 31.3, -95.4, 0.55, polygon(square(-95.9, 31, 0.6)), kind="county"),
    ],
    "springfield": [
        place(ILLINOIS, 39.8, -89.65, 0.61, polygon(square(-89.8, 39.7, 0.2))),
        place(MASSACHUSETTS, 42.1, -72.59, 0.57, polygon(square(-72.6, 42, 0.1))),
        place("Springfield, Ohio, United States", 39.9, -83.8, 0.45, polygon(square(-83.9, 39.8, 0.1))),
    ],
    "town": [place("Town, Utopia", 52.3731, 4.8926, 0.4, polygon(square(4.8912, 52.3722, 0.0028)))],
    "nowhere hamlet": [
        place("Nowhere Hamlet, Ireland", 53.1, -9.2, 0.1, point(53.1, -9.2), "node", "hamlet", "place"),
    ],
    "bowtie": [
        place("Bowtie, Utopia", 10.5, 20.5, 0.4, polygon(ring((20, 10), (21, 11), (21, 10), (20, 11)))),
    ],
    "taveuni": [
        place("Taveuni, Fiji", -16.8, 179.99, 0.4,
              {"type": "MultiPolygon", "coordinates": [[square(179.8, -17, 0.2)], [square(-180, -17, 0.1)]]}),
    ],
    "date line": [
        place("Date Line, Fiji", -16.8, 180.0, 0.4,
              polygon(ring((179.9, -17), (-179.9, -17), (-179.9, -16.9), (179.9, -16.9)))),
    ],
    "broken": [
        {"class": "place", "display_name": "Broken", "importance": "much", "lat": "1", "lon": "2"},
        {"class": "boundary", "display_name": "Broken", "lat": "1", "lon": "200"},
    ],
}  # fmt: skip
PLACES[ILLINOIS.casefold()] = PLACES["springfield"][:1]


def feature(
    name: str, state: str, lat: float, lon: float, extent: list[float] | None, key: str = "place"
) -> Json:
    """One feature of Photon; an extent is west, north, east, south."""
    known: Json = {"name": name, "state": state, "country": "United States", "osm_key": key, "type": "city"}
    return {
        "type": "Feature",
        "geometry": point(lat, lon),
        "properties": known | ({"extent": extent} if extent else {}),
    }


PHOTON: dict[str, list[Json]] = {
    "houston": [
        feature("Houston", "Texas", 29.76, -95.37, [-95.9, 30.1, -95.0, 29.5]),
        feature("Houston Airport", "Texas", 29.6, -95.2, None, "aeroway"),
    ],
    "springfield": [
        feature("Springfield", "Illinois", 39.8, -89.65, [-89.8, 39.9, -89.6, 39.7]),
        feature("Springfield", "Massachusetts", 42.1, -72.59, [-72.7, 42.2, -72.5, 42.0]),
    ],
    "nowhere": [feature("Nowhere", "Kansas", 39.0, -98.0, None)],
}
PHOTON["springfield, massachusetts"] = PHOTON["springfield"][::-1]


class FarNominatim(FarSource):
    """`raw` is answered in place of anything else, once."""

    def __init__(self) -> None:
        super().__init__(a_minute=60)
        self.raw: Any = None

    def respond(self, wire: SourceWire, method: str, path: str, params: Params, form: Params) -> None:
        if wire.mood == "slow":
            time.sleep(1.2)
        if wire.mood == "raw":
            wire.answer(self.raw)
        elif path == "/search":
            if params.get("format") != "json" or params.get("polygon_geojson") != "1":
                self.violations.append(f"no polygon was asked for: {params}")
            wire.answer(PLACES.get(params["q"].casefold(), []))
        elif path in ("/api", "/api/"):
            features = PHOTON.get(params["q"].casefold(), [])
            wire.answer({"type": "FeatureCollection", "features": features})
        else:
            wire.answer("not found", status=404)
