"""Names of places in texts: how they are written, what is no place, crossings, house numbers, bounds."""

from __future__ import annotations

import time

import numpy as np
import pytest

from geoflood.core.geo import distance_m, from_local
from geoflood.places.gazetteer import Gazetteer
from geoflood.places.match_words import LONGEST, MOST_MENTIONS, MentionForm, PlaceMention, find_mentions
from geoflood.places.street_map import LineKind, Name, StreetMap
from geoflood.places.word_usage import learn_usage
from geoflood.places.word_weights import MOST_NATS, WORTH, chance_of
from tests.support.street_maps import ORIGIN, street_map

NAMES = (
    *(
        "Oak Street",
        "Main Street",
        "5th Street",
        "Lindenstraße",
        "Hauptstraße",
        "Bahnhofstraße",
        "Church Road",
    ),
    *("Westheimer Road", "Avenida de la Constitución", "Calle Mayor", "улица Ленина", "Λεωφόρος Κηφισίας"),
    *(
        "中山路",
        "세종로",
        "Saint James Street",
        "Martin Luther King Boulevard",
        "Atatürk Caddesi",
        "Julianastraat",
    ),
    *("King's Road", "Hope Street", "North Lamar Boulevard", "شارع النيل", "ulica Długa", "Ermou"),
)
HELSINKI = [
    ("name", "Unioninkatu"),
    ("name:fi", "Unioninkatu"),
    ("name:sv", "Unionsgatan"),
    ("loc_name", "Unski"),
]


def town() -> StreetMap:
    """Streets that all cross the first, each 100 m from the next, on which two spots stand."""
    along = [("Oak Street", LineKind.MINOR, [(-5000, 0), (5000, 0)])]
    across = [
        (name, LineKind.MINOR, [(100 * at, -50), (100 * at, 50)])
        for at, name in enumerate((*NAMES[1:], HELSINKI), 1)
    ]
    spots = [
        ("Lincoln High School", "school", (0, 300)),
        ("Help", "bar", (50, 300)),
        ("Kiasma", "museum", (90, 300)),
    ]
    doors = [
        ("Oak Street", "14", (-20, 5)),
        ("Oak Street", "1410", (-900, 5)),
        ("Oak Street", "1490", (-950, 5)),
    ]
    return street_map(lines=[*along, *across], areas=(), spots=spots, doors=doors)


GAZETTEER = Gazetteer(town())


def mentions(text: str) -> tuple[PlaceMention, ...]:
    return find_mentions(text, GAZETTEER)


def told(text: str) -> list[tuple[str, str, MentionForm]]:
    """Words of the text, the first name that they stand for, and how they are written."""
    return [(text[one.start : one.end], one.shown[0], one.form) for one in mentions(text)]


