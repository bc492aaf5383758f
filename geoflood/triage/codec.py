"""Posts, located photos and decisions as JSON and back: what a journal keeps of them.

Reading raises KeyError, TypeError or ValueError for what was not written here.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from geoflood.core.datatypes import (
    MOST_COMPARED,
    AttentionMap,
    Bounds,
    Candidate,
    Cell,
    Cells,
    CityAnswer,
    CityShare,
    Estimate,
    Geotag,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    ReasonKind,
    Reference,
    SignPlace,
    StreetWords,
)
from geoflood.database.sign_store import text_rows, texts_of
from geoflood.imagery.exif import ExifClocks
from geoflood.localize.outcome import judge
from geoflood.triage.findings import Decision, Medium, NamedPlace, Post, Status

__all__ = [
    "clocks_from",
    "clocks_to",
    "decision_from",
    "decision_to",
    "geotag_from",
    "geotag_to",
    "located_from",
    "located_to",
    "post_from",
    "post_to",
    "time_from",
    "time_to",
    "words_from",
    "words_to",
]

Json = dict[str, Any]

_CELL_PLACES = 7
"""Decimals of a degree: 1 cm."""
_PAIR_PLACES = 3
"""Decimals of a share of a frame: a pixel on most screens."""


def post_to(post: Post) -> Json:
    """What is not known is left out; media are kept beside it, by their hashes."""
    content = {
        "layout": post.layout,
        "id": post.id,
        "text": post.text,
        "author": post.author,
        "posted_at": time_to(post.posted_at),
        "clock": post.clock,
        "geotag": geotag_to(post.geotag),
        "box": None if post.box is None else asdict(post.box),
        "place": post.place,
        "place_kind": post.place_kind,
        "source": post.source,
    }
    return {name: value for name, value in content.items() if value not in ("", None)}


def post_from(content: Mapping[str, Any], media: tuple[Medium, ...]) -> Post:
    """The post with its media."""
    return Post(
        layout=content["layout"],
        id=content.get("id", ""),
        text=content.get("text", ""),
        author=content.get("author", ""),
        posted_at=time_from(content.get("posted_at")),
        clock=content.get("clock", ""),
        geotag=geotag_from(content.get("geotag")),
        box=Bounds(**content["box"]) if content.get("box") else None,
        place=content.get("place", ""),
        place_kind=content.get("place_kind", ""),
        media=media,
        source=content.get("source", ""),
    )


def words_to(words: Sequence[NamedPlace]) -> list[Json]:
    """All of the places that a post's words name."""
    return [{**asdict(word), "points": [[point.lat, point.lon] for point in word.points]} for word in words]


def words_from(content: Sequence[Mapping[str, Any]]) -> tuple[NamedPlace, ...]:
    """The places again."""
    return tuple(
        NamedPlace(**{**word, "points": tuple(LatLon(lat, lon) for lat, lon in word["points"])})
        for word in content
    )


def geotag_to(geotag: Geotag | None) -> Json | None:
    """All of a geotag; how the camera leaned only where it is known."""
    if geotag is None:
        return None
    leaning = {name for name in ("pitch_deg", "roll_deg") if getattr(geotag, name) is None}
    content = {name: value for name, value in asdict(geotag).items() if name not in leaning}
    return {**content, "taken_at": time_to(geotag.taken_at)}


def geotag_from(content: Mapping[str, Any] | None) -> Geotag | None:
    """The geotag again."""
    if content is None:
        return None
    return Geotag(
        **{**content, "position": LatLon(**content["position"]), "taken_at": time_from(content["taken_at"])}
    )


def decision_to(decision: Decision) -> Json:
    """All of a decision."""
    return {**asdict(decision), "status": decision.status.value, "at": decision.at.isoformat()}


def decision_from(content: Mapping[str, Any]) -> Decision:
    """The decision again."""
    return Decision(
        Status(content["status"]),
        content["by"],
        datetime.fromisoformat(content["at"]),
        LatLon(**content["position"]) if content["position"] else None,
        content["note"],
    )


