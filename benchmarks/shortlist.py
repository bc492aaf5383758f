"""Does it pay to describe the shortlist anew, with the query's whole mask in place of the nearest band?

    python benchmarks/shortlist.py DATA [--work DIR] [--levels 0,0.45,0.55] [--every 3] [--top 200]

Of every third query the first 200 references by the bands are described again from their pictures with
exactly the share ignored that is under water, with and without the projection, and put in the order of that
similarity, of the first one, and of both. R@1 at 25 m; and what it costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from streets import POSITIVE_M, arguments, indexed, queries, share

from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import Image
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights
from geoflood.imagery.views import pixels_of
from geoflood.localize.locator import Locator
from geoflood.localize.waterline import belief
from geoflood.synthetic.flood import flood

WAYS = ("bands", "own mask", "own mask, whole descriptor", "bands + own mask", "bands + whole")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--levels", default="0,0.45,0.55")
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--top", type=int, default=200)
    options = parser.parse_args()
    locator = indexed(options.data, options.work or Path(mkdtemp()))
    asked = queries(options.data)
    chosen = np.flatnonzero(asked.with_positive(locator.database.positions))[:: options.every]
    for level in map(float, options.levels.split(",")):
        begun = time.perf_counter()
        anew = Anew(locator, level)
        with side_by_side(cores()) as pool:
            rows = [
                one_query(locator, anew, pool, asked.paths[i], asked.positions[i], level, i, options.top)
                for i in chosen
            ]
        hits = np.array(rows)
        spent = (time.perf_counter() - begun) / len(rows)
        told = "   ".join(f"{way} {share(hits[:, turn])}" for turn, way in enumerate(WAYS))
        print(f"{level:4.0%}  {told}   {spent:.2f} s a query", flush=True)


class Anew:
    """Descriptors under the exact mask of one water level, of pictures; references are remembered."""

    def __init__(self, locator: Locator, level: float) -> None:
        self.locator, self.level = locator, level
        self.reference: Callable[[int], tuple[torch.Tensor, torch.Tensor]] = lru_cache(None)(self._reference)

    def describe(self, image: Image) -> tuple[torch.Tensor, torch.Tensor]:
        """(projected, whole), both unit vectors."""
        describer = self.locator.describer
        raw = describer.raw([image], lambda places: band_weights(places, [100 * self.level]))
        projected = raw if describer.projection is None else describer.projection.apply(raw)
        return projected[0, 0].float(), raw[0, 0].half()

    def _reference(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.describe(pixels_of(self.locator.database.references([number])[0]))


def one_query(
    locator: Locator,
    anew: Anew,
    pool: ThreadPoolExecutor,
    path: Path,
    truth: np.ndarray,
    level: float,
    seed: int,
    top: int,
) -> list[bool]:
    photo, _ = flood(read_image(path, 1024), level, seed=int(seed))
    bands = locator.settings.bands
    vectors = locator.describer.describe([photo], lambda places: band_weights(places, bands))
    similarities, ids = locator.vectors.search(vectors, belief(level, bands), top)
    own, whole = anew.describe(photo)
    references = list(pool.map(anew.reference, ids[0].tolist()))
    first = similarities[0]
    second = np.array([float(own @ projected) for projected, _ in references])
    third = np.array([float(whole.float() @ raw.float()) for _, raw in references])
    error = distance_m(locator.database.positions[ids[0]], truth)
    scores = (first, second, third, first + second, first + third)
    return [bool(error[int(np.argmax(score))] <= POSITIVE_M) for score in scores]


if __name__ == "__main__":
    main()
