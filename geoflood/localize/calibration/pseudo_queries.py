"""Pseudo-queries: references made into photos as people take and post them, in several depths of water.

What calibration rehearses with. Their places are known, no label is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.describe import Describer
from geoflood.backbones.patches import Patches, patches
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import LatLon, Progress, Reference, Vectors, no_progress
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.core.parallel import cores, in_order
from geoflood.database.bands import band_weights
from geoflood.imagery.views import LONGEST, pixels_of
from geoflood.localize.calibration.fit import Counts, RehearsalQueries
from geoflood.localize.rerank import Reranker, count_inliers
from geoflood.synthetic.flood import Effects, Scene, scene

__all__ = [
    "PseudoQuery",
    "PseudoQuerySource",
    "chosen",
    "make",
    "photos_as_sources",
    "references_as_sources",
    "rehearsal_queries",
    "rehearsal_queries_with_inliers",
]

KEPT = 64
"""References whose patches are at hand: a query is compared with the same ones up to four times."""
PHONE = Effects(crop=0.4, shrink=0.6, compression=0.5)
"""Between the street camera and the phone that posts: of the amounts tried, the one under which similarities
of pseudo-queries and of real ones agreed best; docs/decisions/013 has the figures."""


@dataclass(frozen=True, eq=False)
class PseudoQuerySource:
    """A photo whose place is known, and which can be put under water."""

    position: LatLon
    take: Callable[[float], Scene]
    """Share of the height under water -> the photo. Raises UnreadableImageError."""
    reference: int = -1
    """The reference that it is; -1 for a labelled query."""


@dataclass(frozen=True, eq=False)
class PseudoQuery:
    """A source in some depth of water."""

    source: PseudoQuerySource
    level: float
    waterline: float
    """Share of the photo's height under water; a little less than `level` where the photo was cropped."""
    descriptors: Vectors
    """[bands, D]."""


def references_as_sources(references: Sequence[Reference]) -> list[PseudoQuerySource]:
    """References as people would photograph them."""

    def taking(reference: Reference) -> Callable[[float], Scene]:
        return lambda level: scene(pixels_of(reference), level, seed=reference.id, effects=PHONE)

    return [PseudoQuerySource(one.position, taking(one), one.id) for one in references]


def photos_as_sources(photos: Sequence[tuple[Path, LatLon]]) -> list[PseudoQuerySource]:
    """Labelled photos as they are, but for the water."""

    def taking(number: int, path: Path) -> Callable[[float], Scene]:
        return lambda level: scene(read_image(path, LONGEST), level, seed=number)

    return [PseudoQuerySource(spot, taking(number, path)) for number, (path, spot) in enumerate(photos)]


def chosen(count: int, at_most: int) -> NDArray[np.int64]:
    """Ids of the references that become pseudo-queries, spread over all `count`."""
    return np.unique(np.linspace(0, count - 1, min(at_most, count)).astype(np.int64))


def make(
    describer: Describer,
    bands: Sequence[int],
    sources: Sequence[PseudoQuerySource],
    workers: int,
    progress: Progress = no_progress,
) -> list[PseudoQuery]:
    """Each photo dry, and under water up to every other band. One that cannot be read is left out."""

    def one(part: tuple[PseudoQuerySource, int]) -> PseudoQuery | None:
        source, band = part
        try:
            taken = source.take(band / 100)
        except UnreadableImageError:
            return None
        vectors = describer.describe([taken.photo], lambda places: band_weights(places, bands))
        return PseudoQuery(source, band / 100, taken.waterline, vectors[0])

    parts = [
        (source, band)
        for number, source in enumerate(sources)
        for turn, band in enumerate(bands)
        if turn == 0 or (number + turn) % 2
    ]
    made = []
    with side_by_side(max(workers, cores())) as pool:  # one core each: the same photos, the same numbers
        for done, photo in enumerate(in_order(pool, one, parts, ahead=workers), 1):
            progress("rehearsing", done, len(parts))
            made += [] if photo is None else [photo]
    return made


def rehearsal_queries(made: Sequence[PseudoQuery], counts: Counts | None = None) -> RehearsalQueries:
    """As calibration takes them."""
    positions = [(one.source.position.lat, one.source.position.lon) for one in made]
    return RehearsalQueries(
        np.stack([one.descriptors for one in made]) if made else np.empty((0, 0, 0), np.float32),
        np.array(positions, float).reshape(-1, 2),
        np.array([one.waterline for one in made], float),
        np.array([one.source.reference for one in made], np.int64),
        counts,
    )


def rehearsal_queries_with_inliers(
    made: Sequence[PseudoQuery],
    reranker: Reranker,
    find: Callable[[int], Reference],
    count: int,
) -> RehearsalQueries:
    """About `count` of them, with their inliers; `find` gives a reference by its id."""
    some = made[:: max(len(made) // count, 1)]

    @lru_cache(maxsize=1)
    def query(i: int) -> Patches:
        return patches(reranker.backbone, some[i].source.take(some[i].level).photo)

    @lru_cache(maxsize=KEPT)
    def reference(number: int) -> Patches | None:
        return reranker.patches_of(find(number))

    @lru_cache(maxsize=4 * KEPT)
    def inliers(i: int, belief: bytes | None, number: int) -> float:
        ours, other = query(i), reference(number)
        told = None if belief is None else np.frombuffer(belief, np.float32)
        if other is None:
            return np.nan
        return count_inliers(ours, reranker.worth(ours, told), other, reranker.worth(other, told))

    def counts(i: int, belief: NDArray[np.float32] | None, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        query(i)  # once, before several threads want it
        told = None if belief is None else belief.tobytes()
        return np.array(list(reranker.pool.map(partial(inliers, i, told), ids.tolist())), float)

    return rehearsal_queries(some, counts)
