"""The fields of `located.csv` and `located.geojson`: one table, which `locate` and a batch both write.

A field has a name, a meaning and a way to be taken from an answer. A batch adds fields of its own about posts
and decisions (`geoflood.triage.export.finding_fields`). `field_table` lists either for the documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from geoflood.core.datatypes import Estimate, LatLon, Located
from geoflood.core.geo import degrees_minutes, usng
from geoflood.outputs.record import METHOD, STATUS, Record, record
from geoflood.outputs.wording import decimal_degrees, percent, plain

__all__ = [
    "ANSWER_FIELDS",
    "CITIES",
    "FIGURES",
    "STREETS",
    "Field",
    "LocatedRow",
    "Row",
    "ShownPlace",
    "Value",
    "answer_row",
    "field_table",
    "first_match_record",
]

Value: TypeAlias = str | int | float | None
Row: TypeAlias = Mapping[str, Value]
"""A photo's values by field; what is not known is None."""
T = TypeVar("T")

FIGURES = ("probability", "radius_50_m", "radius_90_m", "not_in_index")
"""What the machine says of its own estimate, and of no other place."""

CITIES: Record = {
    **dict.fromkeys(("city", "city_probability", "other_city", "other_city_probability", "other")),
    "cities": [],
}
"""What a record says of cities where one index was asked, or a person has put the pin."""

STREETS: Record = {"street": None, "streets": [], "street_gap": None, "street_credit": None}
"""What a record says of streets where nothing is known of them."""


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """A column of a table, a property of a feature."""

    name: str
    meaning: str
    """For people who read the file, in one line."""
    value: Callable[[T], Value]


@dataclass(frozen=True, slots=True)
class ShownPlace:
    """A position as files give it: no finer than it is known."""

    lat: float
    lon: float
    accuracy_m: int | None
    """Radius around it that holds the photo's place with 90 %; None where nobody can say."""
    usng: str
    dmm: str

    @classmethod
    def of(cls, estimate: Estimate) -> ShownPlace:
        """An estimate's place. The mode is as sharp as its tolerance, even where the 90 % radius spans two
        candidates kilometres apart; programs read accuracy_m beside it.
        """
        lat, lon = decimal_degrees(estimate.position, min(estimate.radius_90_m, estimate.tolerance_m))
        return cls.at(estimate.position, float(lat), float(lon), estimate.radius_90_m)

    @classmethod
    def at(
        cls, position: LatLon, lat: float, lon: float, accuracy_m: float | None, grid_m: float = 0.0
    ) -> ShownPlace:
        """A position with its rounded degrees; grids tell it within `accuracy_m`, or `grid_m` without one."""
        known_m = accuracy_m or grid_m
        accuracy = None if accuracy_m is None else round(accuracy_m)
        return cls(lat, lon, accuracy, usng(position, known_m), degrees_minutes(position, known_m))


@dataclass(frozen=True, slots=True)
class LocatedRow:
    """A located photo as a row tells it: `known` is its record, with the first candidate only."""

    known: Record
    photo: str
    place: ShownPlace | None
    status: str = STATUS
    method: str = METHOD

    @classmethod
    def of(cls, located: Located) -> LocatedRow:
        """What a search says by itself."""
        known = first_match_record(located)
        return cls(known, known["photo"], ShownPlace.of(located.place) if located.place else None)


def first_match_record(located: Located) -> Record:
    """The record of a photo and its first candidate: rows tell of no other."""
    return record(replace(located, candidates=located.candidates[:1]))


def _known(name: str) -> Callable[[LocatedRow], Value]:
    return lambda answer: answer.known[name]


def _place(name: str) -> Callable[[LocatedRow], Value]:
    return lambda answer: getattr(answer.place, name) if answer.place else None


def _city(name: str) -> Callable[[LocatedRow], Value]:
    """What is said of the city; nothing where there is no place to go to: somebody would go there."""
    return lambda answer: _text_or_number(answer.known[name]) if answer.place else None


def _other(name: str) -> Callable[[LocatedRow], Value]:
    """Of the runner-up's place, no finer than it is known."""

    def degrees(answer: LocatedRow) -> Value:
        other = answer.known["other"]
        return round(other[name], 5) if other and answer.place else None

    return degrees


def _text_or_number(value: Value) -> Value:
    return _text(value) if isinstance(value, str) else value


