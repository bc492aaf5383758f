"""`geoflood locate`: photo -> attention -> descriptors, one a band -> top-k -> fusion -> outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.attention import blend, sample
from geoflood.backbones.learned import load_learned
from geoflood.backbones.threads import cores, side_by_side
from geoflood.errors import IndexUnusableError
from geoflood.fusion.estimate import TOLERANCE_M, Trust, fuse, ranked
from geoflood.imagery.views import LONGEST
from geoflood.images import UnreadableImageError, read_image
from geoflood.reference.database import Database
from geoflood.terms import (
    AttentionMap,
    Bounds,
    Candidate,
    Estimate,
    Image,
    Located,
    Outcome,
    Progress,
    Query,
    Vectors,
    unwatched,
)
from geoflood.waterline import Banding, band_weights, belief, named

__all__ = ["FUSED", "Locator", "Verify"]

Verify: TypeAlias = Callable[[Image, Sequence[Candidate]], tuple[tuple[Candidate, ...], str]]
"""(photo, candidates, best first) -> the candidates, some with verdicts; and what to tell people, or ""."""

FUSED = 256
"""Candidates that fusion looks at, whatever number is shown: the tail tells how sure the head is."""
NARROWED = 4096
"""Candidates of the whole index among which those in a box are looked for."""
SURE = 0.5
"""Probability from which a position is called located."""
STRANGE = 0.25
"""Share "not in this index" above which none is. At 0.5, 4 % more photos of the city would be located, and
three times as many of another city."""


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
        self._trust = {
            name: _trust(folder, numbers) for name, numbers in self.database.manifest.calibration.items()
        }

    def locate(
        self,
        query: Query,
        attention: AttentionMap | None = None,
        *,
        top_k: int = 10,
        alpha: float = 1.0,
        banding: Banding = Banding.BOTH,
        within: Bounds | None = None,
        verify: Verify | None = None,
        pixels: Image | None = None,
    ) -> Located:
        """Everything that can be said of one photo; a photo that cannot be read is a Located that failed.

        `pixels` are looked at in place of the query's file. `within` narrows the search to references in a
        box: for who has been told where the photo is from. `verify` compares the first candidates with the
        photo.
        """
        watch = _Watch()
        attention = attention or AttentionMap.neutral()
        try:
            if pixels is None:
                with watch("read"):
                    pixels = read_image(query.path, LONGEST)
        except UnreadableImageError as error:
            return Located(query, Outcome.FAILED, f"{error}", attention=attention, seconds=watch.seconds)
        with watch("describe"):
            descriptors = self._describe(pixels, attention, alpha, banding)
        with watch("search"):
            found = self._search(descriptors, attention, banding, within)
        if not found:
            reason = "nothing in the box that was searched resembles the photo enough"
            return Located(query, Outcome.NOT_FOUND, reason, attention=attention, seconds=watch.seconds)
        waterline = attention.waterline if banding is Banding.BOTH else 0.0
        trust = self._trust[named(waterline, self.settings.bands)]
        told = ""
        if verify is not None:
            with watch("verify"):
                found, told = verify(pixels, found)
            found = ranked(found, trust)
        with watch("fuse"):
            estimate = fuse(found, trust)
        outcome, reason = judge(estimate)
        reason = f"{reason}; {told}" if told else reason
        return Located(query, outcome, reason, found[:top_k], estimate, attention, watch.seconds)

    def locate_all(
        self,
        queries: Sequence[Query],
        attention: AttentionMap | Sequence[AttentionMap] | None = None,
        *,
        top_k: int = 10,
        alpha: float = 1.0,
        verify: Verify | None = None,
        workers: int | None = None,
        progress: Progress = unwatched,
    ) -> list[Located]:
        """Several photos, each as `locate` would, in their order; `workers` at a time.

        `attention` is one map for all, or one a query.
        """
        maps = attention if isinstance(attention, Sequence) else [attention] * len(queries)

        def one(asked: tuple[Query, AttentionMap | None]) -> Located:
            return self.locate(*asked, top_k=top_k, alpha=alpha, verify=verify)

        located: list[Located] = []
        with side_by_side(min(workers or cores(), len(queries))) as pool:
            for result in pool.map(one, zip(queries, maps, strict=True)):
                located.append(result)
                progress("locating", len(located), len(queries))
        return located

    def _describe(
        self, pixels: Image, attention: AttentionMap, alpha: float, banding: Banding = Banding.BOTH
    ) -> Vectors:
        """Descriptors [1, bands, D] of the photo under its attention."""
        told = 100 * (attention.waterline or 0.0) if banding is Banding.QUERY else 0.0

        def weigh(places: NDArray[np.float32]) -> NDArray[np.float32]:
            bands = band_weights(places, [max(told, band) for band in self.settings.bands])
            return bands if attention.uniform else bands * blend(sample(attention, places), alpha)

        return self.describer.describe([pixels], weigh)

    def _search(
        self, descriptors: Vectors, attention: AttentionMap, banding: Banding, within: Bounds | None
    ) -> tuple[Candidate, ...]:
        count = FUSED if within is None else NARROWED
        bands = self.settings.bands
        if banding is Banding.BOTH:
            mix = belief(attention.waterline, bands, attention.doubt)
        else:
            mix = np.eye(len(bands), dtype=np.float32)[0]
        similarities, ids = self.vectors.search(descriptors, mix, count)
        found = self.database.candidates(similarities[0], ids[0])
        return found if within is None else tuple(c for c in found if _inside(c, within))[:FUSED]


def judge(estimate: Estimate) -> tuple[Outcome, str]:
    """The outcome, and the line a responder reads first."""
    if estimate.not_in_index > 0.5:
        return (
            Outcome.NOT_FOUND,
            "the place is probably not in this index: nothing in it resembles the photo enough",
        )
    if estimate.probability >= SURE and estimate.not_in_index > STRANGE:
        return (
            Outcome.UNCERTAIN,
            f"one place fits, yet {_percent(estimate.not_in_index)} that it is elsewhere: compare them",
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


def _inside(found: Candidate, box: Bounds) -> bool:
    spot = found.reference.position
    return box.south <= spot.lat <= box.north and box.west <= spot.lon <= box.east


def _trust(folder: Path, numbers: object) -> Trust:
    try:
        return Trust.of(numbers)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError) as error:
        raise IndexUnusableError(f"{folder}: the calibration is damaged: {error}", "use --rebuild") from error


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
