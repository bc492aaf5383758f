"""`import geoflood` as a script or a notebook uses it; the README's Python lines; the reference pages."""

from __future__ import annotations

import csv
import inspect
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import geoflood
from geoflood.cli.app import app
from geoflood.core.geo import distance_m
from geoflood.core.images import read_image
from geoflood.imagery.views import LONGEST
from geoflood.outputs.record import record
from geoflood.synthetic.town import Truth

ROOT = Path(__file__).parents[1]
REFERENCE = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))

Photos = list[tuple[Path, Truth]]


@pytest.fixture
def desk(index_dir: Path, queries: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the README's lines work: its city, its photos, its queries."""
    shutil.copytree(index_dir / "town", tmp_path / "index" / "demo-town")
    for name, (photo, _) in zip(("photo.jpg", "a.jpg", "b.jpg"), queries, strict=False):
        shutil.copy(photo, tmp_path / name)
    with (tmp_path / "queries.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("image", "lat", "lon"))
        for photo, truth in queries:
            shutil.copy(photo, tmp_path)
            rows.writerow((photo.name, truth.position.lat, truth.position.lon))
    monkeypatch.delenv("GEOFLOOD_INDEX_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- importing --------------------------------------------------------------------------------------------


def test_import_is_light() -> None:
    code = (
        "import sys; before = set(sys.modules); import geoflood; dir(geoflood)\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - sys.stdlib_module_names), 'geoflood.core' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['geoflood'] False\n"


def test_every_public_name_is_there_and_no_other() -> None:
    assert len(set(geoflood.__all__)) == len(geoflood.__all__)
    values = {name: getattr(geoflood, name) for name in geoflood.__all__}
    functions = {name for name, value in vars(geoflood).items() if inspect.isfunction(value)}
    own = {name for name in functions if vars(geoflood)[name].__module__ == "geoflood" and name[0] != "_"}
    assert own <= set(geoflood.__all__), "a public function is listed"
    for name, value in values.items():
        if name != "__version__":
            assert value.__name__ == name
            assert inspect.getdoc(value), f"{name} has no docstring"
    assert set(geoflood.__all__) <= set(dir(geoflood))
    with pytest.raises(AttributeError, match="locat3"):
        _ = geoflood.locat3


def test_every_error_is_public() -> None:
    tree = {geoflood.GeofloodError, *geoflood.GeofloodError.__subclasses__()}
    own = {error.__name__ for error in tree if error.__module__ == "geoflood.core.errors"}
    assert own <= set(geoflood.__all__)


# -- indexes ----------------------------------------------------------------------------------------------


def test_an_index_by_name_or_by_folder(index_dir: Path) -> None:
    assert geoflood.cities(index_dir) == ["town"]
    info = geoflood.info("Town", index_dir=index_dir)
    assert info == geoflood.info(index_dir / "town") == geoflood.info(str(index_dir / "town"))
    assert (info.city, info.backbone, info.folder) == ("Town", "rootsift", index_dir / "town")
    assert sum(info.headings.values()) == info.references >= info.images
    assert info.covered_km2 > 0
    assert info.bounds.south < info.bounds.north
    with pytest.raises(geoflood.CityError):
        geoflood.info("elsewhere", index_dir=index_dir)
    with pytest.raises(geoflood.CityError):
        geoflood.open(index_dir / "elsewhere")


def test_no_index_at_all(tmp_path: Path) -> None:
    assert geoflood.cities(tmp_path / "none") == []


@pytest.mark.parametrize(
    "options", [{"bands": [0, 95]}, {"bands": [-1]}, {"dimension": 4}, {"backbone": "x"}]
)
def test_settings_that_make_no_sense(streets: Path, tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(geoflood.UsageError):
        geoflood.build_index("town", [streets], index_dir=tmp_path, **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


# -- locating and evaluating ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city(index_dir: Path) -> geoflood.Locator:
    return geoflood.open(index_dir / "town")


def test_a_photo_by_path_by_name_or_as_pixels(city: geoflood.Locator, queries: Photos) -> None:
    photo = queries[0][0]
    found = city.locate(photo, waterline=0.4)
    assert found.position is not None
    assert 0 < found.probability <= 1
    assert found.radius_90_m is not None
    assert found.radius_90_m > 0
    for same in (str(photo), read_image(photo, LONGEST)):
        again = city.locate(same, waterline=0.4)
        assert (again.outcome, again.position, again.probability) == (
            found.outcome, found.position, found.probability,
        )  # fmt: skip
        assert again.candidates == found.candidates


def test_the_command_line_says_the_same(city: geoflood.Locator, queries: Photos, index_dir: Path) -> None:
    photo = queries[0][0]
    arguments = ["locate", str(photo), "--index-dir", str(index_dir), "--waterline", "0.4", "--json"]
    printed = json.loads(CliRunner().invoke(app, arguments).stdout)
    found = record(city.locate(photo, waterline=0.4))
    for name in (
        "outcome",
        "lat",
        "lon",
        "probability",
        "radius_90_m",
        "not_in_index",
        "candidates",
        "reason",
    ):
        assert printed[name] == found[name], name


def test_a_frame_of_several_photos(city: geoflood.Locator, queries: Photos, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no photo")
    located = city.locate_all([queries[0][0], bad, queries[-1][0]], workers=1)
    frame = geoflood.to_frame(located)
    assert frame["photo"].tolist() == [str(queries[0][0]), str(bad), str(queries[-1][0])]
    assert frame["outcome"].tolist() == [answer.outcome.value for answer in located]
    assert frame["probability"].dtype == frame["lat"].dtype == float
    drawn = [answer.place is not None for answer in located]
    assert frame["lat"].notna().tolist() == drawn, "no position of what was not found"
    assert list(geoflood.to_frame([]).columns) == list(frame.columns)


def test_a_frame_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(geoflood.ExtraMissingError) as missing:
        geoflood.to_frame([])
    assert "pip install pandas" in missing.value.hint


def test_recall_is_that_of_the_first_candidates(city: geoflood.Locator, queries: Photos, desk: Path) -> None:
    evaluation = geoflood.evaluate(city, "queries.csv", distances_m=[25, 100])
    for within_m in (25, 100):
        right = []
        for photo, truth in queries:
            place = (truth.position.lat, truth.position.lon)
            if distance_m(city.database.positions, place).min() > within_m:
                continue
            first = city.locate(photo, options=geoflood.SearchOptions()).candidates[0].reference.position
            right.append(distance_m((first.lat, first.lon), place) <= within_m)
        assert evaluation.recall[within_m][1] == pytest.approx(sum(right) / len(right))
    assert geoflood.evaluate("demo-town", "queries.csv").recall[25] == evaluation.recall[25]


NO_SHARES = ({"flood": 0.95}, {"flood": float("nan")}, {"waterline": -0.1}, {"waterline": "true"})


@pytest.mark.parametrize("options", NO_SHARES)
def test_shares_that_make_no_sense(city: geoflood.Locator, options: dict[str, Any], desk: Path) -> None:
    with pytest.raises(geoflood.UsageError):
        geoflood.evaluate(city, "queries.csv", **options)


def test_the_true_waterline_of_a_flood(city: geoflood.Locator, desk: Path) -> None:
    evaluation = geoflood.evaluate(city, "queries.csv", flood=0.3, waterline="true")
    assert (evaluation.flood, evaluation.waterline) == (0.3, 0.3)
    assert 0 <= evaluation.recall[25][1] <= evaluation.recall[25][20] <= 1


def test_queries_that_cannot_be_used_are_noted(desk: Path) -> None:
    with (desk / "queries.csv").open("a") as file:
        file.write("absent.jpg,0,0\n")
    evaluation = geoflood.evaluate("demo-town", desk / "queries.csv")
    assert any("1 missing file" in note for note in evaluation.notes)


# -- the README -------------------------------------------------------------------------------------------


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_lines_of_the_readme_run(desk: Path) -> None:
    blocks = python_blocks(ROOT / "README.md")
    assert blocks, "the README shows how to use it from Python"
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


# -- the reference ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(REFERENCE["REFERENCE"]))
def test_the_reference_is_what_the_program_says(name: str) -> None:
    written = (REFERENCE["FOLDER"] / name).read_text("utf-8")
    assert written == REFERENCE["REFERENCE"][name](), "run: make docs"


def test_the_reference_has_every_command_and_every_name() -> None:
    commands = (REFERENCE["FOLDER"] / "cli.md").read_text("utf-8")
    for name in ("demo", "index", "locate", "cities", "info", "doctor", "models fetch", "batch-locate"):
        assert f"## geoflood {name}\n" in commands
    names = (REFERENCE["FOLDER"] / "api.md").read_text("utf-8")
    public = set(geoflood.__all__) - {"__version__"}
    assert all(f"geoflood.{name}\n" in names or f"`{name}` |" in names for name in public)
