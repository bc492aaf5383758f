"""Two indexes of one city asked together: of the drawn town, one of them uncalibrated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import geoflood
from geoflood.core.datatypes import Bounds, Located, Outcome, ReasonKind
from geoflood.core.errors import CityError, UsageError
from geoflood.core.geo import distance_m
from geoflood.database.named_indexes import beside, named_indexes
from geoflood.localize.ensemble import Ensemble, open_ensemble
from geoflood.localize.locator import Locator
from geoflood.outputs.wording import reason_line
from geoflood.synthetic.town import Truth
from tests.support.ensemble import members, other_angle

Photos = list[tuple[Path, Truth]]


@pytest.fixture(scope="module")
def members_dir(index_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The town's index, and one beside it."""
    return members(index_dir / "town", tmp_path_factory.mktemp("members"))


@pytest.fixture(scope="module")
def ensemble(members_dir: Path) -> Ensemble:
    return open_ensemble([members_dir / "town", members_dir / "town-rootsift"])


@pytest.fixture(scope="module")
def found(ensemble: Ensemble, queries: Photos) -> list[Located]:
    return ensemble.locate_all([path for path, _ in queries])


def test_members_are_pooled(
    ensemble: Ensemble, found: list[Located], members_dir: Path, queries: Photos
) -> None:
    alone = [Locator(members_dir / name) for name in ensemble.names]
    placed = 0
    for one, (path, truth) in zip(found, queries, strict=True):
        each = [member.locate(path) for member in alone]
        assert one.probability <= max(member.probability for member in each) + 1e-6
        assert one.city == ""
        assert one.cities == ()
        if one.position and truth.position:
            here, there = ((at.lat, at.lon) for at in (one.position, truth.position))
            placed += bool(distance_m(here, there) <= 25)
    assert placed >= 3


def test_what_members_say_is_told(found: list[Located]) -> None:
    kinds = {note.kind for one in found for note in one.notes}
    assert ReasonKind.MEMBERS_AGREE in kinds
    assert any("weighed alike: town " in reason_line(one) for one in found if one.place)


def test_numbers_of_references_are_those_of_the_union(ensemble: Ensemble, found: list[Located]) -> None:
    shown = [candidate.reference for one in found for candidate in one.candidates]
    assert shown
    assert ensemble.database.references([reference.id for reference in shown]) == shown


def test_a_box_without_images(ensemble: Ensemble, queries: Photos) -> None:
    nowhere = ensemble.locate(queries[0][0], within=Bounds(10, 10, 11, 11))
    assert nowhere.outcome is Outcome.NOT_FOUND
    assert nowhere.reason.kind is ReasonKind.EMPTY_BOX


def test_indexes_that_make_no_ensemble(cities_dir: Path) -> None:
    with pytest.raises(UsageError, match="same twice"):
        open_ensemble([cities_dir / "town", cities_dir / "twin"])


def test_other_ground_makes_no_ensemble(members_dir: Path, cities_dir: Path, tmp_path: Path) -> None:
    far = tmp_path / "faroe"
    shutil.copytree(cities_dir / "faroe", far)
    other_angle(far)
    with pytest.raises(UsageError, match="no ground in common"):
        open_ensemble([members_dir / "town", far])


def test_which_index_is_beside(members_dir: Path, tmp_path: Path) -> None:
    town = named_indexes("town", members_dir)
    assert beside(town, "RootSIFT").folders[1].name == "town-rootsift"
    assert beside(town, "rootsift").name == "town beside town-rootsift"
    with pytest.raises(CityError) as error:
        beside(town, "megaloc")
    assert "geoflood index town-megaloc IMAGES --backbone megaloc" in error.value.hint
    with pytest.raises(UsageError, match="no backbone"):
        beside(town, "megalok")
    with pytest.raises(UsageError, match="one city"):
        beside(named_indexes("town,town-rootsift", members_dir), "rootsift")
    shutil.copytree(members_dir / "town", tmp_path / "town")
    shutil.copytree(members_dir / "town", tmp_path / "town-megaloc")
    with pytest.raises(UsageError, match="of rootsift, not of megaloc"):
        beside(named_indexes("town", tmp_path), "megaloc")


def test_the_api(members_dir: Path) -> None:
    assert isinstance(geoflood.open("town", index_dir=members_dir, beside="rootsift"), Ensemble)
    other = members_dir / "town-rootsift"
    assert isinstance(geoflood.open("town", index_dir=members_dir, beside=other), Ensemble)
    with pytest.raises(UsageError):
        geoflood.open("town", index_dir=members_dir, beside="rootsift", prior={"town": 0.5})
