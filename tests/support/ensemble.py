"""Two indexes of one city that differ in their settings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

__all__ = ["members", "other_angle"]


def members(town: Path, root: Path) -> Path:
    """A folder with an index, and a copy beside it that says its views are of another angle."""
    for name in ("town", "town-rootsift"):
        shutil.copytree(town, root / name)
    other_angle(root / "town-rootsift")
    return root


def other_angle(folder: Path) -> None:
    """Settings that differ, which no search looks at; and no calibration of its own."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["settings"]["tile_fov_deg"] += 1
    manifest["calibration"] = type(manifest["calibration"])()
    path.write_text(json.dumps(manifest), "utf-8")
