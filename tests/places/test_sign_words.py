"""Rare words that a photo and a reference both show: what they weigh, and what bounds them."""

from __future__ import annotations

import numpy as np
import pytest

from geoflood.core.datatypes import LatLon, PictureText, TextSort
from geoflood.core.geo import from_local
from geoflood.places.sign_words import MOST, MOST_A_WORD, SignIndex, words_of

PLACES = 60
POSITIONS = from_local(np.stack([np.arange(PLACES) * 200.0, np.zeros(PLACES)], axis=1), LatLon(52.2, 0.12))


def line(words: str, height: float = 0.4, sort: TextSort = TextSort.SIGN, left: float = 0.3) -> PictureText:
    top, bottom, right = height - 0.02, height + 0.02, left + 0.3
    return PictureText(words, ((left, top), (right, top), (right, bottom), (left, bottom)), 0.9, sort)


def index(shown: dict[int, list[PictureText]]) -> SignIndex:
    """One reference a place; those that show nothing were read too."""
    return SignIndex({place: shown.get(place, []) for place in range(PLACES)}, POSITIONS)


def test_a_rare_word_in_both_speaks_for_a_reference() -> None:
    found = index({5: [line("MOSS BROTHERS")]}).shared(words_of([line("Moss brothers", 0.5)]))
    assert list(found) == [5]
    assert found[5].words == ("Moss", "brothers")
    assert 0 < found[5].weight <= MOST


def test_a_word_that_stands_everywhere_says_nothing() -> None:
    everywhere = {place: [line("SALE", left=0.01 * place)] for place in range(PLACES)}
    assert index(everywhere).shared(words_of([line("SALE")])) == {}


def test_the_rarer_word_weighs_more() -> None:
    shown = {place: [line("COFFEE", left=0.08 * place)] for place in range(8)} | {20: [line("KETTLES")]}
    seen = index(shown)
    common, rare = (seen.shared(words_of([line(word)])) for word in ("COFFEE", "KETTLES"))
    assert common[3].weight < rare[20].weight


def test_long_words_may_be_misread_and_short_ones_not() -> None:
    seen = index({5: [line("SUPERDRY")], 9: [line("LIDL")]})
    assert list(seen.shared(words_of([line("SUPEDRY")]))) == [5]
    assert seen.shared(words_of([line("LIDI")])) == {}


def test_digits_are_read_as_letters_and_accents_do_not_count() -> None:
    seen = index({5: [line("CAFÉ NOIR")]})
    assert list(seen.shared(words_of([line("CAFE N0IR")]))) == [5]


def test_it_must_stand_about_as_high() -> None:
    seen = index({5: [line("KETTLES", 0.2)]})
    assert seen.shared(words_of([line("KETTLES", 0.8)])) == {}


@pytest.mark.parametrize("sort", [TextSort.OVERLAY, TextSort.PLATE, TextSort.NUMBER])
def test_only_signs_speak(sort: TextSort) -> None:
    seen = index({5: [line("KETTLES", sort=sort)]})
    assert seen.shared(words_of([line("KETTLES")])) == {}
    assert words_of([line("KETTLES", sort=sort)]) == ()


def test_words_are_bounded() -> None:
    many = "ALPHABET BRAVISSIMO CHARLESTON DELTAPLANE ECHOLOCATE FOXTROTTER"
    weight = index({5: [line(many)]}).shared(words_of([line(many)]))[5].weight
    one = index({5: [line("ALPHABET")]}).shared(words_of([line("ALPHABET")]))[5].weight
    assert weight == MOST
    assert one <= MOST_A_WORD


def test_short_words_and_numbers_are_left_out() -> None:
    assert words_of([line("am 12345 the 1A")]) == ()


def test_what_is_printed_on_all_references_is_no_sign() -> None:
    printed = {place: [line("STREETVIEWER")] for place in range(PLACES)}
    seen = index(printed | {5: [line("STREETVIEWER"), line("KETTLES")]})
    (text,) = seen.settled([line("STREETVIEWER")])
    assert text.sort is TextSort.OVERLAY
    assert list(seen.shared(words_of(seen.settled([line("STREETVIEWER"), line("KETTLES")])))) == [5]
