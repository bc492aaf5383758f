"""Signs beside the search: told with the answer, moving nothing, and honest where they cannot be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from geoflood.core.datatypes import (
    AttentionMap,
    Image,
    Located,
    PictureText,
    ReasonKind,
    SearchOptions,
    TextSort,
)
from geoflood.core.errors import ExtraMissingError
from geoflood.database.database import Database
from geoflood.database.index_files import SIGNS
from geoflood.database.sign_store import read_reference_signs
from geoflood.imagery.views import pixels_of
from geoflood.localize import sign_witness
from geoflood.localize.attention import sample, without_overlays
from geoflood.localize.locator import Locator
from geoflood.outputs.fields import answer_row
from geoflood.outputs.panel import describe
from geoflood.outputs.record import record
from geoflood.outputs.wording import reason_line, signs_line
from geoflood.places.street_map_file import save
from geoflood.synthetic.town import Truth
from geoflood.triage.codec import located_from, located_to
from tests.support.street_maps import street_map

Photos = list[tuple[Path, Truth]]


def text(words: str, top: float = 0.4) -> PictureText:
    quad = ((0.3, top), (0.5, top + 0.02), (0.5, top + 0.07), (0.3, top + 0.05))
    return PictureText(words, quad, 0.95)


class ScriptedReader:
    """Reads a shop, a street's sign, a caption and a plate in every photo."""

    def read(self, picture: Image) -> tuple[PictureText, ...]:
        shop, street = text("KETTLES tea"), text("MARKET HILL", 0.2)
        return shop, street, text("@flood_watch", 0.6), text("AB12 CDE", 0.7)


@pytest.fixture
def folder(index_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The town, where a shop called Kettles stands in the third of its references."""
    copy = Path(shutil.copytree(index_dir / "town", tmp_path / "town"))
    (third,) = Database(copy).references([3])
    shop = pixels_of(third)

    def read(picture: Image) -> tuple[PictureText, ...]:
        return (text("KETTLES"),) if picture.shape == shop.shape and (picture == shop).all() else ()

    read_reference_signs(copy, read)
    monkeypatch.setattr(sign_witness, "SignReader", ScriptedReader)
    return copy


def located(folder: Path, queries: Photos, **options: int) -> Located:
    return Locator(folder).locate(queries[0][0], options=SearchOptions(top_k=60, **options))


def test_signs_are_told_and_overlays_apart(folder: Path, queries: Photos) -> None:
    answer = located(folder, queries)
    known = record(answer)
    assert known["signs"] == ["KETTLES tea", "MARKET HILL"]
    assert known["overlays"] == ["@flood_watch"]
    assert answer_row(answer)["signs"] == "KETTLES tea; MARKET HILL"
    assert describe(answer)["signs"] == "Signs read: KETTLES tea, MARKET HILL"
    assert "AB12" not in repr(answer)


def test_the_candidate_that_shows_the_word_says_so(folder: Path, queries: Photos) -> None:
    answer = located(folder, queries)
    sharing = {one.reference.id: one.shared_words for one in answer.candidates if one.shared_words}
    assert sharing == {3: ("KETTLES",)}
    rank = next(n for n, one in enumerate(answer.candidates) if one.reference.id == 3)
    assert record(answer)["candidates"][rank]["shared_words"] == ["KETTLES"]
    assert "shows the same words: KETTLES" in describe(answer)["candidates"][rank]["facts"]


def test_signs_move_nothing(folder: Path, index_dir: Path, queries: Photos) -> None:
    with_signs, without = located(folder, queries), located(index_dir / "town", queries)
    assert without.texts == ()
    assert [one.reference for one in with_signs.candidates] == [one.reference for one in without.candidates]
    assert with_signs.outcome == without.outcome
    assert with_signs.probability == pytest.approx(without.probability, abs=1e-3)


def test_a_search_that_compares_no_details_reads_none(folder: Path, queries: Photos) -> None:
    assert located(folder, queries, rerank=0).texts == ()


def test_a_journal_keeps_them(folder: Path, queries: Photos) -> None:
    answer = located(folder, queries)
    again = located_from(located_to(answer))
    assert [(one.text, one.sort) for one in again.texts] == [(one.text, one.sort) for one in answer.texts]
    assert [one.shared_words for one in again.candidates] == [one.shared_words for one in answer.candidates]
    assert {one.sort for one in again.texts} == {TextSort.SIGN, TextSort.OVERLAY, TextSort.PLATE}


def test_a_missing_extra_is_said_and_the_search_stands(
    folder: Path, queries: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> ScriptedReader:
        raise ExtraMissingError("words in pictures are read with rapidocr", "install it")

    monkeypatch.setattr(sign_witness, "SignReader", missing)
    answer = located(folder, queries)
    assert answer.candidates
    assert [note.kind for note in answer.notes if note.kind is ReasonKind.NO_SIGNS]
    assert "signs were not read: words in pictures are read with rapidocr" in reason_line(answer)


def test_damaged_signs_are_said_and_the_search_stands(folder: Path, queries: Photos) -> None:
    (folder / SIGNS).write_bytes(b"?" * 5000)
    answer = located(folder, queries)
    assert answer.candidates
    assert "signs.sqlite is damaged" in reason_line(answer)


def test_a_sign_that_names_a_street_says_where_it_is(folder: Path, queries: Photos) -> None:
    answer = located(folder, queries)
    assert answer.sign_places == ()
    save(folder, street_map(origin=answer.candidates[0].reference.position))
    answer = located(folder, queries)
    (named,) = answer.sign_places
    assert (named.sign, named.name, named.credit) == ("MARKET HILL", "Market Hill", "© Test, ODbL 1.0")
    assert (named.away_m is None) == (answer.place is None)
    assert named.away_m is None or named.away_m < 1000
    assert "MARKET HILL (names Market Hill" in signs_line(answer)
    assert signs_line(answer).endswith(" · © Test, ODbL 1.0")
    assert record(answer)["sign_places"][0]["name"] == "Market Hill"
    assert located_from(located_to(answer)).sign_places == answer.sign_places


def test_what_was_written_over_a_photo_is_left_out_of_re_ranking() -> None:
    """A caption over the upper half: its cells count nothing, a sign's and all others what they did."""
    caption = PictureText("x", ((0.1, 0.1), (0.9, 0.1), (0.9, 0.4), (0.1, 0.4)), 0.9, TextSort.OVERLAY)
    given = AttentionMap(np.array([[0.5, 2.0]], np.float32), 0.3, "analyst")
    masked = without_overlays(given, [caption, text("KETTLES", 0.6)])
    spots = np.array([[0.5, 0.25], [0.9, 0.8], [0.4, 0.63]])
    assert sample(masked, spots)[0] == 0.0
    assert sample(masked, spots)[1:] == pytest.approx(sample(given, spots)[1:], abs=0.03)
    assert (masked.waterline, masked.provider) == (0.3, "analyst")
    assert without_overlays(given, [text("KETTLES")]) is given


def test_a_caption_over_everything_leaves_no_detail_to_agree(
    folder: Path, queries: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poster:
        def read(self, picture: Image) -> tuple[PictureText, ...]:
            return (PictureText("@poster", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), 0.9),)

    before = max(one.inliers or 0 for one in located(folder, queries).candidates)
    monkeypatch.setattr(sign_witness, "SignReader", Poster)
    after = max(one.inliers or 0 for one in located(folder, queries).candidates)
    assert before > 0
    assert after == 0
