"""A city whose names are made up: 20,000 of them, repeating as those of real cities do, in many languages.

Streets run along a grid and across it, so that neighbours cross. A stem such as Oak bears a street, an avenue
and a court; the suburbs have each their Main Street; shops and bars are called like everyday words.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.places.street_map import Name, NamedSpots, Shapes, StreetMap

__all__ = ["made_map"]

Floats: TypeAlias = NDArray[np.float64]


def _words(text: str) -> list[str]:
    return text.split()


def _phrases(text: str) -> list[str]:
    return [phrase.strip() for phrase in text.split("|")]


ENGLISH = _words(
    """
    Oak Maple Cedar Pine Elm Willow Birch Walnut Chestnut Pecan Magnolia Dogwood Holly Laurel Ash Aspen
    Cypress Hickory Juniper Sycamore Spruce Poplar Locust Cherry Peach Apple Orange Lemon Ivy Rose Lily
    Violet Sunset Sunrise Hill Lake River Park Spring Forest Meadow Valley Ridge Canyon Prairie Mountain
    Ocean Bay Harbor Island Church School Mill Market Main High Water Front Union Liberty Independence
    Washington Adams Jefferson Madison Monroe Jackson Harrison Tyler Polk Taylor Lincoln Grant Hayes
    Garfield Cleveland McKinley Roosevelt Wilson Harding Hoover Truman Kennedy Johnson Nixon Franklin
    Hamilton Smith Williams Brown Jones Davis Miller Moore Anderson Thomas White Harris Martin Thompson
    Garcia Robinson Clark Lewis Lee Walker Hall Allen Young King Wright Scott Green Baker Nelson Carter
    Mitchell Perez Roberts Turner Phillips Campbell Parker Evans Edwards Collins Stewart Morris Rogers
    Reed Cook Morgan Bell Murphy Bailey Cooper Richardson Cox Howard Ward Peterson Gray James Watson
    Brooks Kelly Sanders Price Bennett Wood Barnes Ross Henderson Coleman Jenkins Perry Powell Long
    Patterson Hughes Flores Butler Foster Gonzales Bryant Alexander Russell Griffin Diaz Hope Grace
    Faith Paradise Victory Freedom Country Club Airport Industrial Commerce College University Court
    Bridge Ferry Dock Canal Railroad Depot Station Chapel Temple Mission Fairview Highland Woodland
    Riverside Lakeview Hillside Brookside Westwood Eastwood Northgate Southgate Greenwood Rosewood
    Glenwood Kingston Oxford Cambridge Windsor Bristol Devon Essex Kent Surrey York Lancaster Chester
    Dover Victoria Albert Queens Princess Regent Crown Castle Manor Abbey Vine Grove Orchard Garden Barn
    Farm Field Stone Rock Sand Clay Iron Copper Silver Gold Eagle Hawk Dove Robin Deer Fox Bear Wolf
    Buffalo Mustang Heron Swan
    """
)
TWO_WORDS = _words(
    """
    Creek Hill Hollow Ridge Park Point Springs Valley Run Bend Branch Grove Meadow Brook Forest Lake
    """
)
TYPES = _words("Street Avenue Road Drive Lane Court Boulevard Way Place Circle Trail Terrace Parkway")
GERMAN_STEMS = _words(
    """
    Haupt Linden Bahnhof Schiller Goethe Garten Ring Bismarck Schul Kirch Mühl Berg Wald Wiesen Rosen
    Ufer Markt Rathaus König Kaiser Beethoven Mozart Bach Lessing Heine Birken Eichen Buchen Tannen
    Ahorn Kastanien Ulmen Erlen Flur Feld Dorf Bruch Post Brunnen Burg Schloss Graben Hafen Fischer
    Weber Müller Schmied Bäcker Jäger Römer Sonnen Stern Mond Nord Süd Ost West Mittel Ober Unter Neu
    Alt Lang Kurz Hoch Tal See Teich Insel Wein Reb Lerchen Amsel Drossel Finken Meisen
    """
)
GERMAN_TYPES = _words("straße weg gasse platz allee ring ufer damm")
DUTCH_STEMS = _words(
    """
    Dorps Kerk Molen Station Beatrix Juliana Wilhelmina Oranje Prinsen Keizers Heren School Markt Linden
    Eiken Beuken Wilgen Rozen Tulpen Nieuwe Oude Lange Korte Haven Waal Maas Rijn IJssel Park Veld Bosch
    Berg Zand Water Vis Hoog Laag
    """
)
DUTCH_TYPES = _words("straat weg laan plein gracht kade dijk singel")
SPANISH = _words(
    """
    Mayor San Juan Colón Libertad España Constitución del Río del Horno San José Santa Bárbara Nueva
    Vieja del Carmen Cervantes Goya Velázquez Alcalá Mar Sol Luna Paz Victoria Valencia Sevilla Granada
    Toledo Maestro Serrano San Pedro San Pablo Santa Ana Santa María del Pilar de la Iglesia de la
    Fuente del Puente del Molino Real Castilla Aragón Galicia América Pizarro
    """
)
FRENCH = _phrases(
    """
    de la Gare|Pasteur|Foch|des Écoles|Victor Hugo|de la République|Voltaire|Saint-Michel|de la Mairie|
    de l'Église|du Moulin|Jean Jaurès|Gambetta|de Verdun|du Général de Gaulle|des Lilas|des Roses|de la Paix|
    du Pont|Molière|Racine|Zola|Carnot|du Port|des Tilleuls|du Château|de la Fontaine|Nationale|de Paris|
    de Lyon|Sainte-Anne|Saint-Jean|du 8 Mai 1945|du Marché
    """
)
GREEK = _phrases(
    """
    Ερμού|Πατησίων|Σταδίου|Πανεπιστημίου|Αιόλου|Αθηνάς|Ακαδημίας|Σόλωνος|Αγίου Δημητρίου|Αγίας Σοφίας|
    Κηφισίας|Συγγρού|Αλεξάνδρας|Βασιλίσσης Σοφίας|Εγνατία|Τσιμισκή|Μητροπόλεως|Ελευθερίας|Δημοκρατίας|
    Ομόνοιας|Σωκράτους|Πλάτωνος|Ηρακλέους|Διός
    """
)
BARS = _words(
    """
    Help Home Sky Paradise The Park The Bridge The Bank Noah's Ark Monday Water The Corner Hope Sunrise
    Rainbow Storm Blue Wave The Office High Tide Low Tide Spring Summer Winter Angel Diamond Star Luna Sol Mar
    La Casa Post Krone Sonne Adler Hirsch Mond Le Pont Chez Michel Amigo Marco Roma Milano Venezia Napoli
    Sushi Tokyo Kyoto Green Red Dragon Happy Lucky Golden Gate King Queen Alpha Beta Delta Omega Zero One
    Central Global Express City Metro Urban Nova Terra Aqua Vita
    """
)
PLACES = _phrases(
    """
    Elementary School|High School|Middle School|Baptist Church|Methodist Church|Hospital|Park|
    Library|Fire Station|Post Office|Pharmacy|Apartments|Community Center|Cemetery|Shopping Center
    """
)
SUBURBS = 1.4
"""Zipf's exponent of how often a name repeats."""
MIDDLE = (30.0, -95.0)
BLOCK = 0.0011
"""Degrees between two streets: 120 m."""
ROW = 20
"""Streets of a quarter, along and across."""


