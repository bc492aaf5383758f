"""Words that call for help, in many languages, and water whose depth is told."""

from __future__ import annotations

import pytest

from geoflood.triage.urgency import urgency_of

CALLS = {
    "Please help, we are trapped on the roof": ["Please help", "trapped", "on the roof"],
    "¡Ayuda! Estamos atrapados en el techo": ["Ayuda", "atrapados", "en el techo"],
    "Socorro, estamos ilhados com criancas": ["Socorro", "ilhados", "criancas"],
    "AU SECOURS, un enfant est blesse": ["SECOURS", "enfant", "blesse"],
    "Hilfe! Oma im Rollstuhl ist eingeschlossen": ["Hilfe", "Oma", "Rollstuhl", "eingeschlossen"],
    "Aiuto, siamo bloccati sul tetto": ["Aiuto", "bloccati", "sul tetto"],
    "Vi behöver hjälp på taket": ["hjälp", "på taket"],
    "Pomocy, jesteśmy uwięzieni": ["Pomocy", "uwięzieni"],
    "İmdat! Çatıda mahsur kaldık": ["İmdat", "Çatıda", "mahsur"],
    "мы на крыше, дети, помогите": ["на крыше", "дети", "помогите"],
    "نحن محاصرون على السطح": ["محاصرون", "على السطح"],
    "हम फंसे हैं, मदद": ["फंसे", "मदद"],
    "Tolong, kami terjebak di atap": ["Tolong", "terjebak", "di atap"],
    "ช่วยด้วย ติดอยู่บนหลังคา": ["ช่วยด้วย", "ติดอยู่", "บนหลังคา"],
    "我们被困在屋顶，救命": ["被困", "屋顶", "救命"],
    "助けて、屋根の上です": ["助けて", "屋根"],
    "지붕에 갇혔어요 도와주세요": ["지붕에", "갇혔어요", "도와주세요"],
    "#HelpUs #SOS": ["HelpUs", "SOS"],
}


@pytest.mark.parametrize("text", CALLS)
def test_calls_are_found_in_the_words_of_many_languages(text: str) -> None:
    found = urgency_of(text)
    assert [text[call.start : call.end] for call in found.calls] == CALLS[text]
    assert found.share >= 0.4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Water in the cellar, the street is closed",
        "Nobody is trapped, no help needed",
        "Niemand gefangen",
        "so kind of the barn owner",
        "everyone was rescued",
        "3 m people live here",
        "a 2 m fence",
        "https://example.org/help-us-sos @trapped",
    ],
)
def test_what_calls_for_nothing_weighs_nothing(text: str) -> None:
    assert urgency_of(text).share == 0.0
    assert urgency_of(text).calls == ()


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("the water is 1.5 m deep", 1.5),
        ("Wasser steht 80 cm hoch", 0.8),
        ("4 ft of water", 1.2192),
        ("agua de 1,20 metros", 1.2),
        ("waist-deep water", 1.0),
        ("el agua hasta el pecho", 1.3),
        ("the water came 2 km inland", None),
        ("40 m of flooded road", None),
    ],
)
def test_depths_are_told_in_numbers_or_by_a_body(text: str, metres: float | None) -> None:
    found = urgency_of(text)
    assert found.depth_m == (None if metres is None else pytest.approx(metres))
    assert (found.share > 0) == (metres is not None)


def test_more_is_said_by_more_kinds_of_calls_and_by_deeper_water() -> None:
    texts = [
        "help",
        "need help",
        "trapped",
        "trapped, help us",
        "trapped with children, help us, 2 m of water",
    ]
    shares = [urgency_of(text).share for text in texts]
    assert shares == sorted(set(shares))
    assert urgency_of("trapped trapped stranded").share == urgency_of("trapped").share
    assert urgency_of("help " * 2000).share < 1.0


def test_people_count_only_where_a_model_saw_them() -> None:
    assert urgency_of("people at the market").share == 0.0
    assert 0.0 < urgency_of("two people beside a car", seen=True).share < urgency_of("help").share
