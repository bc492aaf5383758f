"""Names in the language of the place, and in two where the city has two."""

from __future__ import annotations

from geoflood.places.naming import place_words
from geoflood.places.street_index import StreetIndex
from geoflood.places.titles import second_language, titles
from tests.support.drawn_streets import at, drawn

LINE = [(-100.0, 0.0), (100.0, 0.0)]


def both(finnish: str, swedish: str, **more: str) -> dict[str, str]:
    return {"name": finnish, "name:fi": finnish, "name:sv": swedish, **more}


def test_a_bilingual_city_has_both_names() -> None:
    city = drawn(
        (both("Mannerheimintie", "Mannerheimvägen"), LINE),
        (both("Esplanadi", "Esplanaden"), [(0, 0), (0, 90)]),
        ("Tivolikuja", [(0, 300), (90, 300)]),
    )
    assert second_language(city) == "sv"
    assert titles(city) == ("Mannerheimintie / Mannerheimvägen", "Esplanadi / Esplanaden", "Tivolikuja")
    assert place_words(StreetIndex(city), at(9, 2)) == (
        "Mannerheimintie / Mannerheimvägen, near Esplanadi / Esplanaden"
    )


def test_a_few_translations_make_no_bilingual_city() -> None:
    city = drawn(
        ({"name": "Rathausplatz", "name:en": "Town Hall Square"}, LINE), ("Steinweg", LINE), ("Ring", LINE)
    )
    assert second_language(city) == ""
    assert titles(city)[0] == "Rathausplatz"


def test_a_name_that_has_both_languages_is_not_doubled() -> None:
    city = drawn(
        ({"name": "Rue Neuve - Nieuwstraat", "name:fr": "Rue Neuve", "name:nl": "Nieuwstraat"}, LINE)
    )
    assert titles(city) == ("Rue Neuve - Nieuwstraat",)


def test_what_is_no_language_is_no_second_name() -> None:
    city = drawn(({"name": "Oak Street", "name:etymology": "a tree", "name:left": "Elm"}, LINE))
    assert titles(city) == ("Oak Street",)


def test_parts_of_one_street_are_one_street() -> None:
    """Mappers forget the second name on one part, or misspell it on another: it does not cross itself."""
    parts = [both("Kaivokatu", "Brunnsgatan"), both("Kaivokatu", "Brunnsgatan", ref="1"), "Kaivokatu"]
    parts += [both("Kaivokatu", "Brunngatan"), "Brunnsgatan"]
    city = drawn(*((part, [(30.0 * at, 0.0), (30.0 * at + 30, 0.0)]) for at, part in enumerate(parts)))
    assert set(titles(city)) == {"Kaivokatu / Brunnsgatan"}
    assert place_words(StreetIndex(city), at(60, 2)) == "Kaivokatu / Brunnsgatan"


def test_a_name_that_is_a_sentence_is_cut() -> None:
    assert len(titles(drawn(("Lane of the " * 20, LINE)))[0]) <= 60
