"""Pseudo-queries: references made into photos as people take and post them, in several depths of water.

What calibration rehearses with. Their places are known, no label is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.describe import Describer
from geoflood.backbones.patches import Patches, patches
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import AttentionMap, Image, LatLon, Progress, Reference, Vectors, no_progress
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.core.parallel import cores, in_order
from geoflood.database.bands import band_weights
from geoflood.imagery.views import LONGEST, pixels_of
from geoflood.localize.calibration.fit import Counts, RehearsalQueries
from geoflood.localize.calibration.prior import RERANKED_PRIOR
from geoflood.localize.estimate_waterline import estimate_waterline
from geoflood.localize.rerank import Reranker
from geoflood.localize.waterline import belief
from geoflood.synthetic.cohort import cohort
from geoflood.synthetic.flood import WATER, Effects, Scene, scene

__all__ = [
    "PseudoQuery",
    "PseudoQuerySource",
    "chosen",
    "make",
    "outsiders_as_sources",
    "photos_as_sources",
    "references_as_sources",
    "rehearsal_queries",
    "with_inliers",
]

NEUTRAL = AttentionMap.neutral()
PHONE = Effects(crop=0.4, shrink=0.6, compression=0.5)
"""Between the street camera and the phone that posts: of the amounts tried, the one under which similarities
of pseudo-queries and of real ones agreed best; docs/decisions/013 has the figures."""


@dataclass(frozen=True, eq=False)
class PseudoQuerySource:
    """A photo whose place is known, and which can be put under water."""

    position: LatLon | None
    """None for an outsider."""
    take: Callable[[float], Scene]
    """Share of the height under water -> the photo. Raises UnreadableImageError."""
    reference: int = -1
    """The reference that it is; -1 for a labelled query."""
    outsider: int = -1
    """The outsider that it is; -1 for a photo that has a place."""


@dataclass(frozen=True, eq=False)
class PseudoQuery:
    """A source in some depth of water."""

    source: PseudoQuerySource
    level: float
    waterline: float
    """Share of the photo's height under water; a little less than `level` where the photo was cropped."""
    untold: NDArray[np.float32]
    """[bands] what a search believes of it that is not told."""
    descriptors: Vectors
    """[bands, D]."""


def references_as_sources(references: Sequence[Reference]) -> list[PseudoQuerySource]:
    """References as people would photograph them: half as a phone posts them, half as a good camera would.

    Turn by turn in fours, so that either half comes in every depth of water.
    """

    def taking(number: int, reference: Reference) -> Callable[[float], Scene]:
        effects = WATER if number // 4 % 2 else PHONE
        return lambda level: scene(pixels_of(reference), level, seed=reference.id, effects=effects)

    return [
        PseudoQuerySource(one.position, taking(number, one), one.id) for number, one in enumerate(references)
    ]


def photos_as_sources(photos: Sequence[tuple[Path, LatLon]]) -> list[PseudoQuerySource]:
    """Labelled photos as they are, but for the water."""

    def taking(number: int, path: Path) -> Callable[[float], Scene]:
        return lambda level: scene(read_image(path, LONGEST), level, seed=number)

    return [PseudoQuerySource(spot, taking(number, path)) for number, (path, spot) in enumerate(photos)]


def outsiders_as_sources(count: int) -> list[PseudoQuerySource]:
    """So many pictures of nobody's city."""

    def taking(number: int, picture: Image) -> Callable[[float], Scene]:
        return lambda level: scene(picture, level, seed=number)

    return [PseudoQuerySource(None, taking(*one), outsider=one[0]) for one in enumerate(cohort(count))]


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
    """Each photo dry and under water up to one band, turn by turn; outsiders only dry.

    One that cannot be read is left out.
    """

    def one(part: tuple[PseudoQuerySource, int]) -> PseudoQuery | None:
        source, band = part
        try:
            taken = source.take(band / 100)
        except UnreadableImageError:
            return None
        vectors = describer.describe([taken.photo], lambda places: band_weights(places, bands))
        line, doubt = estimate_waterline(taken.photo)
        untold = belief(line if doubt < 1 else None, bands, doubt)
        return PseudoQuery(source, band / 100, taken.waterline, untold, vectors[0])

    parts = [
        (source, band)
        for number, source in enumerate(sources)
        for turn, band in enumerate(bands)
        if turn == 0 or (source.outsider < 0 and number % (len(bands) - 1) == turn - 1)
    ]
    made = []
    with side_by_side(max(workers, cores())) as pool:  # one core each: the same photos, the same numbers
        for done, photo in enumerate(in_order(pool, one, parts, ahead=workers), 1):
            progress("rehearsing", done, len(parts))
            made += [] if photo is None else [photo]
    return made


def rehearsal_queries(made: Sequence[PseudoQuery], counts: Counts | None = None) -> RehearsalQueries:
    """As calibration takes them."""
    nowhere = (np.nan, np.nan)
    spots = [one.source.position for one in made]
    positions = [nowhere if spot is None else (spot.lat, spot.lon) for spot in spots]
    return RehearsalQueries(
        np.stack([one.descriptors for one in made]) if made else np.empty((0, 0, 0), np.float32),
        np.array(positions, float).reshape(-1, 2),
        np.array([one.waterline for one in made], float),
        np.array([one.untold for one in made], np.float32),
        np.array([one.source.reference for one in made], np.int64),
        np.array([one.source.outsider for one in made], np.int64),
        counts,
    )


def with_inliers(
    made: Sequence[PseudoQuery],
    reranker: Reranker,
    find: Callable[[Sequence[int]], Sequence[Reference]],
) -> RehearsalQueries:
    """The same, re-ranked as photos are; `find` gives references by their ids."""

    @lru_cache(maxsize=4)
    def query(i: int) -> Patches:
        return patches(made[i].source.take(made[i].level).photo)

    def counts(
        i: int,
        ids: NDArray[np.int64],
        similarities: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        likelihoods = similarities / RERANKED_PRIOR.params.temperature
        references = find(ids.tolist())
        return reranker.agreed(query(i), NEUTRAL, references, likelihoods).inliers

    return rehearsal_queries(made, counts)
