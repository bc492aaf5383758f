"""What `promise.py` measured, and what it says of each aim: pooled over parts, and in the worst part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import inf, nan, sqrt
from statistics import mean, median
from typing import TypeAlias, TypeVar

from geoflood.core.datatypes import Outcome
from geoflood.evaluation.metrics.recall import proportion
from geoflood.evaluation.metrics.reliability import calibration_error, reliability
from geoflood.evaluation.results import Proportion

__all__ = ["DEEP", "DRY", "LEVELS", "STRANGERS", "Kind", "Row", "Telling", "report"]

DRY, DEEP = 0.0, 0.45
"""The two levels of strangers."""
LEVELS = (DRY, 0.3, DEEP, 0.55)
"""Shares of the height under water."""
MORE_S = 0.06
"""What re-ranking may add to a photo, seconds of the processor."""
STRANGERS_TO_OWN = 1 / 3
"""Strangers to each photo of the index, as calibration takes them to be."""
SHOWN = 40
"""Located strangers that are listed one by one."""


class Kind(StrEnum):
    """What a picture is to a part."""

    OWN = "own"
    MIRRORED = "own, mirrored"
    OWN_EDITED = "own, edited"
    OUTSIDE = "same city outside"
    OTHER = "other city"
    DRAWN = "drawn, nobody's city"
    EDITED = "other city, edited"
    COLLAGE = "collage of the other city"


STRANGERS = (Kind.OUTSIDE, Kind.OTHER, Kind.DRAWN, Kind.EDITED, Kind.COLLAGE)


class Telling(StrEnum):
    """What the search was told of the waterline."""

    UNTOLD = "untold"
    TOLD = "told"
    WRONG = "told wrong"


@dataclass(frozen=True, slots=True)
class Row:
    """One search of one picture."""

    part: str
    kind: Kind
    picture: str
    edit: str
    level: float
    telling: Telling
    reranked: bool
    outcome: Outcome
    probability: float
    right: bool
    """The position is within 25 m of the truth, whatever the outcome."""
    first_right: bool
    """So is the first candidate."""
    in_area: bool | None
    """The 90 % search area holds the truth; None without an estimate."""
    in_circle: bool | None
    """So does the circle of the 90 % radius."""
    seconds: float
    """Of the processor, describing included."""


Rows: TypeAlias = Sequence[Row]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Aim:
    """A figure, and the values between which it must lie."""

    name: str
    figure: Callable[[Rows], Proportion | None]
    bounds: tuple[float, float] = (-inf, inf)
    """Of all parts pooled."""
    worst: tuple[float, float] = (-inf, inf)
    """Of the worst part."""
    scale: float = 100.0
    """What it is multiplied with to be shown."""


def report(rows: Rows) -> str:
    """Markdown: the aims re-ranked and not, then what they are made of."""
    text = [f"{len(group(rows, lambda row: row.part))} parts, {len(rows):,} searches.\n"]
    for reranked, title in ((True, "Re-ranked"), (False, "Searched alone")):
        some = [row for row in rows if row.reranked is reranked]
        text += [f"## {title}\n", *aim_table(some), "", *part_table(some), ""]
        text += [*level_table(some), "", *stranger_table(some), "", *edit_table(some), ""]
    return "\n".join([*text, "## What re-ranking costs\n", *cost_table(rows), ""])


def group(rows: Rows, key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    """Rows by a key, in the order in which the keys first come."""
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def own(rows: Rows) -> list[Row]:
    return [row for row in rows if row.kind is Kind.OWN]


def strangers(rows: Rows) -> list[Row]:
    return [row for row in rows if row.kind in STRANGERS]


def dry(rows: Rows) -> list[Row]:
    """Those of photos as they are, untold."""
    return [row for row in rows if row.level == DRY and row.telling is Telling.UNTOLD]


def share(hits: Sequence[bool]) -> Proportion | None:
    """With its binomial error; None of nothing."""
    return proportion(hits) if hits else None


def right_of(rows: Rows, outcome: Outcome) -> Proportion | None:
    """How many of the part's own queries with this outcome are right."""
    return share([row.right for row in own(rows) if row.outcome is outcome])


