"""What `geoflood world` leaves: world.html, world.json, world.geojson and world.csv in one folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import shapely

from geoflood.core.files import write_whole
from geoflood.core.world_cells import WorldAnswer, WorldBelief, cell_bounds
from geoflood.outputs.geojson import geometry
from geoflood.outputs.record import STATUS, utf8
from geoflood.outputs.table import table_file
from geoflood.outputs.world_page import write_world_page
from geoflood.outputs.world_record import SHARES, WORLD_COLUMNS, world_record, world_rows
from geoflood.places.world_map import WorldMap

__all__ = ["FILES", "write_world"]

FILES = {
    "map": "world.html",
    "json": "world.json",
    "geojson": "world.geojson",
    "table": "world.csv",
}

Json = dict[str, Any]


def write_world(answers: Sequence[WorldAnswer], folder: Path, world: WorldMap) -> dict[str, Path]:
    """Write all files; returns what was written, by kind."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {kind: folder / name for kind, name in FILES.items()}
    records = [world_record(answer) for answer in answers]
    write_whole(written["json"], json.dumps(records, ensure_ascii=False, allow_nan=False, indent=1) + "\n")
    features = [feature for answer in answers for feature in _features(answer)]
    content = {"type": "FeatureCollection", "features": features}
    write_whole(written["geojson"], json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")
    with table_file(written["table"], WORLD_COLUMNS) as add:
        for answer in answers:
            for row in world_rows(answer):
                add(row)
    write_world_page(written["map"], answers, world)
    return written


def _features(answer: WorldAnswer) -> list[Json]:
    """The search areas of a photo; one that failed is a feature without geometry, so that none is lost."""
    photo = {"photo": utf8(str(answer.path)), "status": STATUS}
    if answer.belief is None:
        failed = {"kind": "failed", **photo, "reason": utf8(answer.reason)}
        return [{"type": "Feature", "geometry": None, "properties": failed}]
    return [_search_area(answer.belief, share, photo) for share in SHARES]


def _search_area(belief: WorldBelief, share: float, photo: Json) -> Json:
    inside = belief.within(share)
    south, west, north, east = cell_bounds(inside.cells).T
    outline = shapely.union_all(shapely.box(west, south, east, north))
    properties = {"kind": "search-area", **photo, "outcome": "uncertain", "share": share}
    area = {"cells": len(inside.cells), "area_km2": round(inside.km2)}
    shape = shapely.MultiPolygon(shapely.get_parts(outline).tolist())
    return {"type": "Feature", "geometry": geometry(shape), "properties": properties | area}