def made_map(seed: int, size: int, asked: Sequence[str], crossings: Iterable[tuple[str, str]]) -> StreetMap:
    """A city of `size` names, among them those `asked` for; the pairs of `crossings` do cross."""
    rng = random.Random(seed)
    made = list(dict.fromkeys(_street_names()))
    rng.shuffle(made)
    spots = list(dict.fromkeys(_spot_names(rng)))
    landmarks = [name for name in asked if _is_landmark(name)]
    streets = [name for name in asked if not _is_landmark(name)]
    wanted = list(dict.fromkeys([*streets, *made]))[: size - len(set(spots) | set(landmarks))]
    names = list(dict.fromkeys([*wanted, *landmarks, *spots]))
    number = {name: at for at, name in enumerate(names)}
    lines = [*_quarters(rng, [number[name] for name in wanted])]
    lines += [line for pair in crossings for line in _cross(rng, *(number[name] for name in pair))]
    points = np.vstack([line for _, line in lines])
    owned = [number[name] for name in [*landmarks, *spots] for _ in range(rng.choice((1, 1, 1, 3)))]
    return StreetMap(
        tuple(Name((("name", name),)) for name in names),
        Shapes(
            np.round(points * 1e6).astype(np.int32),
            np.arange(0, 2 * len(lines) + 1, 2, dtype=np.int64),
            np.full(len(lines), 2, np.uint8),
            np.array([name for name, _ in lines], np.int32),
            np.arange(len(lines), dtype=np.int32),
        ),
        spots=NamedSpots(
            _spread(rng, len(owned)),
            np.array(owned, np.int32),
            np.zeros(len(owned), np.int32),
            ("place",),
        ),
    )