def strangers_called(rows: Rows, outcome: Outcome) -> Proportion | None:
    return share([row.outcome is outcome for row in strangers(rows)])


def area_holds(rows: Rows) -> Proportion | None:
    return share([row.in_area for row in own(rows) if row.in_area is not None])


def circle_holds(rows: Rows) -> Proportion | None:
    return share([row.in_circle for row in own(rows) if row.in_circle is not None])


def miscalibration(rows: Rows) -> Proportion | None:
    """Expected calibration error over the own queries with an answer; it has no binomial error."""
    answered = [row for row in own(rows) if row.outcome is not Outcome.FAILED]
    bins = reliability([row.probability for row in answered], [row.right for row in answered])
    return Proportion(calibration_error(bins), nan, len(answered)) if bins else None


def miscalibration_of_all(rows: Rows) -> Proportion | None:
    """The same over own queries and strangers, of which there is one in four, as calibration expects."""
    answered = [
        row for row in rows if row.kind in (Kind.OWN, *STRANGERS) and row.outcome is not Outcome.FAILED
    ]
    count = len(strangers(answered))
    if not 0 < count < len(answered):
        return None
    weight = (len(answered) - count) * STRANGERS_TO_OWN / count
    off = [0.0] * 10
    for row in answered:
        each = weight if row.kind in STRANGERS else 1.0
        off[min(int(10 * row.probability), 9)] += each * (row.probability - row.right)
    total = (len(answered) - count) * (1 + STRANGERS_TO_OWN)
    return Proportion(sum(map(abs, off)) / total, nan, len(answered))


def recall(rows: Rows) -> Proportion | None:
    """R@1 of the own queries."""
    return share([row.first_right for row in own(rows)])


def coverage(rows: Rows) -> Proportion | None:
    """How many of the right own photos are located or likely."""
    return share([row.outcome in (Outcome.LOCATED, Outcome.LIKELY) for row in own(rows) if row.right])


def coverage_of(part: str, rows: Rows) -> Proportion | None:
    """The same of one part, dry and untold."""
    return coverage([row for row in dry(rows) if row.part == part])


def gain(pairs: Sequence[tuple[bool, bool]]) -> Proportion | None:
    """Share of hits after minus before, of pairs (before, after); its error is theirs that differ."""
    if not pairs:
        return None
    won, lost = sum(b > a for a, b in pairs), sum(a > b for a, b in pairs)
    difference = (won - lost) / len(pairs)
    spread = max((won + lost) / len(pairs) - difference**2, 0.0)
    return Proportion(difference, sqrt(spread / len(pairs)), len(pairs))


def told_gain(level: float, telling: Telling, rows: Rows) -> Proportion | None:
    """R@1 so told minus R@1 untold, of the same photos."""
    at = [row for row in own(rows) if row.level == level]
    hits = {(row.part, row.picture, row.telling): row.first_right for row in at}
    untold = [key for key in hits if key[2] is Telling.UNTOLD]
    return gain([(hits[key], hits[*key[:2], telling]) for key in untold])


def edit_pairs(rows: Rows, kind: Kind) -> list[tuple[bool, bool]]:
    """Whether the first candidate is right for the plain photo, and for the edited one."""
    plain = {(row.part, row.picture): row.first_right for row in dry(own(rows))}
    return [(plain[row.part, row.picture], row.first_right) for row in rows if row.kind is kind]


def mirrored_gain(rows: Rows) -> Proportion | None:
    """R@1 of mirrored photos minus R@1 of the same ones plain."""
    return gain(edit_pairs(rows, Kind.MIRRORED))


