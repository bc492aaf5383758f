"""A city that nobody prepared: what a source has there, which of it to fetch, and the index of that.

The census and the choice are kept in the folder of the index, so a plan and the build that follows ask for
nothing twice, and a build that was killed goes on with the very same images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.core.area import Area
from geoflood.core.datatypes import Progress, Rejected, StreetImage, no_progress
from geoflood.core.errors import GeofloodError, InputError, NetworkError
from geoflood.database.build import Calibrate, build
from geoflood.database.describe_shards import described_keys
from geoflood.database.manifest import Manifest, Settings
from geoflood.database.plan import SHARD_IMAGES, locked_index
from geoflood.imagery.census import NAME, Census
from geoflood.imagery.census_columns import CensusColumns
from geoflood.imagery.choice import choose
from geoflood.imagery.fetch import Fetched, fetch
from geoflood.imagery.kept_pictures import KeepImages, PictureKeeper
from geoflood.imagery.sources.source import Source, TokenError

__all__ = ["AT_ONCE", "Harvest", "SourceOrder", "build_from_source", "harvested"]

AT_ONCE = 16 * SHARD_IMAGES
"""Pictures on the disk that are not described yet. A city is learned from no more."""

MOST_KM2 = 20_000.0
"""The largest cities have a tenth of it: what is larger is a state, and would take weeks."""

_TILE_KM2 = 3.2
"""Of a census cell, roughly: a tile of zoom 14 in the middle latitudes."""
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class SourceOrder:
    """What is wanted of a source."""

    source: Source
    area: Area
    server: str = ""
    """The source's address, where it is not the public one."""
    most: int | None = None
    """Images that are fetched at the most; None: all that say something new."""
    since: datetime | None = None
    """UTC; older images, and those of unknown age, are left out."""
    keep: KeepImages = KeepImages.ALL


@dataclass(frozen=True, eq=False)
class Harvest:
    """What a source has in an area, and which of it is chosen."""

    census: Census
    there: CensusColumns
    """All images in the area that are new enough."""
    chosen: NDArray[np.int64]
    """Places in the columns: those of earlier runs first, then the best first."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """The chosen images, as the census counts."""
        return self.there.rows[self.chosen]


@contextmanager
def harvested(folder: Path, order: SourceOrder, progress: Progress = no_progress) -> Iterator[Harvest]:
    """Look what is there and choose, under the lock of the index; what the source told is kept.

    Raises InputError for an area that is no city's, or where the source has nothing; and what the source
    raises. A folder that came to nothing is removed.
    """
    _check_size(order)
    fresh = not folder.exists()
    with locked_index(folder):
        try:
            with closing(Census(folder, order.source.name, order.server)) as census:
                there = _taken(census, order, progress)
                progress("choosing", 0, 0)
                yield Harvest(census, there, _chosen(census, there, order.most))
        except GeofloodError:
            if fresh and not _has_images(folder, order):
                _remove_stub(folder)
            raise


def _taken(census: Census, order: SourceOrder, progress: Progress) -> CensusColumns:
    """The census of the area, taken as far as it was not. Raises InputError when there is nothing."""
    census.take(order.source, order.area, progress=progress)
    there = census.columns(order.area)
    if order.since is not None:
        there = there.at(there.taken_s >= (order.since - _EPOCH).total_seconds())
    if not len(there):
        raise _nothing_there(order)
    return there


def _has_images(folder: Path, order: SourceOrder) -> bool:
    """Whether what was told before it failed is worth keeping."""
    with closing(Census(folder, order.source.name, order.server)) as census:
        return census.knows_images()


def _remove_stub(folder: Path) -> None:
    """Remove a folder that holds nothing but an empty census: it would look like an index."""
    for name in (NAME, f"{NAME}-wal", f"{NAME}-shm", ".lock"):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # it holds what is not ours
        folder.rmdir()


def _check_size(order: SourceOrder) -> None:
    """Raises InputError for a country, with what it would cost to look at it."""
    km2 = order.area.km2
    if km2 > MOST_KM2:
        tiles = km2 / _TILE_KM2
        raise InputError(
            f"{order.area.name or 'the area'} is no city but {km2:,.0f} km²: "
            f"some {tiles:,.0f} map tiles, {tiles / 60:,.0f} hours to look what is there",
            "take a city in it, or a part: --center LAT,LON --radius M, --bounds S,W,N,E or --aoi FILE",
        )


def _nothing_there(order: SourceOrder) -> InputError:
    others = ", ".join(name for name in ("mapillary", "panoramax", "kartaview") if name != order.source.name)
    since = f" since {order.since:%Y-%m-%d}" if order.since else ""
    return InputError(
        f"{order.source.name} has no images of {order.area.name or 'that area'}{since}",
        f"is it land? try --from with another source: {others}; or index images of your own",
    )


def _chosen(census: Census, there: CensusColumns, most: int | None) -> NDArray[np.int64]:
    """What earlier runs chose and is still there, then what is worth most beside it."""
    earlier = census.chosen_rows()
    order = np.argsort(there.rows)
    places = np.searchsorted(there.rows, earlier, sorter=order)
    places = order[np.minimum(places, len(order) - 1)]
    before: NDArray[np.int64] = places[there.rows[places] == earlier]
    return np.concatenate([before, choose(there, most, before)])


def build_from_source(
    folder: Path,
    city: str,
    order: SourceOrder,
    settings: Settings,
    calibrate: Calibrate,
    *,
    rebuild: bool = False,
    workers: int | None = None,
    precision: str | None = None,
    progress: Progress = no_progress,
) -> Manifest:
    """Fetch what is chosen of a source and index it, or continue; returns what was written.

    Where the source ends it (a block, a network that is down), the index of what is there is finished first:
    it can be searched until one goes on. Raises what `harvested`, `fetch` and `build` raise.
    """
    with harvested(folder, order, progress) as harvest:
        harvest.census.choose(harvest.rows.tolist())
        rows = harvest.rows.tolist()
    done = set() if rebuild else described_keys(folder)
    with closing(Census(folder, order.source.name, order.server)) as census:
        images = _UntilRefused(fetch(order.source, census, rows, folder, done, progress))
        try:
            manifest = build(
                folder,
                city,
                images,
                settings,
                calibrate,
                rebuild=rebuild,
                at_once=AT_ONCE,
                described=PictureKeeper(order.keep),
                workers=workers,
                precision=precision,
                progress=progress,
            )
        except InputError as error:
            raise images.refusal or error from error
        finally:
            images.close()
    if images.refusal:
        raise _with_index(images.refusal, manifest)
    return manifest


class _UntilRefused:
    """Fetched images, up to where their source refuses the rest; `refusal` then says how."""

    def __init__(self, images: Iterator[Fetched]) -> None:
        self._images = images
        self.refusal: GeofloodError | None = None

    def __iter__(self) -> Iterator[StreetImage | Rejected]:
        try:
            yield from self._images
        except (NetworkError, TokenError) as error:
            self.refusal = error

    def close(self) -> None:
        """Fetch no more."""
        close: Callable[[], object] = getattr(self._images, "close", lambda: None)
        close()


def _with_index(refusal: GeofloodError, manifest: Manifest) -> GeofloodError:
    """The refusal, which says that what is there can be searched."""
    refusal.hint = f"the index of {manifest.images:,} images can be searched meanwhile; {refusal.hint}"
    return refusal
