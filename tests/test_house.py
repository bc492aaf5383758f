"""The rules of the house: imports only go down, and each guest has one door."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import geoflood

ROOT = Path(geoflood.__file__).parent

FLOORS = (
    ("__main__",),
    ("cli", "cli_batch", "console"),
    ("demo", "batch", "triage", "evaluate"),
    ("build", "locate", "doctor", "handover", "intake", "results", "custody"),
    (
        "imagery",
        "backbones",
        "vlm",
        "reference",
        "attention",
        "waterline",
        "fusion",
        "writers",
        "townscape",
        "flood",
        "posts",
        "duplicates",
        "journal",
        "stored",
    ),
    ("geo", "home", "images", "download"),
    ("files", "finding"),
    ("terms",),
    ("errors",),
)
"""From the roof to the ground; a package is one room."""

SAME_FLOOR = {
    ("geo", "terms"),
    ("demo", "build"),
    ("cli", "console"),
    ("cli_batch", "console"),
    ("cli", "cli_batch"),
    ("handover", "locate"),
    ("townscape", "flood"),
}
"""Neighbours that may meet, each with its reason: see DESIGN.md."""

HOMES = {
    "typer": {"cli", "cli_batch"},
    "rich": {"console"},
    "torch": {"backbones", "doctor"},
    "faiss": {"reference", "backbones"},
    "exifread": {"imagery"},
    "folium": {"writers"},
    "branca": {"writers"},
    "xstatic": {"writers"},
    "PIL": {"images", "townscape", "flood", "duplicates"},
    "imagehash": {"duplicates"},
    "ijson": {"posts"},
    "geopy": {"imagery"},
    "ollama": {"vlm"},
    "sqlite3": {"reference"},
    "httpx": {"download", "vlm"},
    "safetensors": {"backbones"},
    "utm": {"geo"},
    "mgrs": {"geo"},
    "filelock": {"reference", "backbones", "journal"},
}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor(name: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_go_down(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "geoflood" or len(parts) < 2 or parts[1] in (here, "__version__"):
            continue
        there = parts[1]
        assert floor(there) > floor(here) or (here, there) in SAME_FLOOR, f"{path} imports {there}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_guest_has_one_door(path: Path) -> None:
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or room(path) in homes, f"{path} imports {name}"


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in modules()} <= {name for rooms in FLOORS for name in rooms}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=60
    )


def test_help_and_import_load_neither_torch_nor_faiss() -> None:
    code = (
        "import sys, contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    import geoflood.cli; geoflood.cli.app(['--help'])\n"
        "print(sorted({'torch', 'faiss', 'folium', 'numpy.random', 'ollama'} & set(sys.modules)))"
    )
    assert run("-c", code).stdout.strip() == "[]"


def test_help_is_quick() -> None:
    def seconds() -> float:
        begun = time.perf_counter()
        run("-m", "geoflood", "--help")
        return time.perf_counter() - begun

    assert min(seconds() for _ in range(3)) < 1.5, (
        "0.3 s on a quiet laptop; torch alone would take over a second"
    )