@pytest.mark.parametrize(
    ("text", "words", "name", "form"),
    [
        ("Water rising on Oak Street now", "Oak Street", "Oak Street", MentionForm.EXACT),
        ("OAK STREET IS GONE", "OAK STREET", "Oak Street", MentionForm.EXACT),
        ("look at #OakStreet", "OakStreet", "Oak Street", MentionForm.EXACT),
        ("stuck on Oak St. with the dog", "Oak St", "Oak Street", MentionForm.SHORT),
        ("der Keller in der Lindenstr. ist voll", "Lindenstr", "Lindenstraße", MentionForm.SHORT),
        ("in der Lindenstrasse", "Lindenstrasse", "Lindenstraße", MentionForm.EXACT),
        ("die Linden-Straße ist zu", "Linden-Straße", "Lindenstraße", MentionForm.EXACT),
        ("flooding on Westheimer again", "Westheimer", "Westheimer Road", MentionForm.SHORT),
        ("water in Westheimr Road", "Westheimr Road", "Westheimer Road", MentionForm.MISSPELT),
        ("Banhofstraße gesperrt", "Banhofstraße", "Bahnhofstraße", MentionForm.MISSPELT),
        (
            "la Avda. Constitución cortada",
            "Avda. Constitución",
            "Avenida de la Constitución",
            MentionForm.SHORT,
        ),
        ("agua en C/ Mayor", "C/ Mayor", "Calle Mayor", MentionForm.SHORT),
        ("На улице Ленина вода", "улице Ленина", "улица Ленина", MentionForm.BENT),
        ("затопило ул. Ленина", "ул. Ленина", "улица Ленина", MentionForm.SHORT),
        ("στη Λεωφ. Κηφισίας", "Λεωφ. Κηφισίας", "Λεωφόρος Κηφισίας", MentionForm.SHORT),
        ("ΛΕΩΦΟΡΟΣ ΚΗΦΙΣΙΑΣ κλειστή", "ΛΕΩΦΟΡΟΣ ΚΗΦΙΣΙΑΣ", "Λεωφόρος Κηφισίας", MentionForm.EXACT),
        ("中山路全淹了，大家别出门", "中山路", "中山路", MentionForm.EXACT),
        ("오늘 세종로에서 차가 떠내려갔습니다", "세종로에서", "세종로", MentionForm.BENT),
        ("المياه في شارع النيل الآن", "شارع النيل", "شارع النيل", MentionForm.EXACT),
        ("na ulicy Długiej woda", "ulicy Długiej", "ulica Długa", MentionForm.BENT),
        ("Atatürk Caddesi'nde su", "Atatürk Caddesi'nde", "Atatürk Caddesi", MentionForm.BENT),
        ("vettä Unioninkadulla", "Unioninkadulla", "Unioninkatu", MentionForm.BENT),
        ("vatten på Unionsgatan", "Unionsgatan", "Unioninkatu", MentionForm.EXACT),
        ("MLK Blvd is under water", "MLK Blvd", "Martin Luther King Boulevard", MentionForm.SHORT),
        ("at Martin Luther King Jr. Blvd", "Martin Luther King Jr. Blvd", NAMES[15], MentionForm.SHORT),
        ("Kings Road closed", "Kings Road", "King's Road", MentionForm.EXACT),
        ("de kelder in de Julianastr.", "Julianastr", "Julianastraat", MentionForm.SHORT),
        ("closed: n. lamar blvd", "n. lamar blvd", "North Lamar Boulevard", MentionForm.SHORT),
        (
            "shelter at Lincoln High School",
            "Lincoln High School",
            "Lincoln High School",
            MentionForm.LANDMARK,
        ),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str, words: str, name: str, form: MentionForm) -> None:
    assert told(text) == [(words, name, form)]


@pytest.mark.parametrize(
    "text",
    [
        "Please help, the church is open and we hope for the best",
        "Mr. King from the main office",
        "https://example.org/Oak/Street @OakStreet",
        "Elm Street and Pine Road are dry",
        "Die Hauptsache ist, dass alle leben",
        "",
        "\x00\u202e]]>",
        "14 14 14",
    ],
)
def test_what_names_no_place(text: str) -> None:
    assert mentions(text) == ()


def test_a_street_of_another_town_counts_less() -> None:
    here, there = (
        mentions("Water on Oak Street"),
        find_mentions("Oak Street in Springfield", GAZETTEER, least=-9),
    )
    assert here[0].nats > WORTH
    assert there[0].nats < here[0].nats - 1


def test_a_word_that_posts_use_counts_less() -> None:
    """What others write small is an everyday word; in a city where nobody does it is a name."""
    posts = [*["nothing but westheimer here, westheimer there"] * 20, *["water"] * 20]
    alone = find_mentions("Westheimer is closed", GAZETTEER, least=-9)[0].nats
    among = find_mentions("Westheimer is closed", GAZETTEER, learn_usage(posts), least=-9)[0].nats
    assert among < alone - 0.5


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("cars floating at 5th and Oak", "5th Street"),
        ("corner of Oak & 5th", "5th Street"),
        ("Ecke Oak-/Lindenstraße", "Lindenstraße"),
        ("Oak Street / Hope Street, keep away", "Hope Street"),
    ],
)
def test_two_streets_that_meet_are_one_place(text: str, other: str) -> None:
    (found,) = mentions(text)
    at = 1 + [*NAMES[1:]].index(other)
    east = (found.points[0] - [ORIGIN.lat, ORIGIN.lon])[1]
    assert found.form is MentionForm.CROSSING
    assert {"Oak Street", other} == set(found.shown[0].split(" × "))
    assert len(found.points) == 1
    assert distance_m(found.points, tuple(from_local(np.array([(100.0 * at, 0.0)]), ORIGIN)[0]))[0] < 60
    assert east > 0


