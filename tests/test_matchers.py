"""The two matchers behind one door, and what the command says where one of them cannot be had."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core.datatypes import AttentionMap, Manner, Matching, Query
from geoflood.core.errors import ExtraMissingError, IndexUnusableError
from geoflood.database.build import build
from geoflood.database.manifest import Settings
from geoflood.imagery.folder import images
from geoflood.imagery.views import pixels_of
from geoflood.localize.locator import Locator
from geoflood.localize.matching import sift
from geoflood.localize.rerank import Reranker, matcher
from geoflood.localize.waterline import belief, reranked
from geoflood.synthetic.town import Truth

Photos = list[tuple[Path, Truth]]
pytestmark = pytest.mark.usefixtures("quick_backbone")
NEEDS_OPENCV = pytest.mark.skipif(not sift.installed(), reason="OpenCV is an extra")
EITHER = [Matching.DENSE, pytest.param(Matching.SIFT, marks=NEEDS_OPENCV)]


@pytest.fixture(scope="module")
def both(
    index_dir: Path, streets: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Locator:
    """The town, indexed again with --matcher sift: nothing is described anew."""
    folder = Path(shutil.copytree(index_dir / "town", tmp_path_factory.mktemp("both") / "town"))
    build(folder, "Town", images([streets]), settings, matching=Matching.SIFT)
    return Locator(folder)


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer without OpenCV."""
    monkeypatch.setattr(sift, "find_spec", lambda name: None)


@pytest.fixture
def unlearned(index_dir: Path, tmp_path: Path) -> Path:
    """A folder of indexes that learned nothing about SIFT."""
    return Path(shutil.copytree(index_dir / "town", tmp_path / "index" / "town")).parent


@pytest.mark.parametrize("matching", EITHER)
def test_a_reference_agrees_most_with_itself(locator: Locator, matching: Matching) -> None:
    references = locator.database.references([0, 5, 10])
    mix = belief(None, locator.settings.bands)
    with ThreadPoolExecutor(2) as pool:
        reranker = Reranker(matcher(matching, locator.describer.backbone), locator.settings.bands, 3, pool)
        photo = pixels_of(references[0])
        own, *others = reranker.inliers(photo, AttentionMap.neutral(), mix, references)
        nothing = AttentionMap(np.array([[0.0, 0.0, 2.0]], np.float32), 0.6)
        less = reranker.inliers(photo, nothing, belief(0.6, locator.settings.bands), references[:1])[0]
    assert own is not None
    assert less is not None
    assert own > 2 * max(count or 0 for count in others)
    assert less < own / 2, "what lies under water, or is looked away from, counts less"


@pytest.mark.parametrize("matching", EITHER)
def test_re_ranked_in_either_way(both: Locator, queries: Photos, matching: Matching) -> None:
    manner = Manner(rerank=3, matching=matching)
    located = both.locate(Query(queries[0][0]), manner=manner)
    again = both.locate_all([Query(queries[0][0])], manner=manner)[0]
    if located.estimate is not None and "rerank" in located.seconds:
        assert sum(one.inliers is not None for one in located.candidates) == 3
    assert [one.inliers for one in located.candidates] == [one.inliers for one in again.candidates]
    assert located.estimate == again.estimate


@NEEDS_OPENCV
def test_each_matcher_is_calibrated_by_itself(both: Locator) -> None:
    numbers = both.database.manifest.calibration
    names = {reranked(name, matching) for name in ("untold", "45") for matching in Matching}
    assert len(names) == 4
    assert names <= numbers.keys()


@pytest.mark.usefixtures("absent")
def test_without_opencv(locator: Locator, unlearned: Path, queries: Photos) -> None:
    Locator(unlearned / "town").check(Manner(rerank=3))
    with pytest.raises(ExtraMissingError, match="OpenCV"):
        locator.check(Manner(rerank=3, matching=Matching.SIFT))
    assert call(unlearned, queries, "--rerank", "3", "--matcher", "sift") == 9


@NEEDS_OPENCV
def test_an_index_that_never_learned_it(unlearned: Path, queries: Photos) -> None:
    with pytest.raises(IndexUnusableError, match="--matcher sift") as error:
        Locator(unlearned / "town").check(Manner(rerank=3, matching=Matching.SIFT))
    assert "--matcher sift" in error.value.hint
    assert call(unlearned, queries, "--rerank", "3", "--matcher", "sift") == 5


def test_a_matcher_with_nothing_to_compare(index_dir: Path, queries: Photos) -> None:
    assert call(index_dir, queries, "--matcher", "sift", "--rerank", "0") == 2
    assert call(index_dir, queries, "--matcher", "superglue", "--rerank", "3") == 2


def test_the_papers_blend_is_refused_where_it_is_not_defined(index_dir: Path, queries: Photos) -> None:
    assert call(index_dir, queries, "--blend", "paper") == 2


def call(indexes: Path, queries: Photos, *options: str) -> int:
    """Exit code of a `locate` that shows nothing but, if it fails, one line."""
    arguments = ["locate", str(queries[0][0]), "--json", "--index-dir", str(indexes), *options]
    result = CliRunner().invoke(app, arguments)
    if result.exit_code:
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
    return result.exit_code
