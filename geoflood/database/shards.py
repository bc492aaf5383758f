"""shards/000042.npz: what describing one shard of images gave. A file is whole or absent, without pickle."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.core.files import replacing

__all__ = ["Shard", "read_shard", "shard_path", "write_shard"]


@dataclass(frozen=True, eq=False)
class Shard:
    """The n views and the m unusable images of one shard."""

    image: NDArray[np.int64]
    """[n] number of the image in the plan; ascending, a panorama's tiles together."""
    heading_deg: NDArray[np.float32]
    """[n] of the view's centre; NaN when unknown."""
    fov_deg: NDArray[np.float32]
    """[n] horizontal; NaN when unknown."""
    tile_deg: NDArray[np.float32]
    """[n] how far right of its panorama's centre the view was cut; NaN for a whole image."""
    vectors: NDArray[np.float16]
    """[n, bands, D] descriptors, unit rows up to rounding."""
    rejected: NDArray[np.int64]
    """[m] number of the image in the plan."""
    reason: NDArray[np.str_]
    """[m]."""
    detail: NDArray[np.str_]
    """[m]."""


def shard_path(folder: Path, number: int) -> Path:
    """Where shard `number` of the index `folder` is, or would be."""
    return folder / "shards" / f"{number:06d}.npz"


def write_shard(path: Path, shard: Shard) -> None:
    """Write the shard whole."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{field.name: getattr(shard, field.name) for field in fields(Shard)})


def read_shard(path: Path) -> Shard | None:
    """The shard, or None when it is absent or damaged and so has to be described again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            shard = Shard(**{field.name: arrays[field.name] for field in fields(Shard)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    views, bad = len(shard.image), len(shard.rejected)
    whole = all(len(a) == views for a in (shard.heading_deg, shard.fov_deg, shard.tile_deg, shard.vectors))
    return shard if whole and len(shard.reason) == len(shard.detail) == bad else None
