"""Feeds every reader with damaged and made-up input: python -m benchmarks.fuzz_inputs [--runs 10000].

Every input is a folder of its own, made from a seed: --first SEED --runs 1 makes it again. Of ten, five are
posts (loose, or in archives of every kind), four are street images with tables of geotags, and one is a
basemap. Prints what was read. A reader that raises ends the run with its seed, and so does a file that is not
in exactly one of: located or read, rejected, left out. One that takes over a second is told.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from geoflood.core.errors import InputError
from geoflood.outputs.basemap import read_basemap
from tests.support import fuzz_posts, fuzz_streets

SLOW_S = 1.0
LINE = {"type": "LineString", "coordinates": [[9.9, 53.5], [10.0, 53.6, 3.0]]}
RING = {"type": "MultiPolygon", "coordinates": [[[[9.9, 53.5], [10.0, 53.6], [10.0, 53.5], [9.9, 53.5]]]]}
BASEMAP: dict[str, Any] = {
    "type": "FeatureCollection",
    "attribution": "somebody",
    "features": [
        {"type": "Feature", "properties": {"highway": "residential", "waterway": None}, "geometry": LINE},
        {"type": "Feature", "properties": {"natural": "water", "name": "Elbe"}, "geometry": RING},
        {
            "type": "Feature",
            "properties": {"water": "yes"},
            "geometry": {"type": "GeometryCollection", "geometries": [LINE, RING]},
        },
    ],
}


def read_posts(root: Path, dice: random.Random) -> tuple[Counter[str], list[str]]:
    fuzz_posts.make(root, dice)
    found = fuzz_posts.read(root)
    return Counter(map(fuzz_posts.told, found)), fuzz_posts.unaccounted(root, found)


def read_streets(root: Path, dice: random.Random) -> tuple[Counter[str], list[str]]:
    fuzz_streets.make(root, dice)
    found = fuzz_streets.listed(root)
    return fuzz_streets.look(found), fuzz_streets.lost(root, found)


def read_streets_of_a_map(root: Path, dice: random.Random) -> tuple[Counter[str], list[str]]:
    path = root / "streets.geojson"
    part = dice.choice(("properties", "properties", "geometry"))
    features = [one | {part: fuzz_posts.shuffled(dice, one[part])} for one in BASEMAP["features"]]
    content = fuzz_posts.shuffled(dice, BASEMAP) if dice.random() < 0.2 else BASEMAP | {"features": features}
    path.write_bytes(fuzz_posts.damaged(dice, json.dumps(content).encode()))
    try:
        read_basemap(path)
    except InputError:
        return Counter(["basemap refused"]), []
    return Counter(["basemap drawn"]), []


DOORS = (read_posts, read_streets) * 4 + (read_posts, read_streets_of_a_map)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    told: Counter[str] = Counter()
    slowest = 0.0
    for seed in range(given.first, given.first + given.runs):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            try:
                counts, lost = DOORS[seed % len(DOORS)](Path(folder), random.Random(seed))
                if lost:
                    raise AssertionError(f"not in exactly one of located, rejected, left out: {lost}")
            except BaseException:
                print(f"seed {seed}")
                raise
            told.update(counts)
            spent = time.perf_counter() - begun
            slowest = max(slowest, spent)
            if spent > SLOW_S:
                print(f"seed {seed}: {spent:.1f} s")
    print(f"{given.runs} folders, slowest {slowest:.3f} s")
    for name, count in sorted(told.items()):
        print(f"{count:8,} {name}")


if __name__ == "__main__":
    main()
