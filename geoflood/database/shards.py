"""shards/000042.npz: what describing one shard of images gave. A file is whole or absent, without pickle."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflood.core.files import BROKEN_ARRAYS, replacing

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
    patches: NDArray[np.int64]
    """[n] how many patches of each view lie in the shard's own file; see `patch_store`."""
    frame: NDArray[np.int64]
    """[n, 2] (height, width) of the frame that they lie on; zeros where none were kept."""


def shard_path(folder: Path, number: int) -> Path:
    """Where shard `number` of the index `folder` is, or would be."""
    return folder / "shards" / f"{number:06d}.npz"


def write_shard(path: Path, shard: Shard) -> None:
    """Write the shard whole."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{field.name: getattr(shard, field.name) for field in fields(Shard)})


def read_shard(path: Path, *, with_vectors: bool = True) -> Shard | None:
    """The shard, or None when it is absent or damaged and so has to be described again.

    Descriptors are nearly all of the file: without them, they are [n, 0, 0], a fiftieth of it is read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            wanted = [field.name for field in fields(Shard) if with_vectors or field.name != "vectors"]
            held = {name: arrays[name] for name in wanted if name in arrays}
            views = len(held["image"])
            if not with_vectors:
                held["vectors"] = np.empty((views, 0, 0), np.float16)
            shard = Shard(**_without_patches(views) | held)
    except BROKEN_ARRAYS:
        return None
    views, bad = len(shard.image), len(shard.rejected)
    of_views = (shard.heading_deg, shard.fov_deg, shard.tile_deg, shard.vectors, shard.patches, shard.frame)
    whole = all(len(array) == views for array in of_views)
    return shard if whole and len(shard.reason) == len(shard.detail) == bad else None


def _without_patches(views: int) -> dict[str, NDArray[np.int64]]:
    """Of shards that were written before patches were kept."""
    return {"patches": np.zeros(views, np.int64), "frame": np.zeros((views, 2), np.int64)}
