"""How numbers and foreign text are put for people: no finer than known, and nothing misleads the eye."""

from __future__ import annotations

import math
import re

from geoflood.core.datatypes import (
    Estimate,
    LatLon,
    Located,
    Outcome,
    PictureText,
    Reason,
    ReasonKind,
    TextSort,
)
from geoflood.core.plain_text import plain
from geoflood.database.calibration import Calibration, CalibrationEntry, Weakness

__all__ = [
    "INHERITED",
    "all_searched",
    "area",
    "city_line",
    "compared_words",
    "decimal_degrees",
    "duration",
    "length",
    "lines",
    "percent",
    "plain",
    "reason_line",
    "searched",
    "sentence",
    "signs_line",
    "size",
    "weakness",
    "weaknesses",
]

SIGNS = 8
"""That are told of a photo; --json has all."""
_DEGREE_M = 111_195.0
"""One degree of latitude on the mean sphere."""

_ENDS = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")


def lines(text: str) -> str:
    """`text` as `plain` puts it, but for its ends of lines: for pages, where they are lines."""
    return "\n".join(map(plain, _ENDS.split(text)))


def percent(share: float) -> str:
    """A share in whole percent, never quite certain: "under 1 %", "78 %", "over 99 %"; no break inside.

    It is rounded down: parts of one whole never sum to more than it, and 89.6 % is not yet 90.
    """
    if share < 0.01:
        return "under 1\u00a0%"
    return "over 99\u00a0%" if share > 0.99 else f"{math.floor(share * 100 + 1e-9)}\u00a0%"


def length(metres: float) -> str:
    """Two figures, and a space that does not break: "8 m", "35 m", "240 m", "2.3 km"."""
    shown = _two_figures(metres)
    return f"{shown / 1000:g}\u00a0km" if shown >= 1000 else f"{max(shown, 1):.0f}\u00a0m"


def area(km2: float) -> str:
    """Two figures, in the unit that fits: "50 m²", "0.25 ha", "12 ha", "3.4 km²"."""
    square_metres = _two_figures(km2 * 1e6)
    if square_metres < 1000:
        return f"{square_metres:g}\u00a0m²"
    shown = _two_figures(km2)
    return f"{shown:g}\u00a0km²" if shown >= 1 else f"{_two_figures(km2 * 100):g}\u00a0ha"


def duration(seconds: float) -> str:
    """Two figures: "under a minute", "8 min", "3.2 h", "2.5 days"."""
    if seconds < 60:
        return "under a minute"
    if seconds < 3600:
        return f"{_two_figures(seconds / 60):g}\u00a0min"
    if seconds < 48 * 3600:
        return f"{_two_figures(seconds / 3600):g}\u00a0h"
    return f"{_two_figures(seconds / 86_400):g}\u00a0days"


def size(count: float) -> str:
    """Bytes in two figures: "350 kB", "45 MB", "1.4 GB"."""
    units = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
    fitting = (unit for unit, of in units.items() if _two_figures(count / of) < 1000)
    unit = next(fitting, "GB")
    return f"{_two_figures(count / units[unit]):g}\u00a0{unit}"


def _two_figures(value: float) -> float:
    return float(f"{value:.2g}")


def decimal_degrees(position: LatLon, uncertainty_m: float) -> tuple[str, str]:
    """Latitude and longitude with the fewest decimals whose rounding stays within the uncertainty."""
    half_degree_m = _DEGREE_M / 2.0
    places = max(0, min(6, math.ceil(math.log10(half_degree_m / max(uncertainty_m, 0.1)))))
    return f"{position.lat:.{places}f}", f"{position.lon:.{places}f}"


_NEVER = "its numbers are those of other cities: run geoflood index again"


INHERITED = "of the same city with other images; not tried out on these, whose pictures are not all here"
"""Of calibration that an index took over."""


def weaknesses(calibration: Calibration) -> str:
    """Why the numbers of an index promise less than others', each reason once, or ""."""
    if not calibration:
        return _NEVER
    return "; ".join(dict.fromkeys(filter(None, map(weakness, calibration.values()))))


