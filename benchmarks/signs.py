"""What words on signs are worth: seconds a picture, how many photos have any, and what they add to a search.

    python benchmarks/signs.py INDEX QUERIES.csv [--select split=query] [--photos 60] [--work WORK]

INDEX is the folder of an index. Each photo is searched for twice: as it is, and with all references within
100 m left out, which makes a stranger of it. Then the words that it shares with its first candidates are
counted. The signs of at most MOST pictures are read, kept in WORK, and the run goes on from there:
first those of the photos, then of the first candidates of photos that have words.

`--captions` writes a caption and an account's name over each photo instead, and compares re-ranking with and
without what lies under overlays.

R@1: share of photos whose first candidate lies within 25 m. AUROC: how well "not in this index" parts the
photos from the strangers. Errors are standard deviations over 1,000 draws of the photos.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw
from streets import POSITIVE_M, share

from geoflood.core.datatypes import (
    AttentionMap,
    Image,
    LatLon,
    PictureText,
    Reason,
    SearchOptions,
    StreetImage,
    TextSort,
)
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.imagery.views import LONGEST, pixels_of
from geoflood.imagery.vpr_format import labelled
from geoflood.localize.attention import without_overlays
from geoflood.localize.fusion import fused, ranking
from geoflood.localize.locator import Locator, SearchAnswer
from geoflood.localize.photo_input import Watch
from geoflood.localize.query_photo import QueryPhoto
from geoflood.places.read_signs import SignReader
from geoflood.places.sign_words import SharedWords, SignIndex, words_of
from geoflood.places.sort_signs import sort_texts
from geoflood.synthetic.lettering import font, nonsense, wrapped

Floats: TypeAlias = NDArray[np.float64]

STRANGER_M = 100.0
CANDIDATES = 10
"""Of a photo whose signs are read."""
DRAWS = 1000
WEIGHTS = (0.25, 0.5, 1.0, 2.0)
"""Of the words' log likelihood ratios: the choice must not hang on it."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A search for a photo, and where its candidates are, [k, 2] (lat, lon)."""

    photo: int
    stranger: bool
    positions: Floats
    answer: SearchAnswer


class Readings:
    """The texts of pictures, kept in a file; at most so many are read."""

    def __init__(self, path: Path, most: int) -> None:
        self.path, self.most, self.seconds = path, most, []
        self.kept: dict[str, tuple[tuple[int, int], tuple[PictureText, ...]]] = {}
        self.reader = SignReader()
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            one = json.loads(line)
            self.seconds.append(one["seconds"])
            self.kept[one["key"]] = (
                tuple(one["shape"]),
                tuple(
                    PictureText(t["text"], tuple(map(tuple, t["quad"])), t["confidence"], TextSort(t["sort"]))
                    for t in one["texts"]
                ),
            )

    def read(self, key: str, pixels: Image) -> None:
        begun = time.thread_time()
        texts = self.reader.read(pixels)
        self.seconds.append(time.thread_time() - begun)
        self.kept[key] = pixels.shape[:2], texts
        row = {"key": key, "shape": pixels.shape[:2], "seconds": self.seconds[-1]}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**row, "texts": [asdict(text) for text in texts]}) + "\n")

    @property
    def full(self) -> bool:
        return len(self.kept) >= self.most

    def sorted_texts(self, key: str) -> tuple[PictureText, ...]:
        shape, texts = self.kept[key]
        return sort_texts(texts, shape)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("index", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--select", default=None)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--most", type=int, default=250)
    parser.add_argument("--captions", action="store_true")
    given = parser.parse_args()
    locator = Locator(given.index)
    usable, _ = labelled(given.queries, select=given.select)
    usable = [one for one in usable if nearest_m(locator, one.geotag.position) <= POSITIVE_M]
    photos = [usable[n] for n in np.linspace(0, len(usable) - 1, min(given.photos, len(usable))).astype(int)]
    if given.captions:
        report_captions(locator, photos)
        return
    given.work.mkdir(parents=True, exist_ok=True)
    readings = Readings(given.work / f"{given.index.name}.jsonl", given.most)
    trials = [one for n, photo in enumerate(photos) for one in tried(locator, n, photo, readings)]
    references = read_candidates(locator, photos, trials, readings)
    report(photos, trials, references, readings, locator)


