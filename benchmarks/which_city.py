"""Which of several indexes is a photo of? Asked together, by calibrated logit, searched alone and re-ranked.

    python benchmarks/which_city.py --sf FOLDER --cambridge FOLDER --work FOLDER [--queries 24]
    python benchmarks/which_city.py --work FOLDER --time [BACKBONE ...]

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
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save_file

import geoflood
from geoflood.backbones.catalog import find
from geoflood.backbones.describe import DescribedImage, describe_together
from geoflood.backbones.threads import side_by_side
from geoflood.backbones.untrained import untrained
from geoflood.backbones.weights import import_weights
from geoflood.core.datatypes import AttentionMap, Image, LatLon, Reason, SearchOptions
from geoflood.core.files import write_whole
from geoflood.core.geo import distance_m, to_local
from geoflood.core.images import read_image
from geoflood.core.parallel import cores
from geoflood.database.bands import BANDS
from geoflood.database.build import build
from geoflood.database.settings import index_settings
from geoflood.imagery.folder import images
from geoflood.imagery.views import LONGEST
from geoflood.localize.attention import location_weights
from geoflood.localize.calibration.calibrate import self_calibrate
from geoflood.localize.cities import open_cities
from geoflood.localize.locator import Locator
from geoflood.localize.outcome import FAIR, NOWHERE
from geoflood.localize.photo_input import Watch
from geoflood.localize.query_photo import QueryPhoto
from geoflood.localize.which_city import city_shares, logit, next_to_rerank
from geoflood.synthetic.cohort import COUNT, cohort
from geoflood.synthetic.flood import scene
from geoflood.synthetic.town import build_town, view, write_city
from geoflood.synthetic.town.model import SEASONS
from geoflood.synthetic.town.shots import drive, latlon

PARTS = ("cambridge-a", "cambridge-b", "sf-a", "sf-b", "town")
GAP_M, POSITIVE_M = 60.0, 25.0
LEVELS = (0.0, 0.45)
SEED = 12
"""Of drawn pictures: another than the default, which calibration has met."""
RERANKED = SearchOptions(top_k=1)


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
    describing: float
    """Seconds of processor for all indexes together."""
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
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--calibrated", action="store_true")
    parser.add_argument("--time", nargs="*", metavar="BACKBONE")
    given = parser.parse_args()
    if given.time is not None:
        for backbone in given.time or ("eigenplaces-resnet18-512", "rootsift"):
            print(timed(given.work, backbone), flush=True)
        return
    if not given.sf or not given.cambridge:
        parser.error("--sf and --cambridge are needed")
    folders = {"cambridge": Folder(given.cambridge), "sf": Folder(given.sf)}
    found = parts(given.parts.split(","), folders, given.work, given.calibrated)
    answers = ask_all(photos(folders, found, given.queries), found, given.work / "answers.jsonl")
    text = report(answers)
    write_whole(given.work / "report.md", text)
    print(text)


@dataclass(frozen=True, eq=False)
class Part:
    """A "city": an index, or a half of one, in which the other half and the gap are not found."""

    locator: Locator
    without: frozenset[int] = frozenset()

    @property
    def positions(self) -> NDArray[np.float64]:
        """[N, 2] of its references."""
        there = np.ones(len(self.locator.database), bool)
        there[list(self.without)] = False
        return np.asarray(self.locator.database.positions[there])


def parts(names: Sequence[str], folders: dict[str, Folder], work: Path, calibrated: bool) -> dict[str, Part]:
    """The parts of these names, their indexes built unless they are there."""
    indexes = {name.partition("-")[0] for name in names}
    locators = {name: opened(name, folders.get(name), work, calibrated) for name in sorted(indexes)}
    found = {}
    for name in names:
        city, _, half = name.partition("-")
        outside: frozenset[int] = frozenset()
        if half:
            folder, database = folders[city], locators[city].database
            kept = {
                str((folder.path / folder.rows[n]["image"]).resolve())
                for n in folder.half(half == "b", "database")
            }
            references = database.references(range(len(database)))
            outside = frozenset(one.id for one in references if str(Path(one.location).resolve()) not in kept)
        found[name] = Part(locators[city], outside)
    return found


def opened(name: str, folder: Folder | None, work: Path, calibrated: bool) -> Locator:
    """The index of that name, built unless it is there."""
    index = work / "index" / name
    if not (index / "manifest.json").exists():
        begun = time.process_time()
        if folder is None:
            write_city(work / "town", build_town())
            offered = images([work / "town"])
        else:
            offered = images([folder.path], folder.path / "images.csv", select="split=database")
        settings = index_settings("rootsift", "auto", BANDS)
        build(index, name, offered, settings, self_calibrate if calibrated else lambda *_: {})
        print(f"{name}: {time.process_time() - begun:.0f} s of processor", file=sys.stderr, flush=True)
    return geoflood.open(index)


def photos(folders: dict[str, Folder], found: dict[str, Part], most: int) -> list[Photo]:
    """At most so many of each part, and of drawn pictures."""
    known = [
        photo
        for name in found
        for photo in some(town_views() if name == "town" else own(name, folders, found[name]), most)
    ]
    drawn = cohort(COUNT, SEED)
    return known + [
        Photo(f"drawn {n}", n, partial(lambda n: drawn[n], n), "") for n in range(min(COUNT, 2 * most))
    ]


def own(name: str, folders: dict[str, Folder], part: Part) -> list[Photo]:
    city, _, half = name.partition("-")
    folder, places = folders[city], part.positions
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


def ask_all(asked: Sequence[Photo], found: dict[str, Part], path: Path) -> list[Answers]:
    """What every index says of every photo; what is in the file is not asked again."""
    lines = path.read_text().splitlines() if path.exists() else []
    known = {(one.name, one.level): one for one in map(as_answers, lines)}
    keys = [(photo, level) for photo in asked for level in LEVELS]
    todo = [(photo, level) for photo, level in keys if (photo.name, level) not in known]
    with side_by_side(cores()), path.open("a") as file:
        for done, (photo, level) in enumerate(todo, 1):
            line = {"name": photo.name, "number": photo.number, "of": photo.of, "level": level}
            text = json.dumps(line | ask(photo, level, found))
            file.write(text + "\n")
            file.flush()
            known[photo.name, level] = as_answers(text)
            if done % 20 == 0:
                print(f"{done} of {len(todo)}", file=sys.stderr, flush=True)
    return [known[photo.name, level] for photo, level in keys if (photo.name, level) in known]


def ask(photo: Photo, level: float, found: dict[str, Part]) -> dict[str, object]:
    """What each index says, searched alone and re-ranked: [log-odds, probability, right, seconds]."""
    pixels = photo.draw()
    if level:
        pixels = scene(pixels, level, photo.number).photo
    shown = QueryPhoto.inside_frame(pixels, AttentionMap.neutral())
    locators = list({id(part.locator): part.locator for part in found.values()}.values())
    options = locators[0].resolved(RERANKED)
    begun = time.process_time()
    bands = locators[0].settings.bands
    weights = [location_weights(shown.attention, bands, options)]
    described = describe_together(
        [one.describer for one in locators], [shown.pixels], [weights] * len(locators), keep=True
    )
    by_locator = {id(one): image for one, (image,) in zip(locators, described, strict=True)}
    shown = shown.with_waterline()
    spent = time.process_time() - begun
    said = {
        way: {
            name: heard(part, by_locator[id(part.locator)], shown, photo, replace(options, rerank=rerank))
            for name, part in found.items()
        }
        for way, rerank in (("alone", 0), ("reranked", options.rerank))
    }
    return {**said, "describing": round(spent, 4)}


def heard(
    part: Part, image: DescribedImage, shown: QueryPhoto, photo: Photo, options: SearchOptions
) -> list[float]:
    begun = time.process_time()
    answer = part.locator.ask(
        image, shown.attention, options=options, within=None, without=part.without, watch=Watch()
    )
    spent = time.process_time() - begun
    if isinstance(answer, Reason):
        return [-30.0, 0.0, 0, spent]
    estimate, spot = answer.estimate, photo.position
    at = estimate.position
    right = spot is not None and bool(distance_m((at.lat, at.lon), (spot.lat, spot.lon)) <= POSITIVE_M)
    return [logit(estimate.not_in_index), estimate.probability, int(right), round(spent, 4)]


def as_answers(line: str) -> Answers:
    content = json.loads(line)
    alone, reranked = (
        {name: Said(row[0], row[1], bool(row[2]), row[3]) for name, row in content.pop(way).items()}
        for way in ("alone", "reranked")
    )
    return Answers(**content, alone=alone, reranked=reranked)


def report(answers: Sequence[Answers]) -> str:
    """A table of the photos of odd number, which choose a way, and one of the others, which show it."""
    lines = []
    for title, odd in (("chosen on photos of odd number", 1), ("shown on photos of even number", 0)):
        part = [one for one in answers if one.number % 2 == odd]
        lines += [f"### {title}", "", *table(part), ""]
    return "\n".join(lines)


def table(answers: Sequence[Answers]) -> Iterator[str]:
    columns = (
        *("way", "water", "photos", "right city, %", "none", "wrong", "sure", "in a wrong city"),
        *("strangers", "called none, %", "sure of them", "re-ranked indexes", "time of one"),
    )
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for way in WAYS:
        for level in LEVELS:
            some = [one for one in answers if one.level == level]
            own = [verdict(one, way, list(one.alone)) for one in some if one.of]
            left_out = [verdict(one, way, [name for name in one.alone if name != one.of]) for one in some]
            counts = Counter(
                "none" if found.city is None else "right" if found.city == one.of else "wrong"
                for one, found in zip([one for one in some if one.of], own, strict=True)
            )
            sure = [
                found.city == one.of
                for one, found in zip([one for one in some if one.of], own, strict=True)
                if found.sure
            ]
            cells = [
                way.name,
                f"{level:.0%}",
                str(len(own)),
                *(percent(counts[kind], len(own)) for kind in ("right", "none", "wrong")),
                str(len(sure)),
                str(sure.count(False)),
                str(len(left_out)),
                percent(sum(one.city is None for one in left_out), len(left_out)),
                str(sum(one.sure for one in left_out)),
                f"{np.mean([one.reranked for one in own]):.1f}",
                f"{sum(one.seconds for one in own) / sum(alone_s(one) for one in some if one.of):.1f}",
            ]
            yield f"| {' | '.join(cells)} |"


def alone_s(one: Answers) -> float:
    """Seconds of a photo against its own index alone."""
    return one.describing + one.reranked[one.of].seconds


def percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f}" if of else "–"


@dataclass(frozen=True)
class Way:
    """How answers are weighed beside each other."""

    name: str
    taken: float = 1.0
    """Share of the logarithm of the number of indexes that is taken off."""
    rerank: str = "some"
    """none, all, or those that `next_to_rerank` chooses."""


WAYS = (
    Way("searched alone", rerank="none"),
    Way("**as it is**"),
    Way("with half of log n", taken=0.5),
    Way("without log n", taken=0.0),
    Way("all re-ranked", rerank="all"),
)


@dataclass(frozen=True)
class Verdict:
    city: str | None
    """None where the photo is called not-found."""
    sure: bool
    """Located or likely."""
    reranked: int
    """Indexes."""
    seconds: float


def verdict(one: Answers, way: Way, names: Sequence[str]) -> Verdict:
    """The answer to a photo of several indexes, by what each said."""
    said, done = [one.alone[name] for name in names], list[int]()
    if way.rerank == "all":
        said, done = [one.reranked[name] for name in names], list(range(len(names)))
    while way.rerank == "some":
        logits = np.array([of.logit for of in said])
        if (n := next_to_rerank(logits, done, (1.0 - way.taken) * math.log(len(names)))) is None:
            break
        said[n] = one.reranked[names[n]]
        done.append(n)
    logits = np.array([of.logit for of in said])
    given_back = (1.0 - way.taken) * math.log(len(names))
    shares, none = city_shares(logits, given_back)
    first = int(shares.argmax())
    inside = 1 / (1 + math.exp(-said[first].logit))
    right = float(shares[first]) * min(said[first].probability / max(inside, 1e-12), 1.0)
    spent = sum(said.seconds for said in one.alone.values()) + sum(
        one.reranked[names[n]].seconds for n in done
    )
    placed = none <= NOWHERE
    return Verdict(
        names[first] if placed else None, placed and right >= FAIR, len(done), one.describing + spent
    )


def timed(work: Path, backbone: str, most: int = 20) -> str:
    """What a photo costs against one index and against many, seconds of processor: random weights.

    The indexes are copies of one: what is searched and re-ranked is as much as could be.
    """
    root = work / "timing"
    if find(backbone).file:
        os.environ["GEOFLOOD_MODELS_DIR"] = str(work / "models")
        if not (work / "models").exists():
            save_file(untrained(find(backbone)), work / "random.safetensors")
            import_weights(find(backbone), work / "random.safetensors")
    write_city(work / "small", build_town(3, (1, 1)), size_px=320, panorama_px=768, spacing_m=15.0)
    first = root / f"{backbone}-0"
    if not (first / "manifest.json").exists():
        build(
            first,
            "timing",
            images([work / "small" / "streets"]),
            index_settings(backbone, "auto", BANDS),
            lambda *_: {},
        )
    for n in range(1, most):
        if not (root / f"{backbone}-{n}").exists():
            shutil.copytree(first, root / f"{backbone}-{n}")
    asked = [one.draw() for one in some(town_views(), 6)]
    lines = ["| indexes | seconds of processor a photo | against one |", "|---|---|---|"]
    alone = 0.0
    for count in (1, 5, most):
        cities = open_cities([root / f"{backbone}-{n}" for n in range(count)])
        with side_by_side(cores()):
            cities.locate(asked[0])
            begun = time.process_time()
            for pixels in asked:
                cities.locate(pixels)
            spent = (time.process_time() - begun) / len(asked)
        alone = alone or spent
        lines.append(f"| {count} | {spent:.2f} | {spent / alone:.2f} |")
    return "\n".join([f"{backbone}:", "", *lines, ""])


if __name__ == "__main__":
    main()
