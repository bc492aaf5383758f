"""What re-ranking costs a photo, part by part, and what it is worth.

    python benchmarks/reranking.py INDEX QUERIES.csv [--select split=query] [--photos 60]

INDEX is the folder of an index. Every photo is described once, then searched for without re-ranking and with
it. The processor's time is given, of all threads together; R@1 is the share of photos whose first candidate
lies within 25 m, over those that have such a reference.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from streets import POSITIVE_M, share

from geoflood.backbones.patches import PackedPatches
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import (
    AttentionMap,
    LatLon,
    Located,
    Query,
    Reference,
    SearchOptions,
    StreetImage,
)
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.core.parallel import cores
from geoflood.imagery.views import LONGEST
from geoflood.imagery.vpr_format import labelled
from geoflood.localize.locator import RERANKED, Locator
from geoflood.localize.rerank import FINALISTS, Reranker

SPENT: defaultdict[str, float] = defaultdict(float)
"""Seconds of a thread's processor time, by part."""


class Timed(Reranker):
    """A Reranker that notes what each part takes."""

    def packed_of(self, reference: Reference) -> PackedPatches | None:
        with timed("read"):
            return super().packed_of(reference)

    def _glance(self, *given: Any) -> float:
        with timed("glance at all"):
            return super()._glance(*given)

    def _count(self, *given: Any) -> tuple[int, NDArray[np.float32]]:
        with timed(f"compare {FINALISTS} whole"):
            return super()._count(*given)


@contextmanager
def timed(part: str) -> Iterator[None]:
    begun = time.thread_time()
    yield
    SPENT[part] += time.thread_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--select", default=None)
    parser.add_argument("--photos", type=int, default=60)
    given = parser.parse_args()
    locator = Locator(given.index)
    locator._reranker = Timed(**vars(locator._reranker))
    usable, _ = labelled(given.queries, select=given.select)
    usable = [one for one in usable if away_m(locator.database.positions, one.geotag.position) <= POSITIVE_M]
    chosen = [usable[n] for n in np.linspace(0, len(usable) - 1, min(given.photos, len(usable))).astype(int)]
    hits, added = [], []
    with side_by_side(cores()):  # one core a thread, so that no time hides in others
        for photo in chosen:
            one_by_one = partial(located, locator, photo)
            (without, before), (with_, after) = one_by_one(0), one_by_one(RERANKED)
            hits.append([right(one, photo.geotag.position) for one in (without, with_)])
            if "rerank" in with_.seconds:
                added.append(after - before)
    print(f"{len(chosen)} photos, {len(added)} of them re-ranked; ms of the processor each:")
    for part, seconds in SPENT.items():
        print(f"  {part:18} {1e3 * seconds / max(len(added), 1):6.1f}")
    print(f"  {'all that it adds':18} {1e3 * sum(added) / max(len(added), 1):6.1f}")
    for name, column in zip(("without", "with"), np.array(hits).T, strict=True):
        print(f"R@1 {name:8} {share(column)}")


def located(locator: Locator, photo: StreetImage, rerank: int) -> tuple[Located, float]:
    """The answer, and the seconds of the processor from descriptors to it."""
    pixels = read_image(Path(photo.location), LONGEST)
    options = SearchOptions(rerank=rerank)
    (described,) = locator.describe([pixels], [AttentionMap.neutral()], options)
    begun = time.process_time()
    answer = locator.locate(Query(Path(photo.location)), options=options, described=described)
    return answer, time.process_time() - begun


def right(answer: Located, truth: LatLon) -> bool:
    best = answer.candidates[0].reference.position
    return away_m(np.array([[best.lat, best.lon]]), truth) <= POSITIVE_M


def away_m(positions: np.ndarray, truth: LatLon) -> float:
    """Of the nearest of positions [N, 2] (lat, lon)."""
    return float(distance_m(positions, np.array([truth.lat, truth.lon])).min())


if __name__ == "__main__":
    main()
