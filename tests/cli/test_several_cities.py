"""Several indexes on the command line: `--city auto`, `--city a,b`."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from geoflood.localize.world import WorldPrior
from geoflood.synthetic.town import Truth
from tests.support.commands import Result, error_line
from tests.support.ensemble import members
from tests.support.world import small_prior

Photos = list[tuple[Path, Truth]]
Run = Callable[..., Result]


@pytest.fixture
def run_in(run: Run, cities_dir: Path) -> Run:
    """Runs a command beside the three indexes."""
    return lambda *arguments: run(*arguments, "--index-dir", cities_dir)


def test_locate_says_which_city(run_in: Run, queries: Photos) -> None:
    result = run_in("locate", queries[0][0], "--city", "auto", "--json")
    assert result.exit_code == 0, result.output
    (answer,) = map(json.loads, result.stdout.splitlines())
    assert answer["city"] in ("town", "twin")
    assert {one["city"] for one in answer["cities"]} == {"faroe", "town", "twin"}
    assert "none of the 3 indexes" in answer["reason"]


def test_files_of_several(run_in: Run, queries: Photos, tmp_path: Path) -> None:
    photos = [path for path, _ in queries[:3]]
    result = run_in(
        "locate", *photos, "--city", "town,faroe", "--prior", "town=0.6", "--out", tmp_path / "out"
    )
    assert result.exit_code == 0, result.output
    assert "city" in result.stdout.splitlines()[0]
    with (tmp_path / "out" / "located.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["city"] for row in rows if row["lat"]} == {"town"}
    assert all("stated before looking: town 60 %" in row["reason"] for row in rows)
    assert "faroe" in (tmp_path / "out" / "map.html").read_text("utf-8")


def test_the_world_prior_is_asked_for_and_told(
    run_in: Run, queries: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOFLOOD_MODELS_DIR", str(tmp_path / "models"))
    asked = ("locate", queries[0][0], "--city", "town,faroe", "--world", "--json")
    result = run_in(*asked)
    assert result.exit_code == 6
    assert "geoflood models fetch geoclip" in result.stderr
    monkeypatch.setattr(WorldPrior, "open", small_prior)
    answer = json.loads(run_in(*asked).stdout)
    assert "the look of the land moved the log-odds of cities: town " in answer["reason"]
    assert run_in("locate", queries[0][0], "--city", "town", "--world").exit_code == 2


def test_one_that_cannot_be_asked_is_named(
    run: Run, cities_dir: Path, queries: Photos, tmp_path: Path
) -> None:
    for name in ("town", "faroe"):
        shutil.copytree(cities_dir / name, tmp_path / "some" / name)
    (tmp_path / "some" / "faroe" / "learned.npz").write_bytes(b"nothing")
    result = run("locate", queries[0][0], "--city", "auto", "--json", "--index-dir", tmp_path / "some")
    assert result.exit_code == 10, result.output
    assert json.loads(result.stdout)["city"] == "town"
    assert "faroe is left out: " in result.stderr
    assert "not asked: faroe" in result.stderr


def test_senseless_cities(run: Run, run_in: Run, queries: Photos, tmp_path: Path) -> None:
    photo = queries[0][0]
    assert "no index at" in error_line(run_in("locate", photo, "--city", "town,faro"), 4)
    assert "nothing is indexed" in error_line(
        run("locate", photo, "--city", "auto", "--index-dir", tmp_path), 4
    )
    for prior in ("town", "town=much", "paris=0.5", "town=1"):
        assert "prior" in error_line(run_in("locate", photo, "--city", "auto", "--prior", prior), 2)
    assert "prior" in error_line(run_in("locate", photo, "--city", "town", "--prior", "town=0.5"), 2)


def test_evaluate_counts_cities(run_in: Run, table: Path, tmp_path: Path) -> None:
    result = run_in("evaluate", "town,faroe", table, "--rerank", 0, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    shares = json.loads(result.stdout)["which_city"]
    assert shares["of"] == shares["right"] + shares["none"] + shares["wrong"]
    assert shares["of"] >= 6


def test_a_batch_of_several(run_in: Run, queries: Photos, tmp_path: Path) -> None:
    posts = tmp_path / "posts"
    posts.mkdir()
    for path, _ in queries[:2]:
        shutil.copy(path, posts)
    asked = ("batch-locate", posts, "--city", "town,faroe", "--out", tmp_path / "triage")
    result = run_in(*asked, "--json")
    assert result.exit_code == 0, result.output
    with (tmp_path / "triage" / "located.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["city"] for row in rows if row["lat"]} == {"town"}
    assert "town" in (tmp_path / "triage" / "triage.html").read_text("utf-8")
    other = run_in("batch-locate", posts, "--city", "town,twin", "--out", tmp_path / "triage")
    assert "other options: city town,faroe, not town,twin" in error_line(other, 2)


def test_two_backbones_of_one_city(run: Run, cities_dir: Path, queries: Photos, tmp_path: Path) -> None:
    photo, root = queries[0][0], members(cities_dir / "town", tmp_path / "members")
    asked = ("locate", photo, "--rerank", 0, "--json", "--index-dir", root, "--beside-backbone")
    result = run(*asked, "rootsift", "--city", "town")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert "weighed alike: town " in answer["reason"]
    assert not answer.get("city")
    missing = run(*asked, "megaloc", "--city", "town")
    assert "no index at" in error_line(missing, 4)
    assert "geoflood index town-megaloc IMAGES --backbone megaloc" in " ".join(missing.stderr.split())
    assert "one city" in error_line(run(*asked, "rootsift", "--city", "auto"), 2)
    batch = run(
        "batch-locate", tmp_path, "--city", "auto", "--beside-backbone", "rootsift", "--index-dir", root
    )
    assert "one city" in error_line(batch, 2)