def located_to(located: Located) -> Json:
    """All of a located photo but what its post says of it."""
    return {
        "path": str(located.query.path),
        "outcome": located.outcome.value,
        "reason": _reason_to(located.reason),
        "candidates": [_candidate_to(found) for found in located.candidates],
        "estimate": _estimate_to(located.estimate),
        "attention": _attention_to(located.attention),
        "seconds": {
            stage: round(float(seconds), 4)
            for stage, seconds in located.seconds.items()
            if math.isfinite(seconds)
        },
        "notes": [_reason_to(note) for note in located.notes],
        **({"streets": asdict(located.streets)} if located.streets else {}),
        **({"texts": text_rows(located.texts)} if located.texts else {}),
        **({"sign_places": list(map(asdict, located.sign_places))} if located.sign_places else {}),
        **({"city": located.city, "cities": list(map(asdict, located.cities))} if located.city else {}),
        **({"other": _city_answer_to(located.other)} if located.other else {}),
    }


def located_from(content: Mapping[str, Any]) -> Located:
    """The located photo again."""
    estimate = _estimate_from(content["estimate"])
    outcome, reason = Outcome(content["outcome"]), _reason_from(content["reason"])
    if estimate and "verified" not in content["estimate"]:
        outcome, reason = _judged_anew(outcome, reason, estimate)
    return Located(
        Query(Path(content["path"])),
        outcome,
        reason,
        tuple(_candidate_from(found) for found in content["candidates"]),
        estimate,
        _attention_from(content["attention"]),
        dict(content["seconds"]),
        tuple(map(_reason_from, content.get("notes", ()))),
        _streets_from(content.get("streets")),
        texts=texts_of(content.get("texts", ())),
        sign_places=tuple(map(_sign_place_from, content.get("sign_places", ()))),
        city=content.get("city", ""),
        cities=tuple(CityShare(**share) for share in content.get("cities", ())),
        other=_city_answer_from(content.get("other")),
    )


def _city_answer_to(answer: CityAnswer) -> Json:
    return {
        "city": answer.city,
        "estimate": _estimate_to(answer.estimate),
        "candidates": [_candidate_to(found) for found in answer.candidates],
        **({"streets": asdict(answer.streets)} if answer.streets else {}),
    }


def _city_answer_from(content: Mapping[str, Any] | None) -> CityAnswer | None:
    """Journals from before several indexes were asked together have none."""
    if content is None or (estimate := _estimate_from(content["estimate"])) is None:
        return None
    candidates = tuple(_candidate_from(found) for found in content["candidates"])
    return CityAnswer(content["city"], estimate, candidates, _streets_from(content.get("streets")))


def _streets_from(content: Mapping[str, Any] | None) -> StreetWords | None:
    """Journals from before there were street maps have none."""
    if content is None:
        return None
    area = tuple((street, share) for street, share in content["area"])
    return StreetWords(content["place"], area, content["gap"], content["credit"])


def _sign_place_from(content: Mapping[str, Any]) -> SignPlace:
    return SignPlace(**{**content, "position": LatLon(**content["position"])})


def _judged_anew(outcome: Outcome, reason: Reason, estimate: Estimate) -> tuple[Outcome, Reason]:
    """A result from before there was *likely*: today's words have today's meaning wherever they stand."""
    if outcome is Outcome.FAILED:
        return outcome, reason
    judged, why = judge(estimate, tried=reason.kind is not ReasonKind.UNTRIED_INDEX)
    if outcome is Outcome.UNCERTAIN and judged is Outcome.LIKELY:  # probabilities of then promised too much
        return outcome, reason
    same_words = judged is outcome and reason.kind is ReasonKind.RECORDED
    return judged, reason if same_words else why


def _reason_to(reason: Reason) -> Json:
    return {name: value for name, value in asdict(reason).items() if value not in ("", None)}


def _reason_from(kept: str | Mapping[str, Any]) -> Reason:
    """Journals of 2026 hold sentences."""
    if isinstance(kept, str):
        return Reason.recorded(kept)
    return Reason(**{**kept, "kind": ReasonKind(kept["kind"])})


def _fields(value: LatLon | Reference | AttentionMap) -> Json:
    """What `asdict` gives but for copying it deep, which takes its time."""
    return {one.name: getattr(value, one.name) for one in fields(value)}


def _candidate_to(candidate: Candidate) -> Json:
    known = candidate.reference
    given = {"position": _fields(known.position), "taken_at": time_to(known.taken_at)}
    reference = {**_fields(known), **given}
    similarity = round(float(candidate.similarity), 6)
    return {
        "reference": {name: value for name, value in reference.items() if value not in ("", None)},
        "similarity": similarity,
        "inliers": candidate.inliers,
        "verdict": candidate.verdict,
        "verdict_reason": candidate.verdict_reason,
        **({"street": candidate.street} if candidate.street else {}),
        **({"shared_words": list(candidate.shared_words)} if candidate.shared_words else {}),
        **({} if candidate.comparison is None else {"comparison": round(candidate.comparison, 4)}),
        **({"pairs": np.round(candidate.pairs, _PAIR_PLACES).tolist()} if candidate.pairs else {}),
    }