def report_captions(locator: Locator, photos: Sequence[StreetImage]) -> None:
    """R@1 of photos as they are and captioned, each without and with their overlays left out."""
    reader, rng, right = SignReader(), np.random.default_rng(0), []
    told = all_lines = 0
    for photo in photos:
        plain = read_image(Path(photo.location), LONGEST)
        row = []
        for pixels in (plain, captioned(plain, rng)):
            texts = sort_texts(reader.read(pixels), pixels.shape)
            (described,) = locator.describe([pixels], [AttentionMap.neutral()])
            for attention in (AttentionMap.neutral(), without_overlays(AttentionMap.neutral(), texts)):
                best = locator.locate(pixels, attention, described=described).candidates[0].reference.position
                truth = np.array([photo.geotag.position.lat, photo.geotag.position.lon])
                row.append(float(distance_m(np.array([best.lat, best.lon]), truth)) <= POSITIVE_M)
        told += sum(text.sort is TextSort.OVERLAY for text in texts)
        all_lines += len(texts)
        right.append(row)
    hits = np.array(right, float)
    print(f"{len(hits)} captioned photos: {told} of {all_lines} lines are told to be overlays")
    for name, column in (("plain", 0), ("captioned", 2)):
        without, left_out = hits[:, column], hits[:, column + 1]
        error = 100 * (left_out - without).std() / len(hits) ** 0.5
        gain = 100 * (left_out - without).mean()
        print(f"{name}: R@1 {100 * without.mean():.1f}, overlays left out {gain:+.1f} ± {error:.1f}")


def captioned(photo: Image, rng: np.random.Generator) -> Image:
    """Three lines of white letters with a black edge, and an account's name, as posts have them."""
    picture = Pictures.fromarray(photo)
    pen, (width, height) = ImageDraw.Draw(picture), picture.size
    letters = font(round(width * rng.uniform(0.06, 0.085)))
    top = round(height * rng.choice([0.15, 0.35, 0.55]))
    for k, words in enumerate(wrapped(nonsense(rng, 14), letters, width * 0.9)[:3]):
        at, edge = (width / 2, top + 1.3 * k * letters.size), max(round(letters.size / 12), 1)
        pen.text(at, words, (255, 255, 255), letters, "ma", stroke_width=edge, stroke_fill=(0, 0, 0))
    name = f"@{nonsense(rng, 1)}news"
    pen.text((0.04 * width, 0.93 * height), name, (255, 255, 255), font(round(0.035 * width)))
    return np.asarray(picture)


def nearest_m(locator: Locator, truth: LatLon) -> float:
    return float(distance_m(locator.database.positions, np.array([truth.lat, truth.lon])).min())


def tried(locator: Locator, number: int, photo: StreetImage, readings: Readings) -> list[Trial]:
    """The photo searched for as it is and as a stranger; its signs are read."""
    pixels = read_image(Path(photo.location), LONGEST)
    if photo.location not in readings.kept:
        readings.read(photo.location, pixels)
    options = locator.resolved(SearchOptions())
    shown = QueryPhoto.inside_frame(pixels, AttentionMap.neutral())
    described = locator._describe([shown], options)[0]
    shown = shown.with_waterline()
    truth = np.array([photo.geotag.position.lat, photo.geotag.position.lon])
    near = np.flatnonzero(distance_m(locator.database.positions, truth) <= STRANGER_M).tolist()
    trials = []
    for stranger, without in ((False, []), (True, near)):
        answer = locator.ask(
            described, shown.attention, options=options, within=None, without=without, watch=Watch()
        )
        if not isinstance(answer, Reason):
            positions = locator.database.positions[answer.ids]
            trials.append(Trial(number, stranger, positions, answer))
    return trials


def first(trial: Trial) -> list[int]:
    """Ids of the first candidates, best first."""
    answer = trial.answer
    order = ranking(answer.similarities, answer.inliers, answer.entry.params)
    return [int(number) for number in answer.ids[order[:CANDIDATES]]]