AIMS = (
    Aim("located and right", partial(right_of, outcome=Outcome.LOCATED), (0.92, inf), (0.85, inf)),
    Aim("likely and right", partial(right_of, outcome=Outcome.LIKELY), (0.6, inf)),
    Aim("strangers located", partial(strangers_called, outcome=Outcome.LOCATED), (-inf, 0.005), (-inf, 0.02)),
    Aim("strangers likely", partial(strangers_called, outcome=Outcome.LIKELY)),
    Aim("90 % areas hold", area_holds, (0.87, 0.93), (0.82, 0.97)),
    Aim("90 % circles hold", circle_holds),
    Aim("calibration error, own photos alone", miscalibration, (-inf, 0.08), (-inf, 0.15), scale=1.0),
    Aim("calibration error, one in four a stranger", miscalibration_of_all, scale=1.0),
    *(
        Aim(f"told − untold, {level:.0%}", partial(told_gain, level, Telling.TOLD), (-0.01, inf))
        for level in LEVELS
    ),
    *(Aim(f"told wrong − untold, {level:.0%}", partial(told_gain, level, Telling.WRONG)) for level in LEVELS),
    Aim("coverage, dry, whole San Francisco", partial(coverage_of, "sf"), (0.8, inf)),
    Aim("coverage, dry, whole Cambridge", partial(coverage_of, "cambridge"), (0.45, inf)),
    Aim("coverage", coverage),
    Aim("R@1", recall),
    Aim("R@1, mirrored − plain", mirrored_gain),
)


def table(*heads: str) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]


def line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def shown(figure: Proportion | None, scale: float = 100.0) -> str:
    """Percent or points with the error and the number of trials; a plain number where the scale is 1."""
    if figure is None:
        return "–"
    digits = 1 if scale > 1 else 3
    error = f" ± {scale * figure.error:.{digits}f}" if figure.error == figure.error else ""
    return f"{scale * figure.value:.{digits}f}{error} of {figure.of:,}"


def aim_table(rows: Rows) -> Iterator[str]:
    yield from table("aim", "wanted", "pooled", "worst part", "")
    parts = group(rows, lambda row: row.part)
    for aim in AIMS:
        pooled = aim.figure(rows)
        figures = {part: figure for part, some in parts.items() if (figure := aim.figure(some))}
        name = max(figures, key=lambda part: excess(figures[part], aim), default="")
        worst = figures.get(name)
        at_worst = f"{shown(worst, aim.scale)}, {name}" if worst else "–"
        yield line(aim.name, wanted(aim), shown(pooled, aim.scale), at_worst, verdict(aim, pooled, worst))


def excess(figure: Proportion, aim: Aim) -> float:
    """How far a figure lies beyond the bounds, negative within; without any, the lowest is the worst."""
    low, high = aim.worst if aim.worst != (-inf, inf) else aim.bounds
    return -figure.value if (low, high) == (-inf, inf) else max(low - figure.value, figure.value - high)


def wanted(aim: Aim) -> str:
    """The bounds in words."""

    def words(low: float, high: float) -> str:
        if low > -inf and high < inf:
            return f"{aim.scale * low:g} to {aim.scale * high:g}"
        return f"≥ {aim.scale * low:g}" if low > -inf else f"≤ {aim.scale * high:g}"

    pooled, worst = (words(*each) if each != (-inf, inf) else "" for each in (aim.bounds, aim.worst))
    return f"{pooled}, worst {worst}" if worst else pooled


def verdict(aim: Aim, pooled: Proportion | None, worst: Proportion | None) -> str:
    """Whether the aim is met, by the figures as they stand."""
    if aim.bounds == (-inf, inf):
        return ""
    if pooled is None or worst is None:
        return "not measured"
    if not aim.bounds[0] <= pooled.value <= aim.bounds[1]:
        return "**missed**"
    return "met" if aim.worst[0] <= worst.value <= aim.worst[1] else "**missed** in the worst part"


