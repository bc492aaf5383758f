"""Where indexes and models live, and how a city's name becomes a folder."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path

from geoflood.core.errors import UsageError

__all__ = ["cache_folder", "city_folder", "config_folder", "home", "index_folder", "slug"]


def home(room: str, chosen: Path | None = None) -> Path:
    """The folder of all indexes or models; `room` is "index" or "models".

    It is `chosen`, else GEOFLOOD_INDEX_DIR or GEOFLOOD_MODELS_DIR, else a folder of that name in the current
    directory, else one in the user's data folder.
    """
    named = os.environ.get(f"GEOFLOOD_{room.upper()}_DIR")
    if chosen or named:
        return Path(chosen or named or "").expanduser()
    here = Path(room)
    return here if here.is_dir() else user_data_path("geoflood", appauthor=False) / room


def cache_folder(room: str) -> Path:
    """Where a room keeps what it can get again, under GEOFLOOD_CACHE_DIR or the user's cache folder."""
    named = os.environ.get("GEOFLOOD_CACHE_DIR")
    root = Path(named).expanduser() if named else user_cache_path("geoflood", appauthor=False)
    return root / room


def config_folder() -> Path:
    """Where what a user has set lives: GEOFLOOD_CONFIG_DIR, else the user's configuration folder."""
    named = os.environ.get("GEOFLOOD_CONFIG_DIR")
    return Path(named).expanduser() if named else user_config_path("geoflood", appauthor=False)


def slug(city: str) -> str:
    """The name of a city's folder: lower case, words joined by hyphens, never a path.

    Raises UsageError when nothing is left of the name.
    """
    plain = unicodedata.normalize("NFKC", city).casefold()
    name = re.sub(r"[^\w]+", "-", plain).strip("-_")[:80]
    if not name:
        raise UsageError(f"{city!r} is not a name for a city", "use letters and digits, such as hamburg")
    return name


def city_folder(city: str, index_dir: Path | None = None) -> Path:
    """Where the index of `city` is, or would be."""
    return home("index", index_dir) / slug(city)


def index_folder(city: str | Path, index_dir: Path | None = None) -> Path:
    """Of a name, in the folder of indexes; what holds a manifest, or is a Path, is a folder already."""
    if isinstance(city, Path) or (Path(city) / "manifest.json").is_file():
        return Path(city).expanduser()
    return city_folder(city, index_dir)
