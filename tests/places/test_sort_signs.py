"""Signs and overlays: by place, straightness, what they say and how often they recur; masks of plates."""

from __future__ import annotations

import pytest

from geoflood.core.datatypes import PictureText, TextSort
from geoflood.places.sort_signs import MASK, mark, masked, recurring, sort_texts, without_recurring

SHAPE = (600, 800)


def text(words: str, left: float, top: float, right: float, bottom: float, slant: float = 0.0) -> PictureText:
    """A line whose right end stands lower by a slant, shares of the frame."""
    quad = ((left, top), (right, top + slant), (right, bottom + slant), (left, bottom))
    return PictureText(words, quad, 0.95)


def sort_of(*texts: PictureText) -> list[TextSort]:
    return [one.sort for one in sort_texts(texts, SHAPE)]


def test_a_shop_is_a_sign() -> None:
    assert sort_of(text("BRIDAL SHOP", 0.3, 0.3, 0.6, 0.36, 0.02)) == [TextSort.SIGN]


def test_one_straight_line_seen_from_the_front_is_a_sign() -> None:
    assert sort_of(text("BRIDAL SHOP", 0.3, 0.3, 0.7, 0.36)) == [TextSort.SIGN]


@pytest.mark.parametrize(
    "words",
    [
        *("© Google, Inc", "@flood_watch", "(c) A. Person", "seen by @somebody", "Photo: A. Person"),
        *("2024-05-12 10:31", "12.05.2024", "10:31:07", "N 51.50735 W 0.12776", "shutterstock", "TikTok"),
    ],
)
def test_what_is_printed_on_pictures_is_an_overlay(words: str) -> None:
    assert sort_of(text(words, 0.3, 0.4, 0.6, 0.44, 0.02)) == [TextSort.OVERLAY]


@pytest.mark.parametrize("top", [0.955, 0.005])
def test_a_straight_line_at_the_edge_is_an_overlay(top: float) -> None:
    assert sort_of(text("Anna Person", 0.7, top, 0.9, top + 0.03)) == [TextSort.OVERLAY]


def test_a_sign_that_the_edge_cuts_aslant_is_a_sign() -> None:
    assert sort_of(text("COPPER KETTLE", 0.0, 0.01, 0.3, 0.06, 0.06)) == [TextSort.SIGN]


def test_wide_straight_lines_under_each_other_are_a_caption() -> None:
    lines = [text("the river is in the street", 0.1, 0.4, 0.9, 0.46), text("stay home", 0.3, 0.48, 0.7, 0.54)]
    assert sort_of(*lines) == [TextSort.OVERLAY] * 2


def test_a_shop_and_its_small_print_are_no_caption() -> None:
    lines = [text("BRIDAL SHOP", 0.2, 0.3, 0.6, 0.4), text("since 1921", 0.3, 0.41, 0.5, 0.44)]
    assert sort_of(*lines) == [TextSort.SIGN] * 2


def test_what_recurs_at_one_spot_is_an_overlay() -> None:
    """A credit of a person on each picture; a chain of shops stands at other spots."""
    credit = text("Clive Person", 0.45, 0.5, 0.55, 0.53, 0.01)
    shops = [text("MART", 0.1 + 0.08 * n, 0.2 + 0.06 * n, 0.2 + 0.08 * n, 0.25 + 0.06 * n) for n in range(9)]
    marks = [(mark(credit), place) for place in range(9)]
    marks += [(mark(shop), place) for place, shop in enumerate(shops)]
    found = recurring(marks, 100)
    assert found == {mark(credit)}
    sorts = [one.sort for one in without_recurring(sort_texts([credit, shops[0]], SHAPE), found)]
    assert sorts == [TextSort.OVERLAY, TextSort.SIGN]


def test_many_pictures_of_one_place_make_no_overlay() -> None:
    shop = text("MART", 0.4, 0.4, 0.6, 0.45)
    assert not recurring([(mark(shop), 7)] * 50, 50)


@pytest.mark.parametrize(
    "plate",
    ["AB12 CDE", "7ABC123", "M-AB 1234", "HH XY 77", "А123ВС77", "京A12345", "1234 BCD", "AB-123-CD"],
)
def test_plates_are_masked(plate: str) -> None:
    assert masked(plate) == (MASK, TextSort.PLATE)


@pytest.mark.parametrize("name", ["Market Hill", "HOTEL ADLER", "24", "B&Q", "NO 10 Downing", "A14"])
def test_names_are_no_plates(name: str) -> None:
    assert masked(name) == (name, TextSort.SIGN)


@pytest.mark.parametrize(
    "phone", ["+44 1223 555 0142", "(555) 010-0142", "0123/456789", "01223 555014", "01.23.45.67.89"]
)
def test_phone_numbers_are_masked(phone: str) -> None:
    assert masked(phone) == (MASK, TextSort.NUMBER)
    assert masked(f"Joe's Taxi {phone}") == (f"Joe's Taxi {MASK}", TextSort.SIGN)


def test_nothing_of_a_plate_is_kept() -> None:
    (one,) = sort_texts([text("AB12 CDE", 0.4, 0.7, 0.5, 0.75)], SHAPE)
    assert (one.text, one.sort) == (MASK, TextSort.PLATE)
