"""The rules of the house: imports only go down, and each guest has one door."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import geoflood

ROOT = Path(geoflood.__file__).parent

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

HOMES = {
    "typer": {"cli", "cli_batch", "cli_evaluate", "cli_flood", "cli_models", "cli_vlm", "cli_options"},
    "rich": {"console"},
    "torch": {"backbones", "doctor"},
    "faiss": {"reference", "backbones"},
    "exifread": {"imagery"},
    "folium": {"writers"},
    "branca": {"writers"},
    "xstatic": {"writers"},
    "PIL": {"images", "townscape", "flood", "batch"},
    "imagehash": {"batch"},
    "ijson": {"posts"},
    "geopy": {"imagery"},
    "ollama": {"vlm"},
    "sqlite3": {"reference"},
    "httpx": {"download", "vlm"},
    "safetensors": {"backbones"},
    "utm": {"geo"},
    "mgrs": {"geo"},
    "filelock": {"reference", "backbones", "batch"},
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
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms.split())


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_go_down(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "geoflood" or len(parts) < 2 or parts[1] in (here, "__version__"):
            continue
        there = parts[1]
        assert floor(there) > floor(here), f"{path} imports {there}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_guest_has_one_door(path: Path) -> None:
    for name in imports(path):
        homes = HOMES.get(name.split(".")[0])
        assert homes is None or room(path) in homes, f"{path} imports {name}"


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in modules()} <= {name for rooms in FLOORS for name in rooms.split()}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=60
    )


def test_help_and_import_load_neither_torch_nor_faiss() -> None:
    code = (
        "import sys, contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    import geoflood.cli.app; geoflood.cli.app.app(['--help'])\n"
        "print(sorted({'torch', 'faiss', 'folium', 'numpy.random', 'ollama'} & set(sys.modules)))"
    )
    assert run("-c", code).stdout.strip() == "[]"


def test_help_is_quick() -> None:
    def seconds() -> float:
        """Of the processor: a busy machine does not make it slow."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("-m", "geoflood", "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.8, "about 0.35 s; torch alone takes over a second"
