"""What OpenStreetMap's tags mean here: a street, water, a named place, a house number, or nothing.

The tables follow the keys' pages in OpenStreetMap's wiki; DESIGN.md tells what a kind is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from geoflood.core.plain_text import one_line
from geoflood.places.street_map import AreaKind, LineKind
from geoflood.places.street_map_file import LONGEST_NAME

__all__ = ["Forms", "area_kind", "door", "line_kind", "name_forms", "spot_sort"]

Tags: TypeAlias = Mapping[str, str]
Forms: TypeAlias = tuple[tuple[str, str], ...]

_LINKED = ("motorway", "trunk", "primary", "secondary", "tertiary")
_HIGHWAYS = {
    **dict.fromkeys(("motorway", "trunk", "primary"), LineKind.MAJOR),
    **dict.fromkeys(("secondary", "tertiary"), LineKind.MIDDLE),
    **dict.fromkeys(
        ("residential", "unclassified", "living_street", "pedestrian", "road", "busway"), LineKind.MINOR
    ),
    **dict.fromkeys(("service", "track"), LineKind.SERVICE),
    **dict.fromkeys(("footway", "path", "cycleway", "bridleway", "steps"), LineKind.PATH),
}
_HIGHWAYS |= {f"{word}_link": _HIGHWAYS[word] for word in _LINKED}
_RAILWAYS = frozenset(("rail", "tram", "light_rail", "subway", "narrow_gauge", "monorail", "funicular"))
_STREAMS = frozenset(("river", "canal", "stream", "ditch", "drain"))
_BESIDE_STREETS = frozenset(("sidewalk", "crossing", "traffic_island", "link"))
"""Footways that are parts of a street, and lines of their own in some cities only."""

_WATERS = {
    "natural": frozenset(("water", "bay", "strait")),
    "waterway": frozenset(("riverbank", "dock")),
    "landuse": frozenset(("reservoir", "basin")),
}
_PARKS = {
    "leisure": frozenset(
        ("park", "garden", "nature_reserve", "golf_course", "pitch", "playground", "recreation_ground")
    ),
    "landuse": frozenset(
        ("grass", "forest", "meadow", "village_green", "recreation_ground", "cemetery", "allotments")
    ),
    "natural": frozenset(("wood", "scrub", "grassland", "heath")),
    "amenity": frozenset(("grave_yard",)),
}
_PAVED = frozenset(("pedestrian", "footway", "living_street"))

_SORTS = (
    *("place", "railway", "amenity", "shop", "tourism", "historic", "leisure", "healthcare", "man_made"),
    *("public_transport", "aeroway", "natural", "waterway", "water", "landuse", "craft", "office"),
    *("club", "building"),
)
"""Keys that say what a named place is, the most telling first."""
_SORT_WORDS = {
    ("shop", "yes"): "shop",
    ("building", "yes"): "building",
    ("railway", "halt"): "station",
    ("public_transport", "station"): "station",
    ("natural", "water"): "water",
    ("place", "neighbourhood"): "quarter",
    ("historic", "yes"): "monument",
}
_NOT_SPOTS = {
    "railway": frozenset(("station", "halt")),
    "public_transport": frozenset(("station",)),
    "place": frozenset(
        (
            *("suburb", "quarter", "neighbourhood", "square", "village", "hamlet", "town", "islet"),
            *("island", "locality", "borough"),
        )
    ),
    "man_made": frozenset(
        ("bridge", "pier", "tower", "water_tower", "lighthouse", "works", "chimney", "breakwater", "quay")
    ),
}
"""Keys of which only these values are a place that people name."""
_WORD = re.compile(r"[a-z][a-z ]{1,30}")

_LANGUAGE = r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}"
_PLAIN_FORMS = ("name", "official_name", "int_name", "alt_name", "short_name", "loc_name", "old_name")
_SPLIT = frozenset(("alt_name", "short_name", "loc_name", "old_name", "ref"))
"""Forms of which a tag may hold several, parted by semicolons."""
_TRANSLATED = re.compile(rf"(?:{'|'.join(_PLAIN_FORMS)}):{_LANGUAGE}")
_MOST_FORMS = 60

_NUMBER = re.compile(r"[^\W_].*")
LONGEST_NUMBER = 20


def line_kind(tags: Tags) -> LineKind | None:
    """Of a line; None for what is neither street nor rail nor stream, or lies underground."""
    if tags.get("area") == "yes" or tags.get("indoor") in ("yes", "corridor"):
        return None
    if (highway := _HIGHWAYS.get(tags.get("highway", ""))) is not None:
        beside = tags.get("footway", tags.get("path", tags.get("cycleway"))) in _BESIDE_STREETS
        return None if highway == LineKind.PATH and beside else highway
    if tags.get("tunnel", "no") != "no":
        return None
    if tags.get("railway") in _RAILWAYS:
        return LineKind.RAIL
    return LineKind.STREAM if tags.get("waterway") in _STREAMS else None


def area_kind(tags: Tags) -> AreaKind | None:
    """Of a polygon; None for ground that is not drawn."""
    if tags.get("tunnel", "no") != "no" or tags.get("location") == "underground":
        return None
    if tags.get("building", "no") != "no":
        return AreaKind.BUILDING
    if _among(tags, _WATERS):
        return None if tags.get("intermittent") == "yes" else AreaKind.WATER
    paved = tags.get("highway") in _PAVED and tags.get("area") == "yes"
    if paved or tags.get("area:highway") in _PAVED or tags.get("place") == "square":
        return AreaKind.SQUARE
    return AreaKind.PARK if _among(tags, _PARKS) else None


def _among(tags: Tags, table: Mapping[str, frozenset[str]]) -> bool:
    return any(tags.get(key) in values for key, values in table.items())


def spot_sort(tags: Tags) -> str | None:
    """What a named place is, in a word or two: "school", "station"; None for what is no such place."""
    for key in _SORTS:
        value = tags.get(key)
        if value is None or value == "no" or (key in _NOT_SPOTS and value not in _NOT_SPOTS[key]):
            continue
        word = _SORT_WORDS.get((key, value)) or value.replace("_", " ").strip()
        if not _WORD.fullmatch(word):
            return key.replace("_", " ")
        return f"{word} shop" if key == "shop" and word in ("clothes", "shoes", "books", "gift") else word
    return None


def name_forms(tags: Tags) -> Forms:
    """Every form of a feature's name, the shown one first; none where it has no name."""
    forms: dict[tuple[str, str], None] = {}
    for key in (*_PLAIN_FORMS, "ref", *filter(_TRANSLATED.fullmatch, tags)):
        if key in tags:
            forms.update(dict.fromkeys((key, text) for text in _texts(key, tags[key])))
    return tuple(forms)[:_MOST_FORMS]


def _texts(key: str, value: str) -> Iterator[str]:
    parts = value.split(";") if key.partition(":")[0] in _SPLIT else [value]
    yield from filter(None, (one_line(part, LONGEST_NAME) for part in parts))


def door(tags: Tags) -> tuple[str, str] | None:
    """(street, house number); None for what has no address on a street."""
    street = one_line(tags.get("addr:street") or tags.get("addr:place") or "", LONGEST_NAME)
    number = one_line(tags.get("addr:housenumber", ""), LONGEST_NUMBER)
    if not street or not _NUMBER.fullmatch(number) or "addr:interpolation" in tags:
        return None
    return street, number
