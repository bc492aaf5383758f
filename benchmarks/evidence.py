"""What answers could rest on: re-ranked searches of parts for choosing, judged under several calibrations.

    python benchmarks/evidence.py --sf FOLDER --cambridge FOLDER --work FOLDER
        [--parts tune-sf-1,tune-cambridge-1] [--photos 35] [--sources 96]

FOLDERs as in `promise.py`. Parts are cut as its own are, by other dice, so what is chosen here can be shown
there. An index tries itself out as it does when it is built, untold. Then its own photos are searched for,
dry and under 45 and 55 % water. So are strangers, dry: twice as many of the same city outside, as many of the
other city, and drawn ones. All are untold, and the second try turned round is left out.

Printed are, for each weight of strangers and of trials under water in the calibration, what is located and
how far probabilities are off. Then how well the look of the agreeing details tells right candidates from
wrong ones, among those with about as many of them: the AUROC of each measure.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from promise import (
    OUTSIDE_M,
    POSITIVE_M,
    Cities,
    City,
    Photo,
    around_a_spot,
    chosen,
    dice,
    drawn,
    queries,
    some_places,
    write_table,
)
from promise_report import (
    DEEP,
    DRY,
    Kind,
    Row,
    Telling,
    coverage,
    miscalibration,
    miscalibration_of_all,
    own,
    right_of,
    shown,
    strangers_called,
)
from scipy.stats import rankdata

import geoflood
from geoflood.backbones.patches import PackedPatches, Patches
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import AttentionMap, Outcome, Query, Reference, SearchOptions
from geoflood.core.geo import distance_m
from geoflood.core.parallel import cores
from geoflood.database.calibration import CalibrationKey, CalibrationParams
from geoflood.database.database import read_references
from geoflood.localize.calibration import fit
from geoflood.localize.calibration.calibrate import PLAN, _pictured
from geoflood.localize.calibration.fit import Group, Trial, _group_trials
from geoflood.localize.calibration.prior import RERANKED_PRIOR
from geoflood.localize.calibration.pseudo_queries import (
    make,
    outsiders_as_sources,
    references_as_sources,
    with_inliers,
)
from geoflood.localize.fusion import ELSEWHERE_M, fused
from geoflood.localize.locator import Locator
from geoflood.localize.matching.geometry import agreeing
from geoflood.localize.outcome import judge
from geoflood.localize.rerank import Agreed, Reranker, _in_widths, _matched
from geoflood.localize.waterline import beliefs
from geoflood.synthetic.flood import scene

Floats: TypeAlias = NDArray[np.float64]

PARTS = ("tune-sf-1", "tune-cambridge-1")
LEVELS = (DRY, DEEP, 0.55)
WEIGHTS = (1 / 3, 1 / 6, 1 / 10, 1 / 20)
"""Of strangers in the trials."""
WET = (1, 2, 4)
"""How often each trial under water counts."""
FEW_INLIERS = 6
COUNTS = ((12, 20), (20, 30), (30, 60))
"""Inliers of candidates that are compared with each other."""


@dataclass(frozen=True)
class Watched(Reranker):
    """A Reranker that notes how the agreeing details of each candidate lie. One photo at a time."""

    looks: dict[int, dict[str, float]] = field(default_factory=dict)
    """By the id of a reference, of the last photo."""
    ids: dict[int, int] = field(default_factory=dict)
    """Of references, by the object that holds their patches."""

    def agreed(self, *given: Any) -> Agreed:
        self.looks.clear()
        self.ids.clear()
        return super().agreed(*given)

    def packed_of(self, reference: Reference) -> PackedPatches | None:
        packed = super().packed_of(reference)
        self.ids[id(packed)] = reference.id
        return packed

    def _count(self, photo: Patches, worth: Any, packed: PackedPatches) -> Any:
        other = packed.unpacked()
        ours, theirs, weights = _matched(photo, worth, other)
        agree = agreeing(_in_widths(photo)[ours], _in_widths(other)[theirs], weights)
        here, there = _in_widths(photo)[ours[agree]], _in_widths(other)[theirs[agree]]
        height, width = photo.shape
        if len(here) >= FEW_INLIERS:
            self.looks[self.ids[id(packed)]] = look(here, there, height / width, len(ours))
        return super()._count(photo, worth, packed)


@dataclass(frozen=True, eq=False)
class Asked:
    """A photo that was searched for, and what its candidates are."""

    kind: Kind
    photo: Photo
    level: float
    similarities: Floats
    positions: Floats
    inliers: Floats
    outsiders: float

    @property
    def away_m(self) -> Floats:
        """Of each candidate from the truth."""
        if self.kind is not Kind.OWN or self.photo.position is None:
            return np.full(len(self.positions), np.inf)
        return distance_m(self.positions, (self.photo.position.lat, self.photo.position.lon))


Look: TypeAlias = tuple[bool, dict[str, float]]
"""Of a candidate: whether it shows the place, and how its agreeing details lie."""


class Listening(Locator):
    """A Locator that keeps its last answer, and searches for no photo turned round."""

    last: Any

    def ask(self, *given: Any, **named: Any) -> Any:
        self.last = super().ask(*given, **named)
        return self.last

    def _perhaps_mirrored(self, *given: Any) -> Any:
        return given[:3]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sf", type=Path, required=True)
    parser.add_argument("--cambridge", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--photos", type=int, default=35)
    parser.add_argument("--sources", type=int, default=PLAN.sources)
    given = parser.parse_args()
    cities, looks = Cities(City(given.sf), City(given.cambridge)), list[Look]()
    for part in given.parts.split(","):
        locator = indexed(part, cities, given.work)
        with side_by_side(cores()):
            trials = tried(locator, given.sources, looks)
            asked = list(searches(part, cities, locator, given.photos, looks))
        for line in trade_off(part, *trials, asked):
            print(line, flush=True)
    for line in worth(looks):
        print(line)


def indexed(part: str, cities: Cities, work: Path) -> Listening:
    """The part's index, built unless it is there. Its own calibration is not used."""
    if not (work / part / "manifest.json").exists():
        sf = part.startswith("tune-sf")
        city, choose = (cities.sf, some_places) if sf else (cities.cambridge, around_a_spot)
        table = work / f"{part}.csv"
        write_table(table, choose(city, dice(part)))
        geoflood.build_index(part, [city.folder], geotags=table, select="split=database", index_dir=work)
    locator = Listening(work / part)
    locator._reranker = Watched(ThreadPoolExecutor(1), locator._reranker.kept)
    return locator


