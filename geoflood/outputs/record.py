"""What is known of a photo as one plain object: what `locate --json` prints. The one place with its names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from geoflood.core.datatypes import AttentionMap, Candidate, Located, SignPlace, StreetWords, TextSort
from geoflood.outputs.licences import licence_link, web_link
from geoflood.outputs.wording import reason_line

__all__ = ["METHOD", "STATUS", "Record", "record", "utf8"]

STATUS = "candidate"
"""A machine proposes; only a person confirms."""

METHOD = "visual place recognition by geoflood"

Record = dict[str, Any]


def record(located: Located) -> Record:
    """One JSON object a photo; what is not known is null, and no number is NaN or infinite."""
    estimate = located.estimate
    return {
        "photo": utf8(str(located.query.path)),
        "outcome": located.outcome.value,
        "lat": _number(estimate.position.lat, 7) if estimate else None,
        "lon": _number(estimate.position.lon, 7) if estimate else None,
        "probability": _number(estimate.probability, 4) if estimate else None,
        "radius_50_m": _number(estimate.radius_50_m, 1) if estimate else None,
        "radius_90_m": _number(estimate.radius_90_m, 1) if estimate else None,
        "not_in_index": _number(estimate.not_in_index, 4) if estimate else None,
        **_streets(located.streets),
        **_cities(located),
        "attention": _attention(located.attention),
        "signs": [utf8(text.text) for text in located.texts if text.sort is TextSort.SIGN],
        "overlays": [utf8(text.text) for text in located.texts if text.sort is TextSort.OVERLAY],
        "sign_places": [_sign_place(place) for place in located.sign_places],
        "candidates": _candidates(located.candidates),
        "seconds": {stage: _number(seconds, 3) for stage, seconds in located.seconds.items()},
        "reason": utf8(reason_line(located)),
    }


def _streets(words: StreetWords | None) -> Record:
    """`streets`: those of the search area with their shares of the belief, largest first."""
    if words is None:
        return {"street": None, "streets": [], "street_gap": None, "street_credit": None}
    return {
        "street": utf8(words.place) or None,
        "streets": [{"street": utf8(street), "share": _number(share, 3)} for street, share in words.area],
        "street_gap": utf8(words.gap) or None,
        "street_credit": utf8(words.credit) or None,
    }


def _cities(located: Located) -> Record:
    """Of several indexes that were asked together; nothing is known of them where one was."""
    rival, other = located.other_city, located.other
    return {
        "city": utf8(located.city) or None,
        "city_probability": _number(located.city_probability, 4),
        "other_city": utf8(rival.city) if rival else None,
        "other_city_probability": _number(rival.probability, 4) if rival else None,
        "cities": [
            {"city": utf8(one.city), "probability": _number(one.probability, 4)} for one in located.cities
        ],
        "other": None
        if other is None
        else {
            "city": utf8(other.city),
            "lat": _number(other.estimate.position.lat, 7),
            "lon": _number(other.estimate.position.lon, 7),
            "probability": _number(other.estimate.probability, 4),
            "radius_50_m": _number(other.estimate.radius_50_m, 1),
            "radius_90_m": _number(other.estimate.radius_90_m, 1),
            "street": utf8(other.streets.place) or None if other.streets else None,
            "candidates": _candidates(other.candidates),
        },
    }


def _candidates(candidates: Sequence[Candidate]) -> list[Record]:
    return [_candidate(rank, candidate) for rank, candidate in enumerate(candidates, 1)]


def _attention(attention: AttentionMap | None) -> Record:
    """`applied`: the search used something of it, be it weights or a waterline."""
    if attention is None:
        return {"provider": "none", "waterline": None, "applied": False, "reason": ""}
    return {
        "provider": utf8(attention.provider),
        "waterline": attention.waterline,
        "applied": not attention.uniform or attention.waterline is not None,
        "reason": utf8("; ".join(attention.reasons)),
    }


def _sign_place(place: SignPlace) -> Record:
    return {
        "sign": utf8(place.sign),
        "name": utf8(place.name),
        "lat": _number(place.position.lat, 7),
        "lon": _number(place.position.lon, 7),
        "away_m": _number(place.away_m, 1),
        "credit": utf8(place.credit),
    }


def _candidate(rank: int, candidate: Candidate) -> Record:
    reference = candidate.reference
    shared = [utf8(word) for word in candidate.shared_words]
    verdict = {"verdict": candidate.verdict, "verdict_reason": utf8(candidate.verdict_reason)}
    return {
        "rank": rank,
        "lat": _number(reference.position.lat, 7),
        "lon": _number(reference.position.lon, 7),
        "heading_deg": _number(reference.heading_deg, 1),
        "similarity": _number(candidate.similarity, 4),
        "image": utf8(reference.location),
        "credit": utf8(reference.credit),
        "licence": utf8(reference.licence),
        "link": web_link(reference.link),
        "licence_link": licence_link(reference.licence),
        **(verdict if candidate.verdict else {}),
        **({} if candidate.comparison is None else {"comparison": _number(candidate.comparison, 2)}),
        **({"street": utf8(candidate.street)} if candidate.street else {}),
        **({"shared_words": shared} if shared else {}),
    }


def _number(value: float | None, places: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), places)


def utf8(text: str) -> str:
    """`text` that any encoder takes: bytes of a file name that are no UTF-8 are spelled out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
