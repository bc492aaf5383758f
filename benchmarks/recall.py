"""R@1 dry and flooded: nothing done, attention on the query only, bands told, bands untold.

    python benchmarks/recall.py DATA [--work DIR] [--levels 0,0.3,0.45,0.55]

DATA holds images.csv with columns image, lat, lon, split (database or query). Positive distance 25 m;
queries without a reference in reach are left out. Water is geoflood.synthetic.flood's, seeded by the
query's number.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray
from streets import POSITIVE_M, Queries, arguments, indexed, queries, share

from geoflood.core.datatypes import Image, Vectors
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights
from geoflood.localize.locator import Locator
from geoflood.localize.waterline import belief
from geoflood.synthetic.flood import flood


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--levels", default="0,0.15,0.3,0.45,0.55")
    options = parser.parse_args()
    locator = indexed(options.data, options.work or Path(mkdtemp()))
    asked = queries(options.data)
    positive = asked.with_positive(locator.database.positions)
    print(f"{len(locator.database)} references, {len(asked.paths)} queries, {positive.sum()} with a positive")
    print("water   nothing done   attention only   bands told     bands untold")
    for level in map(float, options.levels.split(",")):
        hits = np.array(recall(locator, asked, level))[positive]
        print(f"{level:4.0%}    " + "    ".join(share(hits[:, way]) for way in range(4)), flush=True)


def recall(locator: Locator, asked: Queries, level: float) -> list[list[bool]]:
    """[Q, 4] whether the first candidate is right, for the four ways."""

    def one(number: int) -> list[bool]:
        photo, _ = flood(read_image(asked.paths[number], 1024), level, seed=number)
        return [
            right(locator, vectors, mix, asked.positions[number])
            for vectors, mix in ways(locator, photo, level)
        ]

    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(one, range(len(asked.paths))))


def ways(locator: Locator, photo: Image, level: float) -> list[tuple[Vectors, NDArray[np.float32]]]:
    """(descriptors [1, bands, D], belief [bands]) of each way to search."""
    bands = locator.settings.bands
    plain = np.eye(len(bands), dtype=np.float32)[0]

    def above(places: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.repeat(band_weights(places, [100 * level]), len(bands), axis=0)

    def nested(places: NDArray[np.float32]) -> NDArray[np.float32]:
        return band_weights(places, bands)

    def described(weigh: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Vectors:
        return locator.describer.describe([photo], weigh)

    banded = described(nested)
    told = belief(level, bands)
    return [(banded, plain), (described(above), plain), (banded, told), (banded, belief(None, bands))]


def right(locator: Locator, vectors: Vectors, mix: NDArray[np.float32], truth: NDArray[np.float64]) -> bool:
    _, ids = locator.vectors.search(vectors, mix, 1)
    return bool(distance_m(locator.database.positions[ids[0, 0]], truth) <= POSITIVE_M)


if __name__ == "__main__":
    main()