def part_table(rows: Rows) -> Iterator[str]:
    yield from table(
        "part", "R@1, dry", "located, right", "strangers located", "areas hold", "ECE", "coverage"
    )
    for part, some in group(rows, lambda row: row.part).items():
        yield line(
            part,
            shown(recall(dry(some))),
            shown(right_of(some, Outcome.LOCATED)),
            shown(strangers_called(some, Outcome.LOCATED)),
            shown(area_holds(some)),
            shown(miscalibration(some), 1.0),
            shown(coverage(some)),
        )


def level_table(rows: Rows) -> Iterator[str]:
    heads = (
        "R@1",
        "located",
        "right of these",
        "likely, right",
        "coverage",
        "areas hold",
        "circles hold",
        "ECE",
    )
    yield from table("water", "", *heads)
    for (level, telling), some in group(own(rows), lambda row: (row.level, row.telling)).items():
        yield line(
            f"{level:.0%}",
            telling,
            shown(recall(some)),
            shown(share([row.outcome is Outcome.LOCATED for row in some])),
            shown(right_of(some, Outcome.LOCATED)),
            shown(right_of(some, Outcome.LIKELY)),
            shown(coverage(some)),
            shown(area_holds(some)),
            shown(circle_holds(some)),
            shown(miscalibration(some), 1.0),
        )


def stranger_table(rows: Rows) -> Iterator[str]:
    """By kind and water, then the located ones one by one."""
    yield from table("strangers", "water", "", "located", "likely")
    cases = group(strangers(rows), lambda row: (row.kind, row.level, row.telling))
    for (kind, level, telling), some in sorted(cases.items(), key=lambda case: STRANGERS.index(case[0][0])):
        called = (shown(strangers_called(some, each)) for each in (Outcome.LOCATED, Outcome.LIKELY))
        yield line(kind, f"{level:.0%}", telling, *called)
    located = [row for row in strangers(rows) if row.outcome is Outcome.LOCATED]
    for row in located[:SHOWN]:
        how = f"{row.level:.0%} water, {row.telling}, probability {row.probability:.2f}"
        yield f"\n- {row.part}: {row.kind}, {row.picture} {row.edit}, {how}"
    if len(located) > SHOWN:
        yield f"\n- and {len(located) - SHOWN} more"


def edit_table(rows: Rows) -> Iterator[str]:
    yield from table("own photos, edited", "R@1", "− R@1 plain", "located", "right of these")
    changed = [row for row in rows if row.kind in (Kind.MIRRORED, Kind.OWN_EDITED)]
    plain = dry(own(rows))
    for (kind, edit), some in sorted(group(changed, lambda row: (row.kind, row.edit)).items()):
        located = [row.right for row in some if row.outcome is Outcome.LOCATED]
        yield line(
            edit,
            shown(share([row.first_right for row in some])),
            shown(gain(edit_pairs([*plain, *some], kind))),
            shown(share([row.outcome is Outcome.LOCATED for row in some])),
            shown(share(located)),
        )


def cost_table(rows: Rows) -> Iterator[str]:
    """Seconds of the processor, untold, describing included; and what re-ranking adds to the same photo."""
    yield from table(
        "processor, s a photo", "alone, median", "re-ranked, median", "more, median", "more, mean"
    )
    untold = [row for row in rows if row.telling is Telling.UNTOLD]
    for name, some in (("own", own(untold)), ("strangers", strangers(untold))):
        alone, reranked = ([row.seconds for row in some if row.reranked is way] for way in (False, True))
        if alone:  # each picture is searched for in both ways, one after the other
            more = [b - a for a, b in zip(alone, reranked, strict=True)]
            figures = median(alone), median(reranked), median(more), mean(more)
            yield line(name, *(f"{figure:.3f}" for figure in figures))
    yield f"\nThe aim is at most {MORE_S:.3f} s more."
