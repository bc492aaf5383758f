"""Which of several indexes is a photo of? Asked together, by calibrated logit, searched alone and re-ranked.

    python benchmarks/which_city.py --sf FOLDER --cambridge FOLDER --work FOLDER [--queries 24]
    python benchmarks/which_city.py --work FOLDER --time [--backbone eigenplaces-resnet18-512]

FOLDERs hold images.csv: image, lat, lon[, heading, taken], split (database or query). Each of two cities is
cut in two along its longer side, with nothing within GAP_M of the cut: four "cities". The drawn town is the
fifth. Photos: at most --queries of each index (a reference of it within 25 m), and drawn pictures of no place
by another seed than those that calibration met; dry and under 45 % water, told nothing.

Every photo is asked of every index by itself, searched alone and re-ranked; WORK/answers.jsonl keeps what it
said, and what is there is not asked again. All that is printed is arithmetic over it (`which_city.py` of
localize). Photos with an odd number choose, photos with an even one show. A stranger to all is a drawn
picture, or a photo whose own index is left out of the five.
--time prints what a photo costs against 1 and 20 indexes, with random weights: no quality is in it.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import geoflood
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import AttentionMap, Image, LatLon, Query, SearchOptions
from geoflood.core.geo import distance_m, to_local
from geoflood.core.images import read_image
from geoflood.core.parallel import cores
from geoflood.imagery.views import LONGEST
from geoflood.localize.locator import Locator
from geoflood.synthetic.cohort import COUNT, cohort
from geoflood.synthetic.flood import scene
from geoflood.synthetic.town import build_town, view, write_city
from geoflood.synthetic.town.model import SEASONS
from geoflood.synthetic.town.shots import drive, latlon

CITIES = ("cambridge-a", "cambridge-b", "sf-a", "sf-b", "town")
GAP_M, POSITIVE_M = 60.0, 25.0
LEVELS = (0.0, 0.45)
SEED = 12
"""Of drawn pictures: another than the default, which calibration has met."""
ALONE, RERANKED = SearchOptions(top_k=1, rerank=0), SearchOptions(top_k=1)


@dataclass(frozen=True, eq=False)
class Photo:
    name: str
    number: int
    draw: partial[Image]
    of: str
    """The index that has its place; "" of no place."""
    position: LatLon | None = None


@dataclass(frozen=True)
class Said:
    """What an index said of a photo."""

    logit: float
    """Of "in this index"."""
    probability: float
    """That the position is right."""
    right: bool
    seconds: float


@dataclass(frozen=True)
class Answers:
    """What every index said of one photo under one depth of water."""

    name: str
    number: int
    of: str
    level: float
    alone: dict[str, Said]
    reranked: dict[str, Said]


@dataclass(frozen=True, eq=False)
class Folder:
    path: Path

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        with (self.path / "images.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def across_m(self) -> NDArray[np.float64]:
        """[n] of every row: metres from the cut, which halves the database images along the longer side."""
        at = np.array([(row["lat"], row["lon"]) for row in self.rows], float)
        metres = to_local(at, LatLon(*at.mean(axis=0).tolist()))
        known = np.array([row["split"] == "database" for row in self.rows])
        spread = np.percentile(metres[known], 95, axis=0) - np.percentile(metres[known], 5, axis=0)
        along = metres[:, int(spread.argmax())]
        return np.asarray(along - np.median(along[known]))

    def half(self, second: bool, split: str) -> list[int]:
        """Rows of a half, outside the gap."""
        side = self.across_m if second else -self.across_m
        return [n for n, row in enumerate(self.rows) if row["split"] == split and side[n] > GAP_M]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sf", type=Path)
    parser.add_argument("--cambridge", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=24)
    parser.add_argument("--build-only", action="store_true")
    given = parser.parse_args()
    if not given.sf or not given.cambridge:
        parser.error("--sf and --cambridge are needed")
    folders = {"cambridge": Folder(given.cambridge), "sf": Folder(given.sf)}
    locators = {name: opened(name, folders, given.work) for name in CITIES}
    if given.build_only:
        return
    asked = photos(folders, locators, given.queries)
    answers = ask_all(asked, locators, given.work / "answers.jsonl")
    print(len(answers))


def opened(name: str, folders: dict[str, Folder], work: Path) -> Locator:
    """The index of that name, built unless it is there."""
    root = work / "index"
    if not (root / name / "manifest.json").exists():
        begun = time.process_time()
        if name == "town":
            write_city(work / "town", build_town())
            geoflood.build_index(name, [work / "town"], dimension=512, index_dir=root)
        else:
            city, _, half = name.partition("-")
            folder, table = folders[city], work / f"{name}.csv"
            write_table(table, [folder.rows[n] for n in folder.half(half == "b", "database")])
            geoflood.build_index(name, [folder.path], geotags=table, select="split=database", index_dir=root)
        print(f"{name}: {time.process_time() - begun:.0f} s of processor", file=sys.stderr, flush=True)
    return geoflood.open(root / name)


def write_table(path: Path, rows: Sequence[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def photos(folders: dict[str, Folder], locators: dict[str, Locator], most: int) -> list[Photo]:
    """At most so many of each index, and of drawn pictures."""
    found = [
        photo
        for name in CITIES
        for photo in some(town_views() if name == "town" else own(name, folders, locators[name]), most)
    ]
    drawn = cohort(COUNT, SEED)
    return found + [
        Photo(f"drawn {n}", n, partial(lambda n: drawn[n], n), "") for n in range(min(COUNT, 2 * most))
    ]


def own(name: str, folders: dict[str, Folder], locator: Locator) -> list[Photo]:
    city, _, half = name.partition("-")
    folder, places = folders[city], locator.database.positions
    made = []
    for n in folder.half(half == "b", "query"):
        row = folder.rows[n]
        at = LatLon(float(row["lat"]), float(row["lon"]))
        if distance_m(places, (at.lat, at.lon)).min() <= POSITIVE_M:
            draw = partial(read_image, folder.path / row["image"], LONGEST)
            made.append(Photo(f"{city} {row['image']}", n, draw, name, at))
    return made


def town_views() -> list[Photo]:
    """Photos of the drawn town, some metres off those that are indexed."""
    town = build_town()
    shots = drive(town, 17.0)
    made = []
    for number in range(96):
        rng = np.random.default_rng([town.seed, number, SEED])
        shot = shots[int(rng.integers(len(shots)))].moved(rng, (1.0, 4.0), 7.0)
        season = SEASONS[number % 2]
        draw = partial(view, town, shot.position, shot.heading_deg, 70.0, (480, 360), season, 500 + number)
        made.append(Photo(f"town {number}", number, draw, "town", latlon(town, shot)))
    return made


def some(items: Sequence[Photo], most: int) -> list[Photo]:
    """The same ones every time, spread over all; a smaller number is a part of a larger one."""
    order = np.random.default_rng(18).permutation(len(items))[:most]
    return [items[n] for n in order.tolist()]


def ask_all(asked: Sequence[Photo], locators: dict[str, Locator], path: Path) -> list[Answers]:
    """What every index says of every photo; what is in the file is not asked again."""
    lines = path.read_text().splitlines() if path.exists() else []
    known = {(one.name, one.level): one for one in map(as_answers, lines)}
    todo = [(photo, level) for level in LEVELS for photo in asked if (photo.name, level) not in known]
    with side_by_side(cores()), path.open("a") as file:
        for done, (photo, level) in enumerate(todo, 1):
            pixels = photo.draw()
            if level:
                pixels = scene(pixels, level, photo.number).photo
            told = {way: {n: said(one, photo, pixels, way) for n, one in locators.items()} for way in (0, 1)}
            line = {"name": photo.name, "number": photo.number, "of": photo.of, "level": level}
            text = json.dumps(line | {"alone": told[0], "reranked": told[1]})
            file.write(text + "\n")
            file.flush()
            known[photo.name, level] = as_answers(text)
            if done % 20 == 0:
                print(f"{done} of {len(todo)}", file=sys.stderr, flush=True)
    return [known[photo.name, level] for level in LEVELS for photo in asked if (photo.name, level) in known]


def said(locator: Locator, photo: Photo, pixels: Image, reranked: int) -> list[float]:
    begun = time.process_time()
    options = RERANKED if reranked else ALONE
    found = locator.locate(Query(Path(photo.name)), AttentionMap.neutral(), options, pixels=pixels)
    estimate = found.estimate
    if estimate is None:
        return [-30.0, 0.0, 0, time.process_time() - begun]
    inside = min(max(1.0 - estimate.not_in_index, 1e-13), 1 - 1e-13)
    spot, at = photo.position, estimate.position
    right = spot is not None and bool(distance_m((at.lat, at.lon), (spot.lat, spot.lon)) <= POSITIVE_M)
    logit = math.log(inside / (1.0 - inside))
    return [logit, estimate.probability, int(right), time.process_time() - begun]


def as_answers(line: str) -> Answers:
    content = json.loads(line)
    alone, reranked = (
        {name: Said(row[0], row[1], bool(row[2]), row[3]) for name, row in content.pop(way).items()}
        for way in ("alone", "reranked")
    )
    return Answers(**content, alone=alone, reranked=reranked)


if __name__ == "__main__":
    main()
