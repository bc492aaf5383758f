"""Which of its forms a name is told in: the one that is shown, and in a bilingual city both languages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from geoflood.places.street_map import Name, StreetMap

__all__ = ["second_language", "titles"]

_LANGUAGE = re.compile(r"name:([a-z]{2,3}(?:[-_][A-Za-z]+)?)")
_BILINGUAL = 0.5
"""Share of the streets that must have another name in one language."""
_LONGEST = 60
"""Characters of a title: some names are sentences."""


def second_language(streets: StreetMap) -> str:
    """The language in which most streets have a second name, if most of them do, or "".

    Helsinki's streets are shown in Finnish and have Swedish names: "sv".
    """
    used = dict(streets.named_streets()).values()
    names = {name.shown: name for name in used}.values()
    counts = Counter(
        language for name in names for language, text in _languages(name).items() if _differs(text, name)
    )
    language, count = max(counts.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    return language if count and count >= _BILINGUAL * len(names) else ""


def titles(streets: StreetMap) -> tuple[str, ...]:
    """Of each name of the map what people are told: "Market Hill", "Mannerheimintie / Mannerheimvägen".

    Names that are shown alike have one title, whatever else is known of each: they are parts of one street.
    So is a part that is shown in the other language only.
    """
    second = second_language(streets)
    others: dict[str, Counter[str]] = {}
    for name in streets.names if second else ():
        other = _languages(name).get(second, "")
        if other and _differs(other, name):
            others.setdefault(name.shown, Counter())[other] += 1
    shown = {text: _title(text, others.get(text, {})) for text in {name.shown for name in streets.names}}
    swapped = {other: shown[text] for text, found in others.items() for other in found}
    shown |= {text: swapped[text] for text in shown if text in swapped and text not in others}
    return tuple(shown[name.shown] for name in streets.names)


def _title(text: str, others: Mapping[str, int]) -> str:
    other, _ = max(others.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    return " / ".join(map(_short, filter(None, (text, other))))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"


def _languages(name: Name) -> Mapping[str, str]:
    """Names by language; the first of each counts."""
    found: dict[str, str] = {}
    for key, text in name.forms:
        if match := _LANGUAGE.fullmatch(key):
            found.setdefault(match[1], text)
    return found


def _differs(text: str, name: Name) -> bool:
    """Brussels shows both languages in one name already."""
    ours, theirs = name.shown.casefold(), text.casefold()
    return theirs not in ours and ours not in theirs
