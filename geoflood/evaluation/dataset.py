"""`geoflood dataset`: an index and its queries in the folder form that the field's evaluators read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from geoflood.core.datatypes import Reference, Rejected
from geoflood.core.geo import to_utm
from geoflood.core.images import jpeg
from geoflood.database.database import Database
from geoflood.evaluation.query_water import DRY, QueryWater, draw_water, read_photo
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
    """Write an index's references and its queries, under water if asked for.

    All names are in one UTM zone, that of the first reference. Names of flooded queries say that they are
    synthetic, as those of `geoflood flood` do. Returns the number of pictures written to each split, and
    what could not be written. Raises UsageError when the folder is not a new or empty one.
    """
    fresh(folder)
    zone = to_utm(database.references([0])[0].position)[2]
    references = (_reference_image(ref, zone) for ref in database.references(range(len(database))))
    photos = [_query_image(QueryCase(number, truth), zone, water) for number, truth in enumerate(queries)]
    counts, failed = {}, []
    for split, pictures, total in ((DATABASE, references, len(database)), (QUERIES, photos, len(photos))):
        missing = write_split(folder, split, pictures, link)
        counts[split] = total - len(missing)
        failed += missing
    return counts, failed


def _reference_image(reference: Reference, zone: int) -> VprImage:
    degrees = reference.tile_deg
    tile = None if degrees is None else round(degrees % 360 * HEADINGS / 360) % HEADINGS
    name = name_of(
        reference.position,
        reference.image_key,
        reference.id,
        zone=zone,
        heading_deg=reference.heading_deg,
        tile=tile,
        taken_at=reference.taken_at,
    )
    make = None if tile is None else partial(_view, reference)
    return VprImage(name, Path(reference.location), make)


def _view(reference: Reference) -> bytes:
    return jpeg(pixels_of(reference), None, JPEG_QUALITY)


def _query_image(case: QueryCase, zone: int, water: QueryWater) -> VprImage:
    path, geotag = case.truth.path, case.truth.geotag
    if geotag is None:
        raise ValueError(f"{path} has no position")
    name = name_of(
        geotag.position,
        path.name if water.dry else flood_path(path, path.parent).name,
        case.number,
        zone=zone,
        heading_deg=geotag.heading_deg,
        taken_at=geotag.taken_at,
    )
    return VprImage(name, path, None if water.dry else partial(_flooded, case, water))


def _flooded(case: QueryCase, water: QueryWater) -> bytes:
    return encode_flood(draw_water(case, read_photo(case), water), quality=JPEG_QUALITY)
