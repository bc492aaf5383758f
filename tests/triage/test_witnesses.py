"""What speaks of a photo besides its look: its EXIF, and what posts say of where it was taken."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.ExifTags import IFD

from geoflood.core.datatypes import Bounds, Geotag, LatLon
from geoflood.triage.export.formats import format_of
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.thumbnails import Thumbnails
from geoflood.triage.export.triage_items import triage_item
from geoflood.triage.findings import Decision, Post, Status
from geoflood.triage.journal import Journal, read_journal
from geoflood.triage.narrowing import Narrowing
from geoflood.triage.options import BatchOptions
from geoflood.triage.stated_place import StatedPlace, stated_place
from tests.support.batch import FakeLocator, findings, post_row, random_scene, run_batch, write_posts

TAKEN = "2021:07:14 17:03:09"
HOUSTON = {1: "N", 2: (29, 45, 37.44), 3: "W", 4: (95, 22, 11.28)}


def camera(seed: int, gps: dict[int, Any] | None = None) -> bytes:
    exif = PIL.Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(IFD.Exif)[0x9003] = TAKEN
    exif.get_ifd(IFD.GPSInfo).update(gps or {})
    buffer = io.BytesIO()
    PIL.Image.fromarray(random_scene(seed)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def told(root: Path, sharing: Sharing) -> list[dict[str, str]]:
    path = root / f"{sharing}.csv"
    format_of(path).write(path, findings(root), sharing)
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


@pytest.mark.parametrize("gps", [None, HOUSTON])
def test_exif_tells_the_time_with_or_without_a_position(tmp_path: Path, gps: dict[int, Any] | None) -> None:
    (write_posts(tmp_path) / "a.jpg").write_bytes(camera(1, gps))
    run_batch(tmp_path)
    (one,) = findings(tmp_path)
    assert one.taken_at == datetime(2021, 7, 14, 17, 3, 9)
    assert (one.exif is not None) == bool(gps)
    assert [row["exif_taken_at"] for row in told(tmp_path, Sharing.INTERNAL)] == ["2021-07-14T17:03:09"]
    assert not any("17:03:09" in cell for row in told(tmp_path, Sharing.PUBLIC) for cell in row.values())


def test_two_clocks_that_disagree_are_both_said(tmp_path: Path) -> None:
    (write_posts(tmp_path) / "a.jpg").write_bytes(camera(1, {29: "2001:11:28", 7: (8, 30, 15)}))
    run_batch(tmp_path)
    (one,) = findings(tmp_path)
    assert one.taken_at == datetime(2021, 7, 14, 17, 3, 9)
    words = (
        "2001-11-28 08:30 UTC by the GPS receiver, 2021-07-14 17:03 by the camera: the camera's is likelier"
    )
    (row,) = told(tmp_path, Sharing.INTERNAL)
    assert (row["exif_taken_at"], row["exif_clocks"]) == ("2021-07-14T17:03:09", words)
    with Thumbnails(tmp_path / "pictures", 0) as pictures:
        item = triage_item(one, pictures, lambda reference: None, True)
    assert {"name": "two clocks in the EXIF", "text": words, "at": None} in item["witnesses"]
    assert not any("2001" in cell for row in told(tmp_path, Sharing.PUBLIC) for cell in row.values())


def test_a_journal_that_kept_the_time_beside_the_position_is_read(tmp_path: Path) -> None:
    (write_posts(tmp_path) / "a.jpg").write_bytes(camera(1, HOUSTON))
    run_batch(tmp_path)
    (line,) = [line.content for line in read_journal(tmp_path / "out") if line.kind == "photo"]
    older = {name: line[name] for name in ("sha256", "file", "same_as", "bits_apart", "looks", "exif")}
    with Journal(tmp_path / "out") as journal:
        list(journal.replay())
        journal.append("photo", **older)
        journal.append("photo", **{**older, "sha256": "0" * 64, "exif": None})
    (one,) = findings(tmp_path)
    assert one.taken_at == datetime(2021, 7, 14, 17, 3, 9)
    run_batch(tmp_path)


# ---- --use-post-geo: one of all posts speaks for a photo, in whatever order they come

NARROWED = BatchOptions("rivertown", use_post_geo=True)


POSTS = st.lists(
    st.builds(
        Post,
        layout=st.just("x"),
        id=st.text(max_size=2),
        posted_at=st.none() | st.datetimes(datetime(2021, 1, 1), datetime(2021, 1, 3)),
        geotag=st.none()
        | st.builds(Geotag, st.builds(LatLon, st.floats(-80, 80), st.floats(-170, 170)), st.just("post")),
        box=st.none()
        | st.builds(lambda s, w: Bounds(s, w, s + 1, w + 1), st.integers(-9, 9), st.integers(-9, 9)),
        place=st.sampled_from(["", "Houston, TX"]),
    ),
    max_size=6,
)


@given(heard=POSTS, dice=st.randoms())
def test_who_speaks_for_a_photo_depends_on_no_order(heard: list[Post], dice: Any) -> None:
    def best(order: list[int]) -> StatedPlace:
        narrowing = Narrowing()
        for n in order:
            narrowing.add_post("photo", str(n), heard[n])
        return narrowing.place_of("photo")

    order = list(range(len(heard)))
    first = best(order)
    dice.shuffle(order)
    assert best(order) == first
    speaking = [post for post in heard if stated_place(post).within]
    assert (first.within is None) == (not speaking)
    if any(post.geotag for post in heard):
        assert "own position" in first.source


def test_a_post_that_takes_its_place_back_is_not_heard() -> None:
    narrowing = Narrowing()
    narrowing.add_post("photo", "1", Post("x", "1", box=Bounds(0, 0, 1, 1)))
    narrowing.add_post("photo", "1", Post("x", "1"))
    assert narrowing.place_of("photo") == StatedPlace()


@pytest.mark.parametrize("order", [("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")])
def test_a_repost_with_a_position_narrows_whichever_is_read_first(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    folder = write_posts(tmp_path)
    (folder / "list.jsonl").unlink()
    bare, tagged = (
        post_row("1.jpg", "no place", 7),
        post_row("2.jpg", "the same again", 8, lat=29.7, lon=-95.3),
    )
    for name, told in zip(order, (bare, tagged), strict=True):
        (folder / name).write_text(json.dumps(told) + "\n", "utf-8")
    for name in ("1.jpg", "2.jpg"):
        (folder / name).write_bytes(camera(1))
    locator = FakeLocator()
    run_batch(tmp_path, locator, NARROWED)
    ((_, within),) = locator.seen
    assert within is not None
    (one,) = findings(tmp_path)
    assert one.narrowed == "within 2 km of the post's own position 29.70000, -95.30000"


def test_a_position_that_comes_later_has_the_photo_located_again(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, post_row("a.jpg", "first", 7), post_row("b.jpg", "other", 7))
    for n, name in enumerate(("a.jpg", "b.jpg")):
        (folder / name).write_bytes(camera(n))
    run_batch(tmp_path, options=NARROWED)
    assert [one.narrowed for one in findings(tmp_path)] == ["", ""]
    late = [post_row(name, "late", 9, lat=29.7, lon=-95.3) for name in ("a.jpg", "b.jpg")]
    (folder / "more.jsonl").write_text("".join(json.dumps(one) + "\n" for one in late), "utf-8")
    decided = findings(tmp_path)[1].sha256
    with Journal(tmp_path / "out") as journal:
        list(journal.replay())
        confirmed = {
            "status": "confirmed",
            "by": "bo",
            "at": "2026-11-20T10:00:00",
            "position": None,
            "note": "",
        }
        journal.append("decision", sha256=decided, decision=confirmed)
    again = FakeLocator()
    summary = run_batch(tmp_path, again, NARROWED)
    assert (len(again.seen), summary.outcomes.total(), summary.before) == (1, 1, 2)
    narrowed = {one.sha256: one.narrowed for one in findings(tmp_path)}
    assert narrowed.pop(decided) == "", "what a person confirmed stays what was confirmed"
    assert "own position" in narrowed.popitem()[1]
    idle = FakeLocator()
    run_batch(tmp_path, idle, NARROWED)
    assert idle.seen == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_several_decisions_the_latest_says_whether_a_result_stays(order: tuple[int, int]) -> None:
    made = [
        Decision(Status.CONFIRMED, "bo", datetime(2026, 11, 20)),
        Decision(Status.CANDIDATE, "bo", datetime(2026, 11, 21)),
    ]
    narrowing = Narrowing()
    narrowing.add_result("photo", "")
    narrowing.add_post("photo", "1", Post("x", "1", box=Bounds(0, 0, 1, 1)))
    narrowing.add_decision("photo", made[0])
    assert list(narrowing.due(["photo"], {"photo"})) == []
    for n in order:
        narrowing.add_decision("photo", made[n])
    assert list(narrowing.due(["photo"], {"photo"})) == ["photo"]


def test_stopped_while_narrowing_the_next_run_ends_with_the_same(tmp_path: Path) -> None:
    folder = write_posts(tmp_path, *(post_row(f"{n}.jpg", "t", n, lat=29.0 + n, lon=-95.3) for n in range(6)))
    for n in range(6):
        (folder / f"{n}.jpg").write_bytes(camera(n))
    locator, totals = FakeLocator(), list[tuple[int, int]]()

    def progress(stage: str, done: int, total: int) -> None:
        totals.extend([(done, total)] if stage == "photos" else [])

    run_batch(
        tmp_path, locator, NARROWED, at_once=1, progress=progress, stopping=lambda: len(locator.seen) >= 2
    )
    assert len(findings(tmp_path)) < 6
    assert {total for _, total in totals} == {6}
    assert not run_batch(tmp_path, options=NARROWED).stopped
    assert sorted(one.narrowed[-19:] for one in findings(tmp_path)) == [
        f"{29 + n}.00000, -95.30000" for n in range(6)
    ]
