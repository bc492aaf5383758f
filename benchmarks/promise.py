"""Is what is LOCATED right? On whole cities, on thin parts of them, and for strangers of all kinds.

    python benchmarks/promise.py --sf FOLDER --cambridge FOLDER --work FOLDER
        [--parts cambridge-3,town] [--queries 64]

FOLDERs hold images.csv: image, lat, lon[, heading, taken], split (database or query). The parts are
`cambridge-1` to `-10` (the 150 panoramas nearest to a random one; a panorama is what stands before "_" in
a file's name), `sf-1` to `-10` (a random quarter of the places; a place is images linked within 40 m), all
of `cambridge` and `sf`, and the drawn `town`, for which another drawn town is outside. An index calibrates
itself when it is built.

Each part is asked for at most --queries photos of each kind: own ones (a reference within 25 m), of the same
city outside (none within 100 m), of the other city, drawn ones of no place, edited ones and collages.
Own ones dry and under 30, 45 and 55 % water; untold, told, and told 10 points too much or too little by
turns. Where that leaves nothing to tell, as for dry photos, it is always too much. Strangers dry and under
45 %. An edited photo is told the waterline that it had before the edit.

WORK keeps indexes and answers (`rows/PART.jsonl`); what was measured is not measured again. After a change
to the calibration remove `WORK/rows` and `WORK/index/*/manifest.json`: references are not described again.
The seconds are of one thread that describes and searches photo by photo, and of those that re-rank for it.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property, partial
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from promise_report import DEEP, DRY, LEVELS, STRANGERS, Kind, Row, Telling, report
from scipy.sparse.csgraph import connected_components

import geoflood
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import AttentionMap, Image, LatLon, Located, Outcome, Query, SearchOptions
from geoflood.core.files import write_whole
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image, resize
from geoflood.core.parallel import cores
from geoflood.evaluation.metrics.areas import area_holds
from geoflood.imagery.views import LONGEST
from geoflood.localize.locator import Locator
from geoflood.synthetic.cohort import COUNT, KINDS, cohort
from geoflood.synthetic.flood import scene
from geoflood.synthetic.post_edits import EDITS, edit
from geoflood.synthetic.town import build_town, view, write_city
from geoflood.synthetic.town.folders import FAROE_BANK
from geoflood.synthetic.town.model import SEASONS, Town
from geoflood.synthetic.town.shots import drive, latlon

PARTS = (
    *(f"cambridge-{number}" for number in range(1, 11)),
    *(f"sf-{number}" for number in range(1, 11)),
    *("cambridge", "sf", "town"),
)
PANORAMAS = 150
PLACES = 0.25
"""Share of San Francisco's places in a part."""
LINKED_M, POSITIVE_M, OUTSIDE_M = 40.0, 25.0, 100.0
OFF = 0.1
"""How far a wrongly told waterline is off, a share of the height."""
COHORT_SEED = 12
"""Another than the default: calibration has met those pictures."""
FEW = 4
"""Photos on which every edit is tried."""
COLLAGES = 16
TOWN_VIEWS = 96
WAYS = {False: SearchOptions(top_k=1, rerank=0), True: SearchOptions(top_k=1)}
"""Searched alone, and re-ranked as usual."""

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, and where it was taken if anywhere."""

    name: str
    number: int
    """The seed of its water and of edits."""
    draw: Callable[[], Image]
    position: LatLon | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """What a part is asked for: a photo, edited or not, or two of them side by side."""

    kind: Kind
    photos: tuple[Photo, ...]
    edit: str = ""

    @property
    def name(self) -> str:
        return " + ".join(photo.name for photo in self.photos)

    @property
    def key(self) -> str:
        """Unique in a part."""
        return f"{self.kind}: {self.name} {self.edit}"


@dataclass(frozen=True, eq=False)
class City:
    """A folder with images.csv."""

    folder: Path

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        with (self.folder / "images.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @property
    def references(self) -> list[dict[str, str]]:
        return [row for row in self.rows if row["split"] == "database"]

    @cached_property
    def queries(self) -> list[Photo]:
        rows = [row for row in self.rows if row["split"] == "query"]
        return [
            Photo(
                row["image"],
                number,
                partial(read_image, self.folder / row["image"], LONGEST),
                LatLon(float(row["lat"]), float(row["lon"])),
            )
            for number, row in enumerate(rows)
        ]


@dataclass(frozen=True)
class Cities:
    """The two that are given, by the names of their parts."""

    sf: City
    cambridge: City


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sf", type=Path, required=True)
    parser.add_argument("--cambridge", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--queries", type=int, default=64)
    given = parser.parse_args()
    cities, rows = Cities(City(given.sf), City(given.cambridge)), list[Row]()
    parts = given.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    for part in parts:
        rows += measured(part, cities, given.work, given.queries)
    text = report(rows)
    write_whole(given.work / "report.md", text)
    print(text)


def measured(part: str, cities: Cities, work: Path, most: int) -> list[Row]:
    """All searches of a part, those of earlier runs read back."""
    locator = indexed(part, cities, work)
    asked = pictures(part, cities, locator.database.positions, most)
    path = work / "rows" / f"{part}.jsonl"
    known = read_rows(path)
    missing = [picture for picture in asked if picture.key not in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    with side_by_side(cores()), path.open("a") as file:  # so torch has one thread, as in a batch
        for done, picture in enumerate(missing, 1):
            known[picture.key] = list(searches(part, locator, picture))
            found = {"key": picture.key, "rows": [asdict(row) for row in known[picture.key]]}
            file.write(json.dumps(found) + "\n")
            file.flush()
            if done % 20 == 0 or done == len(missing):
                print(f"{part}: {done} of {len(missing)} pictures", file=sys.stderr, flush=True)
    return [row for picture in asked for row in known[picture.key]]


def read_rows(path: Path) -> dict[str, list[Row]]:
    """Answers by picture. A last line that a killed run left unfinished is cut off the file."""
    text = path.read_text() if path.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        write_whole(path, whole)
    found = [json.loads(line) for line in whole.splitlines()]
    return {one["key"]: [as_row(fields) for fields in one["rows"]] for one in found}


def as_row(fields: dict[str, object]) -> Row:
    """A row as JSON holds it."""
    enums = {"kind": Kind, "telling": Telling, "outcome": Outcome}
    return Row(**(fields | {name: enum(fields[name]) for name, enum in enums.items()}))  # type: ignore[arg-type]


def indexed(part: str, cities: Cities, work: Path) -> Locator:
    """The part's index, built unless it is there."""
    root = work / "index"
    if not (root / part / "manifest.json").exists():
        begun = time.perf_counter()
        if part == "town":
            write_city(work / "town", build_town())
            geoflood.build_index(part, [work / "town"], dimension=512, index_dir=root)
        else:
            city, chosen = references(part, cities)
            table = work / "parts" / f"{part}.csv"
            write_table(table, chosen)
            geoflood.build_index(part, [city.folder], geotags=table, select="split=database", index_dir=root)
        print(f"{part}: indexed in {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return geoflood.open(root / part)


def write_table(path: Path, rows: Sequence[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def references(part: str, cities: Cities) -> tuple[City, list[dict[str, str]]]:
    """Of a part that is not drawn: its city, and which rows of it are in its index."""
    name, _, number = part.partition("-")
    city = cities.sf if name == "sf" else cities.cambridge
    if not number:
        return city, city.references
    choose = some_places if name == "sf" else around_a_spot
    return city, choose(city, dice(part))


def dice(*words: str) -> np.random.Generator:
    """The same throws for the same words."""
    return np.random.default_rng(list(" ".join(words).encode()))


def around_a_spot(city: City, rng: np.random.Generator) -> list[dict[str, str]]:
    """The panoramas nearest to a random one."""
    panoramas: dict[str, list[dict[str, str]]] = {}
    for row in city.references:
        panoramas.setdefault(Path(row["image"]).stem.partition("_")[0], []).append(row)
    names = list(panoramas)
    places = positions([panoramas[name][0] for name in names])
    distances = distance_m(places, places[rng.integers(len(places))])
    return [row for i in np.argsort(distances, kind="stable")[:PANORAMAS] for row in panoramas[names[i]]]


def some_places(city: City, rng: np.random.Generator) -> list[dict[str, str]]:
    """The references of a random quarter of the places."""
    at = positions(city.rows)
    count, place = connected_components(distance_m(at[:, None], at) <= LINKED_M, directed=False)
    chosen = rng.choice(count, round(PLACES * count), replace=False)
    return [
        row
        for row, inside in zip(city.rows, np.isin(place, chosen), strict=True)
        if inside and row["split"] == "database"
    ]


def positions(rows: Sequence[dict[str, str]]) -> NDArray[np.float64]:
    """[N, 2] (lat, lon)."""
    return np.array([(row["lat"], row["lon"]) for row in rows], float)


def pictures(part: str, cities: Cities, places: NDArray[np.float64], most: int) -> list[Picture]:
    """At most so many of each kind; places [N, 2] (lat, lon) are those of the index."""
    same, other = queries(part, cities)
    near_m = [distance_m(places, (at.lat, at.lon)).min() for photo in same if (at := photo.position)]
    own = chosen(
        part, Kind.OWN, [photo for photo, m in zip(same, near_m, strict=True) if m <= POSITIVE_M], most
    )
    outside = [photo for photo, m in zip(same, near_m, strict=True) if m > OUTSIDE_M]
    others = chosen(part, Kind.OTHER, other, len(other))
    pairs = list(zip(others[::2], others[1::2], strict=False))[:COLLAGES]
    edits = [name for name in EDITS if name != "mirrored"]
    of_each_kind: dict[Kind, list[Picture]] = {
        Kind.OWN: [Picture(Kind.OWN, (photo,)) for photo in own],
        Kind.MIRRORED: [Picture(Kind.MIRRORED, (photo,), "mirrored") for photo in own],
        Kind.OWN_EDITED: chosen(part, Kind.OWN_EDITED, edited(Kind.OWN_EDITED, own[:FEW], edits), most),
        Kind.OUTSIDE: [Picture(Kind.OUTSIDE, (p,)) for p in chosen(part, Kind.OUTSIDE, outside, most)],
        Kind.OTHER: [Picture(Kind.OTHER, (photo,)) for photo in others[:most]],
        Kind.DRAWN: [Picture(Kind.DRAWN, (p,)) for p in chosen(part, Kind.DRAWN, drawn(), most)],
        Kind.EDITED: chosen(part, Kind.EDITED, edited(Kind.EDITED, others[:FEW], list(EDITS)), most),
        Kind.COLLAGE: [Picture(Kind.COLLAGE, pair) for pair in pairs[:most]],
    }
    return [picture for some in of_each_kind.values() for picture in some]


def queries(part: str, cities: Cities) -> tuple[list[Photo], list[Photo]]:
    """Photos of the part's city, and of the other."""
    if part == "town":
        towns = build_town(), build_town(8, (1, 1), FAROE_BANK)
        views = [photo for town in towns for photo in town_views(town)]
        return views, [*cities.sf.queries, *cities.cambridge.queries]
    pair = cities.sf.queries, cities.cambridge.queries
    return pair if part.startswith("sf") else pair[::-1]


def town_views(town: Town) -> Iterator[Photo]:
    """Photos of a drawn town, some metres off those that are indexed, in either season."""
    shots = drive(town, 17.0)
    for number in range(TOWN_VIEWS):
        rng = np.random.default_rng([town.seed, number, COHORT_SEED])
        shot = shots[int(rng.integers(len(shots)))].moved(rng, (1.0, 4.0), 7.0)
        season = SEASONS[number % 2]
        draw = partial(view, town, shot.position, shot.heading_deg, 70.0, (480, 360), season, 500 + number)
        yield Photo(f"town {town.seed}, {number}", number, draw, latlon(town, shot))


def drawn() -> list[Photo]:
    """Pictures of nobody's city, drawn when the first of them is looked at."""
    kinds = list(KINDS)
    names = [f"{kinds[number % len(kinds)]} {number}" for number in range(COUNT)]
    return [
        Photo(name, number, partial(lambda n: cohort_pictures()[n], number))
        for number, name in enumerate(names)
    ]


@cache
def cohort_pictures() -> list[Image]:
    return cohort(seed=COHORT_SEED)


def edited(kind: Kind, photos: Sequence[Photo], edits: Sequence[str]) -> list[Picture]:
    """Every edit of every photo."""
    return [Picture(kind, (photo,), name) for photo, name in product(photos, edits)]


def chosen(part: str, kind: Kind, items: Sequence[Item], most: int) -> list[Item]:
    """A random few; a larger number begins with those of a smaller one."""
    return [items[i] for i in dice(part, kind).permutation(len(items))[:most]]


def levels(kind: Kind) -> tuple[float, ...]:
    """The water that a kind of picture is put under."""
    if kind is Kind.OWN:
        return LEVELS
    return (DRY,) if kind in (Kind.MIRRORED, Kind.OWN_EDITED) else (DRY, DEEP)


def tellings(kind: Kind, level: float) -> tuple[Telling, ...]:
    """What is told of it there."""
    if kind is Kind.OWN:
        return tuple(Telling)
    return (Telling.UNTOLD, Telling.TOLD) if level else (Telling.UNTOLD,)


def searches(part: str, locator: Locator, picture: Picture) -> Iterator[Row]:
    """The picture in all its waters, searched for in all ways; described once a water."""
    dry = [photo.draw() for photo in picture.photos]
    for level in levels(picture.kind):
        pixels, waterline = as_posted(picture, dry, level)
        begun = time.process_time()
        (described,) = locator.describe([pixels], [AttentionMap.neutral()])
        describing = time.process_time() - begun
        for telling, reranked in product(tellings(picture.kind, level), WAYS):
            told = told_waterline(telling, waterline, picture.photos[0].number)
            begun = time.process_time()
            located = locator.locate(
                Query(Path(picture.name)), None, WAYS[reranked], waterline=told, described=described
            )
            spent = round(describing + time.process_time() - begun, 4)
            yield answer(part, picture, level, telling, reranked, located, spent)


def as_posted(picture: Picture, dry: Sequence[Image], level: float) -> tuple[Image, float]:
    """Under water, then edited or joined; and the waterline of the (first) photo."""
    scenes = [scene(image, level, photo.number) for image, photo in zip(dry, picture.photos, strict=True)]
    photo, waterline = scenes[0].photo, round(scenes[0].waterline, 4)
    if picture.edit:
        return edit(photo, picture.edit, picture.photos[0].number).image, waterline
    height, width = photo.shape[:2]
    beside = [resize(one.photo, width, height) for one in scenes[1:]]
    return np.concatenate([photo, *beside], axis=1), waterline


def told_waterline(telling: Telling, waterline: float, number: int) -> float | None:
    """What an analyst says; the wrong ones say too much and too little by turns."""
    if telling is Telling.UNTOLD:
        return None
    if telling is Telling.TOLD:
        return waterline
    return waterline - OFF if number % 2 and waterline > OFF else waterline + OFF


def answer(
    part: str,
    picture: Picture,
    level: float,
    telling: Telling,
    reranked: bool,
    located: Located,
    seconds: float,
) -> Row:
    """The answer beside the truth; nothing is right about a stranger."""
    truth = None if picture.kind in STRANGERS else picture.photos[0].position
    estimate, candidates = located.estimate, located.candidates

    def near(position: LatLon, within_m: float = POSITIVE_M) -> bool:
        at = truth and (truth.lat, truth.lon)
        return bool(at and distance_m((position.lat, position.lon), at) <= within_m)

    return Row(
        part,
        picture.kind,
        picture.name,
        picture.edit,
        level,
        telling,
        reranked,
        located.outcome,
        located.probability,
        right=estimate is not None and near(estimate.position),
        first_right=bool(candidates) and near(candidates[0].reference.position),
        in_area=area_holds(estimate.cells(0.9), truth) if estimate and truth else None,
        in_circle=near(estimate.position, estimate.radius_90_m) if estimate and truth else None,
        seconds=seconds,
    )


if __name__ == "__main__":
    main()
