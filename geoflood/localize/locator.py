"""`geoflood locate`: photo -> attention -> descriptors, one a band -> top-k -> fusion -> outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.catalog import find
from geoflood.backbones.learned import load_learned
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import (
    DEFAULTS,
    AttentionMap,
    Blend,
    Bounds,
    Candidate,
    Estimate,
    Image,
    Located,
    MaskSides,
    Outcome,
    Progress,
    Query,
    SearchOptions,
    Vectors,
    no_progress,
)
from geoflood.core.errors import IndexUnusableError, UsageError
from geoflood.core.images import UnreadableImageError, read_image
from geoflood.core.parallel import cores
from geoflood.database.calibration import CalibrationEntry, CalibrationKey
from geoflood.database.database import Database
from geoflood.imagery.views import LONGEST
from geoflood.localize.attention import location_weights
from geoflood.localize.fusion import TOLERANCE_M, fuse, fused, ranked
from geoflood.localize.rerank import Reranker
from geoflood.localize.waterline import belief, nearest

__all__ = ["FUSED", "Locator", "Verify"]

Verify: TypeAlias = Callable[[Image, Sequence[Candidate]], tuple[tuple[Candidate, ...], str]]
"""(photo, candidates, best first) -> the candidates, some with verdicts; and what to tell people, or ""."""

FUSED = 256
"""Candidates that fusion looks at, whatever number is shown: the tail tells how sure the head is."""
NARROWED = 4096
"""Candidates of the whole index among which those in a box are looked for."""
SURE = 0.6
"""Probability from which a position is called located."""
STRANGE = 0.15
"""Share "not in this index" above which none is. At 0.25, 2 to 10 % more photos of a city would be located,
and two to four times as many of another city."""
NOWHERE = 0.4
"""Share "not in this index" from which a photo is called not-found. DESIGN.md has the figures."""
RERANKED = 20
"""Candidates that are re-ranked unless another number is asked for."""
SURE_ALREADY = 0.95
"""Probability from which re-ranking is skipped: it could only make it worse, and takes its time."""


class Locator:
    """Holds what is expensive: the index in memory and the backbone. Safe to call again and again.

    Raises CityError or IndexUnusableError when the index cannot be searched.
    """

    def __init__(self, folder: Path, precision: str | None = None) -> None:
        self.database = Database(folder)
        self.settings = self.database.manifest.settings
        self.describer = load_learned(folder / "learned.npz", self.settings.backbone, precision)
        if self.describer.backbone.version != self.settings.version:
            raise IndexUnusableError(
                f"{folder} was built with {self.settings.backbone} {self.settings.version}, "
                f"this geoflood has {self.describer.backbone.version}",
                "build it again: geoflood index CITY IMAGES --rebuild",
            )
        self.vectors = self.database.open_vectors()
        self._pool = ThreadPoolExecutor(cores(), "rerank")
        self.calibration = self.database.manifest.calibration

    @property
    def usual_rerank(self) -> int:
        """Candidates that `geoflood locate` re-ranks: of a published backbone none, it was not measured."""
        return 0 if find(self.settings.backbone).file else RERANKED

    def locate(
        self,
        query: Query,
        attention: AttentionMap | None = None,
        manner: SearchOptions = DEFAULTS,
        *,
        within: Bounds | None = None,
        without: Collection[int] = (),
        verify: Verify | None = None,
        pixels: Image | None = None,
        described: Vectors | None = None,
    ) -> Located:
        """Everything that can be said of one photo; a photo that cannot be read is a Located that failed.

        `pixels` are looked at in place of the query's file; `described` [bands, D] is what `describe` made of
        them. `within` narrows the search to references in a box: for who has been told where the photo is
        from; references in `without` are not found. `verify` compares the first candidates with the photo.
        Raises what `check` does.
        """
        self.check(manner)
        watch = _Watch()
        attention = attention or AttentionMap.neutral()
        try:
            if pixels is None:
                with watch("read"):
                    pixels = read_image(query.path, LONGEST)
        except UnreadableImageError as error:
            return Located(query, Outcome.FAILED, f"{error}", attention=attention, seconds=watch.seconds)
        with watch("describe"):
            if described is None:
                descriptors = self.describe([pixels], [attention], manner)
            else:
                descriptors = described[None]
        with watch("search"):
            hits = self._search(descriptors, attention, manner.banding, within, without)
        if hits is None:
            reason = "a similarity is not a number: the weights or the index are damaged"
            return Located(query, Outcome.FAILED, reason, attention=attention, seconds=watch.seconds)
        similarities, ids = hits
        if not len(ids):
            reason = "nothing of what was searched resembles the photo enough"
            return Located(query, Outcome.NOT_FOUND, reason, attention=attention, seconds=watch.seconds)
        waterline = attention.waterline if manner.banding is MaskSides.BOTH else 0.0
        entry, told = self._calibrated(waterline), ""
        trust = entry.params
        with watch("fuse"):
            estimate = fused(similarities, self.database.positions[ids], trust)
            doubtful = bool(manner.rerank) and estimate.probability < SURE_ALREADY
            shown = len(ids) if doubtful or verify is not None else manner.top_k
            found = self.database.candidates(similarities[:shown], ids[:shown])
        if doubtful:
            with watch("rerank"):
                trust = self._calibrated(waterline, reranked=True).params
                mix = None if waterline is None else self._mix(attention, manner.banding)
                found, told = self._reranker(manner)(pixels, attention, mix, found)
                found, estimate = ranked(found, trust), fuse(found, trust)
        if verify is not None:
            with watch("verify"):
                found, said = verify(pixels, found)
                told = "; ".join(filter(None, (told, said)))
                found, estimate = ranked(found, trust), fuse(found, trust)
        outcome, reason = judge(estimate, tried=not entry.few)
        weak = f"weakly calibrated: {entry.weakness}" if entry.weakness else ""
        caution = weak if outcome is not Outcome.NOT_FOUND else ""
        reason = "; ".join(filter(None, (reason, caution, told)))
        return Located(query, outcome, reason, found[: manner.top_k], estimate, attention, watch.seconds)

    def locate_all(
        self,
        queries: Sequence[Query],
        attention: AttentionMap | Sequence[AttentionMap] | None = None,
        manner: SearchOptions = DEFAULTS,
        *,
        verify: Verify | None = None,
        workers: int | None = None,
        progress: Progress = no_progress,
    ) -> list[Located]:
        """Several photos, each as `locate` would, in their order; `workers` at a time.

        `attention` is one map for all, or one a query.
        """
        maps = attention if isinstance(attention, Sequence) else [attention] * len(queries)

        def one(asked: tuple[Query, AttentionMap | None]) -> Located:
            return self.locate(*asked, manner, verify=verify)

        located: list[Located] = []
        with side_by_side(min(workers or cores(), len(queries))) as pool:
            for result in pool.map(one, zip(queries, maps, strict=True)):
                located.append(result)
                progress("locating", len(located), len(queries))
        return located

    def describe(
        self,
        pixels: Sequence[Image],
        attention: Sequence[AttentionMap],
        manner: SearchOptions = DEFAULTS,
    ) -> Vectors:
        """Descriptors [N, bands, D] of photos, each under its attention, as many at once as is quick.

        Raises what `check` does.
        """
        self.check(manner)
        weighs = {told: location_weights(told, self.settings.bands, manner) for told in attention}
        if len(weighs) == 1 and callable(weigh := weighs[attention[0]]):  # laid over the places once for all
            return self.describer.describe(pixels, weigh)
        return self.describer.describe(pixels, [weighs[told] for told in attention])

    def check(self, manner: SearchOptions) -> None:
        """Whether this index can be searched so: to be asked before any work is begun.

        Raises UsageError for the paper's blend where the backbone has no energy, IndexUnusableError
        for re-ranking that the index never learned.
        """
        if manner.blend is Blend.PAPER and not self.describer.backbone.has_energy:
            raise UsageError(
                f"--blend paper is defined for CosPlace and EigenPlaces, not for {self.settings.backbone}",
                "leave it out; continuous works with every backbone",
            )
        if manner.rerank:
            self._calibrated(None, reranked=True)

    def _search(
        self,
        descriptors: Vectors,
        attention: AttentionMap,
        banding: MaskSides,
        within: Bounds | None,
        without: Collection[int],
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
        """Similarities and ids of at most FUSED references, most similar first; None when what FAISS says
        makes no sense.
        """
        count = (FUSED if within is None else NARROWED) + len(without)
        similarities, ids = (
            row[0] for row in self.vectors.search(descriptors, self._mix(attention, banding), count)
        )
        if not np.isfinite(similarities).all() or (ids < 0).any():  # what FAISS makes of NaN
            return None
        kept = ~np.isin(ids, list(without))
        if within is not None:
            kept &= _inside(self.database.positions[ids], within)
        return similarities[kept][:FUSED].astype(float), ids[kept][:FUSED]

    def _mix(self, attention: AttentionMap, banding: MaskSides) -> NDArray[np.float32]:
        """How much each band counts, [bands]."""
        bands = self.settings.bands
        if banding is MaskSides.BOTH:
            return belief(attention.waterline, bands, attention.doubt)
        return np.asarray(np.eye(len(bands))[0], np.float32)

    def _reranker(self, manner: SearchOptions) -> Reranker:
        return Reranker(self.describer.backbone, self.settings.bands, manner.rerank, self._pool)

    def _calibrated(self, waterline: float | None, reranked: bool = False) -> CalibrationEntry:
        """What is known of such searches. Raises IndexUnusableError where that was never learned."""
        try:
            return self.calibration[CalibrationKey(nearest(waterline, self.settings.bands), reranked)]
        except KeyError:
            raise IndexUnusableError(
                f"{self.database.folder} is not calibrated for {'--rerank' if reranked else 'searches'}",
                "run geoflood index again",
            ) from None


def judge(estimate: Estimate, tried: bool = True) -> tuple[Outcome, str]:
    """The outcome, and the line a responder reads first.

    Nothing is called located by an index that could not be `tried` out on itself: its probabilities are
    anybody's guess.
    """
    if estimate.not_in_index > NOWHERE:
        return (
            Outcome.NOT_FOUND,
            "the place is probably not in this index: nothing in it resembles the photo enough",
        )
    if estimate.probability >= SURE and estimate.not_in_index > STRANGE:
        return (
            Outcome.UNCERTAIN,
            f"one place fits, yet {_percent(estimate.not_in_index)} that it is elsewhere: compare them",
        )
    if estimate.probability >= SURE and not tried:
        return (
            Outcome.UNCERTAIN,
            "one place fits, yet the index is too small to know how often it is right: compare them",
        )
    if estimate.probability >= SURE:
        return (
            Outcome.LOCATED,
            f"one place stands out: {_percent(estimate.probability)} within {TOLERANCE_M:.0f} m of it",
        )
    return (
        Outcome.UNCERTAIN,
        f"several places fit; the best has {_percent(estimate.probability)}: check the candidates",
    )


def _percent(probability: float) -> str:
    """For people, who would take 100 % for a promise."""
    return f"{min(probability, 0.99):.0%}"


def _inside(positions: NDArray[np.float64], box: Bounds) -> NDArray[np.bool_]:
    """[N] whether positions [N, 2] lie in a box."""
    low, high = (box.south, box.west), (box.north, box.east)
    return np.asarray(((positions >= low) & (positions <= high)).all(axis=1))


class _Watch:
    """Wall seconds a stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = round(time.perf_counter() - begun, 4)
