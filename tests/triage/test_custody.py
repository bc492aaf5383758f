"""The check of a folder of results: whatever was changed, taken away or added behind its back is told."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import SearchOptions
from geoflood.core.errors import InputError, UsageError
from geoflood.core.files import fingerprint
from geoflood.triage.custody import unsealed, verify
from geoflood.triage.journal import Journal
from geoflood.triage.options import BatchOptions
from geoflood.triage.outputs import write_outputs
from geoflood.triage.pipeline import batch_locate
from geoflood.triage.results import read_results
from geoflood.triage.review import review
from tests.support.batch import (
    CITY,
    OPTIONS,
    FakeLocator,
    findings,
    photo_jpeg,
    post_row,
    run_batch,
    write_index,
    write_posts,
)


def ended(root: Path) -> Path:
    """Results of two loose photos and one in an archive."""
    folder = write_posts(root, post_row("0.jpg", "post 0", 1), post_row("1.jpg", "post 1", 2))
    for n in range(2):
        (folder / f"{n}.jpg").write_bytes(photo_jpeg(n))
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        archive.writestr("a.jpg", photo_jpeg(7))
    run_batch(root)
    write_outputs(read_results(root / "out"), CITY)
    return root / "out"


def added(out: Path, kind: str, **content: Any) -> None:
    """A line that keeps the chain whole, as anyone can write it who reads how."""
    with Journal(out) as journal:
        list(journal.replay())
        journal.append(kind, **content)


def decision(sha: str, by: str = "mallory") -> dict[str, Any]:
    told = {"status": "confirmed", "by": by, "at": "2026-11-20T10:00:00", "position": None, "note": ""}
    return {"sha256": sha, "decision": told}


def test_lines_behind_the_seal_are_named_and_a_review_seals_its_own(tmp_path: Path) -> None:
    out = ended(tmp_path)
    sha = findings(tmp_path)[0].sha256
    assert verify(out).stands
    assert unsealed(read_results(out)) == ()
    lawful = {"sha256": sha, "status": "rejected", "by": "bo", "at": "2026-11-20T09:00:00Z"}
    (tmp_path / "d.json").write_text(json.dumps({"decisions": [lawful]}), "utf-8")
    review(out, tmp_path / "d.json")
    write_outputs(read_results(out), CITY)
    checked = verify(out)
    assert (checked.stands, checked.after, unsealed(read_results(out))) == (True, (), ())
    added(out, "decision", **decision(sha))
    again = verify(out)
    assert not again.stands
    assert again.after == (f"line {checked.lines + 1}: decision, {sha[:12]} confirmed by mallory",)
    assert unsealed(read_results(out)) == again.after
    assert again.seal == checked.seal


def test_lines_of_a_killed_run_are_no_decisions_and_the_next_run_seals_them(tmp_path: Path) -> None:
    out = ended(tmp_path)
    (tmp_path / "posts" / "late.jpg").write_bytes(photo_jpeg(5))
    run_batch(tmp_path)
    after = verify(out).after
    assert [told.split(": ")[1] for told in after] == ["run", "file", "photo", "post", "located", "ended"]
    assert unsealed(read_results(out)) == ()
    write_outputs(read_results(out), CITY)
    assert verify(out).stands


@pytest.mark.parametrize("content", [{}, {"file": 7, "sha256": ""}, {"file": "a.jpg"}, {"file": None}])
def test_a_line_of_another_make_is_one_clear_error(tmp_path: Path, content: dict[str, Any]) -> None:
    out = ended(tmp_path)
    added(out, "file", **content)
    with pytest.raises(InputError, match=r"line \d+ lacks"):
        verify(out)


def test_working_copies_and_pictures_are_checked(tmp_path: Path) -> None:
    out = ended(tmp_path)
    (copy,) = (out / "photos").iterdir()
    pictures = sorted((out / "triage-pictures").iterdir())
    assert len(pictures) >= 3
    told = json.loads((out / "run.json").read_text("utf-8"))["outputs"]
    assert {f"triage-pictures/{path.name}" for path in pictures} <= set(told)
    good = copy.read_bytes()
    copy.write_bytes(good + b"x")
    pictures[0].write_bytes(pictures[1].read_bytes())
    pictures[2].unlink()
    checked = verify(out)
    assert set(checked.changed) == {f"photos/{copy.name}", f"triage-pictures/{pictures[0].name}"}
    assert checked.missing == (f"triage-pictures/{pictures[2].name}",)
    copy.unlink()
    assert "x.zip!/a.jpg" in verify(out).missing
    copy.write_bytes(good)
    (out / "photos" / ".half.jpg.17.part").write_bytes(b"left by a kill")
    (out / "photos" / "other.jpg").write_bytes(photo_jpeg(3))
    assert "photos/other.jpg" in verify(out).changed, "named by no content"


def test_missing_inputs_do_not_stand(tmp_path: Path) -> None:
    out = ended(tmp_path)
    (tmp_path / "posts" / "1.jpg").unlink()
    assert (verify(out).stands, verify(out).missing) == (False, ("1.jpg",))
    shutil.rmtree(tmp_path / "posts")
    assert set(verify(out).missing) == {"0.jpg", "1.jpg", "list.jsonl", "x.zip"}


def test_a_second_folder_of_posts_is_refused(tmp_path: Path) -> None:
    out = ended(tmp_path)
    other = tmp_path / "more"
    other.mkdir()
    (other / "0.jpg").write_bytes(photo_jpeg(9))
    with pytest.raises(UsageError, match="holds results of the posts in"):
        batch_locate(other, out, FakeLocator(), write_index(tmp_path), OPTIONS)
    write_outputs(read_results(out), CITY)
    assert verify(out).stands


def test_a_folder_that_was_moved_goes_on_under_its_new_name(tmp_path: Path) -> None:
    out = ended(tmp_path)
    (tmp_path / "posts").rename(tmp_path / "elsewhere")
    idle = FakeLocator()
    batch_locate(tmp_path / "elsewhere", out, idle, write_index(tmp_path), OPTIONS)
    assert idle.seen == []
    write_outputs(read_results(out), CITY)
    assert verify(out).stands


def test_a_folder_that_held_nothing_binds_nobody(tmp_path: Path) -> None:
    (tmp_path / "typo").mkdir()
    batch_locate(tmp_path / "typo", tmp_path / "out", FakeLocator(), write_index(tmp_path), OPTIONS)
    (write_posts(tmp_path) / "a.jpg").write_bytes(photo_jpeg(1))
    run_batch(tmp_path)
    assert len(findings(tmp_path)) == 1


def test_other_options_are_named_in_words(tmp_path: Path) -> None:
    (write_posts(tmp_path) / "a.jpg").write_bytes(photo_jpeg(1))
    run_batch(tmp_path, options=BatchOptions("rivertown", SearchOptions(top_k=5), vlm={"verify": 3}))
    with pytest.raises(UsageError) as raised:
        run_batch(tmp_path, options=BatchOptions("rivertown", SearchOptions(top_k=3), 0.4, use_post_geo=True))
    assert str(raised.value) == (
        f"{tmp_path / 'out'} was begun with other options: verify 3, not none; top k 5, not 3; "
        "use post geo off, not on; waterline none, not 0.4"
    )


@pytest.mark.parametrize("part", ["folder", "journal", "outputs"])
def test_a_run_json_that_lacks_a_part_is_one_clear_error(tmp_path: Path, part: str) -> None:
    out = ended(tmp_path)
    told = json.loads((out / "run.json").read_text("utf-8"))
    del told[part]
    (out / "run.json").write_text(json.dumps(told), "utf-8")
    with pytest.raises(InputError, match=rf"run\.json is not what was written, it lacks '{part}'"):
        verify(out)


def test_no_path_leaves_the_folder(tmp_path: Path) -> None:
    out = ended(tmp_path)
    (tmp_path / "secret").write_bytes(b"s")
    told = json.loads((out / "run.json").read_text("utf-8"))
    sha = f"SHA-256:{fingerprint(tmp_path / 'secret')}"
    names = ("../secret", str(tmp_path / "secret"), "/dev/zero", "photos", "a\0b", "link")
    (out / "link").symlink_to(tmp_path / "secret")
    told["outputs"] |= dict.fromkeys(names, sha)
    (out / "run.json").write_text(json.dumps(told), "utf-8")
    assert set(verify(out).missing) == set(names)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(told=st.dictionaries(st.sampled_from(["journal", "outputs", "folder"]), JSON) | JSON)
def test_whatever_run_json_holds_it_is_an_input_error(tmp_path: Path, told: Any) -> None:
    if not (tmp_path / "out" / "journal.jsonl").exists():
        ended(tmp_path)
    (tmp_path / "out" / "run.json").write_text(json.dumps(told), "utf-8")
    with pytest.raises(InputError):
        verify(tmp_path / "out")
