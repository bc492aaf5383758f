"""What people decided, merged: signed, about what is here, and the latest stands whatever the order."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import LatLon
from geoflood.core.errors import InputError
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.findings import Decision, Status
from geoflood.triage.journal import NAME
from geoflood.triage.outputs import export, write_outputs
from geoflood.triage.results import read_results
from geoflood.triage.review import review
from tests.support.batch import FakeLocator, photo_jpeg, post_row, run_batch, write_posts
from tests.support.triage_results import CITY, write_results


def decisions(root: Path, *told: dict[str, object]) -> Path:
    path = root / "decisions.json"
    path.write_text(json.dumps({"geoflood": "decisions 1", "decisions": told}), "utf-8")
    return path


def decision(
    sha256: str, status: str = "confirmed", at: str = "2021-11-20T10:00:00Z", **more: object
) -> dict[str, object]:
    return {
        "sha256": sha256,
        "status": status,
        "by": "ana",
        "at": at,
        "lat": None,
        "lon": None,
        "note": "",
        **more,
    }


def test_decisions_are_merged_once_and_the_latest_stands(tmp_path: Path) -> None:
    out = write_results(tmp_path)
    first, second, _ = read_results(out)
    told = [
        decision(first.sha256, "rejected", "2021-11-20T11:00:00+01:00"),
        decision(first.sha256, "confirmed", "2021-11-20T12:00:00Z", lat=29.5, lon=-95.5, note="the bridge"),
        decision(second.sha256, "rejected"),
    ]
    path = decisions(tmp_path, *told)
    merged = review(out, path)
    assert merged.new == {Status.CANDIDATE: 0, Status.CONFIRMED: 1, Status.REJECTED: 2}
    assert (merged.older, merged.conflicts) == (1, ()), "one reviewer may think again"
    again = review(out, decisions(tmp_path, told[1], told[2]))
    assert sum(again.new.values()) == 0
    one, other, last = read_results(out)
    assert one.decision is not None
    assert (one.status, one.decision.by, one.position, one.decision.note) == (
        *(Status.CONFIRMED, "ana", LatLon(29.5, -95.5), "the bridge"),
    )
    assert one.decision.at == datetime(2021, 11, 20, 12)
    assert (other.status, other.position, last.status) == (Status.REJECTED, None, Status.CANDIDATE)
    export(read_results(out), tmp_path / "x.geojsonl", Sharing.INTERNAL)
    lines = [
        json.loads(line)["properties"] for line in (tmp_path / "x.geojsonl").read_text("utf-8").splitlines()
    ]
    assert [line["status"] for line in lines] == ["confirmed", "rejected", "candidate"]


@pytest.mark.parametrize(
    "content",
    [
        *(
            "",
            "[]",
            "{}",
            '{"decisions": [1]}',
            "[" * 100_000,
            '{"decisions": [{"sha256": "x", "status": "maybe"}]}',
        ),
        json.dumps({"decisions": [decision("0" * 64)]}),
        json.dumps({"decisions": [decision("0" * 64, at="soon")]}),
        json.dumps({"decisions": [decision("0" * 64, lat=91.0, lon=0.0)]}),
        json.dumps({"decisions": [{**decision("0" * 64), "by": ["ana"]}]}),
    ],
)
def test_what_holds_no_decisions_changes_nothing(tmp_path: Path, content: str) -> None:
    out = write_results(tmp_path, 1)
    before = (out / NAME).read_bytes()
    path = tmp_path / "d.json"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError):
        review(out, path)
    assert (out / NAME).read_bytes() == before


def hours_ahead(hours: int) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        *(({"by": name}, "decisions that nobody signed: 1") for name in ("", " \t")),
        ({"at": "2126-11-20T10:00:00Z"}, "decisions later than"),
        ({"at": hours_ahead(25)}, "decisions later than"),
    ],
)
def test_decisions_must_be_signed_and_made(tmp_path: Path, more: dict[str, object], fault: str) -> None:
    out = write_results(tmp_path, 1)
    (one,) = read_results(out)
    before = (out / NAME).read_bytes()
    with pytest.raises(InputError, match=fault):
        review(out, decisions(tmp_path, {**decision(one.sha256), **more}))
    assert (out / NAME).read_bytes() == before


def test_a_clock_may_be_some_hours_ahead(tmp_path: Path) -> None:
    out = write_results(tmp_path, 1)
    (one,) = read_results(out)
    assert (
        review(out, decisions(tmp_path, decision(one.sha256, at=hours_ahead(20)))).new[Status.CONFIRMED] == 1
    )


def test_a_photo_without_a_place_is_confirmed_by_a_pin_only(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, post_row("0.jpg", "post", 1))
    (folder / "0.jpg").write_bytes(photo_jpeg(0))
    run_batch(tmp_path, FakeLocator(broken=lambda path: True))
    out = tmp_path / "out"
    (one,) = read_results(out)
    assert one.located.place is None
    with pytest.raises(InputError, match="photos confirmed that have neither place nor pin: 1"):
        review(out, decisions(tmp_path, decision(one.sha256)))
    review(out, decisions(tmp_path, decision(one.sha256, "rejected")))
    review(out, decisions(tmp_path, decision(one.sha256, at="2021-11-20T12:00:00Z", lat=29.5, lon=-95.5)))
    (one,) = read_results(out)
    assert one.position == LatLon(29.5, -95.5)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_latest_stands_in_whatever_order_files_are_merged(tmp_path: Path, order: tuple[int, ...]) -> None:
    out = write_results(tmp_path, 1)
    (one,) = read_results(out)
    told = [
        decision(one.sha256, "rejected", "2021-11-20T10:00:00Z", by="ana"),
        decision(one.sha256, "confirmed", "2021-11-20T11:00:00Z", by="ben", lat=29.5, lon=-95.5),
        decision(one.sha256, "confirmed", "2021-11-20T12:00:00Z", by="ana"),
    ]
    merged = [review(out, decisions(tmp_path, told[at])) for at in order]
    (one,) = read_results(out)
    assert one.decision is not None
    assert (one.decision.by, one.decision.at.hour, one.pin) == ("ana", 12, None)
    assert sum(each.older for each in merged) == sum(
        at < max(order[:n], default=0) for n, at in enumerate(order)
    )
    assert len(merged[-1].conflicts) == 1, "ben set a pin where ana confirmed the machine's place"
    assert "by ana at 2021-11-20 12:00 UTC, which stands" in merged[-1].conflicts[0]
    assert [review(out, decisions(tmp_path, one)).new[Status.CONFIRMED] for one in told] == [0, 0, 0]
    write_outputs(read_results(out), CITY)
    assert "2021-11-20T12:00:00Z" in (out / "triage.html").read_text("utf-8")


def test_who_agrees_is_no_conflict(tmp_path: Path) -> None:
    out = write_results(tmp_path, 1)
    (one,) = read_results(out)
    for name in ("ana", "ben"):
        merged = review(out, decisions(tmp_path, decision(one.sha256, by=name)))
        assert merged.conflicts == ()


DECISIONS = st.builds(
    Decision,
    st.sampled_from(Status),
    st.sampled_from(["ana", "ben"]),
    st.sampled_from([datetime(2021, 11, day) for day in (9, 10, 11)]),
    st.sampled_from([None, LatLon(29.5, -95.5), LatLon(-29.5, -95.5)]),
    st.sampled_from(["", "note"]),
)


@given(
    st.lists(DECISIONS, min_size=1, max_size=6).flatmap(
        lambda made: st.tuples(st.just(made), st.permutations(made))
    )
)
def test_what_stands_does_not_depend_on_the_order(both: tuple[list[Decision], list[Decision]]) -> None:
    first, second = (max(made, key=lambda one: one.rank) for made in both)
    assert first == second
    assert first.at == max(one.at for one in both[0])
