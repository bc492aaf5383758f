"""What a choice of images would cost and what it is worth, from metadata alone: nothing is fetched for it.

Coverage is counted in squares of the ground that have images at all, and in streets where these are known.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.core.area import Area
from geoflood.core.geo import from_local
from geoflood.database.describe_shards import described_keys
from geoflood.database.describing_speed import DescribingSpeed
from geoflood.database.from_source import Harvest
from geoflood.database.source_order import SourceOrder
from geoflood.imagery.census_columns import CensusColumns
from geoflood.imagery.choice import ALL_ROUND, SECTORS, UNKNOWN, layers_of, metres_of, origin_of, squares_of
from geoflood.imagery.fetch import key_of, picture_path
from geoflood.imagery.kept_pictures import RESERVE, KeepImages
from geoflood.places.coverage import Coverage
from geoflood.places.coverage import coverage_of as coverage_of_streets
from geoflood.places.street_map import StreetMap

__all__ = ["SQUARE_M", "CollectionPlan", "CoverageSquares", "coverage_of", "plan_collection"]

SQUARE_M = 25.0
"""Within which a photo is found by a reference, for a start."""

QUARTERS = 4

PANORAMA_BYTES, PHOTO_BYTES = 900_000, 350_000
"""Of a picture as sources give it; used until some are there to be weighed."""
SMALL_BYTES = np.array([150_000.0, 500_000.0])
"""Of a photo and a panorama that are kept small."""
WEIGHED = 20
"""Pictures that have to be there before their sizes count."""


@dataclass(frozen=True, eq=False)
class CoverageSquares:
    """The ground that has images, in squares of a grid."""

    centres: NDArray[np.float64]
    """[M, 2] (lat, lon)."""
    size_m: float
    images: NDArray[np.int64]
    """[M] chosen in each."""
    quarters: NDArray[np.int64]
    """[M] of the compass, 0 to 4, that chosen images of the square look to."""


@dataclass(frozen=True, eq=False)
class CollectionPlan:
    """Numbers of one order at one source."""

    source: str
    area: Area
    there: int
    """Images of the area."""
    there_panoramas: int
    images: int
    """Of them, that would be in the index."""
    panoramas: int
    views: int
    missing: int
    """Of the chosen, whose pictures are still to be fetched."""
    download_bytes: float
    disk_bytes: float
    """In the end, with the pictures that stay."""
    free_bytes: float
    fetch_s: float
    """At the pace that the source allows."""
    describe_s: float
    licences: tuple[tuple[str, int], ...]
    """(licence, chosen images), most first; empty names are told with each picture."""
    contributors: int
    years: tuple[tuple[int, int], ...]
    """(year, chosen images); 0 where it is unknown."""
    coverage: CoverageSquares
    streets: StreetMap | None = None
    street_coverage: Coverage | None = None
    """Of the streets of the area; None where no street map is at hand."""

    @property
    def squares(self) -> int:
        """Squares that have an image at the source."""
        return len(self.coverage.images)

    @property
    def covered(self) -> int:
        """Squares that have a chosen image."""
        return int(np.count_nonzero(self.coverage.images))

    @property
    def all_round(self) -> int:
        """Squares whose chosen images look to all four quarters of the compass."""
        return int(np.count_nonzero(self.coverage.quarters == QUARTERS))


def plan_collection(
    harvest: Harvest,
    order: SourceOrder,
    folder: Path,
    tiles: int,
    speed: DescribingSpeed,
    streets: StreetMap | None = None,
) -> CollectionPlan:
    """What the harvest is worth; `tiles` are the views that a panorama is cut into."""
    there, chosen = harvest.there, harvest.there.at(harvest.chosen)
    described, paths = _state(harvest, order, folder)
    missing = ~described & np.array([path is None for path in paths], bool)
    whole = _sizes(chosen, paths)
    kind = chosen.panoramas.astype(int)
    views = np.where(chosen.panoramas, tiles, 1).sum()
    seconds = np.array([speed.photo_s, speed.panorama_s])
    return CollectionPlan(
        source=order.source.name,
        area=order.area,
        there=len(there),
        there_panoramas=int(there.panoramas.sum()),
        images=len(chosen),
        panoramas=int(chosen.panoramas.sum()),
        views=int(views),
        missing=int(missing.sum()),
        download_bytes=float(whole[kind[missing]].sum()),
        disk_bytes=float(views * speed.bytes_a_view + _kept_bytes(order.keep, whole, kind)),
        free_bytes=float(shutil.disk_usage(_existing(folder)).free),
        fetch_s=60.0 * int(missing.sum()) / order.source.pictures_a_minute,
        describe_s=float(seconds[kind[~described]].sum()),
        licences=_licences(harvest, chosen),
        contributors=len(np.unique(chosen.credits)),
        years=_years(chosen),
        coverage=coverage_of(there, harvest.chosen),
        streets=streets,
        street_coverage=None if streets is None else _street_coverage(streets, chosen, order.area),
    )


def _street_coverage(streets: StreetMap, chosen: CensusColumns, area: Area) -> Coverage:
    """As the index of the chosen images would have it; a panorama looks all round."""
    spots = np.column_stack([chosen.lats, chosen.lons])
    round_about = np.repeat(spots[chosen.panoramas], QUARTERS, axis=0)
    turns = np.tile(np.arange(QUARTERS) * 360.0 / QUARTERS, int(chosen.panoramas.sum()))
    positions = np.concatenate([spots[~chosen.panoramas], round_about])
    headings = np.concatenate([chosen.headings[~chosen.panoramas].astype(float), turns])
    return coverage_of_streets(streets, positions, headings, area)


def _state(harvest: Harvest, order: SourceOrder, folder: Path) -> tuple[NDArray[np.bool_], list[Path | None]]:
    """Of each chosen image, whether it is described already, and its picture if that is there."""
    have, name = described_keys(folder), order.source.name
    described, paths = [], list[Path | None]()
    for image in harvest.census.images(harvest.rows.tolist()):
        path = picture_path(folder, name, image.id)
        described.append(key_of(name, image.id) in have)
        paths.append(path if path.is_file() else None)
    return np.array(described, bool), paths


def _sizes(chosen: CensusColumns, paths: Sequence[Path | None]) -> NDArray[np.float64]:
    """[2] bytes of a photo and of a panorama: of those that are there, else as usual."""
    usual = [PHOTO_BYTES, PANORAMA_BYTES]
    for kind in (0, 1):
        kinds = zip(paths, chosen.panoramas.tolist(), strict=True)
        there = [path for path, panorama in kinds if path and panorama == bool(kind)]
        if len(there) >= WEIGHED:
            usual[kind] = int(np.mean([path.stat().st_size for path in there[: 10 * WEIGHED]]))
    return np.array(usual, float)


def _kept_bytes(keep: KeepImages, whole: NDArray[np.float64], kind: NDArray[np.int64]) -> float:
    """Of the pictures that stay."""
    rest = {
        KeepImages.ALL: whole,
        KeepImages.THUMBNAILS: np.minimum(whole, SMALL_BYTES),
        KeepImages.NONE: np.zeros(2),
    }[keep]
    return float(whole[kind[:RESERVE]].sum() + rest[kind[RESERVE:]].sum())


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _licences(harvest: Harvest, chosen: CensusColumns) -> tuple[tuple[str, int], ...]:
    codes, counts = np.unique(chosen.licences, return_counts=True)
    names = harvest.census.texts(codes.tolist())
    counted = [(names[code], count) for code, count in zip(codes.tolist(), counts.tolist(), strict=True)]
    return tuple(sorted(counted, key=lambda item: (-item[1], item[0])))


def _years(chosen: CensusColumns) -> tuple[tuple[int, int], ...]:
    seconds = chosen.taken_s.astype("datetime64[s]")
    years = np.where(chosen.taken_s == 0, 0, seconds.astype("datetime64[Y]").astype(int) + 1970)
    return tuple(zip(*(column.tolist() for column in np.unique(years, return_counts=True)), strict=True))


def coverage_of(there: CensusColumns, chosen: NDArray[np.int64]) -> CoverageSquares:
    """The ground that has images, and what of it the chosen ones show."""
    metres, layers = metres_of(there), layers_of(there)
    numbers = squares_of(metres, SQUARE_M)
    squares, first, place = np.unique(numbers, return_index=True, return_inverse=True)
    middles = (np.floor(metres[first] / SQUARE_M) + 0.5) * SQUARE_M
    seen = np.zeros((len(squares), QUARTERS), bool)
    for layer in np.unique(layers[chosen]).tolist():
        at = place[chosen[layers[chosen] == layer]]
        if layer == ALL_ROUND:
            seen[at] = True
        elif layer != UNKNOWN:
            seen[at, layer * QUARTERS // SECTORS] = True
    return CoverageSquares(
        from_local(middles, origin_of(there)),
        SQUARE_M,
        np.bincount(place[chosen], minlength=len(squares)),
        seen.sum(axis=1),
    )