def _match(name: str) -> Callable[[LocatedRow], Value]:
    """Of the reference that fits best; None without one."""
    return lambda answer: _text(next((match.get(name) for match in answer.known["candidates"]), None))


def _streets(answer: LocatedRow) -> Value:
    """ "Market Hill 62 %; Petty Cury 30 %"."""
    told = (f"{one['street']} {percent(one['share'])}" for one in answer.known["streets"])
    return _text("; ".join(told).replace("\u00a0", " "))


def _listed(words: Sequence[str]) -> str | None:
    return _text("; ".join(words))


def _text(value: str | None) -> str | None:
    """Foreign text in one line; None for an empty one."""
    return plain(value) or None if value else None


ANSWER_FIELDS: tuple[Field[LocatedRow], ...] = (
    Field("photo", "the photo's file", lambda answer: _text(answer.photo)),
    Field("outcome", "located, likely, uncertain, not-found or failed", _known("outcome")),
    Field("lat", "latitude, degrees of WGS 84; empty where there is no place to go to", _place("lat")),
    Field("lon", "longitude, likewise", _place("lon")),
    Field("accuracy_m", "metres that hold the place with 90 %, if it is indexed", _place("accuracy_m")),
    Field("probability", "that lat and lon are right within 25 m, 0 to 1", _known("probability")),
    Field("radius_50_m", "as accuracy_m, with 50 %", _known("radius_50_m")),
    Field("radius_90_m", "as accuracy_m, for a photo without a place too", _known("radius_90_m")),
    Field(
        "not_in_index", "belief that the place is not in what was searched, 0 to 1", _known("not_in_index")
    ),
    Field("street", "the place in street names", lambda answer: _text(answer.known["street"])),
    Field("streets", "those of the search area with their shares of the belief", _streets),
    Field(
        "street_gap",
        "streets beside it without a street image",
        lambda answer: _text(answer.known["street_gap"]),
    ),
    Field("street_credit", "whose the street names are", lambda answer: _text(answer.known["street_credit"])),
    Field("city", "the index that it is of, where several were asked; of a place only", _city("city")),
    Field("city_probability", "that the place is in that index, 0 to 1", _city("city_probability")),
    Field("other_city", "the next likeliest index", lambda answer: _text(answer.known["other_city"])),
    Field("other_city_probability", "of that, likewise", _known("other_city_probability")),
    Field("other_lat", "latitude there, where neither is likely enough alone", _other("lat")),
    Field("other_lon", "longitude there", _other("lon")),
    Field("usng", "the place in the US National Grid", _place("usng")),
    Field("dmm", "the place in degrees and decimal minutes", _place("dmm")),
    Field("status", "candidate, until a person has decided", lambda answer: answer.status),
    Field("method", "who or what proposed the place", lambda answer: answer.method),
    Field("best_match", "the reference image that fits best", _match("image")),
    Field("credit", "who made that image", _match("credit")),
    Field("licence", "that image's licence", _match("licence")),
    Field("link", "that image's page, where it has one", _match("link")),
    Field("licence_link", "where the licence can be read", _match("licence_link")),
    Field("reason", "why the outcome is what it is", lambda answer: _text(answer.known["reason"])),
    Field(
        "attention",
        "who said which parts of the photo count: none, analyst, file or a model",
        lambda answer: _text(answer.known["attention"]["provider"]),
    ),
    Field(
        "waterline",
        "share of the photo's height that is under water, from the bottom, 0 to 1",
        lambda answer: answer.known["attention"]["waterline"],
    ),
    Field("attention_reason", "what they said", lambda answer: _text(answer.known["attention"]["reason"])),
    Field("signs", "words read on signs in the photo", lambda answer: _listed(answer.known["signs"])),
    Field("verdict", "a model's word on the best match: same, different, cannot_say", _match("verdict")),
    Field(
        "comparison",
        "log-odds of the best match's place after a model compared places, -2 to 2",
        _match("comparison"),
    ),
)
"""In the order of their columns."""


def answer_row(located: Located) -> dict[str, Value]:
    """The row of a photo, by ANSWER_FIELDS."""
    answer = LocatedRow.of(located)
    return {field.name: field.value(answer) for field in ANSWER_FIELDS}


def field_table(fields: Sequence[Field[Any]]) -> str:
    """The names and meanings of fields as a Markdown table: what docs/reference/files.md shows."""
    rows = [f"| `{field.name}` | {field.meaning} |" for field in fields]
    return "\n".join(["| field | meaning |", "|---|---|", *rows]) + "\n"
