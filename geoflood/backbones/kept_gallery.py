"""The gallery as GeoCLIP encodes it, kept on disk: 100,000 places take half a minute, and a photo needs all.

The file is whole or absent, and named by the weights and the table that it was made of. It is mapped, not
read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from geoflood.backbones.gallery import read_gallery
from geoflood.backbones.geoclip import LocationEncoder
from geoflood.backbones.weights import load, verify
from geoflood.backbones.world_catalog import GALLERY, LOCATION_ENCODER
from geoflood.core.datatypes import Progress, Vectors, no_progress
from geoflood.core.errors import WeightsError
from geoflood.core.files import ARRAY_HEADS, BROKEN_ARRAYS, replacing
from geoflood.core.paths import cache_folder, home

__all__ = ["KeptGallery", "encode", "load_encoder", "open_gallery"]

_CODE = "1"
"""Raise when the same weights begin to give other numbers."""
_CHUNK = 4096
"""Positions encoded at once: 16 MB a layer."""

Halves: TypeAlias = NDArray[np.float16]


@dataclass(frozen=True, slots=True, eq=False)
class KeptGallery:
    """Places with what the location encoder says of each."""

    positions: NDArray[np.float64]
    """[N, 2] (lat, lon), degrees, every place once."""
    embeddings: Halves
    """[N, 512], unit rows, mapped from disk."""
    left_out: int
    """Rows of the table that are no positions."""


def load_encoder(models_dir: Path | None = None) -> LocationEncoder:
    """The location encoder with its published weights. Raises WeightsError without them."""
    with torch.device("meta"):
        encoder = LocationEncoder()
    encoder.load_state_dict(load(LOCATION_ENCODER, models_dir).state, strict=True, assign=True)
    return encoder.float().eval().requires_grad_(False)


@torch.inference_mode()
def encode(
    encoder: LocationEncoder, positions: NDArray[np.float64], progress: Progress = no_progress
) -> Vectors:
    """Unit vectors [N, 512] of positions [N, 2] (lat, lon), degrees."""
    degrees = torch.from_numpy(np.asarray(positions, np.float32).reshape(-1, 2))
    vectors = np.empty((len(degrees), encoder.dimension), np.float32)
    for start in range(0, len(degrees), _CHUNK):
        rows = encoder(degrees[start : start + _CHUNK])
        vectors[start : start + _CHUNK] = torch.nn.functional.normalize(rows, dim=1).numpy()
        progress("places of the world", min(start + _CHUNK, len(degrees)), len(degrees))
    return vectors


def open_gallery(models_dir: Path | None = None, progress: Progress = no_progress) -> KeptGallery:
    """The gallery; encoded now where no run has kept it.

    Raises WeightsError where a file of GeoCLIP is missing or damaged.
    """
    weights, table = verify(LOCATION_ENCODER, models_dir), verify(GALLERY, models_dir)
    gallery = read_gallery(home("models", models_dir) / GALLERY.file)
    positions = gallery.unique()
    key = hashlib.sha256(f"{_CODE}:{weights.sha256}:{table.sha256}".encode()).hexdigest()[:24]
    path = cache_folder("world") / f"{key}.npy"
    kept = _kept(path, len(positions))
    if kept is None:
        vectors = encode(load_encoder(models_dir), positions, progress)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, vectors.astype(np.float16))
        kept = _kept(path, len(positions))
    if kept is None:
        raise WeightsError(f"{path} cannot be read back", "is the disk sound? or set GEOFLOOD_CACHE_DIR")
    return KeptGallery(positions, kept, gallery.left_out)


def _kept(path: Path, count: int) -> Halves | None:
    """What an earlier run has kept; None where there is nothing that can be used."""
    try:
        with ARRAY_HEADS:
            kept = np.load(path, mmap_mode="r", allow_pickle=False)
    except BROKEN_ARRAYS:
        return None
    return kept if kept.dtype == np.float16 and kept.shape == (count, 512) else None