def weakness(entry: CalibrationEntry) -> str:
    """Why the numbers of an index promise less than others', or ""."""
    match entry.weakness:
        case Weakness.FEW_PLACES:
            return f"{entry.places} places that can play queries are too few"
        case Weakness.NEVER:
            return _NEVER
        case Weakness.ONE_DAY:
            return "most places were seen on one day only"
        case None:
            return ""


_SENTENCES = {
    ReasonKind.ONE_PLACE: "one place stands out: {percent} within 25 m of it",
    ReasonKind.LIKELY_PLACE: "one place is likely: {percent} within 25 m of it; compare the pictures",
    ReasonKind.UNVERIFIED: (
        "one place is likely: {percent} within 25 m of it, but too few of its details are known to agree; "
        "compare the pictures"
    ),
    ReasonKind.UNTRIED_INDEX: (
        "one place is likely: {percent} within 25 m of it, but the index is too small to know how often it "
        "is right; compare the pictures"
    ),
    ReasonKind.SEVERAL_PLACES: (
        "no position is likely enough: the best has {percent} within 25 m of it; compare the pictures"
    ),
    ReasonKind.PERHAPS_ELSEWHERE: (
        "no position is likely enough, and {percent} that the place is not in this index; "
        "compare the pictures"
    ),
    ReasonKind.NOT_IN_INDEX: "the place is probably not in this index: {percent}",
    ReasonKind.NOTHING_ALIKE: "nothing of what was searched resembles the photo enough",
    ReasonKind.PERHAPS_OUTSIDE: (
        "no position is likely enough, and {percent} that the place is not in the searched box; "
        "compare the pictures"
    ),
    ReasonKind.NOT_IN_BOX: "the place is probably not in the searched box: {percent}",
    ReasonKind.IN_NONE: "the place is probably in none of the {count} indexes that were asked: {percent}",
    ReasonKind.PERHAPS_IN_NONE: (
        "no position is likely enough, and {percent} that the place is in none of the {count} indexes that "
        "were asked; compare the pictures"
    ),
    ReasonKind.SEVERAL_CITIES: (
        "no city is likely enough: {percent} that the place is in another one that was asked; "
        "compare the pictures of both"
    ),
    ReasonKind.CITY_STATED: "stated before looking: {detail} {percent}",
    ReasonKind.WORLD_PRIOR: (
        "the look of the land moved the log-odds of cities: {detail}; how much that helps was not measured"
    ),
    ReasonKind.CITY_SILENT: "the index {detail} could not answer: it is damaged",
    ReasonKind.MEMBERS_AGREE: "indexes of one city name one place, weighed alike: {detail}",
    ReasonKind.MEMBERS_DISAGREE: "indexes of one city name different places, weighed alike: {detail}",
    ReasonKind.SAME_GROUND: "{detail} have ground in common and name the same place: they count as one",
    ReasonKind.NOTHING_ALIKE_IN_BOX: "nothing in the searched box resembles the photo enough",
    ReasonKind.EMPTY_BOX: "this index has no street image in the searched box",
    ReasonKind.NOTHING_PERMANENT: (
        "not searched: nothing in the photo will be there next year, says the model "
        "(--search-anyway searches all the same)"
    ),
    ReasonKind.UNREADABLE: "{detail}",
    ReasonKind.NOT_A_NUMBER: "a similarity is not a number: the weights or the index are damaged",
    ReasonKind.MODEL_FAILED: "not searched: {detail}",
    ReasonKind.SEARCH_FAILED: "could not be located: {detail}",
    ReasonKind.FEW_PLACES: "weakly calibrated: {count} places that can play queries are too few",
    ReasonKind.NEVER_CALIBRATED: f"weakly calibrated: {_NEVER}",
    ReasonKind.ONE_DAY: "weakly calibrated: most places were seen on one day only",
    ReasonKind.PICTURES_GONE: "{count} not re-ranked: their pictures are gone",
    ReasonKind.PARTLY_SEARCHED: "not all was searched: {percent} of the index could not be reached",
    ReasonKind.FRAMED: "only the photo inside the frame or screenshot was looked at",
    ReasonKind.MIRRORED: "the photo is mirrored: it was found turned round, left for right",
    ReasonKind.WATERLINE_FOUND: "the water's mirror image shows its line at {percent} of the height",
    ReasonKind.VERIFICATION: "{detail}",
    ReasonKind.NO_STREETS: "no street names: {detail}",
    ReasonKind.NO_ATTENTION: "{detail}",
    ReasonKind.NO_SIGNS: "signs were not read: {detail}",
    ReasonKind.RECORDED: "{detail}",
}


