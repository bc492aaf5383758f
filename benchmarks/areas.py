"""Do the search areas hold the truth, and are photos of another city left unlocated?

    python benchmarks/areas.py DATA [OTHER] [--work DIR] [--levels 0,0.3,0.45]

DATA is indexed (split=database) and its queries are located; the queries of OTHER are located too, and
ought to be called not-found. Printed: R@1 at 25 m of the position, how many areas and radii hold the truth,
outcomes.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
from streets import POSITIVE_M, Queries, indexed, queries, share

from geoflood.flood import flood
from geoflood.geo import distance_m, to_local
from geoflood.images import jpeg, read_image
from geoflood.locate import Locator
from geoflood.terms import AttentionMap, Cell, LatLon, Located, Query


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("other", type=Path, nargs="?")
    parser.add_argument("--work", type=Path, default=None, help="keeps the index for the next run")
    parser.add_argument("--levels", default="0,0.3,0.45")
    options = parser.parse_args()
    locator = indexed(options.data, options.work or Path(mkdtemp()))
    for level in map(float, options.levels.split(",")):
        for told in (False, True) if level else (False,):
            report(locator, queries(options.data), level, told, "here")
            if options.other:
                report(locator, queries(options.other), level, told, "elsewhere")


def report(locator: Locator, asked: Queries, level: float, told: bool, where: str) -> None:
    located = answers(locator, asked, level, level if told else None)
    outcomes = Counter(one.outcome.value for one in located)
    print(f"{level:.0%} water, {'told' if told else 'untold'}, photos from {where}: {dict(outcomes)}")
    if where == "here":
        kept = asked.with_positive(locator.database.positions)
        rows = np.array([judged(one, truth) for one, truth in zip(located, asked.positions, strict=True)])[
            kept
        ]
        names = ("R@1", "area 50", "area 90", "radius 50", "radius 90")
        print("   " + "   ".join(f"{n} {share(rows[:, i].astype(bool))}" for i, n in enumerate(names)))
        sure = rows[:, 5]
        print(f"   mean probability {sure.mean():.2f}, right {rows[:, 0].mean():.2f}", flush=True)


def answers(locator: Locator, asked: Queries, level: float, told: float | None) -> list[Located]:
    with TemporaryDirectory() as scratch:
        paths = []
        for number, path in enumerate(asked.paths):
            wet = Path(scratch) / f"{number}.jpg"
            wet.write_bytes(jpeg(flood(read_image(path, 1024), level, seed=number)[0], 1024, 92))
            paths.append(Query(wet if level else path))
        return locator.locate_all(paths, AttentionMap.neutral(told))


def judged(located: Located, truth: np.ndarray) -> list[float]:
    estimate = located.estimate
    assert estimate is not None
    off = float(distance_m((estimate.position.lat, estimate.position.lon), truth))
    inside = [holds(estimate.cells(part), truth) for part in (0.5, 0.9)]
    circles = [off <= estimate.radius_50_m, off <= estimate.radius_90_m]
    return [off <= POSITIVE_M, *inside, *circles, estimate.probability]


def holds(cells: tuple[Cell, ...], truth: np.ndarray) -> bool:
    if not cells:
        return False
    centres = np.array([(cell.centre.lat, cell.centre.lon) for cell in cells])
    away = to_local(centres, LatLon(*truth))
    return bool((np.abs(away).max(axis=1) <= cells[0].size_m / 2).any())


if __name__ == "__main__":
    main()
