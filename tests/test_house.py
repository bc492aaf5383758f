"""The rules of the house: imports only go down, no circles, one door a library, one name a class."""

from __future__ import annotations

import ast
import functools
import graphlib
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import geoflood

ROOT = Path(geoflood.__file__).parent
TESTS = Path(__file__).parent

FLOORS = (
    "__main__",
    "cli",
    "__init__",
    "triage evaluation",
    "localize outputs",
    "database vlm",
    "imagery places backbones synthetic",
    "core",
)
"""From the roof to the ground, a floor a line; a package is one room, and rooms of one floor do not meet."""

LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms.split()}

DOORS = {
    "typer": {"cli"},
    "rich": {"cli"},
    "folium": {"outputs"},
    "branca": {"outputs"},
    "xstatic": {"outputs"},
    "shapely": {"core", "outputs", "places"},
    "scipy": {"evaluation", "localize", "outputs", "places"},
    "ijson": {"places", "triage"},
    "imagehash": {"triage"},
    "openpyxl": {"triage"},
    "pyogrio": {"outputs"},
    "faiss": {"database", "backbones"},
    "sqlite3": {"database", "imagery", "triage"},
    "ollama": {"vlm"},
    "httpx": {"core", "vlm"},
    "tenacity": {"core"},
    "exifread": {"imagery"},
    "geopy": {"places"},
    "osmium": {"places"},
    "rapidfuzz": {"places"},
    "rapidocr": {"places"},
    "shapefile": {"places"},
    "segno": {"triage"},
    "torch": {"backbones"},
    "safetensors": {"backbones"},
    "PIL": {"core", "synthetic", "triage"},
    "pillow_heif": {"core"},
    "utm": {"core"},
    "mgrs": {"core"},
    "platformdirs": {"core"},
    "weasyprint": {"outputs"},
    "pandas": {"__init__", "outputs"},
    "filelock": {"core"},
    "ray": {"database"},
}
"""The rooms that may import a library; numpy alone is in all of them."""

MOST_ENTRIES = 14


def module_name(path: Path) -> str:
    """`geoflood.core.geo`; a package is named as Python names it."""
    return ".".join((ROOT.name, *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@functools.cache
def imported_names(path: Path) -> frozenset[str]:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {
        f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return frozenset(whole | parts)


def room_imported(name: str) -> str | None:
    """None for other people's modules; the version is a constant that every room may read."""
    parts = name.split(".")
    if parts[0] != ROOT.name or name == "geoflood.__version__":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in LEVEL else "__init__"


FILES = sorted(ROOT.rglob("*.py"))
MODULES = {module_name(path): path for path in FILES}
PACKAGES = sorted(module_name(path) for path in ROOT.rglob("__init__.py") if path.parent != ROOT)

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))


@every_file
def test_imports_only_go_down(path: Path) -> None:
    here = room_of(path)
    there = {room_imported(name) for name in imported_names(path)} - {None, here}
    assert not {room for room in there if LEVEL[room or ""] <= LEVEL[here]}


@every_file
def test_a_library_has_its_doors(path: Path) -> None:
    room = room_of(path)
    used = {name.partition(".")[0] for name in imported_names(path)}
    others = used - set(sys.stdlib_module_names) - {"geoflood", "numpy"} | used & DOORS.keys()
    assert not {library for library in others if room not in DOORS.get(library, ())}


def imported_module(name: str) -> str | None:
    """The longest part of a name that is a module of ours."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def neighbours(package: str) -> dict[str, set[str]]:
    """Which entries of a package (modules and sub-packages) import which others."""

    def entry(module: str) -> str:
        return module.removeprefix(f"{package}.").partition(".")[0]

    arrows: dict[str, set[str]] = defaultdict(set)
    inside = [module for module in MODULES if module.startswith(f"{package}.")]
    for module in inside:
        for name in imported_names(MODULES[module]):
            target = imported_module(name)
            if target in inside and entry(target) != entry(module):
                arrows[entry(module)].add(entry(target))
    return arrows


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_in_a_room(package: str) -> None:
    graphlib.TopologicalSorter(neighbours(package)).prepare()  # raises CycleError, which names the circle


def test_a_circle_is_noticed() -> None:
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in FILES} <= LEVEL.keys()


def test_few_entries_at_the_top() -> None:
    entries = {path.name for path in ROOT.iterdir()} - {"__pycache__", "py.typed"}
    assert len(entries) <= MOST_ENTRIES


def public_classes(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def test_public_class_names_are_unique() -> None:
    counts = Counter(name for path in FILES for name in public_classes(path))
    assert not {name for name, count in counts.items() if count > 1}


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_what_tests_share_is_in_support(path: Path) -> None:
    ours = {name for name in imported_names(path) if name.startswith("tests.")}
    assert {name for name in ours if not name.startswith("tests.support.")} == set()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


def test_help_and_import_load_nothing_heavy() -> None:
    """What `--help` costs are its imports: torch alone takes over a second."""
    code = (
        "import sys, contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    import geoflood.cli.app; geoflood.cli.app.app(['--help'])\n"
        "heavy = {'torch', 'faiss', 'folium', 'numpy.random', 'ollama', 'scipy', 'shapely', 'imagehash'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run("-c", code).stdout.strip() == "[]"
