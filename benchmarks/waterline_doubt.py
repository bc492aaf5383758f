"""How firmly to believe a told waterline: R@1 against its error, for several beliefs over the bands.

    python benchmarks/waterline_doubt.py DATA [--work DIR] [--levels 0.2,0.45,0.6] [--every 1]

DATA is a folder with images.csv: image, lat, lon, split (database or query). A belief is a bump around the
told waterline, of some spread, mixed with some uniform doubt: `0.1 + 25 %` is a spread of a tenth of the
height and a quarter of doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray
from streets import Queries, arguments, first_is_right, indexed, queries, share

from geoflood.core.images import read_image
from geoflood.core.parallel import cores
from geoflood.database.bands import band_weights
from geoflood.localize.locator import Locator
from geoflood.synthetic.flood import flood

ERRORS = (-0.2, -0.1, 0.0, 0.1, 0.2)
BELIEFS = ((0.1, 0.0), (0.1, 0.25), (0.1, 0.5), (0.15, 0.0), (0.2, 0.0), (0.1, 1.0))
"""(spread, doubt)."""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--levels", default="0.2,0.45,0.6")
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    locator = indexed(options.data, options.work or Path(mkdtemp()))
    asked = queries(options.data)
    positive = np.flatnonzero(asked.with_positive(locator.database.positions))[:: options.every]
    for level in map(float, options.levels.split(",")):
        with ThreadPoolExecutor(cores()) as pool:
            hits = np.array(list(pool.map(partial(trial, locator, asked, level), positive.tolist())))
        told = "".join(f"{level + error:>14.0%}" for error in ERRORS)
        print(f"{len(positive)} queries, {level:.0%} water; told as{told}")
        for number, (spread, doubt) in enumerate(BELIEFS):
            columns = "".join(f"{share(column):>14}" for column in hits[:, number].T)
            print(f"{spread} + {doubt:4.0%}                     {columns}", flush=True)


def trial(locator: Locator, asked: Queries, level: float, number: int) -> list[list[bool]]:
    """[beliefs, errors] whether the first candidate is right."""
    photo, _ = flood(read_image(asked.paths[number], 1024), level, seed=number)
    bands = locator.settings.bands
    vectors = locator.describer.describe([photo], lambda places: band_weights(places, bands))
    truth = asked.positions[number]
    return [
        [first_is_right(locator, vectors, believed(level + error, bands, *belief), truth) for error in ERRORS]
        for belief in BELIEFS
    ]


def believed(told: float, bands: Sequence[int], spread: float, doubt: float) -> NDArray[np.float32]:
    """As geoflood.localize.waterline.belief, with a spread and a doubt to choose."""
    near = np.exp(-((np.asarray(bands) / 100 - told) ** 2) / (2 * spread**2))
    return np.asarray((1 - doubt) * near / near.sum() + doubt / len(bands), np.float32)


if __name__ == "__main__":
    main()