def sentence(reason: Reason) -> str:
    """A reason in words, with common spaces only: it goes to files and terminals, too."""
    share = "" if reason.share is None else _spaced(reason.share)
    return _SENTENCES[reason.kind].format(percent=share, count=reason.count, detail=reason.detail)


def signs_line(located: Located) -> str:
    """What is read on the signs of a photo and which places they name, in one line; "" where there are none.

    Such as "KETTLES, MARKET HILL (names Market Hill, 40 m from the place) · © OpenStreetMap contributors".
    """
    words = [_sign_words(text, located) for text in located.texts if text.sort is TextSort.SIGN]
    more = f" and {len(words) - SIGNS} more" if len(words) > SIGNS else ""
    credits = "".join(
        f" · {plain(one)}" for one in dict.fromkeys(place.credit for place in located.sign_places) if one
    )
    return ", ".join(words[:SIGNS]) + more + credits


def _sign_words(text: PictureText, located: Located) -> str:
    named = [
        plain(place.name) + ("" if place.away_m is None else f", {length(place.away_m)} from the place")
        for place in located.sign_places
        if place.sign == text.text
    ]
    return plain(text.text) + (f" (names {'; '.join(named)})" if named else "")


def searched(estimate: Estimate) -> str:
    """What an answer speaks of if its place is there: "this index", "the searched box"."""
    return "the searched box" if estimate.boxed else "this index"


def all_searched(estimate: Estimate) -> str:
    """What the place may not be in: as `searched`, or "the 5 indexes"."""
    several = estimate.asked > 1 and not estimate.boxed
    return f"the {estimate.asked} indexes" if several else searched(estimate)


def compared_words(log_odds: float) -> str:
    """What a comparison of places came to for one of them: "better, +1.2", with the log-odds."""
    if not log_odds:
        return "undecided"
    return f"{'better' if log_odds > 0 else 'worse'}, {log_odds:+.1f}"


def city_line(located: Located) -> str:
    """Which city it is of several that were asked, the runner-up, and none of them; "" where one was asked.

    Such as "city: hamburg 91 %, next bremen 4 %, none of the 5 indexes 3 %".
    """
    estimate = located.estimate
    if not located.city or estimate is None:
        return ""
    together = [located.city, *(one.city for one in located.cities if one.same_place)]
    first = f"{plain(' with '.join(together))} {_spaced(estimate.in_this_index)}"
    rival = located.other_city
    none = f"none of the {estimate.asked} indexes {_spaced(estimate.not_in_index)}"
    if estimate.boxed:
        none = f"not in the searched box {_spaced(estimate.not_in_index)}"
    if rival is None:
        return f"city: {first}, {none}"
    second = f"{plain(rival.city)} {_spaced(rival.probability)}"
    if located.other is not None:
        return f"city: perhaps {first}, perhaps {second}: both are shown; {none}"
    if located.outcome is Outcome.NOT_FOUND:
        return f"city: {none}; the likeliest is {first}, next {second}"
    return f"city: {first}, next {second}, {none}"


def _spaced(share: float) -> str:
    """A share in percent with a common space: it goes to files and terminals."""
    return percent(share).replace("\u00a0", " ")


def reason_line(located: Located) -> str:
    """Why the outcome is what it is, which city it is, and what else should be known, in one line."""
    notes = map(sentence, located.notes)
    return "; ".join(filter(None, (sentence(located.reason), city_line(located), *notes)))
