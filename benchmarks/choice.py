"""What a choice of some of a city's panoramas is worth, against as many by chance and every so-manyth.

    python benchmarks/choice.py FOLDER [--work DIR] [--reranked DRAWS]

FOLDER has images.csv (image, lat, lon, split); a panorama is what stands before "_" in a file's name, and
comes as four views. All with split=database are indexed once. In each of DRAWS draws, 64 panoramas play
queries, and a share of the others are references: all, by chance, every so-manyth by name, or chosen. R@1 is
over views of queries that have a positive within 25 m among all others, without re-ranking.

The factor between rounds was tuned on the western half; shares are shown on the eastern half, and on all.
With --reranked only a quarter is looked at, by the search as it usually is, for every other view: a minute a
draw.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from streets import POSITIVE_M, arguments, settings

from geoflood.core.datatypes import AttentionMap, Query, SearchOptions
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.database.bands import BANDS
from geoflood.database.build import build
from geoflood.database.calibration import Calibration
from geoflood.database.captures import open_captures
from geoflood.database.database import read_references
from geoflood.database.vectors import VectorStore
from geoflood.imagery import choice
from geoflood.imagery.census_columns import CensusColumns
from geoflood.imagery.folder import images
from geoflood.imagery.views import LONGEST
from geoflood.localize.locator import Locator
from geoflood.localize.waterline import belief

DRAWS, QUERIES, BY_CHANCE = 24, 64, 6
STEPS = (1.1, 1.2, 1.35, 1.5, 2.0)
SHARES = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75)

Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Panoramas:
    """Views and how alike they are."""

    columns: CensusColumns
    """[n] panoramas, as a census would have them, in the order of their names."""
    of_view: Ints
    """[N] the panorama of each view."""
    alike: NDArray[np.float32]
    """[N, N] similarity of a view as query and another as reference."""
    apart_m: NDArray[np.float64]
    """[n, n]."""

    def right(self, queries: Ints, references: Ints) -> NDArray[np.bool_]:
        """Of each view of the queries, whether its first candidate lies within 25 m."""
        asked, there = (np.flatnonzero(np.isin(self.of_view, some)) for some in (queries, references))
        first = there[self.alike[np.ix_(asked, there)].argmax(axis=1)]
        return np.asarray(self.apart_m[self.of_view[asked], self.of_view[first]] <= POSITIVE_M)

    def have_positive(self, queries: Ints, references: Ints) -> NDArray[np.bool_]:
        """Of each view of the queries, whether any reference lies within 25 m."""
        asked = self.of_view[np.isin(self.of_view, queries)]
        return np.asarray((self.apart_m[np.ix_(asked, references)] <= POSITIVE_M).any(axis=1))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--reranked", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        panoramas = read(options.data, work)
        if options.reranked:
            show_reranked(panoramas, work / f"{options.data.name}-choice", options.reranked)
            return
    lons = panoramas.columns.lons
    west = np.flatnonzero(lons < np.median(lons))
    east = np.flatnonzero(lons >= np.median(lons))
    print(f"{len(lons)} panoramas; factor between rounds, R@1 of a quarter, western half")
    usual = choice._STEP
    for step in STEPS:
        choice._STEP = step
        found = np.array([draw[3] for draw in draws(panoramas, west, 0.25)])
        print(f"  {step:.2f}  {shown(found)}")
    choice._STEP = usual
    for name, part in (("eastern half", east), ("all", np.arange(len(lons)))):
        print(f"\n{name}, R@1 of a share: all, by chance, every so-manyth, chosen")
        for share in SHARES:
            found = np.array(list(draws(panoramas, part, share)))
            back = (found[:, 3] - found[:, 1]) / (found[:, 0].mean() - found[:, 1].mean())
            columns = "  ".join(shown(column) for column in found.T)
            error = back.std() / len(back) ** 0.5
            print(f"  {share:.2f}  {columns}  won back {100 * back.mean():.0f} ± {100 * error:.0f} %")


def show_reranked(panoramas: Panoramas, folder: Path, count: int) -> None:
    """R@1 of all, by chance, of every so-manyth and of the choice of a quarter, re-ranked; a row a draw."""
    locator, options = Locator(folder), SearchOptions(top_k=1)
    files = read_references(folder / "references.sqlite", range(len(panoramas.of_view)))
    everywhere = np.arange(len(panoramas.columns))
    rows = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        order = rng.permutation(everywhere)
        queries, others = order[:QUERIES], np.sort(order[QUERIES:])
        few = round(0.25 * len(others))
        sets = (
            others,
            rng.permutation(others)[:few],
            others[np.unique(np.linspace(0, len(others) - 1, few).astype(int))],
            others[choice.choose(panoramas.columns.at(others), few)],
        )
        left_out = [np.flatnonzero(~np.isin(panoramas.of_view, some)).tolist() for some in sets]
        views = np.flatnonzero(np.isin(panoramas.of_view, queries))
        views = views[panoramas.have_positive(queries, others)][::2]

        def hits(view: int, left_out: list[list[int]] = left_out) -> list[bool]:
            pixels = read_image(Path(files[view].location), LONGEST)
            (described,) = locator.describe([pixels], [AttentionMap.neutral()], options)
            found = [
                locator.locate(Query(Path()), None, options, without=ids, pixels=pixels, described=described)
                for ids in left_out
            ]
            near = [panoramas.of_view[one.candidates[0].reference.id] for one in found]
            return [bool(apart <= POSITIVE_M) for apart in panoramas.apart_m[panoramas.of_view[view], near]]

        with ThreadPoolExecutor(2) as pool:
            rows.append(np.mean(list(pool.map(hits, views.tolist())), axis=0))
        print(f"{len(views)} views: " + "  ".join(f"{100 * share:.1f}" for share in rows[-1]), flush=True)
    whole, chance, every, chosen = np.mean(rows, axis=0)
    print(f"all {100 * whole:.1f}, by chance {100 * chance:.1f}, every so-manyth {100 * every:.1f}, ", end="")
    print(f"chosen {100 * chosen:.1f}: won back {100 * (chosen - chance) / (whole - chance):.0f} %")


def draws(panoramas: Panoramas, part: Ints, share: float) -> list[tuple[float, float, float, float]]:
    """R@1 of all, by chance, of every so-manyth and of the choice, a row a draw."""
    rows = []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        order = rng.permutation(part)
        asked = min(QUERIES, len(part) // 4)
        queries, others = order[:asked], np.sort(order[asked:])
        count = round(share * len(others))
        counted = panoramas.have_positive(queries, others)

        def hits(references: Ints, counted: NDArray[np.bool_] = counted, queries: Ints = queries) -> float:
            return float(panoramas.right(queries, references)[counted].mean())

        chosen = others[choice.choose(panoramas.columns.at(others), count)]
        every = others[np.unique(np.linspace(0, len(others) - 1, count).astype(int))]
        chance = np.mean([hits(rng.permutation(others)[:count]) for _ in range(BY_CHANCE)])
        rows.append((hits(others), float(chance), hits(every), hits(chosen)))
    return rows


def shown(values: NDArray[np.float64]) -> str:
    """The mean in percent, and its sampling error over the draws."""
    return f"{100 * values.mean():5.1f} ± {100 * values.std() / len(values) ** 0.5:.1f}"


def read(data: Path, work: Path) -> Panoramas:
    """The views with split=database, described, in a small index that is built unless it is there."""
    folder = work / f"{data.name}-choice"
    build(
        folder, data.name, images([data], data / "images.csv", select="split=database"), settings(), nothing
    )
    positions = open_captures(folder).positions
    references = read_references(folder / "references.sqlite", range(len(positions)))
    names = [Path(reference.location).stem.rpartition("_")[0] for reference in references]
    _, first, of_view = np.unique(names, return_index=True, return_inverse=True)
    vectors = VectorStore(folder / "vectors.faiss", len(BANDS)).rows(np.arange(len(positions)))
    weighed = (vectors * belief(None, BANDS)[:, None]).reshape(len(vectors), -1)
    alike = np.asarray(weighed @ vectors.reshape(len(vectors), -1).T, np.float32)
    spots = positions[first]
    return Panoramas(columns_of(spots), of_view.ravel(), alike, distance_m(spots[:, None], spots[None]))


def columns_of(spots: NDArray[np.float64]) -> CensusColumns:
    """Panoramas [n, 2] (lat, lon) of one day."""
    count = len(spots)
    none = np.zeros(count, np.int32)
    return CensusColumns(
        rows=np.arange(count),
        lats=spots[:, 0],
        lons=spots[:, 1],
        headings=np.full(count, np.nan, np.float32),
        panoramas=np.ones(count, bool),
        taken_s=np.full(count, 1_500_000_000),
        sequences=np.arange(count, dtype=np.int32),
        licences=none,
        credits=none,
        on_foot=none > 0,
        widths=none,
    )


nothing: Callable[..., Calibration] = lambda *_: {}  # noqa: E731
"""As `geoflood.database.build.Calibrate`: only the search is looked at here."""


if __name__ == "__main__":
    main()
