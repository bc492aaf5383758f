"""A photo as GeoCLIP sees it: CLIP's image tower, then the head that compares photos with places."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from geoflood.backbones.clip_vit import ClipTower, clip_pixels
from geoflood.backbones.compute import Compute
from geoflood.backbones.geoclip import ImageHead
from geoflood.backbones.weights import load
from geoflood.backbones.world_catalog import CLIP, IMAGE_HEAD, LOGIT_SCALE
from geoflood.core.datatypes import Image, Vectors
from geoflood.core.errors import WeightsError

__all__ = ["PhotoEncoder", "load_photo_encoder"]


class PhotoEncoder:
    """The tower may run in bfloat16; the head stays in float32."""

    def __init__(self, tower: ClipTower, head: ImageHead, scale: float, compute: Compute) -> None:
        self.compute = compute
        self.scale = scale
        """Cosines times this are logits."""
        self._tower = tower.to(compute.device, compute.dtype).eval().requires_grad_(False)
        self._head = head.to(compute.device, torch.float32).eval().requires_grad_(False)

    @torch.inference_mode()
    def encode(self, image: Image) -> Vectors:
        """The unit vector [512] of an upright image [H, W, 3]; CLIP's feature keeps its length in between."""
        pixels = torch.from_numpy(clip_pixels(image))[None].to(self.compute.device)
        vector = self._head(self._tower(pixels).float())[0]
        return torch.nn.functional.normalize(vector, dim=0).cpu().numpy()


def load_photo_encoder(compute: Compute | None = None, models_dir: Path | None = None) -> PhotoEncoder:
    """The published networks. Raises WeightsError where a file is missing, damaged or of another network."""
    scale = math.exp(float(load(LOGIT_SCALE, models_dir).state["logit_scale"]))
    if not 1.0 <= scale <= 1000.0:
        raise WeightsError(f"a scale of {scale:g} is none of GeoCLIP's", "geoflood models fetch geoclip")
    with torch.device("meta"):
        tower, head = ClipTower(), ImageHead()
    head.load_state_dict(load(IMAGE_HEAD, models_dir).state, strict=True, assign=True)
    tower.load_state_dict(load(CLIP, models_dir).state, strict=True, assign=True)
    return PhotoEncoder(tower, head, scale, compute or Compute.best())
