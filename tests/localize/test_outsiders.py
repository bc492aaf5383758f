"""Outsiders kept with an index: measured alike, never with themselves, and made anew where the file broke."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geoflood.localize import outsiders as keeping
from geoflood.localize.locator import Locator
from geoflood.localize.outsiders import ALIKE, FILE, Outsiders, open_outsiders, write_outsiders

COUNT = ALIKE + 2
BELIEF = np.array([0.5, 0.3, 0.2, 0.0, 0.0], np.float32)


@pytest.fixture(scope="module")
def kept(locator: Locator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a few outsiders as the town's index describes them."""
    folder = tmp_path_factory.mktemp("kept")
    write_outsiders(folder, locator.describer, locator.settings.bands, COUNT, 1)
    return folder


def opened(folder: Path, locator: Locator, dimension: int = 64) -> Outsiders:
    return open_outsiders(folder, locator.describer, locator.settings.bands, dimension)


def test_similarity_is_the_mean_of_those_most_alike() -> None:
    rows = np.eye(8, dtype=np.float32)[:, None]
    query = np.arange(8, dtype=np.float32)[None] / 10
    assert Outsiders(rows).similarity(query, np.ones(1)) == pytest.approx(0.5)
    assert Outsiders(rows).similarity(query, np.ones(1), without=7) == pytest.approx(0.4)
    assert Outsiders(rows).similarity(query, np.ones(1), without=0) == pytest.approx(0.5)


def test_an_outsider_resembles_itself_most(kept: Path, locator: Locator) -> None:
    """So it is left out when it plays a stranger."""
    described, few = np.load(kept / FILE).astype(np.float32), opened(kept, locator)
    for number, own in enumerate(described):
        assert few.similarity(own, BELIEF, number) < few.similarity(own, BELIEF)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def with_nan(path: Path) -> None:
    rows = np.load(path)
    rows[1, 2, 3] = np.nan
    np.save(path, rows)


def too_long(path: Path) -> None:
    np.save(path, np.load(path) * np.float16(-30))


def of_no_numbers(path: Path) -> None:
    np.save(path, np.full((COUNT, 5, 64), "x"))


def zipped(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, rows=np.zeros(3))


@pytest.mark.parametrize(
    "broken",
    [
        Path.unlink,
        cut,
        with_nan,
        too_long,
        of_no_numbers,
        zipped,
        lambda path: np.save(path, np.load(path)[:ALIKE]),
        lambda path: np.save(path, np.load(path)[:, :, :32]),
        lambda path: np.save(path, np.load(path)[:, :3]),
        lambda path: path.write_bytes(b""),
    ],
    ids=[
        *("missing", "cut", "not a number", "too long", "words", "zipped"),
        *("too few", "another dimension", "other bands", "empty"),
    ],
)
def test_what_is_missing_or_broken_is_described_anew_to_the_same_numbers(
    broken: Callable[[Path], None],
    kept: Path,
    locator: Locator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "COUNT", COUNT)
    shutil.copy(kept / FILE, tmp_path)
    whole, photo = opened(kept, locator), np.load(kept / FILE)[0].astype(np.float32)
    broken(tmp_path / FILE)
    assert opened(tmp_path, locator).similarity(photo, BELIEF) == whole.similarity(photo, BELIEF)


def test_what_is_whole_is_not_described_again(
    kept: Path, locator: Locator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_described", lambda *arguments: pytest.fail("again"))
    assert len(opened(kept, locator)) == COUNT
