"""What is read of many located photos: rows in 80 columns, no digit too many, a tally that adds up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from geoflood.cli import terminal
from geoflood.cli.show_many import show_many
from geoflood.core.datatypes import Estimate, LatLon, Located, Outcome, Query, Reason, StreetWords
from geoflood.synthetic.town import Truth
from tests.support.commands import Result

AT = LatLon(29.7604321, -95.3698765)


def located(name: str, outcome: Outcome, radius_m: float = 30.0, street: str = "") -> Located:
    estimate = Estimate(AT, 0.934, radius_m / 2, radius_m, (), 0.01)
    words = StreetWords(street) if street else None
    answer = Located(Query(Path(name)), outcome, Reason.recorded("no picture"), (), estimate)
    return replace(answer, streets=words)


def shown(capsys: pytest.CaptureFixture[str], *answers: Located) -> list[str]:
    show_many(answers)
    return capsys.readouterr().out.replace("\u00a0", " ").splitlines()


def test_a_row_fits_80_columns_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    long = "folder/" + "very-" * 20
    lines = shown(
        capsys,
        located(f"{long}1.jpg", Outcome.LOCATED, street="Corner of Long Street and Longer Street " * 3),
        located(f"{long}2.jpg", Outcome.UNCERTAIN, 2_400.0, street="東京" * 30),
        located("東京" * 30 + ".jpg", Outcome.NOT_FOUND, street="Nowhere"),
        located("a\nb.jpg", Outcome.LIKELY),
    )
    table = lines[:5]
    assert max(map(terminal.columns_of, table)) <= 80
    assert table[1].split()[0].endswith("1.jpg"), "numbers of photos stand at their names' ends"
    assert "Corner of" in table[1]
    assert table[1].endswith("…")
    assert "29." not in table[3], "somebody would drive there"
    assert "Nowhere" not in table[3]


@pytest.mark.parametrize(("radius_m", "decimals"), [(4.0, 5), (30.0, 4), (240.0, 3), (2_400.0, 2)])
def test_digits_say_no_more_than_is_known(
    capsys: pytest.CaptureFixture[str], radius_m: float, decimals: int
) -> None:
    lines = shown(capsys, located("a.jpg", Outcome.UNCERTAIN, radius_m), located("b.jpg", Outcome.NOT_FOUND))
    (position,) = re.findall(r"29\.(\d+), -95\.(\d+)", lines[1])
    assert list(map(len, position)) == [decimals, decimals]


def test_the_tally_has_every_photo_once(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [*[Outcome.LOCATED] * 3, Outcome.LIKELY, *[Outcome.NOT_FOUND] * 2, Outcome.FAILED]
    lines = shown(capsys, *(located(f"{n}.jpg", outcome) for n, outcome in enumerate(outcomes)))
    assert lines[-1].startswith("7 photos: 3 located, 1 likely, 2 not-found, 1 failed")
    assert "FAILED  6.jpg: no picture" in lines


def test_many_in_a_table_one_in_full(
    run: Callable[..., Result], queries: list[tuple[Path, Truth]], tmp_path: Path
) -> None:
    photos = [path for path, _ in queries[:3]]
    many = run("locate", *photos).stdout
    assert len(many.splitlines()) == 1 + 3 + 1 + 1
    assert "similarity" not in many
    in_full = run("locate", *photos, "-v", "--out", tmp_path / "full").stdout
    assert in_full.count("similarity") == 3
    assert "3 photos" not in in_full
    alone = run("locate", photos[0], "--out", tmp_path / "alone").stdout
    assert in_full.startswith(alone)
