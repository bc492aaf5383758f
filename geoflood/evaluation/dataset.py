"""`geoflood evaluate --write-folder`: an index and its queries as other evaluators of the field read them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from geoflood.core.datatypes import Reference, Rejected
from geoflood.core.geo import to_utm
from geoflood.core.images import jpeg
from geoflood.database.database import Database
from geoflood.evaluation.query_water import DRY, QueryWater, drawn, read
from geoflood.evaluation.results import QueryCase, QueryTruth
from geoflood.imagery.panorama import HEADINGS
from geoflood.imagery.views import pixels_of
from geoflood.imagery.vpr_format import (
    DATABASE,
    JPEG_QUALITY,
    QUERIES,
    VprImage,
    fresh,
    name_of,
    write_split,
)
from geoflood.synthetic.flood.files import encode_flood, flood_path

__all__ = ["write_dataset"]


def write_dataset(
    folder: Path,
    database: Database,
    queries: Sequence[QueryTruth],
    water: QueryWater = DRY,
    link: bool = False,
) -> tuple[dict[str, int], list[Rejected]]:
    """Write an index's references and its queries, under water if asked for, as other evaluators read them.

    All names are in one UTM zone, that of the first reference. Flooded queries say that they are synthetic,
    as those of `geoflood flood` do; their names tell the truth about where the street is. Returns pictures
    written by split, and what could not be. Raises UsageError when the folder is not a new or empty one.
    """
    fresh(folder)
    zone = to_utm(database.references([0])[0].position)[2]
    references = (_reference_entry(one, zone) for one in database.references(range(len(database))))
    asked = [_query_entry(QueryCase(number, one), zone, water) for number, one in enumerate(queries)]
    counts, lost = {}, []
    for split, entries, total in ((DATABASE, references, len(database)), (QUERIES, asked, len(asked))):
        missing = write_split(folder, split, entries, link)
        counts[split] = total - len(missing)
        lost += missing
    return counts, lost


def _reference_entry(one: Reference, zone: int) -> VprImage:
    tile = None if one.tile_deg is None else round(one.tile_deg % 360 * HEADINGS / 360) % HEADINGS
    name = name_of(
        one.position,
        one.image_key,
        one.id,
        zone=zone,
        heading_deg=one.heading_deg,
        tile=tile,
        taken_at=one.taken_at,
    )
    return VprImage(name, Path(one.location), None if tile is None else partial(_view, one))


def _view(one: Reference) -> bytes:
    return jpeg(pixels_of(one), None, JPEG_QUALITY)


def _query_entry(trial: QueryCase, zone: int, water: QueryWater) -> VprImage:
    path, tag = trial.asked.path, trial.asked.geotag
    if tag is None:
        raise ValueError(f"{path} has no position")
    name = name_of(
        tag.position,
        path.name if water.dry else flood_path(path, path.parent).name,
        trial.number,
        zone=zone,
        heading_deg=tag.heading_deg,
        taken_at=tag.taken_at,
    )
    return VprImage(name, path, None if water.dry else partial(_flooded, trial, water))


def _flooded(trial: QueryCase, water: QueryWater) -> bytes:
    return encode_flood(drawn(trial, read(trial), water), quality=JPEG_QUALITY)
