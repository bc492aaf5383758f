"""Re-ranking by the backbone's own patches against SIFT and MAGSAC++: R@1 and milliseconds a pair.

    python benchmarks/matchers.py DATA [--work DIR] [--levels 0,0.45] [--every 3] [--first 20]

The first candidates of each query are put in the order of similarity + slope * log(1 + inliers), for a few
slopes; the waterline is told. Needs OpenCV: pip install -e ".[opencv]".
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray
from streets import POSITIVE_M, Queries, arguments, indexed, queries, share

from geoflood.backbones.threads import cores
from geoflood.core.datatypes import AttentionMap, Matching
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.imagery.views import LONGEST
from geoflood.localize.locator import Locator
from geoflood.localize.rerank import Reranker, matcher
from geoflood.localize.waterline import belief
from geoflood.synthetic.flood import flood

SLOPES = (0.0, 0.02, 0.05, 0.1, 0.2)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--levels", default="0,0.45")
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--first", type=int, default=20)
    options = parser.parse_args()
    locator = indexed(options.data, options.work or Path(mkdtemp()))
    asked = queries(options.data)
    positive = np.flatnonzero(asked.with_positive(locator.database.positions))[:: options.every]
    print(f"{len(positive)} queries with a positive, {options.first} candidates each")
    print("water  matcher  ms a pair   R@1 at slopes " + "  ".join(f"{slope:g}" for slope in SLOPES))
    for level in map(float, options.levels.split(",")):
        for matching in Matching:
            hits, each = recall(locator, asked, positive, level, matching, options.first)
            told = "  ".join(share(hits[:, way]) for way in range(len(SLOPES)))
            print(f"{level:4.0%}   {matching:7}  {1000 * each:7.0f}     {told}", flush=True)


def recall(
    locator: Locator,
    asked: Queries,
    numbers: NDArray[np.int64],
    level: float,
    matching: Matching,
    first: int,
) -> tuple[NDArray[np.bool_], float]:
    """[Q, slopes] whether the first one is right, and processor seconds a pair."""
    mix = belief(level, locator.settings.bands)
    attention = AttentionMap.neutral(level)
    hits, begun = [], time.process_time()
    with ThreadPoolExecutor(cores()) as pool:
        reranker = Reranker(
            matcher(matching, locator.describer.backbone), locator.settings.bands, first, pool
        )
        for number in numbers.tolist():
            photo, _ = flood(read_image(asked.paths[number], LONGEST), level, seed=number)
            vectors = locator.describe([photo], [attention])
            similarities, ids = locator.vectors.search(vectors, mix, first)
            counts = reranker.inliers(photo, attention, mix, locator.database.references(ids[0].tolist()))
            seen = np.log1p([count or 0 for count in counts])
            right = distance_m(locator.database.positions[ids[0]], asked.positions[number]) <= POSITIVE_M
            hits.append([bool(right[(similarities[0] + slope * seen).argmax()]) for slope in SLOPES])
    return np.array(hits), (time.process_time() - begun) / (len(numbers) * first)


if __name__ == "__main__":
    main()
