"""GPano tags: read as one group, or refused with a word; what is written is read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Projection, VisibleArea
from geoflood.core.gpano import CameraPose, PhotoSphere, gpano_packet, read_gpano

WHOLE = {
    "FullPanoWidthPixels": "100",
    "FullPanoHeightPixels": "50",
    "CroppedAreaImageWidthPixels": "100",
    "CroppedAreaImageHeightPixels": "50",
    "CroppedAreaLeftPixels": "0",
    "CroppedAreaTopPixels": "0",
    "PoseHeadingDegrees": "0",
    "PosePitchDegrees": "0",
    "PoseRollDegrees": "0",
}


def attributes(tags: dict[str, str], kind: str = "equirectangular") -> str:
    told = " ".join(f'GPano:{name} = "{value}"' for name, value in tags.items())
    return f'<rdf:Description GPano:ProjectionType="{kind}" {told}/>'


def elements(tags: dict[str, str], kind: str = "equirectangular") -> str:
    told = "".join(f"<G:{name}> {value} </G:{name}>" for name, value in tags.items())
    return f"<rdf:Description><G:ProjectionType>{kind}</G:ProjectionType>{told}</rdf:Description>"


either_way = pytest.mark.parametrize("write", [attributes, elements])


def without(*names: str, **other: str) -> dict[str, str]:
    return {name: value for name, value in (WHOLE | other).items() if name not in names}


@either_way
@pytest.mark.parametrize(
    ("tags", "visible"),
    [
        (WHOLE, None),
        ({}, None),
        (dict.fromkeys(WHOLE, "0"), None),
        (without(CroppedAreaImageHeightPixels="40"), VisibleArea(0, 0, 1, 0.8)),
        (without(CroppedAreaImageHeightPixels="40", CroppedAreaTopPixels="10"), VisibleArea(0, 0.2, 1, 1)),
        (
            without(CroppedAreaImageWidthPixels="50", CroppedAreaLeftPixels="25"),
            VisibleArea(0.25, 0, 0.75, 1),
        ),
        (without("CroppedAreaLeftPixels", CroppedAreaImageHeightPixels="40"), VisibleArea(0, 0, 1, 0.8)),
        (without("CroppedAreaImageWidthPixels", "CroppedAreaImageHeightPixels"), None),
        (without(CroppedAreaImageWidthPixels="101", CroppedAreaImageHeightPixels="51"), None),
    ],
)
def test_the_crop(write: object, tags: dict[str, str], visible: VisibleArea | None) -> None:
    sphere = read_gpano(write(tags))  # type: ignore[operator]
    assert (sphere.projection, sphere.visible, sphere.problem) == (
        Projection.EQUIRECTANGULAR,
        visible,
        "",
    )


@either_way
@pytest.mark.parametrize(
    ("angles", "pose"),
    [
        ({}, CameraPose()),
        ({"Heading": "-90.5"}, CameraPose(269.5)),
        ({"Heading": "360", "Pitch": "-12.5", "Roll": "7,25"}, CameraPose(0.0, -12.5, 7.25)),
        ({"Pitch": "350", "Roll": "190"}, CameraPose(None, -10.0, -170.0)),
        ({"Roll": "-180"}, CameraPose(None, 0.0, 180.0)),
    ],
)
def test_the_pose(write: object, angles: dict[str, str], pose: CameraPose) -> None:
    tags = {f"Pose{axis}Degrees": angle for axis, angle in angles.items()}
    assert read_gpano(write(tags)) == PhotoSphere(Projection.EQUIRECTANGULAR, pose)  # type: ignore[operator]


@either_way
@pytest.mark.parametrize("bad", ["nan", "1e30", "-1", "inf", "x", "1e400", "-1e30"])
@pytest.mark.parametrize("name", [name for name in WHOLE if name.endswith("Pixels")])
def test_numbers_that_cannot_be_right_are_a_problem(write: object, name: str, bad: str) -> None:
    sphere = read_gpano(write(WHOLE | {name: bad}))  # type: ignore[operator]
    assert sphere.problem
    assert (sphere.visible, sphere.pose) == (None, CameraPose())


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ({"PoseHeadingDegrees": "1e30"}, "PoseHeadingDegrees is 1e+30"),
        ({"PosePitchDegrees": "91"}, "PosePitchDegrees is 91"),
        ({"PosePitchDegrees": "180"}, "PosePitchDegrees is 180"),
        ({"PoseRollDegrees": "nan"}, "PoseRollDegrees is 'nan'"),
        (
            without(CroppedAreaImageHeightPixels="40", CroppedAreaTopPixels="20"),
            "top 20 and height 40 of 50 px",
        ),
        (without("CroppedAreaTopPixels", CroppedAreaImageHeightPixels="40"), "no CroppedAreaTopPixels"),
        (without("FullPanoHeightPixels"), "no FullPanoHeightPixels"),
        (dict.fromkeys(WHOLE, "1"), "the cropped area is empty"),
    ],
)
def test_half_a_group_and_what_lies_outside(tags: dict[str, str], problem: str) -> None:
    assert read_gpano(attributes(tags)).problem == problem


@pytest.mark.parametrize(
    ("kind", "projection"), [("cylindrical", Projection.PERSPECTIVE), ("", Projection.UNKNOWN)]
)
def test_what_is_no_sphere(kind: str, projection: Projection) -> None:
    assert read_gpano(attributes({"CroppedAreaTopPixels": "-200"}, kind)) == PhotoSphere(projection)


@given(
    st.integers(64, 20_000),
    *(st.floats(0, 0.4) for _ in range(2)),
    *(st.floats(0.6, 1) for _ in range(2)),
    st.floats(0.001, 359.9),
    st.floats(-90, 90),
    st.floats(-179.9, 180),
)
def test_what_is_written_is_read_again(
    width: int,
    left: float,
    top: float,
    right: float,
    bottom: float,
    heading: float,
    pitch: float,
    roll: float,
) -> None:
    visible, pose = VisibleArea(left, top, right, bottom), CameraPose(heading, pitch, roll)
    height = max(round(width / (right - left) / 2 * (bottom - top)), 1)
    sphere = read_gpano(gpano_packet(width, height, visible, pose))
    assert sphere.problem == ""
    seen = sphere.visible or VisibleArea(0, 0, 1, 1)
    for side in ("left", "top", "right", "bottom"):
        assert getattr(seen, side) == pytest.approx(getattr(visible, side), abs=2 / height)
    for name in ("heading_deg", "pitch_deg", "roll_deg"):
        assert getattr(sphere.pose, name) == pytest.approx(getattr(pose, name), abs=1e-3)


@given(st.dictionaries(st.sampled_from(sorted(WHOLE)), st.text(max_size=60)), st.text(max_size=20))
def test_any_text_is_read_or_refused(tags: dict[str, str], kind: str) -> None:
    for xmp in (attributes(tags), elements(tags), attributes(tags, kind)):
        sphere = read_gpano(xmp)
        assert abs(sphere.pose.pitch_deg) <= 90
        assert sphere.pose.heading_deg is None or 0 <= sphere.pose.heading_deg < 360
