"""What `geoflood world` says of a photo, as an object and as rows of a table. The one place with its names.

Cells stand in the order in which they would be searched, each with the area searched by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from geoflood.core.datatypes import LatLon
from geoflood.core.world_cells import WorldAnswer, WorldBelief, cell_centres, cell_km2
from geoflood.outputs.record import STATUS, utf8
from geoflood.outputs.wording import percent

__all__ = [
    "AT_SEA",
    "SHARES",
    "WORLD_COLUMNS",
    "ground",
    "next_command",
    "world_lines",
    "world_record",
    "world_rows",
]

Record = dict[str, Any]

SHARES = (0.5, 0.9)
AT_SEA = "at sea"
UNCERTAIN = (
    "a guess by the look of the land, in cells of 25 km; its percentages were never tried out on floods"
)
WORLD_COLUMNS = (
    *("photo", "outcome", "rank", "lat", "lon", "country", "probability", "cumulative_probability"),
    *("area_km2", "cumulative_km2", "status"),
)
_LISTED = 10
_COUNTRIES = 8
_RADIUS_M = 12_500
"""About a cell."""


def world_record(answer: WorldAnswer) -> Record:
    """One JSON object a photo; what is not known is null or empty."""
    belief = answer.belief
    return {
        "photo": utf8(str(answer.path)),
        "outcome": "failed" if belief is None else "uncertain",
        "reason": utf8(answer.reason) if belief is None else UNCERTAIN,
        "status": STATUS,
        "countries": [
            {"country": name, "probability": round(share, 4)} for name, share in _countries(answer)
        ],
        "areas": [] if belief is None else [_area(belief, share) for share in SHARES],
        "cells": [{name: row[name] for name in WORLD_COLUMNS[2:-1]} for row in _ranked(answer, _LISTED)],
        "next": next_command(answer),
    }


def _area(belief: WorldBelief, share: float) -> Record:
    inside = belief.within(share)
    return {"share": share, "cells": len(inside.cells), "area_km2": round(inside.km2)}


def _countries(answer: WorldAnswer) -> list[tuple[str, float]]:
    if answer.belief is None:
        return []
    shares = answer.belief.shares([name or AT_SEA for name in answer.countries])
    return [one for one in shares[:_COUNTRIES] if one[1] >= 0.005]


def world_rows(answer: WorldAnswer) -> Iterator[Record]:
    """A row a cell, as far as 90 % of the belief; one row for a photo that failed."""
    if answer.belief is None:
        yield dict.fromkeys(WORLD_COLUMNS) | {"photo": utf8(str(answer.path)), "outcome": "failed"}
    else:
        yield from _ranked(answer, len(answer.belief.within(SHARES[-1]).cells))


def _ranked(answer: WorldAnswer, count: int) -> Iterator[Record]:
    if answer.belief is None:
        return
    belief = answer.belief.first(count)
    km2 = cell_km2(belief.cells)
    columns = (
        np.round(cell_centres(belief.cells), 4).tolist(),
        belief.probabilities.tolist(),
        np.cumsum(belief.probabilities).tolist(),
        km2.tolist(),
        np.cumsum(km2).tolist(),
    )
    for rank, (country, (lat, lon), probability, so_far, size, searched) in enumerate(
        zip(answer.countries[:count], *columns, strict=True), 1
    ):
        yield {
            "photo": utf8(str(answer.path)),
            "outcome": "uncertain",
            "rank": rank,
            "lat": lat,
            "lon": lon,
            "country": country or AT_SEA,
            "probability": round(probability, 6),
            "cumulative_probability": round(min(so_far, 1.0), 6),
            "area_km2": round(size),
            "cumulative_km2": round(searched),
            "status": STATUS,
        }


def next_command(answer: WorldAnswer) -> str | None:
    """What to run next: a search in the index of the likeliest cell, or else what would make one."""
    if answer.belief is None:
        return None
    if answer.city:
        return f"geoflood locate PHOTO --city {answer.city}"
    spot = LatLon(*answer.belief.spots[0].tolist())
    name = "-".join(["".join(filter(str.isalnum, answer.countries[0].lower())) or "sea", _degrees(spot)])
    ground = f"--center {spot.lat:.4f},{spot.lon:.4f} --radius {_RADIUS_M}"
    return f"geoflood index {name} --from panoramax {ground} --plan"


def _degrees(spot: LatLon) -> str:
    """Such as 54n-10e."""
    north, east = "n" if spot.lat >= 0 else "s", "e" if spot.lon >= 0 else "w"
    return f"{abs(spot.lat):.0f}{north}-{abs(spot.lon):.0f}{east}"


def ground(km2: float) -> str:
    """Two figures of many square kilometres: "91,000 km²"."""
    return f"{float(f'{km2:.2g}'):,.0f}\N{NO-BREAK SPACE}km²"


def world_lines(answer: WorldAnswer) -> dict[str, str]:
    """Names and values for people, one a line, with common spaces only."""
    record = world_record(answer)
    if answer.belief is None:
        return {"photo": record["photo"], "failed": record["reason"]}
    countries = ", ".join(f"{one['country']} {percent(one['probability'])}" for one in record["countries"])
    rows = {
        "photo": record["photo"],
        "uncertain": record["reason"],
        "countries": countries,
        **{
            f"{percent(one['share'])} in": f"{ground(one['area_km2'])}, {one['cells']:,} cells"
            for one in record["areas"]
        },
        "likeliest": "; ".join(
            f"{one['lat']:.2f},{one['lon']:.2f} {one['country']} {percent(one['probability'])}"
            for one in record["cells"][:3]
        ),
    }
    space = "\N{NO-BREAK SPACE}"
    return {name.replace(space, " "): value.replace(space, " ") for name, value in rows.items()}
