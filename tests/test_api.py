"""`import geoflood` as a script or a notebook uses it; the reference pages."""

from __future__ import annotations

import inspect
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import geoflood
from geoflood.synthetic.town import Truth

ROOT = Path(__file__).parents[1]
REFERENCE = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))

Photos = list[tuple[Path, Truth]]


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