def tried(locator: Listening, sources: int, looks: list[Look]) -> tuple[list[Trial], list[Trial]]:
    """The untold trials of an index, as it tries itself out, dry and under water.

    What their candidates look like goes to looks.
    """
    path, bands = locator.database.folder / "references.sqlite", locator.settings.bands
    captures = locator.database.captures
    pictured = _pictured(path, len(captures), sources)
    photos = [*references_as_sources(pictured), *outsiders_as_sources(PLAN.outsiders)]
    compared = with_inliers(
        make(locator.describer, bands, photos, cores()), locator._reranker, partial(read_references, path)
    )
    count = compared.counts
    assert count is not None

    def counts(i: int, ids: NDArray[np.int64], similarities: Floats) -> Floats:
        inliers = count(i, ids, similarities)
        away_m = distance_m(captures.positions[ids], compared.positions[i])
        keep_looks(locator, ids, away_m if compared.outsider[i] < 0 else np.full(len(ids), np.inf), looks)
        return inliers

    group = Group(CalibrationKey(None, reranked=True), beliefs(bands)[None])
    queries = replace(compared, counts=counts)
    every = list(_group_trials(locator.vectors, captures, queries, locator._outsiders, group))
    wet = [trial for trial in every if queries.waterline[trial.query] > 0]
    return [trial for trial in every if not queries.waterline[trial.query] > 0], wet


