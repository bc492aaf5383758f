"""The name of a city -> its ground, asked of Nominatim once and kept; the only home of geopy.

Nominatim is a gift of the OpenStreetMap Foundation: one request a name, under our own User-Agent, cached,
credited. `--geocoder` names a server of one's own, or a Photon, which knows boxes but no polygons.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from geopy.adapters import URLLibAdapter
from geopy.exc import (
    GeocoderInsufficientPrivileges,
    GeocoderParseError,
    GeocoderQueryError,
    GeocoderRateLimited,
    GeocoderTimedOut,
    GeopyError,
)
from geopy.geocoders import Nominatim, Photon

from geoflood.core.area import Area
from geoflood.core.datatypes import LatLon
from geoflood.core.errors import BlockedError, InputError, NetworkError, UsageError
from geoflood.core.files import write_whole
from geoflood.core.paths import cache_folder
from geoflood.core.wire import LOGIN_PAGE, redact, refuse_offline, user_agent

__all__ = ["CREDIT", "DEFAULT", "find_area"]

DEFAULT = "https://nominatim.openstreetmap.org"
CREDIT = "© OpenStreetMap contributors"

_TIMEOUT_S = 15.0
_LIMIT = 10
"""Places that are asked for: the node and the relation of one, and those of the same name."""
_EDGE_M = 10.0
"""Outlines are simplified to this: those of cities reach megabytes."""
_MARGIN = 0.1
"""Of Nominatim's importance, 0 to 1: a place ahead by more is the one that people mean."""
_SETTLEMENTS = frozenset("city town municipality village borough hamlet city_district suburb".split())  # noqa: SIM905
_NO_NETWORK = "or say where it is yourself: --center LAT,LON --radius M, --bounds S,W,N,E or --aoi FILE"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A place that a geocoder knows by the name."""

    name: str
    full_name: str
    """With all that tells it from others, such as "Springfield, Illinois, United States"."""
    kind: str
    """city, county, country ..."""
    importance: float
    position: LatLon
    area: Area | None
    """None where only a point is known."""

    def is_same_as(self, other: FoundPlace) -> bool:
        """Of one name, and one lies in the other: its node, or its county."""
        return self.name.casefold() == other.name.casefold() and (self._holds(other) or other._holds(self))

    def _holds(self, other: FoundPlace) -> bool:
        spot = other.position
        return self.area is not None and bool(self.area.holds([spot.lat], [spot.lon])[0])

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Which of several that are the same place stands for it: larger is better."""
        return self.area is not None, self.kind in _SETTLEMENTS, self.importance


def find_area(name: str, geocoder: str | None = None) -> Area:
    """The ground of a city by its name, which may say more, such as "Springfield, Illinois".

    `geocoder` is the URL of a Nominatim, or of a Photon ("photon+https://..."); default
    GEOFLOOD_NOMINATIM_URL, else OpenStreetMap's own. Its answer is kept in the user's cache folder.

    Raises InputError when there is no such place or only a point is known, UsageError when several could be
    meant, NetworkError when the geocoder cannot be asked.
    """
    url = geocoder or os.environ.get("GEOFLOOD_NOMINATIM_URL") or DEFAULT
    service = _Service.of(url)
    found = [service.place(answer) for answer in _kept_answers(service, " ".join(name.split()))]
    places = _merged(place for place in found if place is not None)
    if not places:
        raise InputError(
            f"{service.host} knows no place called {name!r}", f"check the spelling; {_NO_NETWORK}"
        )
    best = _unambiguous(name, places, service)
    if best.area is None:
        spot = f"{best.position.lat:.5f},{best.position.lon:.5f}"
        raise InputError(
            f"of {best.full_name} only a point is known, no outline",
            f"say how far: --center {spot} --radius 3000",
        )
    return best.area.simplified(_EDGE_M)


@dataclass(frozen=True, slots=True)
class _Service:
    """A geocoder: where it is, and which of two kinds."""

    url: str
    photon: bool

    @classmethod
    def of(cls, url: str) -> _Service:
        """Raises UsageError for what is no address."""
        told, _, rest = url.strip().partition("+") if url.startswith("photon+") else ("", "", url.strip())
        try:
            split = urlsplit(rest)
            usable = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise UsageError(
                f"{redact(url)!r} is no address of a geocoder", "such as https://nominatim.example.org"
            )
        return cls(rest.rstrip("/"), bool(told) or "photon" in (split.hostname or ""))

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def ask(self, name: str) -> Sequence[Json]:
        """What it answers, as it came. Raises geopy's errors."""
        split = urlsplit(self.url)
        options = {
            "user_agent": user_agent(),
            "domain": f"{split.netloc}{split.path}",
            "scheme": split.scheme,
            "timeout": _TIMEOUT_S,
            "adapter_factory": URLLibAdapter,  # or geopy's errors would depend on what is installed
        }
        if self.photon:
            answers = Photon(**options).geocode(name, exactly_one=False, limit=_LIMIT, language="en")
        else:
            answers = Nominatim(**options).geocode(
                name, exactly_one=False, limit=_LIMIT, language="en", geometry="geojson"
            )
        return [answer.raw for answer in answers or ()]

    def place(self, answer: Json) -> FoundPlace | None:
        """One answer as a place; None for a street, a river or rubbish."""
        try:
            return _photon_place(answer) if self.photon else _nominatim_place(answer)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            return None


