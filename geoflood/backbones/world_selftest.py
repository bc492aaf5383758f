"""A check of GeoCLIP and of CLIP's image tower, for weights that nobody could try where this was written.

Of the location encoder published numbers are known: what it says of six places. Of the tower only invariants
are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from geoflood.backbones.clip_vit import ClipTower, clip_pixels
from geoflood.backbones.compute import Compute
from geoflood.backbones.geoclip import LocationEncoder
from geoflood.backbones.kept_gallery import load_encoder
from geoflood.backbones.selftest import Invariant, SelfTest, draw_field, draw_street, peak_mb
from geoflood.backbones.weights import load
from geoflood.backbones.world_catalog import CLIP, WorldModel
from geoflood.core.datatypes import Image

__all__ = ["COSINES", "NORMS", "PLACES", "golden_invariants", "world_self_test"]

PLACES: Mapping[str, tuple[float, float]] = {
    "Houston": (29.76, -95.37),
    "Hamburg": (53.55, 9.99),
    "Cambridge": (52.205, 0.119),
    "San Francisco": (37.7749, -122.4194),
    "Jakarta": (-6.2, 106.8167),
    "Null Island": (0.0, 0.0),
}
"""Name -> (lat, lon), degrees."""
NORMS = (0.231518, 0.235410, 0.228554, 0.251275, 0.302773, 0.395226)
"""Length of what the published encoder says of each."""
COSINES = (1.0, 0.220948, 0.182438, 0.339069, 0.246352, -0.105961)
"""Of each with Houston."""
_SAME = 2e-6
"""Numbers are known to six decimals; another order of operations moves the fifth."""


def world_self_test(model: WorldModel, compute: Compute, models_dir: Path | None = None) -> SelfTest:
    """Raises WeightsError where a file is missing or damaged."""
    if model.files == (CLIP,):
        with torch.device("meta"):
            tower = ClipTower()
        tower.load_state_dict(load(CLIP, models_dir).state, strict=True, assign=True)
        return _tower_test(model.name, tower.to(compute.device, compute.dtype).eval(), compute)
    encoder = load_encoder(models_dir)
    return SelfTest(model.name, golden_invariants(encoder), None, peak_mb())


@torch.inference_mode()
def golden_invariants(encoder: LocationEncoder) -> tuple[Invariant, ...]:
    """Whether the encoder says of six places what the published one does."""
    vectors = encoder(torch.tensor(list(PLACES.values())))
    norms = vectors.norm(dim=1)
    cosines = torch.nn.functional.cosine_similarity(vectors, vectors[:1])
    checks = []
    for what, found, known in (
        ("lengths", norms, NORMS),
        ("similarities to Houston", cosines, COSINES),
    ):
        off = float((found - torch.tensor(known)).abs().max())
        checks.append(Invariant(f"{what} of {len(PLACES)} places differ by at most", off, off < _SAME))
    return tuple(checks)


@torch.inference_mode()
def _tower_test(name: str, tower: ClipTower, compute: Compute) -> SelfTest:
    street, field = draw_street(), draw_field()

    def feature(image: Image) -> torch.Tensor:
        pixels = torch.from_numpy(clip_pixels(image))[None].to(compute.device)
        found: torch.Tensor = tower(pixels).float().cpu()[0]
        return found

    feature(street)  # the first pass pays for warming up
    began = time.perf_counter()
    here, mirrored, other = map(feature, (street, np.ascontiguousarray(street[:, ::-1]), field))
    seconds = (time.perf_counter() - began) / 3
    near, far = (float(torch.nn.functional.cosine_similarity(here, x, dim=0)) for x in (mirrored, other))
    checks = (
        Invariant("similarity of a street and its mirror image", near, near > far),
        Invariant("similarity of a street and a field", far, far < 0.99),
    )
    return SelfTest(name, checks, seconds, peak_mb())