def read_candidates(
    locator: Locator, photos: Sequence[StreetImage], trials: Sequence[Trial], readings: Readings
) -> dict[int, str]:
    """Read the signs of the first candidates of photos with words, best ranks first: id -> key."""
    telling = [one for one in trials if words_of(readings.sorted_texts(photos[one.photo].location))]
    wanted = [row[rank] for rank in range(CANDIDATES) for row in map(first, telling) if rank < len(row)]
    keys = {}
    for reference in locator.database.references(dict.fromkeys(wanted)):
        key = f"{reference.location}#{reference.tile_deg}"
        if key not in readings.kept and not readings.full:
            readings.read(key, pixels_of(reference))
        if key in readings.kept:
            keys[reference.id] = key
    return keys


def report(
    photos: Sequence[StreetImage],
    trials: Sequence[Trial],
    references: dict[int, str],
    readings: Readings,
    locator: Locator,
) -> None:
    seconds, count = np.array(readings.seconds), len(photos)
    print(f"{count} photos, {len(references)} references read")
    print(f"seconds of one core a picture: median {np.median(seconds):.2f}, mean {seconds.mean():.2f}")
    read = {number: readings.sorted_texts(key) for number, key in references.items()}
    index = SignIndex(read, locator.database.positions)
    texts = [index.settled(readings.sorted_texts(photo.location)) for photo in photos]
    words = [words_of(found) for found in texts]
    print(f"photos with a word on a sign: {share(np.array([bool(found) for found in words]))}")
    for sort in TextSort:
        lines = sorted({text.text for found in texts for text in found if text.sort is sort})
        print(f"  {sort.value:8} {lines[:40]}")
    shared = [index.shared(one) for one in words]
    for name, wanted in (("own", False), ("strangers", True)):
        some = [bool({*first(t)} & {*shared[t.photo]}) for t in trials if t.stranger is wanted]
        print(f"{name}: a rare word shared with one of the first {CANDIDATES}: {share(np.array(some))}")
    truths = [np.array([p.geotag.position.lat, p.geotag.position.lon]) for p in photos]
    base = Scores.of(trials, shared, truths, 0.0)
    for weight in WEIGHTS:
        show(weight, base, Scores.of(trials, shared, truths, weight))


@dataclass(frozen=True, eq=False)
class Scores:
    """By photo, [n]: whether it is right, and the belief that it, and the stranger made of it, is indexed."""

    right: Floats
    own: Floats
    stranger: Floats

    @classmethod
    def of(
        cls,
        trials: Sequence[Trial],
        shared: Sequence[Mapping[int, SharedWords]],
        truths: Sequence[Floats],
        weight: float,
    ) -> Scores:
        """With the words' log likelihood ratios times a weight."""
        right, own, stranger = (np.full(len(truths), np.nan) for _ in range(3))
        for t in trials:
            answer, found = t.answer, shared[t.photo]
            worth = [weight * found[n].weight if n in found else 0.0 for n in answer.ids.tolist()]
            params, ratios = answer.entry.params, np.array(worth)
            inside = (
                1
                - fused(
                    answer.similarities, t.positions, params, answer.inliers, ratios, answer.outsiders
                ).not_in_index
            )
            (stranger if t.stranger else own)[t.photo] = inside
            if not t.stranger:
                scores = answer.similarities / params.temperature + params.likelihood(answer.inliers)
                best = t.positions[int((scores + ratios).argmax())]
                right[t.photo] = float(distance_m(best, truths[t.photo])) <= POSITIVE_M
        return cls(right, own, stranger)

    def figures(self, pick: NDArray[np.int64]) -> tuple[float, float]:
        """R@1 in percent and AUROC of these photos."""
        pairs = (self.own[pick][:, None] - self.stranger[pick]).ravel()
        pairs = pairs[np.isfinite(pairs)]
        area = float(np.mean(pairs > 0) + 0.5 * np.mean(pairs == 0))
        return 100 * float(np.nanmean(self.right[pick])), area


def show(weight: float, base: Scores, now: Scores) -> None:
    count, rng = len(base.right), np.random.default_rng(0)
    (right, area), (right_now, area_now) = (one.figures(np.arange(count)) for one in (base, now))
    picks = [rng.integers(0, count, count) for _ in range(DRAWS)]
    off = np.array([np.subtract(now.figures(pick), base.figures(pick)) for pick in picks]).std(axis=0)
    print(f"weight {weight}: R@1 {right:.1f}, {right_now - right:+.1f} ± {off[0]:.1f}", end="; ")
    print(f"AUROC {area:.4f}, {area_now - area:+.4f} ± {off[1]:.4f}")


if __name__ == "__main__":
    main()
