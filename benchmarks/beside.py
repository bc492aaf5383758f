"""Are two indexes of one city, asked together, better than either?

Rootsift at two sizes stands in for two backbones, since no published weights are at hand.

    python benchmarks/beside.py IMAGES_CSV_FOLDER --work FOLDER [--images 200] [--queries 40] [--strangers 20]

FOLDER holds images.csv: image, lat, lon, split (database or query). The --images that lie farthest north are
indexed at 512 and at 128 numbers a row, without trials of their own. Photos: those that have one of these
within 25 m; strangers are photos farther than 200 m from all. Every photo is located by each index, and by
both together. Both sizes compare the same local features, so the two agree more than two networks would.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from geoflood.core.datatypes import LatLon, Located, Outcome, SearchOptions
from geoflood.core.geo import distance_m
from geoflood.database.build import build
from geoflood.database.index_files import is_finished
from geoflood.database.settings import index_settings
from geoflood.imagery.folder import images
from geoflood.localize.ensemble import Ensemble, open_ensemble
from geoflood.localize.locator import Locator

SIZES = (512, 128)
FAR_M, RIGHT_M = 200.0, 25.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--strangers", type=int, default=20)
    args = parser.parse_args()
    with (args.folder / "images.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (-float(row["lat"]), row["image"]))
    offered = [row for row in rows if row["split"] == "database"][: args.images]
    indexes = [_index(args.folder, offered, args.work, size) for size in SIZES]
    known, strangers = _photos(args, offered, [row for row in rows if row["split"] == "query"])
    for rerank in (0, None):
        print(
            f"\n{'searched alone' if rerank == 0 else 're-ranked'}: "
            f"{len(known)} photos, {len(strangers)} strangers"
        )
        print(
            "| asked | right first | ln score | likely or located, of these wrong "
            "| strangers not found | s a photo |"
        )
        print("|---|---|---|---|---|---|")
        asked: dict[str, Locator | Ensemble] = {
            f"{size}": Locator(folder) for size, folder in zip(SIZES, indexes, strict=True)
        }
        asked |= {"both": open_ensemble(indexes)}
        for name, locator in asked.items():
            _row(name, locator, [*known, *strangers], args.folder, SearchOptions(rerank=rerank))


def _index(folder: Path, offered: Sequence[dict[str, str]], work: Path, size: int) -> Path:
    index = work / f"part-{size}"
    if not is_finished(index):
        work.mkdir(parents=True, exist_ok=True)
        table = work / "offered.csv"
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("image", "lat", "lon"))
            writer.writerows((folder.resolve() / row["image"], row["lat"], row["lon"]) for row in offered)
        build(index, "part", images([table]), index_settings("rootsift", size), lambda *_: {})
    return index


def _photos(
    args: argparse.Namespace, offered: Sequence[dict[str, str]], queries: Sequence[dict[str, str]]
) -> tuple[list[tuple[str, LatLon | None]], list[tuple[str, LatLon | None]]]:
    """Photos of the indexed part, and strangers, by (image, place); spread over their ground."""
    places = np.array([(float(row["lat"]), float(row["lon"])) for row in offered])
    known: list[tuple[str, LatLon | None]] = []
    strangers: list[tuple[str, LatLon | None]] = []
    for row in queries:
        place = LatLon(float(row["lat"]), float(row["lon"]))
        nearest = float(distance_m(places, (place.lat, place.lon)).min())
        if nearest <= RIGHT_M:
            known.append((row["image"], place))
        elif nearest > FAR_M:
            strangers.append((row["image"], None))
    return _spread(known, args.queries), _spread(strangers, args.strangers)


def _spread(photos: list[tuple[str, LatLon | None]], most: int) -> list[tuple[str, LatLon | None]]:
    return photos[:: max(1, math.ceil(len(photos) / most))][:most] if most else []


def _row(
    name: str,
    locator: Locator | Ensemble,
    photos: Sequence[tuple[str, LatLon | None]],
    folder: Path,
    options: SearchOptions,
) -> None:
    begun = time.process_time()
    found = [locator.locate(folder / image, options=options) for image, _ in photos]
    seconds = (time.process_time() - begun) / len(photos)
    truths = [place for _, place in photos]
    right = [_right(one, place) for one, place in zip(found, truths, strict=True)]
    score = np.mean(
        [
            _ln(one.probability if good else 1.0 - one.probability)
            for one, good in zip(found, right, strict=True)
        ]
    )
    sure = [n for n, one in enumerate(found) if one.outcome in (Outcome.LIKELY, Outcome.LOCATED)]
    wrong = sum(not right[n] for n in sure)
    unknown = [one for one, place in zip(found, truths, strict=True) if place is None]
    none = sum(one.outcome is Outcome.NOT_FOUND for one in unknown)
    print(
        f"| {name} | {sum(right)} | {score:.3f} | {len(sure)}, {wrong} "
        f"| {none} of {len(unknown)} | {seconds:.2f} |",
        flush=True,
    )


def _ln(share: float) -> float:
    return math.log(max(share, 1e-6))


def _right(located: Located, place: LatLon | None) -> bool:
    """The best guess within 25 m, whether or not it is called found."""
    if place is None or located.estimate is None:
        return False
    here = located.estimate.position
    return bool(distance_m((here.lat, here.lon), (place.lat, place.lon)) <= RIGHT_M)


if __name__ == "__main__":
    main()
