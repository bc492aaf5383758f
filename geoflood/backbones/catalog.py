"""Every checkpoint that can be used, as a table. No torch: listing must be instant.

None of the authors publishes a checksum, so `sha256` stays None until one is verified against a download of
ours; the first fetch records what it got, and every load is checked against that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath

from geoflood.core.errors import UsageError

__all__ = ["CATALOG", "Checkpoint", "find"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One row: a network with one set of published weights."""

    name: str
    """What users type, such as cosplace-resnet50-512."""
    family: str
    """Chooses the network: cosplace, eigenplaces, salad, megaloc, rootsift; see `world_catalog` for more."""
    trunk: str
    dimension: int
    """Of one descriptor before any projection."""
    parameters: int
    licence: str
    """SPDX, of the code and, where the authors say nothing else, of the weights."""
    url: str = ""
    """Where the weights come from; empty when there are none."""
    side: int = 512
    """Pixels of the shorter side, or of both sides when `squashed`."""
    squashed: bool = False
    """Resized to a square whatever the aspect."""
    sha256: str | None = None
    """Of the file behind `url`; None where nobody has published it."""
    note: str = ""
    """What a user must know before the first download."""
    size: int = 0
    """Bytes of the file behind `url` where they are published; 0 where they follow from the parameters."""
    fetched_as: str = ""
    """What users type where the file is a part of something; empty: its own name."""

    @property
    def asked_as(self) -> str:
        """What users type to get it."""
        return self.fetched_as or self.name

    @property
    def file(self) -> str:
        """Name of the file in models/; empty when there are no weights."""
        return self.name + PurePosixPath(self.url).suffix if self.url else ""

    @property
    def megabytes(self) -> float:
        """Size of the file, or of the weights as float32, 10^6 bytes."""
        return (self.size or self.parameters * 4) / 1e6


def find(name: str, known: Sequence[str] = ()) -> Checkpoint:
    """The row of that name. Raises UsageError that lists the nearest names, or those of `known`."""
    rows = {row.name: row for row in CATALOG}
    if name.strip().lower() in rows:
        return rows[name.strip().lower()]
    near = get_close_matches(name.lower(), known or rows, n=4, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "see: geoflood models list"
    raise UsageError(f"no backbone is called {name!r}", hint)


_TRUNKS = {  # parameters and channels
    "VGG16": (14_714_688, 512),
    "ResNet18": (11_176_512, 512),
    "ResNet50": (23_508_032, 2048),
    "ResNet101": (42_500_160, 2048),
    "ResNet152": (58_143_808, 2048),
}
_UP_TO_512, _UP_TO_2048 = (32, 64, 128, 256, 512), (32, 64, 128, 256, 512, 1024, 2048)
_COSPLACE = {
    "VGG16": (64, 128, 256, 512),
    "ResNet18": _UP_TO_512,
    "ResNet50": _UP_TO_2048,
    "ResNet101": _UP_TO_2048,
    "ResNet152": _UP_TO_2048,
}
_EIGENPLACES = {
    "VGG16": (512,),
    "ResNet18": (256, 512),
    "ResNet50": (128, 256, 512, 1024, 2048),
    "ResNet101": (128, 256, 512, 1024, 2048),
}
_SF_XL = "trained on SF-XL, whose terms say research use"


def _gem(family: str, folder: str, trained: dict[str, tuple[int, ...]]) -> list[Checkpoint]:
    """The rows of CosPlace or EigenPlaces."""
    releases = f"https://github.com/gmberton/{folder}/releases/download/v1.0"
    rows = []
    for trunk, dimensions in trained.items():
        own, channels = _TRUNKS[trunk]
        for d in dimensions:
            name, url = f"{family}-{trunk.lower()}-{d}", f"{releases}/{trunk}_{d}_{family}.pth"
            size = own + d * (channels + 1) + 1  # the linear layer and GeM's p
            rows.append(Checkpoint(name, family, trunk, d, size, "MIT", url, note=_SF_XL))
    return rows


CATALOG: tuple[Checkpoint, ...] = (
    Checkpoint(
        name="rootsift",
        family="rootsift",
        trunk="dense RootSIFT",
        dimension=16_640,
        parameters=0,
        licence="MIT",
        note="no weights: learns its words from the city",
    ),
    *_gem("cosplace", "CosPlace", _COSPLACE),
    *_gem("eigenplaces", "EigenPlaces", _EIGENPLACES),
    Checkpoint(
        name="salad",
        family="salad",
        trunk="DINOv2 ViT-B/14",
        dimension=8448,
        parameters=87_991_489,
        licence="GPL-3.0-only",
        url="https://github.com/serizba/salad/releases/download/v1.0.0/dino_salad.ckpt",
        side=322,
        squashed=True,
        note="trained on GSV-Cities, whose data are CC-BY-NC-ND-4.0",
    ),
    Checkpoint(
        name="megaloc",
        family="megaloc",
        trunk="DINOv2 ViT-B/14",
        dimension=8448,
        parameters=228_639_553,
        licence="MIT",
        url="https://huggingface.co/gberton/MegaLoc/resolve/main/model.safetensors",
        side=322,
        squashed=True,
        note="trained on SF-XL, GSV-Cities, MSLS, MegaScenes and ScanNet, some for research only",
    ),
)
"""Every row, in the order shown to users."""