def _nominatim_place(answer: Json) -> FoundPlace | None:
    if answer.get("class", answer.get("category")) not in ("boundary", "place"):
        return None
    full = str(answer["display_name"])
    importance = float(answer.get("importance") or 0.0)
    kind = str(answer.get("addresstype") or answer.get("type") or "")
    return FoundPlace(
        str(answer.get("name") or full.partition(",")[0]),
        full,
        kind,
        importance if math.isfinite(importance) else 0.0,
        LatLon(float(answer["lat"]), float(answer["lon"])),
        _outline(answer.get("geojson"), full),
    )


def _outline(geojson: object, name: str) -> Area | None:
    """A place's polygon, mended where it can be; None for a point or a line."""
    try:
        return Area.of_geojson(geojson, name, CREDIT)
    except InputError:
        return None


def _photon_place(answer: Json) -> FoundPlace | None:
    """Photon gives an extent at the most: west, north, east, south."""
    known = answer["properties"]
    if known.get("osm_key") not in ("boundary", "place"):
        return None
    lon, lat = map(float, answer["geometry"]["coordinates"][:2])
    full = ", ".join(
        dict.fromkeys(str(known[part]) for part in ("name", "state", "country") if known.get(part))
    )
    area = None
    if known.get("extent"):
        west, north, east, south = map(float, known["extent"])
        area = replace(Area.of_box(south, west, north, east, full), credit=CREDIT)
    kind = str(known.get("type") or known.get("osm_value") or "")
    return FoundPlace(str(known["name"]), full, kind, 0.0, LatLon(lat, lon), area)


def _merged(found: Iterable[FoundPlace]) -> list[FoundPlace]:
    """Each place once, in the order of the answers."""
    places: list[FoundPlace] = []
    for one in found:
        same = next((at for at, other in enumerate(places) if one.is_same_as(other)), None)
        if same is None:
            places.append(one)
        else:
            both = (one, places[same])
            most = max(place.importance for place in both)
            places[same] = replace(max(both, key=lambda place: place.rank), importance=most)
    return places


def _unambiguous(name: str, places: Sequence[FoundPlace], service: _Service) -> FoundPlace:
    """The place that is meant. Raises UsageError, which lists what to type instead, when several could be.

    Photon does not say how well known a place is: there only a name that says more chooses.
    """
    best = max(places, key=lambda place: place.importance)
    likely = [place for place in places if _may_be_meant(place, best)]
    if len(likely) == 1 or (service.photon and "," in name):
        return best
    lines = "".join(
        f"\n  geoflood index {json.dumps(place.full_name, ensure_ascii=False)}" for place in likely
    )
    raise UsageError(f"{name!r} could be {len(likely)} places", f"say which:{lines}")


def _may_be_meant(place: FoundPlace, best: FoundPlace) -> bool:
    """Whether a place of the best one's name and kind is nearly as well known."""
    same_name = place.name.casefold() == best.name.casefold()
    same_kind = (place.kind in _SETTLEMENTS) == (best.kind in _SETTLEMENTS)
    return same_name and same_kind and place.importance >= best.importance - _MARGIN


def _kept_answers(service: _Service, name: str) -> Sequence[Json]:
    """The geocoder's answers, from the cache where it was asked before. Raises NetworkError, InputError."""
    key = hashlib.sha256(f"{service.url}\n{service.photon}\n{name.casefold()}".encode()).hexdigest()[:32]
    path = cache_folder("geocode") / f"{key}.json"
    if (kept := _read(path)) is not None:
        return kept
    refuse_offline(service.host)
    try:
        answers = service.ask(name)
    except GeopyError as error:
        raise _refusal(error, service.host, name) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise NetworkError(
            f"{service.host} answers as no geocoder does: {type(error).__name__}", "check --geocoder"
        ) from error
    if answers:
        write_whole(path, json.dumps({"service": service.url, "name": name, "answers": answers}))
    return answers


def _read(path: Path) -> Sequence[Json] | None:
    """Answers that were kept; None where there are none that can be read."""
    try:
        answers = json.loads(path.read_bytes())["answers"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return answers if isinstance(answers, list) and answers else None


def _refusal(error: GeopyError, host: str, name: str) -> NetworkError | InputError:
    """What geopy raised, in one line with what to do."""
    later = f"try again later, {_NO_NETWORK}"
    if isinstance(error, GeocoderRateLimited):
        after = f" in {error.retry_after:.0f} s" if error.retry_after else " later"
        return BlockedError(f"{host} was asked too often by this address", f"try again{after}, {_NO_NETWORK}")
    if isinstance(error, GeocoderInsufficientPrivileges):
        return BlockedError(
            f"{host} refuses this address (403)", f"use another one with --geocoder URL, {_NO_NETWORK}"
        )
    if isinstance(error, GeocoderQueryError):
        return InputError(f"{host} does not understand {name!r}: {_words(error)}", _NO_NETWORK)
    if isinstance(error, GeocoderParseError):
        return NetworkError(f"{host} sent something that is no JSON", LOGIN_PAGE)
    if isinstance(error, GeocoderTimedOut):
        return NetworkError(f"{host} did not answer within {_TIMEOUT_S:.0f} s", later)
    return NetworkError(
        f"{host} cannot be asked: {_words(error)}", f"check the connection and HTTPS_PROXY, {_NO_NETWORK}"
    )


def _words(error: Exception) -> str:
    return redact(" ".join(str(error).split()))[:120] or type(error).__name__
