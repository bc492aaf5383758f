"""Several indexes asked together: the drawn town, a copy of its index, and a town elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import geoflood
from geoflood.core.datatypes import (
    AttentionMap,
    Bounds,
    Image,
    Located,
    Outcome,
    ReasonKind,
    SearchOptions,
)
from geoflood.core.errors import CityError, IndexUnusableError, UsageError
from geoflood.core.images import read_image
from geoflood.database.named_indexes import named_indexes
from geoflood.localize.cities import Cities, DescribedTogether, open_cities
from geoflood.localize.locator import Locator
from geoflood.outputs.record import record
from geoflood.outputs.wording import reason_line
from geoflood.synthetic.town import Truth
from geoflood.triage.codec import located_from, located_to

Photos = list[tuple[Path, Truth]]


@pytest.fixture(scope="module")
def cities(cities_dir: Path) -> Cities:
    return open_cities([cities_dir / "faroe", cities_dir / "town"])


@pytest.fixture(scope="module")
def found(cities: Cities, queries: Photos) -> list[Located]:
    return cities.locate_all([path for path, _ in queries])


def test_photos_are_given_to_their_city(found: list[Located], queries: Photos) -> None:
    placed = [one for one, (_, truth) in zip(found, queries, strict=True) if truth.position and one.place]
    assert len(placed) >= 4
    assert {one.city for one in placed} == {"town"}
    for one in placed:
        assert one.other_city is not None
        assert one.other_city.city == "faroe"
        assert "city: " in reason_line(one)


def test_the_world_prior_counts_and_is_told(cities: Cities, cities_dir: Path, queries: Photos) -> None:
    path = queries[0][0]
    plain = cities.locate(path)

    class FarNorth:
        """A prior for the first index."""

        def log_odds(self, image: Image) -> np.ndarray:
            return np.array([1.2, -1.2])

    moved = Cities(dict(zip(cities.names, cities._locators, strict=True)), world=FarNorth())  # type: ignore[arg-type]
    found = moved.locate(path)
    shares = [{one.city: one.probability for one in located.cities} for located in (plain, found)]
    odds = [np.log(share["faroe"] / share["town"]) for share in shares]
    assert odds[1] - odds[0] == pytest.approx(2.4, abs=1e-6)
    assert "faroe +1.2, town -1.2" in reason_line(found)


def test_shares_are_a_whole(found: list[Located]) -> None:
    for one in found:
        assert one.estimate is not None
        assert sum(share.probability for share in one.cities) + one.estimate.not_in_index == pytest.approx(1)
        assert one.probability <= (one.city_probability or 0) + 1e-9


def test_the_answer_is_that_of_its_index(found: list[Located], locator: Locator, queries: Photos) -> None:
    for one, (path, _) in zip(found, queries, strict=True):
        if one.city == "town" and one.place:
            assert one.position == locator.locate(path).position


def test_numbers_of_references_go_through_all(cities: Cities, found: list[Located]) -> None:
    shown = [candidate.reference for one in found for candidate in one.shown_candidates]
    assert cities.database.references([reference.id for reference in shown]) == shown
    assert {cities.database.index_of(one.candidates[0].reference.id) for one in found} == {
        one.city for one in found
    }


def test_described_together_as_one_by_one(cities: Cities, locator: Locator, queries: Photos) -> None:
    pixels = [read_image(path) for path, _ in queries[:2]]
    maps = [AttentionMap.neutral()] * 2
    alone = locator.describe(pixels, maps, SearchOptions())
    for together, one in zip(cities.describe(pixels, maps), alone, strict=True):
        assert isinstance(together, DescribedTogether)
        np.testing.assert_array_equal(together.by_index[1].descriptors, one.descriptors)
        assert together.by_index[0].patches() is together.by_index[1].patches()


def test_a_box_leaves_out_who_has_nothing_in_it(cities: Cities, locator: Locator, queries: Photos) -> None:
    low, high = locator.database.positions.min(axis=0), locator.database.positions.max(axis=0)
    within = Bounds(*(low - 1e-4).tolist(), *(high + 1e-4).tolist())
    located = cities.locate(queries[0][0], within=within)
    assert [share.city for share in located.cities] == ["town"]
    nowhere = cities.locate(queries[0][0], within=Bounds(10, 10, 11, 11))
    assert nowhere.outcome is Outcome.NOT_FOUND
    assert nowhere.reason.kind is ReasonKind.EMPTY_BOX


def test_copies_count_as_one(cities_dir: Path, locator: Locator, queries: Photos) -> None:
    both = open_cities([cities_dir / "town", cities_dir / "twin"])
    for path, _ in queries[:3]:
        one, two = locator.locate(path), both.locate(path)
        assert two.probability == pytest.approx(one.probability, abs=1e-6)
        assert two.other_city is None
        assert ReasonKind.SAME_GROUND in {note.kind for note in two.notes}


def test_what_was_stated_counts_and_is_told(cities_dir: Path, cities: Cities, queries: Photos) -> None:
    path = queries[-1][0]
    stated = open_cities([cities_dir / "faroe", cities_dir / "town"], prior={"faroe": 0.9}).locate(path)
    shares = [
        {one.city: one.probability for one in answer.cities} for answer in (stated, cities.locate(path))
    ]
    assert shares[0]["faroe"] > shares[1]["faroe"]
    assert "stated before looking: faroe" in reason_line(stated)


def test_both_are_shown_where_neither_is_sure(cities: Cities, found: list[Located]) -> None:
    for one in found:
        unsure = one.place is not None and (one.city_probability or 0) < 0.8
        assert (one.other is not None) == unsure
        if one.other is not None:
            assert one.outcome in (Outcome.LIKELY, Outcome.UNCERTAIN)
            assert "both are shown" in reason_line(one)
            assert record(one)["other"]["city"] == one.other.city


def test_results_come_back_as_they_went(found: list[Located]) -> None:
    for one in found:
        again = located_from(located_to(one))
        assert (again.city, again.cities) == (one.city, one.cities)
        assert (again.other is None) == (one.other is None)
        assert again.estimate is not None
        assert one.estimate is not None
        assert again.estimate.in_other_index == pytest.approx(one.estimate.in_other_index)
        assert again.estimate.asked == one.estimate.asked


def test_a_damaged_index_is_left_out_and_named(cities_dir: Path, tmp_path: Path, queries: Photos) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(cities_dir / "faroe", broken)
    (broken / "vectors.faiss").write_bytes(b"nothing")
    some = open_cities([broken, cities_dir / "town"])
    assert [one.name for one in some.left_out] == ["broken"]
    assert some.locate(queries[0][0]).city == "town"
    with pytest.raises(IndexUnusableError):
        open_cities([broken])
    with pytest.raises(CityError):
        open_cities([])


def test_names_of_several(cities_dir: Path) -> None:
    every = named_indexes("auto", cities_dir)
    assert [folder.name for folder in every.folders] == ["faroe", "town", "twin"]
    assert every.together
    assert named_indexes("town", cities_dir).only == cities_dir / "town"
    twice = named_indexes("town, faroe,town", cities_dir)
    assert twice.name == "town,faroe"
    assert twice.notes == ("town is named twice: it is asked once",)
    assert named_indexes("town,town", cities_dir).only == cities_dir / "town"
    with pytest.raises(CityError) as error:
        named_indexes("town,faro", cities_dir)
    assert "did you mean faroe?" in error.value.hint
    with pytest.raises(UsageError):
        named_indexes(",", cities_dir)
    with pytest.raises(CityError):
        named_indexes("auto", cities_dir / "town")


def test_a_name_with_a_comma_and_an_index_called_auto(cities_dir: Path, tmp_path: Path) -> None:
    for name in ("auto", "town-faroe"):
        shutil.copytree(cities_dir / "faroe", tmp_path / name)
    assert named_indexes("Town, Faroe", tmp_path).only == tmp_path / "town-faroe"
    every = named_indexes("auto", tmp_path)
    assert len(every.folders) == 2
    assert "called so" in every.notes[0]


def test_the_api(cities_dir: Path, queries: Photos) -> None:
    opened = geoflood.open(["town", "faroe"], index_dir=cities_dir, prior={"town": 0.5})
    assert isinstance(opened, Cities)
    assert opened.names == ("town", "faroe")
    assert isinstance(geoflood.open("town", index_dir=cities_dir), Locator)
    with pytest.raises(UsageError):
        geoflood.open("town", index_dir=cities_dir, prior={"town": 0.5})
