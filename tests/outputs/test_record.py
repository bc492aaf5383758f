"""The object of `locate --json`: scripts lean on its names, so they are spelled out here."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from geoflood.core.datatypes import (
    AttentionMap,
    Candidate,
    Cell,
    Estimate,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    StreetWords,
)
from geoflood.outputs.fields import CITIES
from geoflood.outputs.record import record

SPOT = LatLon(29.760412345678, -95.369801)


def located(similarity: float = 0.8123456) -> Located:
    reference = Reference(7, "folder:a.jpg", SPOT, "images/a.jpg", 45.0, 60.0, "CC-BY-SA-4.0", "A. Mapper")
    estimate = Estimate(SPOT, 0.78, 8.04, 21.06, (Cell(SPOT, 10.0, 0.9),), 0.12)
    attention = AttentionMap.neutral(0.45, "analyst", "told by the crew")
    found = (Candidate(reference, similarity),)
    query = Query(Path("in/flood.jpg"))
    return Located(
        query,
        Outcome.LOCATED,
        Reason.recorded("the matches agree"),
        found,
        estimate,
        attention,
        {"search": 0.12345},
    )


WORDS = StreetWords("Market Hill", (("Market Hill", 0.61234), ("Petty Cury", 0.3)), "a gap", "© somebody")


def test_the_names_that_scripts_lean_on() -> None:
    assert record(located()) == {
        "photo": str(Path("in/flood.jpg")),
        "outcome": "located",
        "lat": 29.7604123,
        "lon": -95.369801,
        "probability": 0.78,
        "radius_50_m": 8.0,
        "radius_90_m": 21.1,
        "not_in_index": 0.12,
        "street": None,
        "streets": [],
        "street_gap": None,
        "street_credit": None,
        **CITIES,
        "attention": {
            "provider": "analyst",
            "waterline": 0.45,
            "applied": True,
            "reason": "told by the crew",
        },
        "signs": [],
        "overlays": [],
        "sign_places": [],
        "candidates": [
            {
                "rank": 1,
                "lat": 29.7604123,
                "lon": -95.369801,
                "heading_deg": 45.0,
                "similarity": 0.8123,
                "image": "images/a.jpg",
                "credit": "A. Mapper",
                "licence": "CC-BY-SA-4.0",
                "link": "",
                "licence_link": "https://creativecommons.org/licenses/by-sa/4.0/",
            }
        ],
        "seconds": {"search": 0.123},
        "reason": "the matches agree",
    }


def test_streets_of_the_place_and_of_the_candidates() -> None:
    found = located()
    named = replace(found, streets=WORDS, candidates=(replace(found.candidates[0], street="Mill Road"),))
    told = record(named)
    assert told["street"] == "Market Hill"
    assert told["streets"] == [
        {"street": "Market Hill", "share": 0.612},
        {"street": "Petty Cury", "share": 0.3},
    ]
    assert (told["street_gap"], told["street_credit"]) == ("a gap", "© somebody")
    assert told["candidates"][0]["street"] == "Mill Road"


def test_a_failed_photo_has_every_name_and_no_numbers() -> None:
    failed = record(Located(Query(Path("x.jpg")), Outcome.FAILED, Reason.recorded("truncated")))
    assert failed.keys() == record(located()).keys()
    assert [failed[name] for name in ("lat", "lon", "probability", "radius_90_m", "candidates")] == [
        None
    ] * 4 + [[]]
    assert failed["attention"] == {"provider": "none", "waterline": None, "applied": False, "reason": ""}


def test_neutral_attention_without_a_waterline_was_not_applied() -> None:
    told = [AttentionMap.neutral(), AttentionMap.neutral(0.3), AttentionMap(np.array([[0, 2]], np.float32))]
    applied = [
        record(Located(Query(Path("x")), Outcome.FAILED, Reason.recorded(""), attention=one))["attention"][
            "applied"
        ]
        for one in told
    ]
    assert applied == [False, True, True]


def test_no_nan_reaches_json() -> None:
    text = json.dumps(record(located(similarity=float("nan"))), allow_nan=False)
    assert json.loads(text)["candidates"][0]["similarity"] is None


def test_a_file_name_that_is_no_utf8_is_spelled_out() -> None:
    odd = Located(Query(Path(os.fsdecode(b"caf\xe9.jpg"))), Outcome.FAILED, Reason.recorded(""))
    assert record(odd)["photo"].encode("utf-8") == rb"caf\udce9.jpg"
