"""`geoflood index --like OTHER`: what another index learned is taken, so that descriptors of both compare."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from geoflood.backbones.learned import version_of
from geoflood.core.errors import IndexUnusableError, UsageError
from geoflood.core.files import fingerprint, replacing
from geoflood.database.manifest import Manifest, Settings, read_manifest
from geoflood.database.plan import IndexPlan
from geoflood.database.settings import index_settings

__all__ = ["LEARNED", "LearnedElsewhere", "check_version", "keep_like", "learned_elsewhere", "settings_like"]

LEARNED = "learned.npz"


@dataclass(frozen=True, slots=True)
class LearnedElsewhere:
    """What an index that is whole has learned."""

    folder: Path
    sha256: str
    """Of its learned.npz."""
    settings: Settings


def learned_elsewhere(folder: Path) -> LearnedElsewhere:
    """Of the index in this folder. Raises CityError when there is none, IndexUnusableError for one that is
    unfinished, damaged or of another version of its backbone, WeightsError without weights."""
    manifest = read_manifest(folder)
    check_version(folder, manifest)
    return LearnedElsewhere(folder, manifest.files[LEARNED], manifest.settings)


def check_version(folder: Path, manifest: Manifest) -> None:
    """Raises IndexUnusableError unless this geoflood describes as the index was described, WeightsError."""
    settings = manifest.settings
    if (here := version_of(settings.backbone)) != settings.version:
        raise IndexUnusableError(
            f"{folder} was built with {settings.backbone} {settings.version}, this geoflood has {here}",
            "build it again: geoflood index CITY IMAGES --rebuild",
        )
    if LEARNED not in manifest.files:
        raise IndexUnusableError(f"{folder} says not what it learned", "build it again with --rebuild")


def settings_like(
    like: LearnedElsewhere,
    backbone: str | None,
    dimension: int | Literal["auto"] | None,
    bands: Sequence[int] | None,
) -> Settings:
    """The settings of the other index. Raises UsageError where others are asked for beside it."""
    theirs = like.settings
    hint = f"leave it out: settings are those of {like.folder.name}"
    if backbone not in (None, theirs.backbone):
        raise UsageError(f"the backbone of {like.folder.name} is {theirs.backbone}, not {backbone}", hint)
    asked = index_settings(
        theirs.backbone,
        theirs.dimension if dimension == "auto" else dimension,
        theirs.bands if bands is None else bands,
    )
    if different := asked.differences(theirs):
        raise UsageError(f"{like.folder.name} has other settings: {different}", hint)
    return theirs


def keep_like(folder: Path, plan: IndexPlan, settings: Settings, like: LearnedElsewhere | None) -> None:
    """Take what another index learned, where that is asked for now or was when the index was begun.

    Raises IndexUnusableError when something else was learned already, or the other index changed or is gone.
    """
    path = folder / LEARNED
    if like is not None:
        if path.exists() and fingerprint(path) != like.sha256:
            raise IndexUnusableError(
                f"the index {folder} was begun with something else learned than {like.folder} has",
                "give another CITY name, or --rebuild",
            )
        plan.keep_like(str(like.folder.absolute()), like.sha256)
    noted = plan.like()
    if noted is None or path.exists():
        return
    other, sha256 = Path(noted[0]), noted[1]
    theirs = learned_elsewhere(other)
    if theirs.sha256 != sha256 or (different := settings.differences(theirs.settings)):
        what = "learned anew" if theirs.sha256 != sha256 else different
        raise IndexUnusableError(
            f"the index {folder} was begun like {other}: {what}",
            f"say --like {other.name} again, or --rebuild",
        )
    with replacing(path) as temporary:
        shutil.copyfile(other / LEARNED, temporary)
        if fingerprint(temporary) != sha256:
            raise IndexUnusableError(
                f"{other / LEARNED} is damaged: its checksum is not the manifest's",
                "build that index again with --rebuild",
            )