def test_streets_that_do_not_meet_stay_two() -> None:
    assert [name for _, name, _ in told("Main Street and Hope Street are closed")] == [
        "Main Street",
        "Hope Street",
    ]


@pytest.mark.parametrize(
    ("text", "shown", "doors"),
    [
        ("Flat 2, 14 Oak Street, help", "Oak Street 14", 1),
        ("Oak Street 14, please", "Oak Street 14", 1),
        ("the 1400 block of Oak Street", "Oak Street 1400", 2),
        ("Hauptstr. 12a läuft voll", "Hauptstraße 12a", 2),
    ],
)
def test_a_house_number_is_a_door_where_the_map_knows_it(text: str, shown: str, doors: int) -> None:
    (found,) = mentions(text)
    assert (found.form, found.shown) == (MentionForm.NUMBER, (shown,))
    assert len(found.points) == doors  # of the last the map knows only the street: its two ends


def test_a_street_may_be_known_by_its_doors_alone() -> None:
    doors = [("Back Lane", "1", (5.0, 5.0)), ("Back Lane", "9", (5.0, 95.0))]
    back = Gazetteer(street_map(lines=[("Oak Street", LineKind.MINOR, [(0, 0), (9, 0)])], doors=doors))
    (found,) = find_mentions("Back Ln is a river", back)
    assert (found.shown, found.form, len(found.points)) == (("Back Lane",), MentionForm.SHORT, 2)


def test_a_number_that_counts_something_is_no_house() -> None:
    assert told("Oak Street 3 feet under") == [("Oak Street", "Oak Street", MentionForm.EXACT)]


def test_names_that_repeat_are_all_told() -> None:
    lines = [("Main Street", LineKind.MINOR, [(0, 1000 * n), (100, 1000 * n)]) for n in range(3)]
    (found,) = find_mentions("Main Street is flooded", Gazetteer(street_map(lines=lines)))
    assert len(found.points) == 6


def test_belief_is_bounded_and_honest() -> None:
    for one in mentions("Ecke Oak Street und Hauptstraße, 14 Oak Street, Westheimr Road, Lindenstr. 3"):
        assert WORTH <= one.nats <= MOST_NATS
        assert 0.5 <= chance_of(one.nats) < 1.0


@pytest.mark.parametrize(
    "text",
    [
        "Oak Street " * 9_000,
        "5th and Oak and " * 6_000,
        "a" * 100_000,
        "ä'" * 50_000,
        "中山" * 50_000,
        "Oak" + "\u0301" * 90_000,
        "Westheimr Banhofstrasse " * 4_000,
    ],
)
def test_a_post_of_100_kilobytes_is_bounded(text: str) -> None:
    began = time.process_time()
    found = mentions(text)
    assert time.process_time() - began < 5.0
    assert len(found) <= MOST_MENTIONS
    assert all(one.end <= LONGEST for one in found)


def test_hostile_names_are_names() -> None:
    """Names without end, without words, alike by the thousand: the map was checked, but may be anyone's."""
    texts = ["<script>alert(1)</script>", "\u202e", "%s %s", "Oak " * 40, *(f"Oak {n}" for n in range(3_000))]
    lines = [(text, LineKind.MINOR, [(0, n), (100, n)]) for n, text in enumerate(texts)]
    found = find_mentions(
        "script alert 1 script at Oak 77 and Oak oak oak oak", Gazetteer(street_map(lines=lines))
    )
    assert len(found) <= MOST_MENTIONS


def test_a_map_without_names_finds_nothing() -> None:
    assert find_mentions("Oak Street", Gazetteer(StreetMap())) == ()
    assert find_mentions("Oak Street", Gazetteer(StreetMap(names=(Name((("name", "Oak Street"),)),)))) == ()
