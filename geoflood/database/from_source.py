"""A city that nobody prepared: what a source has there, which of it to fetch, and the index of that.

The census and the choice are kept in the folder of the index, so a plan and the build that follows ask for
nothing twice, and a build that was killed goes on with the very same images.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import Progress, Rejected, StreetImage, no_progress
from geoflood.core.errors import GeofloodError, InputError, NetworkError
from geoflood.database.build import Calibrate, build
from geoflood.database.describe_shards import DescribeMissing, describe_missing, described_keys
from geoflood.database.like import LearnedElsewhere
from geoflood.database.manifest import Manifest, Settings
from geoflood.database.plan import SHARD_IMAGES, locked_index
from geoflood.database.plan_changes import PlanChange
from geoflood.database.source_order import SourceOrder, remember_order
from geoflood.imagery.census import NAME, Census
from geoflood.imagery.census_columns import CensusColumns
from geoflood.imagery.choice import choose
from geoflood.imagery.fetch import Fetched, fetch, key_of
from geoflood.imagery.kept_pictures import PictureKeeper
from geoflood.imagery.sources.catalog import SOURCES
from geoflood.imagery.sources.elsewhere import sources_with_images
from geoflood.imagery.sources.source import TokenError

__all__ = ["AT_ONCE", "Harvest", "build_from_source", "harvested"]

AT_ONCE = 16 * SHARD_IMAGES
"""Pictures on the disk that are not described yet. A city is learned from no more."""

MOST_KM2 = 20_000.0
"""The largest cities have a tenth of it: what is larger is a state, and would take weeks."""

_TILE_KM2 = 3.2
"""Of a census cell, roughly: a tile of zoom 14 in the middle latitudes."""
_EPOCH = datetime(1970, 1, 1)
_UPDATING = "updating"
"""Since when, in UTC, an update is under way; empty when none is."""


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
def harvested(
    folder: Path, order: SourceOrder, progress: Progress = no_progress, *, update: bool = False
) -> Iterator[Harvest]:
    """Look what is there and choose, under the lock of the index; what the source told is kept.

    With `update` every cell of the area is asked for anew, once.

    Raises InputError for an area that is no city's, or where the source has nothing; and what the source
    raises. A folder that came to nothing is removed.
    """
    _check_size(order)
    fresh = not folder.exists()
    with locked_index(folder):
        try:
            with closing(Census(folder, order.source.name, order.server)) as census:
                remember_order(census, order)
                there = _taken(census, order, progress, update)
                progress("choosing", 0, 0)
                yield Harvest(census, there, _chosen(census, there, order.most))
        except GeofloodError:
            if fresh and not _has_images(folder, order):
                _remove_stub(folder)
            raise


def _taken(census: Census, order: SourceOrder, progress: Progress, update: bool) -> CensusColumns:
    """The census of the area, taken as far as it was not. Raises InputError when there is nothing.

    An update that was killed goes on: cells that were asked for since it began are not asked for again.
    """
    if update and not census.fact(_UPDATING):
        census.keep_fact(_UPDATING, datetime.now(UTC).replace(tzinfo=None).isoformat())
    begun = census.fact(_UPDATING)
    census.take(order.source, order.area, datetime.fromisoformat(begun) if begun else None, progress)
    there = census.columns(order.area)
    if not len(there):
        raise _nothing_there(order)
    if order.since is not None:
        there = _since(there, order.since, order)
    return there


def _since(there: CensusColumns, since: datetime, order: SourceOrder) -> CensusColumns:
    """The images that are new enough. Raises InputError when none is."""
    new = there.at(there.taken_s >= (since - _EPOCH).total_seconds())
    if not len(new):
        raise InputError(
            f"{order.source.name} has no images of {_name(order)} since {since:%Y-%m-%d}",
            f"it has {len(there):,} that are older, or of unknown age: give an earlier --since",
        )
    return new


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
            f"{_name(order)} is no city but {km2:,.0f} km²: "
            f"some {tiles:,.0f} map tiles, {tiles / 60:,.0f} hours to look what is there",
            "take a city in it, or a part: --center LAT,LON --radius M, --bounds S,W,N,E or --aoi FILE",
        )


def _nothing_there(order: SourceOrder) -> InputError:
    """Says which other source has images there, or what to try."""
    name = order.source.name
    known = " and ".join(sources_with_images(order.area, name))
    others = ", ".join(row.name for row in SOURCES if row.name != name)
    hint = (
        f"{known} has some: --from {known.split()[0]}"
        if known
        else f"is it land? others may know it: {others}"
    )
    return InputError(f"{name} has no images of {_name(order)}", f"{hint}; or index images of your own")


def _name(order: SourceOrder) -> str:
    return order.area.name or "that area"


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
    update: bool = False,
    like: LearnedElsewhere | None = None,
    changed: Callable[[PlanChange], object] = lambda change: None,
    describe: DescribeMissing = describe_missing,
    workers: int | None = None,
    precision: str | None = None,
    progress: Progress = no_progress,
) -> Manifest:
    """Fetch what is chosen of a source and index it, or continue; returns what was written.

    With `update` the source is looked at anew: what is new is added, what was withdrawn is dropped, what was
    moved moves. Without it, where the source ends (a block, a network that is down), the index of what is
    there is finished first: it can be searched until one goes on. Raises what `harvested`, `fetch` and
    `build` raise.
    """
    with harvested(folder, order, progress, update=update) as harvest:
        harvest.census.choose(harvest.rows.tolist())
        rows = harvest.rows.tolist()
    done = set() if rebuild else described_keys(folder)
    with closing(Census(folder, order.source.name, order.server)) as census:
        if update:
            rows += _elsewhere(census, rows, done, order.source.name)
        fetched = fetch(order.source, census, rows, folder, done, progress)
        images = _UntilRefused(fetched, finish=not update)
        try:
            manifest = build(
                folder,
                city,
                images,
                settings,
                calibrate,
                rebuild=rebuild,
                update=partial(_is_of, order.source.name) if update else False,
                like=like,
                changed=changed,
                at_once=AT_ONCE,
                described=PictureKeeper(order.keep),
                describe=describe,
                workers=workers,
                precision=precision,
                progress=progress,
            )
        except InputError as error:
            raise images.refusal or error from error
        finally:
            images.close()
        census.keep_fact(_UPDATING, "")
    if images.refusal:
        raise _with_index(images.refusal, manifest)
    return manifest


def _is_of(source: str, image: StreetImage) -> bool:
    """Whether an image of an index came from a source, which would list it if it still had it."""
    return image.key.startswith(key_of(source, ""))


def _elsewhere(census: Census, rows: Sequence[int], done: Collection[str], source: str) -> list[int]:
    """Images of other areas that the index has of this source: an update of one area leaves them alone."""
    here = set(rows)
    others = [row for row in census.chosen_rows().tolist() if row not in here]
    images = zip(others, census.images(others), strict=True)
    return [row for row, image in images if key_of(source, image.id) in done]


class _UntilRefused:
    """Fetched images, up to where their source refuses the rest; `refusal` then says how.

    Unless what is there is to be finished, it is raised: half a list would say that the rest is gone.
    """

    def __init__(self, images: Iterator[Fetched], finish: bool) -> None:
        self._images, self._finish = images, finish
        self.refusal: GeofloodError | None = None

    def __iter__(self) -> Iterator[StreetImage | Rejected]:
        try:
            yield from self._images
        except (NetworkError, TokenError) as error:
            if not self._finish:
                raise
            self.refusal = error

    def close(self) -> None:
        """Fetch no more."""
        close: Callable[[], object] = getattr(self._images, "close", lambda: None)
        close()


def _with_index(refusal: GeofloodError, manifest: Manifest) -> GeofloodError:
    """The refusal, which says that what is there can be searched."""
    refusal.hint = f"the index of {manifest.images:,} images can be searched meanwhile; {refusal.hint}"
    return refusal