def _candidate_from(content: Mapping[str, Any]) -> Candidate:
    known = content["reference"]
    given = {"position": LatLon(**known["position"]), "taken_at": time_from(known.get("taken_at"))}
    return Candidate(
        Reference(**{**known, **given}),
        content["similarity"],
        content["inliers"],
        content["verdict"],
        content.get("verdict_reason", ""),
        content.get("street", ""),
        shared_words=tuple(content.get("shared_words", ())),
        pairs=tuple(map(_pair_from, content.get("pairs", ()))),
        comparison=_comparison_from(content.get("comparison")),
    )


def _comparison_from(content: Any) -> float | None:
    if content is None:
        return None
    if not abs(compared := float(content)) <= MOST_COMPARED:
        raise ValueError(f"a comparison weighs too much: {content}")
    return compared


def _pair_from(content: Sequence[float]) -> tuple[float, float, float, float]:
    x, y, other_x, other_y = map(float, content)
    if not all(0 <= share <= 1 for share in (x, y, other_x, other_y)):
        raise ValueError(f"a pair lies outside its frames: {content}")
    return x, y, other_x, other_y


def _estimate_to(estimate: Estimate | None) -> Json | None:
    if estimate is None:
        return None
    numbers = {
        name: float(getattr(estimate, name))
        for name in ("probability", "radius_50_m", "radius_90_m", "not_in_index", "tolerance_m")
    }
    area = _cells_to(estimate.search_area)
    return {
        "position": _fields(estimate.position),
        **numbers,
        "verified": estimate.verified,
        **({"boxed": True} if estimate.boxed else {}),
        **(
            {"asked": estimate.asked, "in_other_index": float(estimate.in_other_index)}
            if estimate.asked > 1
            else {}
        ),
        "search_area": area,
    }


def _estimate_from(content: Mapping[str, Any] | None) -> Estimate | None:
    if content is None:
        return None
    area = _cells_from(content["search_area"])
    return Estimate(**{**content, "position": LatLon(**content["position"]), "search_area": area})


def _cells_to(cells: Sequence[Cell]) -> Json:
    """Packed: there are thousands, and as text they took three times the space and thirty times the time.

    Of each the latitude and longitude beyond the first one's and its probability, float32.
    """
    known = Cells.of(cells)
    first = known.centres[0] if len(known) else np.zeros(2)
    rows = np.column_stack([known.centres - first, known.probabilities]).astype("<f4")
    packed = base64.b64encode(rows.tobytes()).decode("ascii")
    return {"size_m": round(float(known.size_m), 3), "first": first.tolist(), "cells": packed}


def _cells_from(content: Mapping[str, Any]) -> Cells:
    rows = (
        np.frombuffer(base64.b64decode(content["cells"], validate=True), "<f4").reshape(-1, 3).astype(float)
    )
    centres = np.round(rows[:, :2] + np.array(content["first"], float), _CELL_PLACES)
    return Cells(centres, np.round(rows[:, 2], 8), content["size_m"])


def _attention_to(attention: AttentionMap | None) -> Json | None:
    if attention is None:
        return None
    weights = np.round(attention.weights, 3).tolist()
    return {**_fields(attention), "weights": weights, "reasons": list(attention.reasons)}


def _attention_from(content: Mapping[str, Any] | None) -> AttentionMap | None:
    if content is None:
        return None
    weights = np.array(content["weights"], np.float32)
    return AttentionMap(
        weights,
        content["waterline"],
        content["provider"],
        tuple(content["reasons"]),
        content.get("doubt", 0.0),
    )


def time_to(moment: datetime | None) -> str | None:
    """A time in ISO 8601."""
    return None if moment is None else moment.isoformat()


def time_from(content: str | None) -> datetime | None:
    """The time again."""
    return None if content is None else datetime.fromisoformat(content)


def clocks_to(clocks: ExifClocks | None) -> list[str] | None:
    """The two clocks of a photo's EXIF that disagree."""
    return None if clocks is None else [clocks.receiver.isoformat(), clocks.camera.isoformat()]


def clocks_from(content: Sequence[str] | None) -> ExifClocks | None:
    """The clocks again."""
    return None if content is None else ExifClocks(*map(datetime.fromisoformat, content))
