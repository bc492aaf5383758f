"""The networks that say where on Earth a photo may be: GeoCLIP, and the CLIP tower that it looks through.

Neither describes places in a city, so neither is a backbone of an index. No torch: listing must be instant.
"""

from __future__ import annotations

from dataclasses import dataclass

from geoflood.backbones.catalog import CATALOG, Checkpoint, find
from geoflood.core.errors import UsageError

__all__ = [
    "CLIP",
    "GALLERY",
    "GEOCLIP",
    "IMAGE_HEAD",
    "LOCATION_ENCODER",
    "LOGIT_SCALE",
    "WORLD_MODELS",
    "WorldModel",
    "files_of",
    "model_of",
]


@dataclass(frozen=True, slots=True)
class WorldModel:
    """What a user fetches by one name: files that are of use only together."""

    name: str
    files: tuple[Checkpoint, ...]
    licence: str
    note: str
    """What a user must know before the first download."""

    @property
    def parameters(self) -> int:
        """Numbers that were learned, over all files."""
        return sum(file.parameters for file in self.files)

    @property
    def megabytes(self) -> float:
        """Of the download, 10^6 bytes."""
        return sum(file.megabytes for file in self.files)


_NOTE = "trained on geotagged photos of Flickr; of use only with clip-vit-l14"
_GEOCLIP = "https://raw.githubusercontent.com/VicenteVivan/geo-clip/main/geoclip/model"


def _part(name: str, path: str, parameters: int, size: int, sha256: str) -> Checkpoint:
    """A file of GeoCLIP; its checksum is that of the release 1.3.0."""
    return Checkpoint(
        name=f"geoclip-{name}",
        family=name,
        trunk="",
        dimension=512,
        parameters=parameters,
        licence="MIT",
        url=f"{_GEOCLIP}/{path}",
        sha256=sha256,
        note=_NOTE,
        size=size,
        fetched_as="geoclip",
    )


LOCATION_ENCODER = _part(
    "location-encoder",
    "weights/location_encoder_weights.pth",
    9_449_472,
    37_806_041,
    "94b80ae3af89fca78539e129dd2929d321247f5ceeeb0a31bc2c31041a253394",
)
IMAGE_HEAD = _part(
    "image-head",
    "weights/image_encoder_mlp_weights.pth",
    984_320,
    3_938_907,
    "5342c391eec961796d04d02f2bd670bfa97b34ce32c656d0e0676581103c2c14",
)
LOGIT_SCALE = _part(
    "logit-scale",
    "weights/logit_scale_weights.pth",
    1,
    759,
    "9568e2e09dd19083082bf285b2c0c126867e40dbd275a8ee8c621888b861904e",
)
GALLERY = _part(
    "gallery",
    "gps_gallery/coordinates_100K.csv",
    0,
    2_024_065,
    "3a00b1ba58f13443db726533b6399b39609e292df09d4e58792fa5949d1838b1",
)
CLIP = Checkpoint(
    name="clip-vit-l14",
    family="clip",
    trunk="ViT-L/14",
    dimension=768,
    parameters=303_966_208,
    licence="MIT",
    url=(
        "https://huggingface.co/openai/clip-vit-large-patch14/resolve/"
        "32bd64288804d66eefd0ccbe215aa642df71cc41/model.safetensors"
    ),
    sha256="a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb",
    size=1_710_540_580,
    note=(
        "the licence is the code's, that of the weights was left open; the model card says that any "
        "deployed use, commercial or not, is out of scope; the file holds CLIP's text side, too"
    ),
)
GEOCLIP = WorldModel(
    "geoclip",
    (LOCATION_ENCODER, IMAGE_HEAD, LOGIT_SCALE, GALLERY),
    "MIT",
    _NOTE,
)
WORLD_MODELS = (GEOCLIP, WorldModel(CLIP.name, (CLIP,), CLIP.licence, CLIP.note))
"""Every one, in the order shown to users."""


def files_of(model: Checkpoint | WorldModel) -> tuple[Checkpoint, ...]:
    """What is fetched under a name."""
    return model.files if isinstance(model, WorldModel) else (model,)


def model_of(name: str) -> Checkpoint | WorldModel:
    """What a user means by a name: a backbone, or a network of the world prior.

    Raises UsageError that lists the nearest names.
    """
    wanted = name.strip().lower()
    for model in WORLD_MODELS:
        if wanted == model.name:
            return model
    if wanted in {file.name for file in GEOCLIP.files}:
        raise UsageError(f"{wanted} is a part of geoclip", "name the whole: geoclip")
    return find(name, [row.name for row in CATALOG] + [model.name for model in WORLD_MODELS])
