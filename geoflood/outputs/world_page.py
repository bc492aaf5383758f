"""The map of the world: where a photo may have been taken, in one HTML file that opens with no network.

world.html, world.css and world.js beside this file; the outlines of countries are numbers in the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import folium
import numpy as np

from geoflood import __version__
from geoflood.core.files import write_whole
from geoflood.core.images import UnreadableImageError, thumbnail
from geoflood.core.world_cells import WorldAnswer, cell_bounds
from geoflood.outputs.page import data_uri, page
from geoflood.outputs.record import utf8
from geoflood.outputs.wording import percent, plain
from geoflood.outputs.world_record import AT_SEA, SHARES, ground, world_record
from geoflood.places.world_map import CREDIT, Floats, WorldMap

__all__ = ["MOST_CELLS", "write_world_page"]

Json = dict[str, Any]

MOST_CELLS = 3000
"""Drawn of a photo, the likeliest; the tables have all."""
_BEND_DEG = 0.05
"""Five kilometres: a cell is 25."""
_UNITS = 100
"""Of a degree, that outlines are rounded to: a kilometre."""
_PICTURE_PX = 480


def write_world_page(path: Path, answers: Sequence[WorldAnswer], world: WorldMap) -> None:
    """Write the map of all photos, whole or not at all."""
    drawn = folium.Map(location=[20, 0], zoom_start=2, tiles=None, prefer_canvas=True, control_scale=True)
    drawn.options |= {"max_zoom": 10, "zoom_snap": 0.25, "keyboard": False, "world_copy_jump": False}
    made = f"Made by geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. Outlines: {CREDIT}."
    data: Json = {
        "map": drawn.get_name(),
        "photos": [_photo(answer) for answer in answers],
        "land": [_steps(ring) for ring in world.rings(_BEND_DEG)],
        "units": _UNITS,
        "about": made,
    }
    write_whole(path, page(drawn, "world", {"data": data}))


def _steps(ring: Floats) -> list[int]:
    """A ring [P, 2] (lat, lon) as whole numbers: its first point, then the way to each next one."""
    whole = np.rint(ring * _UNITS).astype(np.int64)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), np.int64))
    moved = steps[np.concatenate([[True], (steps[1:] != 0).any(axis=1)])]
    return [*map(int, moved.ravel())]


def _photo(answer: WorldAnswer) -> Json:
    record = world_record(answer)
    return {
        "name": plain(record["photo"]),
        "file": plain(utf8(answer.path.name)),
        "picture": _picture(answer.path),
        "reason": plain(record["reason"]),
        "failed": answer.belief is None,
        "countries": [[plain(one["country"]), percent(one["probability"])] for one in record["countries"]],
        "areas": [f"{percent(one['share'])} in {ground(one['area_km2'])}" for one in record["areas"]],
        "cells": _cells(answer),
        "next": record["next"] or "",
    }


def _cells(answer: WorldAnswer) -> list[list[Any]]:
    """South, west, north, east, per mille, whether within 50 %, and in words: the likeliest first."""
    if answer.belief is None:
        return []
    inside = answer.belief.within(SHARES[-1]).first(MOST_CELLS)
    half = len(answer.belief.within(SHARES[0]).cells)
    bounds = np.round(cell_bounds(inside.cells), 3).tolist()
    return [
        [*bound, round(1000 * share, 2), int(at < half), f"{plain(country) or AT_SEA} {percent(share)}"]
        for at, (bound, share, country) in enumerate(
            zip(bounds, inside.probabilities.tolist(), answer.countries, strict=False)
        )
    ]


def _picture(path: Path) -> str:
    """The photo, small; nothing where it cannot be read."""
    try:
        return data_uri("image/jpeg", thumbnail(path, _PICTURE_PX, 75))
    except UnreadableImageError:
        return ""
