"""What `geoflood doctor` examines: packages, processor, indexes, folders, backbones, the model."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from geoflood.backbones.weights import ready
from geoflood.core.errors import GeofloodError, ModelError
from geoflood.database.index_files import is_finished, is_index
from geoflood.database.manifest import read_manifest
from geoflood.vlm.client import Backend
from geoflood.vlm.connect import backends
from geoflood.vlm.probe import RECOMMENDED_MODELS, memory_gb, probe, recommended_model

__all__ = ["DoctorCheck", "examine", "examine_model"]

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
    """What is there, or why it is not."""
    advice: str = ""
    """What to do about it; empty when there is nothing to do."""


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
    return [_package(name) for name in PACKAGES]


def _package(name: str) -> DoctorCheck:
    try:
        return DoctorCheck(name, True, version(name))
    except PackageNotFoundError:
        return DoctorCheck(name, False, "not installed", "pip install geoflood")


def _processor() -> DoctorCheck:
    from geoflood.backbones.compute import Compute

    return DoctorCheck(
        "processor", True, f"{Compute.best().device}, {os.cpu_count()} cores, {platform.machine()}"
    )


def _indexes(index_dir: Path) -> list[DoctorCheck]:
    folders = sorted(filter(is_index, index_dir.iterdir())) if index_dir.is_dir() else []
    if not folders:
        return [
            DoctorCheck(
                "indexes", False, f"none in {index_dir}", "geoflood index CITY IMAGES, or geoflood demo"
            )
        ]
    return [_index(folder) for folder in folders]


def _index(folder: Path) -> DoctorCheck:
    if not is_finished(folder):
        advice = f"run geoflood index {folder.name} … again, or geoflood rm {folder.name}"
        return DoctorCheck(f"index {folder.name}", True, "unfinished", advice)
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
        yield _examine_unnamed(hosts, allowed)
        return
    try:
        opened = backends(
            model, hosts, openai=openai, allowed=allowed, key=os.environ.get("GEOFLOOD_VLM_KEY", "")
        )
    except ModelError as error:
        yield DoctorCheck(f"model {model}", False, str(error), error.hint)
        return
    for backend in opened:
        with closing(backend):
            yield from _examine_backend(backend)
    yield _recommendation()


def _examine_backend(backend: Backend) -> Iterator[DoctorCheck]:
    """What the model can do there, and how long it takes."""
    result = probe(backend)
    for check in result.checks:
        yield DoctorCheck(f"{backend.host}: {check.what}", check.ok, check.found, check.advice)
    if result.cold_s is not None and result.warm_s is not None:
        speed = f"{result.cold_s:.1f} s for the first question, then {result.warm_s:.1f} s a photo and view"
        yield DoctorCheck(f"{backend.host}: speed", True, speed)


def _recommendation() -> DoctorCheck:
    """The model for this machine's memory."""
    memory = memory_gb() or 0.0
    best = recommended_model(memory)
    if best is None:
        advice = "another machine's Ollama: --ollama-host HOST --allow-remote HOST"
        return DoctorCheck("recommended model", True, "none for less than 4 GB of memory", advice)
    return DoctorCheck("recommended model", True, f"{best.name} for {memory:.0f} GB: {best.note}", best.pull)


def _examine_unnamed(hosts: Sequence[str], allowed: Sequence[str]) -> DoctorCheck:
    """What stands between here and a model."""
    best = recommended_model(memory_gb() or 0.0) or RECOMMENDED_MODELS[-1]
    advice = f"optional: {best.pull}, then --model {best.name} or GEOFLOOD_VLM_MODEL={best.name}"
    try:
        with closing(backends(best.name, hosts, allowed=allowed)[0]) as backend:
            state = f"{backend.check().full_name} is there"
    except ModelError as error:
        state = str(error)
    return DoctorCheck("vision-language model", True, f"none named; {state}", advice)


def _backbones(models_dir: Path) -> DoctorCheck:
    """Which backbones can be used now, the one without weights among them."""
    return DoctorCheck("backbones", True, ", ".join(ready(models_dir)), "more: geoflood models list")
