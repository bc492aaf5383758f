"""GPano, the XMP tags that say how a panorama lies on the sphere: read as a whole, and written.

Half of the group is half of a place: a crop without its top has its horizon anywhere. So tags that do not
fit together are a problem that is said, and never a guess. What tags do not tell is whole and level.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from geoflood.core.coordinates import number
from geoflood.core.datatypes import Projection, VisibleArea

__all__ = ["LEVEL", "UNTOLD_SPHERE", "CameraPose", "PhotoSphere", "gpano_packet", "read_gpano"]

MOST_PIXELS = 1e9
"""Of a side of a whole panorama; more is an invented number."""

TAGS = re.compile(
    r":(ProjectionType|FullPano(?:Width|Height)Pixels|CroppedAreaImage(?:Width|Height)Pixels"
    r"|CroppedArea(?:Left|Top)Pixels|Pose(?:Heading|Pitch|Roll)Degrees)"
    r"\s*(?:=\s*[\"']|>)\s*([^\"'<]{1,40})"
)
"""Tags as attributes and as elements, whatever their prefix: XMP of strangers is not always XML."""


@dataclass(frozen=True, slots=True)
class CameraPose:
    """How a camera was held. It is turned by its heading first, then pitched, then rolled."""

    heading_deg: float | None = None
    """Of the whole panorama's centre, clockwise from true north, [0, 360)."""
    pitch_deg: float = 0.0
    """Of the centre over the horizon, [-90, 90]."""
    roll_deg: float = 0.0
    """Clockwise as seen from behind the camera, (-180, 180]."""

    @property
    def leans(self) -> bool:
        """Whether the horizon is anywhere but in the middle row."""
        return bool(self.pitch_deg or self.roll_deg)


LEVEL = CameraPose()


@dataclass(frozen=True, slots=True)
class PhotoSphere:
    """What GPano tags say of a picture."""

    projection: Projection = Projection.UNKNOWN
    """PERSPECTIVE for all that is not cut: a cylinder is one wide photo."""
    pose: CameraPose = LEVEL
    visible: VisibleArea | None = None
    """The part that is there of a panorama that was cropped."""
    problem: str = ""
    """Why the tags of an equirectangular panorama tell no place on the sphere."""


UNTOLD_SPHERE = PhotoSphere()


class _MisfitError(ValueError):
    """Tags that do not fit together."""


def read_gpano(xmp: str) -> PhotoSphere:
    """What an XMP packet says of the sphere. Raises nothing: what cannot be right is a problem."""
    tags: dict[str, str] = {}
    for name, text in TAGS.findall(xmp):
        tags.setdefault(name, text.strip())
    projection = tags.pop("ProjectionType", "").lower()
    if projection != "equirectangular":
        return PhotoSphere(Projection.PERSPECTIVE if projection else Projection.UNKNOWN)
    try:
        numbers = {name: _number(name, text) for name, text in tags.items()}
        return PhotoSphere(Projection.EQUIRECTANGULAR, _pose(numbers), _visible(numbers))
    except _MisfitError as error:
        return PhotoSphere(Projection.EQUIRECTANGULAR, problem=str(error))


def _number(name: str, text: str) -> float:
    value = number(text)
    if value is None:
        raise _MisfitError(f"{name} is {text!r}")
    return value


def _visible(numbers: Mapping[str, float]) -> VisibleArea | None:
    """The part that is there; None for the whole."""
    (left, right), (top, bottom) = _span(numbers, "Width", "Left"), _span(numbers, "Height", "Top")
    try:
        visible = VisibleArea(left, top, right, bottom)
    except ValueError as error:
        raise _MisfitError("the cropped area is empty") from error
    return None if visible == VisibleArea(0.0, 0.0, 1.0, 1.0) else visible


def _span(numbers: Mapping[str, float], side: str, begin: str) -> tuple[float, float]:
    """Where the picture begins and ends on one side of the whole, as shares of it."""
    names = (f"FullPano{side}Pixels", f"CroppedAreaImage{side}Pixels", f"CroppedArea{begin}Pixels")
    full, size, start = (numbers.get(name) for name in names)
    if not full and not size and not start:
        return 0.0, 1.0  # writers put zeros for what they do not know
    size = full if size is None else size
    start = 0.0 if start is None and size == full else start
    if full is None or size is None or start is None:
        raise _MisfitError(f"no {names[0 if full is None else 2]}")
    if not (0 < full <= MOST_PIXELS and size > 0 and start >= 0 and start + size <= full + 1):
        raise _MisfitError(f"{begin.lower()} {start:g} and {side.lower()} {size:g} of {full:g} px")
    return start / full, min((start + size) / full, 1.0)  # writers round


def _pose(numbers: Mapping[str, float]) -> CameraPose:
    heading, pitch, roll = (numbers.get(f"Pose{axis}Degrees") for axis in ("Heading", "Pitch", "Roll"))
    for axis, angle in (("Heading", heading), ("Pitch", pitch), ("Roll", roll)):
        if angle is not None and abs(angle) > 360:
            raise _MisfitError(f"Pose{axis}Degrees is {angle:g}")
    pitch, roll = _half_turn(pitch or 0.0), _half_turn(roll or 0.0)
    if abs(pitch) > 90:
        raise _MisfitError(f"PosePitchDegrees is {pitch:g}")
    return CameraPose(None if heading is None else heading % 360.0 % 360.0, pitch, roll)


def _half_turn(angle: float) -> float:
    """An angle in (-180, 180]."""
    return 180.0 - (180.0 - angle) % 360.0


def gpano_packet(width: int, height: int, visible: VisibleArea | None, pose: CameraPose = LEVEL) -> str:
    """XMP that `read_gpano` reads so, for an equirectangular picture of this size."""
    tags: dict[str, str | int | float] = {"ProjectionType": "equirectangular"}
    shown = visible or VisibleArea(0.0, 0.0, 1.0, 1.0)
    for side, begin, size, low, high in (
        ("Width", "Left", width, shown.left, shown.right),
        ("Height", "Top", height, shown.top, shown.bottom),
    ):
        full = round(size / (high - low))
        tags |= {f"FullPano{side}Pixels": full, f"CroppedAreaImage{side}Pixels": size}
        tags[f"CroppedArea{begin}Pixels"] = min(round(low * full), full - size)
    angles = (("Heading", pose.heading_deg), ("Pitch", pose.pitch_deg), ("Roll", pose.roll_deg))
    tags |= {f"Pose{axis}Degrees": round(angle, 4) for axis, angle in angles if angle}
    attributes = " ".join(f'GPano:{name}="{value}"' for name, value in tags.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" '
        f"{attributes}/></rdf:RDF></x:xmpmeta>"
    )
