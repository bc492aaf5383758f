"""`geoflood doctor`: what is installed, present and usable; and what `geoflood info` says of one index."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from geoflood.backbones.weights import ready
from geoflood.core.errors import GeofloodError, ModelError
from geoflood.core.geo import covered_km2
from geoflood.database.calibration import Calibration
from geoflood.database.database import Database
from geoflood.database.manifest import read_manifest
from geoflood.outputs.wording import weakness
from geoflood.vlm.client import Backend
from geoflood.vlm.connect import backends
from geoflood.vlm.probe import MODELS, memory_gb, probe, recommended

__all__ = ["DoctorCheck", "describe_index", "examine", "examine_model"]

PACKAGES = (
    "torch",
    "faiss-cpu",
    "folium",
    "xstatic-leaflet",
    "pillow",
    "exifread",
    "typer",
    "rich",
    "ollama",
)


@dataclass(frozen=True)
class DoctorCheck:
    """One thing looked at."""

    what: str
    ok: bool
    found: str
    advice: str = ""


def examine(index_dir: Path, models_dir: Path) -> list[DoctorCheck]:
    """Look at everything that geoflood needs, without changing anything."""
    return [
        *_packages(),
        _processor(),
        *_indexes(index_dir),
        _folder("models", models_dir),
        _backbones(models_dir),
    ]


def _packages() -> list[DoctorCheck]:
    found = []
    for name in PACKAGES:
        try:
            found.append(DoctorCheck(name, True, version(name)))
        except PackageNotFoundError:
            found.append(DoctorCheck(name, False, "not installed", "pip install geoflood"))
    return found


def _processor() -> DoctorCheck:
    from geoflood.backbones.compute import Compute

    return DoctorCheck(
        "processor", True, f"{Compute.best().device}, {os.cpu_count()} cores, {platform.machine()}"
    )


def _indexes(index_dir: Path) -> list[DoctorCheck]:
    folders = sorted(path for path in index_dir.iterdir() if path.is_dir()) if index_dir.is_dir() else []
    if not folders:
        return [
            DoctorCheck(
                "indexes", False, f"none in {index_dir}", "geoflood index CITY IMAGES, or geoflood demo"
            )
        ]
    return [_index(folder) for folder in folders]


def _index(folder: Path) -> DoctorCheck:
    try:
        manifest = read_manifest(folder)
    except GeofloodError as error:
        return DoctorCheck(f"index {folder.name}", False, str(error), error.hint)
    return DoctorCheck(
        f"index {folder.name}", True, f"{manifest.references:,} views, {manifest.settings.backbone}"
    )


def _folder(what: str, path: Path) -> DoctorCheck:
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    usable = os.access(there, os.W_OK)
    state = "there" if path.is_dir() else "not there yet"
    return DoctorCheck(what, True, f"{path} ({state}, {'writable' if usable else 'read-only'})")


def examine_model(
    model: str | None, hosts: Sequence[str] = (), openai: bool = False, allowed: Sequence[str] = ()
) -> Iterator[DoctorCheck]:
    """Try the vision-language model on each of its hosts; without a model, say what would be needed.

    Doing without one is no failure: the waterline bands nearly pay for it.
    """
    if model is None:
        yield _unnamed(hosts, allowed)
        return
    try:
        opened = backends(
            model, hosts, openai=openai, allowed=allowed, key=os.environ.get("GEOFLOOD_VLM_KEY", "")
        )
    except ModelError as error:
        yield DoctorCheck(f"model {model}", False, str(error), error.hint)
        return
    for door in opened:
        with closing(door):
            yield from _probed(door)
    yield _recommendation()


def _probed(door: Backend) -> Iterator[DoctorCheck]:
    found = probe(door)
    for check in found.checks:
        yield DoctorCheck(f"{door.host}: {check.what}", check.ok, check.found, check.advice)
    if found.cold_s is not None and found.warm_s is not None:
        speed = f"{found.cold_s:.1f} s for the first question, then {found.warm_s:.1f} s a photo and view"
        yield DoctorCheck(f"{door.host}: speed", True, speed)


def _recommendation() -> DoctorCheck:
    """The model for this machine's memory."""
    memory = memory_gb() or 0.0
    best = recommended(memory)
    if best is None:
        advice = "another machine's Ollama: --ollama-host HOST --allow-remote HOST"
        return DoctorCheck("recommended model", True, "none for less than 4 GB of memory", advice)
    return DoctorCheck("recommended model", True, f"{best.name} for {memory:.0f} GB: {best.note}", best.pull)


def _unnamed(hosts: Sequence[str], allowed: Sequence[str]) -> DoctorCheck:
    """What stands between here and a model."""
    best = recommended(memory_gb() or 0.0) or MODELS[-1]
    advice = f"optional: {best.pull}, then --model {best.name} or GEOFLOOD_VLM_MODEL={best.name}"
    try:
        with closing(backends(best.name, hosts, allowed=allowed)[0]) as door:
            state = f"{door.check().named} is there"
    except ModelError as error:
        state = str(error)
    return DoctorCheck("vision-language model", True, f"none named; {state}", advice)


def _backbones(models_dir: Path) -> DoctorCheck:
    """Which backbones can be used now, the one without weights among them."""
    return DoctorCheck("backbones", True, ", ".join(ready(models_dir)), "more: geoflood models list")


def describe_index(database: Database) -> dict[str, Any]:
    """What `geoflood info` says; JSON-safe."""
    manifest, settings = database.manifest, database.manifest.settings
    return {
        "city": manifest.city,
        "index": str(database.folder),
        "images": manifest.images,
        "views": manifest.references,
        "unusable": dict(manifest.rejected),
        "backbone": f"{settings.backbone} {settings.version}",
        "bands": list(settings.bands),
        "credits": {
            f"{who or 'unknown'} ({licence or 'licence unknown'})": n for who, licence, n in manifest.credits
        },
        "bounds": [
            round(float(v), 5) for v in (*database.positions.min(axis=0), *database.positions.max(axis=0))
        ],
        "covered_km2": round(covered_km2(database.positions), 3),
        "headings": database.headings(),
        "calibration": _calibration(manifest.calibration),
    }


def _calibration(calibration: Calibration) -> dict[str, Any]:
    """What it rests on: trials of the part that has fewest and most, parts by labels; why it is weak."""
    weak = dict.fromkeys(weakness(entry) for entry in calibration.values() if entry.weakness)
    trials = sorted(entry.trials for entry in calibration.values())
    found: dict[str, Any] = {"WEAK": "; ".join(weak)} if weak else {}
    found["trials a waterline"] = f"{trials[0]} to {trials[-1]}" if trials else "none"
    found["by labels"] = sum(entry.labelled for entry in calibration.values())
    return {name: value for name, value in found.items() if value}