def _street_names() -> Iterator[str]:
    for stem, kind in product(ENGLISH, TYPES):
        yield f"{stem} {kind}"
    for one, other, kind in product(ENGLISH[:200], TWO_WORDS, TYPES[:5]):
        yield f"{one} {other} {kind}"
    for stem, kind in product(GERMAN_STEMS, GERMAN_TYPES):
        yield stem + kind
    for stem, kind in product(DUTCH_STEMS, DUTCH_TYPES):
        yield stem + kind
    for kind, stem in product(("Calle", "Avenida", "Plaza", "Paseo", "Camino"), _spanish()):
        yield f"{kind} {stem}"
    for kind, stem in product(("Rue", "Avenue", "Place", "Boulevard", "Impasse"), FRENCH):
        yield f"{kind} {stem}"
    yield from GREEK
    for stem in GREEK:
        yield f"Λεωφόρος {stem}"
        yield f"Πλατεία {stem}"
    for n, kind in product(range(1, 100), ("Street", "Avenue")):
        yield f"{n}{'th' if 10 < n < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')} {kind}"
    for stem in ENGLISH[:200]:
        yield f"North {stem} Street"
        yield f"South {stem} Street"


def _spanish() -> Iterator[str]:
    words = iter(SPANISH)
    for word in words:
        joined = word
        while joined.split()[-1] in ("San", "Santa", "del", "de", "la", "Maestro"):
            joined = f"{joined} {next(words)}"
        yield joined


def _spot_names(rng: random.Random) -> Iterator[str]:
    yield from BARS
    for one in rng.sample(ENGLISH, 150):
        for kind in rng.sample(PLACES, 8):
            yield f"{one} {kind}"


def _is_landmark(name: str) -> bool:
    return any(name.endswith(kind) for kind in ("Church", "School", "Hospital", "Lion", "桜橋"))


def _quarters(rng: random.Random, names: Sequence[int]) -> Iterator[tuple[int, Floats]]:
    """Each name one to nine times, as Zipf has it; twenty streets along and twenty across make a quarter."""
    often = [min(9, int(rng.paretovariate(SUBURBS))) for _ in names]
    order = [name for name, count in zip(names, often, strict=True) for _ in range(count)]
    rng.shuffle(order)
    side = int(np.ceil(np.sqrt(len(order) / (2 * ROW))))
    for at, name in enumerate(order):
        quarter, place = divmod(at, 2 * ROW)
        south = MIDDLE[0] + (quarter // side - side / 2) * BLOCK * (ROW + 2)
        west = MIDDLE[1] + (quarter % side - side / 2) * BLOCK * (ROW + 2)
        step = (place % ROW) * BLOCK
        far = ROW * BLOCK
        if place < ROW:
            yield name, np.array([[south + step, west], [south + step, west + far]])
        else:
            yield name, np.array([[south, west + step], [south + far, west + step]])


def _spread(rng: random.Random, count: int) -> NDArray[np.int32]:
    rows = [[(MIDDLE[axis] + rng.uniform(-0.15, 0.15)) * 1e6 for axis in (0, 1)] for _ in range(count)]
    return np.array(rows).astype(np.int32)


def _cross(rng: random.Random, one: int, other: int) -> Iterator[tuple[int, Floats]]:
    lat, lon = (MIDDLE[axis] + rng.uniform(-0.15, 0.15) for axis in (0, 1))
    yield one, np.array([[lat, lon - 0.003], [lat, lon + 0.003]])
    yield other, np.array([[lat - 0.003, lon], [lat + 0.003, lon]])