def keep_looks(locator: Listening, ids: NDArray[np.int64], away_m: Floats, looks: list[Look]) -> None:
    """Of the candidates that were just compared whole; what is neither right nor elsewhere is left out."""
    assert isinstance(locator._reranker, Watched)
    for reference, metres in zip(ids.tolist(), away_m.tolist(), strict=True):
        found = locator._reranker.looks.get(reference)
        if found and not POSITIVE_M < metres <= ELSEWHERE_M:
            looks.append((metres <= POSITIVE_M, found))


def searches(part: str, cities: Cities, locator: Listening, most: int, looks: list[Look]) -> Iterator[Asked]:
    """Photos of the part and strangers, searched for untold."""
    places = locator.database.positions
    same, other = queries(part.removeprefix("tune-"), cities)
    near_m = [distance_m(places, (at.lat, at.lon)).min() for photo in same if (at := photo.position)]
    inside = [photo for photo, m in zip(same, near_m, strict=True) if m <= POSITIVE_M]
    outside = [photo for photo, m in zip(same, near_m, strict=True) if m > OUTSIDE_M]
    for kind, photos, levels in (
        (Kind.OWN, chosen(part, Kind.OWN, inside, most), LEVELS),
        (Kind.OUTSIDE, chosen(part, Kind.OUTSIDE, outside, 2 * most), (DRY,)),
        (Kind.OTHER, chosen(part, Kind.OTHER, other, most), (DRY,)),
        (Kind.DRAWN, chosen(part, Kind.DRAWN, drawn(), most // 2), (DRY,)),
    ):
        for photo in photos:
            dry = photo.draw()
            for level in levels:
                pixels = scene(dry, level, photo.number).photo
                (described,) = locator.describe([pixels], [AttentionMap.neutral()])
                locator.locate(Query(Path(photo.name)), options=SearchOptions(top_k=1), described=described)
                found = locator.last
                one = Asked(
                    kind,
                    photo,
                    level,
                    found.similarities,
                    places[found.ids],
                    found.inliers,
                    found.outsiders,
                )
                keep_looks(locator, found.ids, one.away_m, looks)
                yield one


def trade_off(part: str, dry: Sequence[Trial], wet: Sequence[Trial], asked: Sequence[Asked]) -> Iterator[str]:
    """A table: what weights of strangers and of water in the trials do to the answers."""
    heads = ("own error", *(f"{level:.0%}" for level in LEVELS), "one in four a stranger", "located")
    heads = (*heads, "right", "coverage", "strangers located", "likely", "likeliest")
    yield f"\n| {part}: strangers weigh | water counts | {' | '.join(heads)} |"
    yield "|---" * (2 + len(heads)) + "|"
    for absent in WEIGHTS:
        for often in WET:
            params = learned(dry, wet, absent, often)
            rows = [answer(part, one, params) for one in asked]
            levels = [[row for row in own(rows) if row.level == level] for level in LEVELS]
            strange = [row.probability for row in rows if row.kind is not Kind.OWN]
            cells = [shown(miscalibration(some), 1.0).split()[0] for some in (rows, *levels)]
            cells += [shown(miscalibration_of_all(rows), 1.0).split()[0]]
            cells += [str(sum(row.outcome is Outcome.LOCATED for row in own(rows)))]
            cells += [shown(right_of(rows, Outcome.LOCATED)), shown(coverage(rows))]
            cells += [shown(strangers_called(rows, each)) for each in (Outcome.LOCATED, Outcome.LIKELY)]
            yield f"| {absent:.2f} | {often} | {' | '.join(cells)} | {max(strange, default=0):.2f} |"


def learned(dry: Sequence[Trial], wet: Sequence[Trial], absent: float, often: int) -> CalibrationParams:
    """The calibration of trials, where strangers weigh `absent` and a photo under water comes `often`."""
    trials = [*dry, *wet]
    count = max(trial.query for trial in trials) + 1
    again = [replace(trial, query=trial.query + turn * count) for turn in range(1, often) for trial in wet]
    present = [trial for trial in trials if trial.present]
    lone = sum(trial.lone for trial in present) > len(present) / 2
    before, fit.ABSENT = fit.ABSENT, absent
    try:
        return fit.fit([*trials, *again], RERANKED_PRIOR, lone)
    finally:
        fit.ABSENT = before


def answer(part: str, one: Asked, params: CalibrationParams) -> Row:
    """What is said of a photo under a calibration."""
    found = fused(one.similarities, one.positions, params, one.inliers, outsiders=one.outsiders)
    outcome, _ = judge(found)
    at, spot = one.photo.position, (found.position.lat, found.position.lon)
    right = one.kind is Kind.OWN and at is not None and distance_m(spot, (at.lat, at.lon)) <= POSITIVE_M
    fields = (part, one.kind, one.photo.name, "", one.level, Telling.UNTOLD, True, outcome, found.probability)
    return Row(*fields, bool(right), bool(right), None, None, 0.0)


def look(here: Floats, there: Floats, tall: float, matches: int) -> dict[str, float]:
    """How agreeing details [n, 2] of photo and candidate lie, in widths; `tall` is the photo's height."""
    frame = np.column_stack([here, np.ones(len(here))])
    fitted, *_ = np.linalg.lstsq(frame, there, rcond=None)
    off = np.hypot(*(frame @ fitted - there).T)
    stretched = np.linalg.svd(fitted[:2], compute_uv=False)
    shift = here.mean(axis=0) - there.mean(axis=0)
    apart = np.hypot(*(here[:, None] - here).T) + 9 * np.eye(len(here))
    moved = np.hypot(*((there - here)[:, None] - (there - here)).T)
    return {
        "inliers": len(here),
        "share of the matches": len(here) / matches,
        "spread over the height": float(here[:, 1].std()),
        "spread over the width": float(here[:, 0].std()),
        "cells of 8 x 8": len(np.unique((here * [8, 8 / tall]).astype(int), axis=0)),
        "share in the lower half": float((here[:, 1] > tall / 2).mean()),
        "with a neighbour that moved alike": int(((apart < 0.05) & (moved < 0.008)).any(axis=1).sum()),
        "off the affine map, less": -float(off.mean()),
        "stretch, less": -float(np.log(stretched[0] / max(stretched[1], 1e-3))),
        "shift, less": -float(np.hypot(*shift)),
        "scale, less": -abs(float(np.log(max(stretched.prod(), 1e-6)))) / 2,
    }


def worth(looks: Sequence[Look]) -> Iterator[str]:
    """A table: AUROC of each measure, right candidates against wrong ones with about as many inliers."""
    if not looks:
        return
    columns = [("all", looks)]
    for least, most in COUNTS:
        some = [one for one in looks if least <= one[1]["inliers"] < most]
        columns.append((f"{least} to {most - 1} inliers", some))
    yield f"\n| {' | '.join(['right against wrong', *(name for name, _ in columns)])} |"
    yield "|---" * (1 + len(columns)) + "|"
    counts = [(sum(right for right, _ in some), len(some)) for _, some in columns]
    yield f"| candidates | {' | '.join(f'{right:,} : {all_ - right:,}' for right, all_ in counts)} |"
    for name in looks[0][1]:
        cells = [auroc([(right, found[name]) for right, found in some]) for _, some in columns]
        yield f"| {name} | {' | '.join(cells)} |"


def auroc(pairs: Sequence[tuple[bool, float]]) -> str:
    """Of values whose truth is known; a dash where all are of one kind."""
    truth = np.array([right for right, _ in pairs], bool)
    right = int(truth.sum())
    if not 0 < right < len(truth):
        return "–"
    ranks = rankdata([value for _, value in pairs])
    area = (ranks[truth].sum() - right * (right + 1) / 2) / (right * (len(truth) - right))
    return f"{area:.2f}"


if __name__ == "__main__":
    main()
