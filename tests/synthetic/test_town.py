"""The drawn town: the same every time, true to its geometry, and told truthfully in what is written."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pictures

from geoflood.core.datatypes import Image
from geoflood.core.geo import distance_m, to_local
from geoflood.places.build_street_map import build
from geoflood.places.street_map import DEGREE, AreaKind
from geoflood.synthetic.town import (
    Town,
    Truth,
    build_town,
    panorama,
    view,
    write_city,
    write_queries,
    write_street_map,
)
from geoflood.synthetic.town.building import DOGGER_BANK
from geoflood.synthetic.town.model import EYE_M, TownStreet, Wall
from geoflood.synthetic.town.plan import draw_plan
from geoflood.synthetic.town.render import Camera, homography, paint_wall, visible_span
from geoflood.synthetic.town.shots import drive, latlon
from geoflood.synthetic.town.signs import name_streets


@pytest.fixture(scope="module")
def town() -> Town:
    return build_town(3, (1, 1))


@pytest.fixture(scope="module")
def city(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    write_city(folder, town, size_px=64, panorama_px=128, spacing_m=25.0)
    return folder


@pytest.fixture(scope="module")
def photos(town: Town, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Truth]]:
    folder = tmp_path_factory.mktemp("photos")
    return folder, write_queries(folder, town, 3, strangers=1, size=(96, 72))


def alike(a: Image, b: Image) -> float:
    """Correlation of two stretches of pixels."""
    return float(np.corrcoef(a.reshape(-1).astype(float), b.reshape(-1).astype(float))[0, 1])


def exif_of(path: Path) -> Pictures.Exif:
    """EXIF of a file, which is closed again."""
    with Pictures.open(path) as picture:
        return picture.getexif()


# -- geometry ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heading", [0.0, 90.0, 213.0])
def test_what_lies_in_a_direction_is_in_its_column(heading: float) -> None:
    """A point 20 degrees to the right of the heading, a third of the focal length above the middle."""
    camera = Camera(12.0, -7.0, heading, 64, 32, 75.0)
    turn, ahead = math.radians(heading + 20.0), 9.0 * math.cos(math.radians(20.0))
    place = camera.local(np.array([[12.0 + 9.0 * math.sin(turn), -7.0 + 9.0 * math.cos(turn)]]))
    assert place[0] == pytest.approx([9.0 * math.sin(math.radians(20.0)), ahead])
    ((x, y),) = camera.project(place, np.array([EYE_M + ahead / 3]))
    assert x == pytest.approx(32 + camera.focal_px * math.tan(math.radians(20.0)))
    assert y == pytest.approx(16 - camera.focal_px / 3)


def test_headings_run_clockwise_from_north() -> None:
    camera = Camera(0.0, 0.0, 90.0, 100, 100, 90.0)
    places = camera.local(np.array([(10.0, 0.0), (10.0, 5.0)]))
    east, north_east = camera.project(places, np.full(2, EYE_M))
    assert east == pytest.approx((50.0, 50.0))
    assert north_east[0] == pytest.approx(25.0)


@pytest.mark.parametrize("north", [-10.0, 10.0])
def test_a_picture_hangs_unmirrored_on_both_sides_of_its_wall(north: float) -> None:
    """A wall, red on its left half: seen from the south, and from behind."""
    halves = Pictures.new("RGBa", (120, 108), (40, 40, 220, 255))
    halves.paste((220, 40, 40, 255), (0, 0, 60, 108))
    wall = Wall(np.array([-5.0, 0.0]), np.array([5.0, 0.0]), 9.0, halves)
    camera = Camera(0.0, north, 180.0 * (north > 0), 50, 50, 60.0)
    picture = Pictures.new("RGB", (50, 50))
    paint_wall(picture, camera, wall, "winter")
    row = np.asarray(picture)[25].astype(int)
    edge = 25 - round(5.0 * camera.focal_px / 10.0)
    assert (row[edge + 2 : 23, 0] > row[edge + 2 : 23, 2] + 80).all()
    assert (row[27 : 48 - edge, 2] > row[27 : 48 - edge, 0] + 80).all()
    assert not row[: edge - 2].any()


def test_a_wall_beside_the_camera_is_cut_off_before_it() -> None:
    camera = Camera(0.0, 0.0, 0.0, 60, 60, 90.0)
    beside = np.array([(-4.0, -20.0), (-4.0, 20.0)])
    assert visible_span(beside, camera) == pytest.approx((0.6, 1.0))
    assert visible_span(beside - np.array([0.0, 30.0]), camera) is None
    assert visible_span(beside + np.array([100.0, 0.0]), camera) is None


def test_a_homography_takes_spots_to_corners() -> None:
    spots = np.array([(3.0, 4.0), (40.0, 10.0), (38.0, 30.0), (2.0, 50.0)])
    corners = np.array([(0.0, 0.0), (120.0, 0.0), (120.0, 90.0), (0.0, 90.0)])
    a, b, c, d, e, f, g, h = homography(spots, corners)
    for (x, y), corner in zip(spots, corners, strict=True):
        scale = g * x + h * y + 1.0
        assert ((a * x + b * y + c) / scale, (d * x + e * y + f) / scale) == pytest.approx(corner, abs=1e-6)


@pytest.mark.parametrize("turn", [0.0, 90.0, -90.0])
def test_a_panorama_shows_what_a_view_of_the_same_heading_shows(town: Town, turn: float) -> None:
    """The column of the panorama at a heading, bent as a lens bends it, is the middle of the view."""
    shot = drive(town, 25.0)[2]
    place, heading = (shot.east, shot.north), 40.0
    wide = panorama(town, place, heading, 512)
    near = view(town, place, heading + turn, 60.0, (128, 128))
    focal = 64 / math.tan(math.radians(30))
    rise = np.degrees(np.arctan((63.5 - np.arange(128)) / focal))
    rows = np.round((90 - rise) / 180 * 256 - 0.5).astype(int)
    middle = round(512 * (0.5 + turn / 360))
    here = wide[rows, middle - 2 : middle + 2].mean(1)
    assert alike(here, near[:, 62:66].mean(1)) > 0.9
    elsewhere = np.roll(wide, 131, axis=1)[rows, middle - 2 : middle + 2].mean(1)
    assert alike(here, near[:, 62:66].mean(1)) > alike(elsewhere, near[:, 62:66].mean(1))


# -- pictures ---------------------------------------------------------------------------------------------


def test_the_same_seed_draws_the_same_town(town: Town) -> None:
    twin = build_town(3, (1, 1))
    walls = zip(town.walls, twin.walls, strict=True)
    assert all(wall.picture.tobytes() == other.picture.tobytes() for wall, other in walls)
    assert np.array_equal(view(town, (0, 0), 30, size=(64, 48)), view(twin, (0, 0), 30, size=(64, 48)))


def test_another_seed_draws_another_town(town: Town) -> None:
    other = draw_plan((1, 1), np.random.default_rng(4))
    assert np.abs(town.nodes - other.nodes[1:-1, 1:-1]).max() > 1.0


def test_views_differ_by_place_season_and_day(town: Town) -> None:
    shot, other = drive(town, 25.0)[0], drive(town, 25.0)[3]
    place = (shot.east, shot.north)
    picture = view(town, place, shot.heading_deg, size=(64, 48))
    assert picture.shape == (48, 64, 3)
    assert picture.dtype == np.uint8
    assert alike(picture, view(town, place, shot.heading_deg, size=(64, 48), seed=1)) > 0.7
    for changed in (
        view(town, (other.east, other.north), other.heading_deg, size=(64, 48)),
        view(town, place, shot.heading_deg, size=(64, 48), season="winter"),
        view(town, place, shot.heading_deg, size=(64, 48), seed=1),
    ):
        assert not np.array_equal(picture, changed)


def test_winter_is_duller(town: Town) -> None:
    """Less colour in the sky and in the street."""
    summer, winter = (panorama(town, (0, 0), 0, 128, season=s).astype(float) for s in ("summer", "winter"))
    for rows in (slice(0, 16), slice(28, 40)):
        assert np.ptp(winter[rows], axis=2).mean() < 0.8 * np.ptp(summer[rows], axis=2).mean()


def off(street: TownStreet, sign: Wall) -> float:
    """How far a sign stands from the middle of a street that it goes along, m; infinite of others."""
    middle, along = (sign.left + sign.right) / 2, sign.right - sign.left
    metres = [math.inf]
    for left, right in pairwise(street.points):
        ahead = (right - left) / np.linalg.norm(right - left)
        aside = np.array([-ahead[1], ahead[0]])
        if abs(along @ aside) < 0.25 * np.linalg.norm(along) and (middle - left) @ ahead > -9:
            metres.append(abs(float((middle - left) @ aside)))
    return min(metres)


def test_each_street_has_a_plate_that_stands_along_it_and_is_seen(town: Town) -> None:
    signs = [wall for wall in town.walls if wall.reach_m < 100.0]
    assert len(signs) == 4 * town.nodes.size // 2
    plates = {id(sign.picture) for sign in signs}
    streets = {
        plate: [
            s
            for s in town.named_streets
            if all(off(s, sign) < 8 for sign in signs if id(sign.picture) == plate)
        ]
        for plate in plates
    }
    assert sorted(street.name for (street,) in streets.values()) == sorted(s.name for s in town.named_streets)
    sign = signs[-1]
    middle, along = (
        (sign.left + sign.right) / 2,
        (sign.right - sign.left) / np.linalg.norm(sign.right - sign.left),
    )
    bare = replace(town, walls=tuple(wall for wall in town.walls if wall.reach_m > 100.0))
    away = np.array([along[1], -along[0]]) * 8.0
    eye = tuple((middle + away).tolist())
    heading = math.degrees(math.atan2(-away[0], -away[1]))
    with_sign, without = (view(one, eye, heading, 40.0, (160, 120)).astype(int) for one in (town, bare))
    assert (np.abs(with_sign - without).max(-1) > 60).sum() > 200


# -- files ------------------------------------------------------------------------------------------------


def test_streets_carry_the_geotags_of_where_they_were_taken(town: Town, city: Path) -> None:
    shots = drive(town, 25.0)
    files = sorted((city / "streets").glob("summer-*.jpg"))
    assert len(files) == len(shots)
    for path, shot in zip(files, shots, strict=True):
        exif = exif_of(path)
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        lat, lon = (
            sum(float(part) / 60**k for k, part in enumerate(gps[tag]))
            for tag in (ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLongitude)
        )
        assert (gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef]) == ("N", "E")
        place = latlon(town, shot)
        assert distance_m((lat, lon), (place.lat, place.lon)) < 0.02
        assert gps[ExifTags.GPS.GPSImgDirectionRef] == "T"
        assert float(gps[ExifTags.GPS.GPSImgDirection]) == pytest.approx(shot.heading_deg, abs=0.006)
        taken = exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal]
        assert datetime.strptime(taken, "%Y:%m:%d %H:%M:%S").year == 2017


def test_winter_was_driven_years_later(city: Path) -> None:
    files = sorted((city / "streets").glob("winter-*.jpg"))
    assert files
    exif = exif_of(files[0])
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal].startswith("2021:12")


def test_panoramas_stand_in_their_table(town: Town, city: Path) -> None:
    with (city / "panoramas.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["image", "lat", "lon", "heading", "taken", "pano", "licence", "credit"]
    assert len(rows) == town.nodes.size // 2
    for row in rows:
        with Pictures.open(city / row["image"]) as picture:
            assert picture.size == (128, 64)
    spots = to_local([(float(r["lat"]), float(r["lon"])) for r in rows], DOGGER_BANK)
    assert spots == pytest.approx(town.nodes.reshape(-1, 2), abs=0.02)


def test_the_map_names_every_street_where_it_is(town: Town, tmp_path: Path) -> None:
    write_street_map(tmp_path / "town.geojson", town)
    shots = [latlon(town, shot) for shot in drive(town, 17.0)]
    found = build(tmp_path / "town.geojson", [(place.lat, place.lon) for place in shots])
    assert {name.shown for _, name in found.named_streets()} == {s.name for s in town.named_streets}
    assert found.credit == "geoflood townscape, CC0-1.0"
    assert (found.areas.kinds == AreaKind.BUILDING).sum() == len(town.houses)
    spots = to_local(found.lines.points / DEGREE, DOGGER_BANK)
    for node in town.nodes.reshape(-1, 2):
        assert np.hypot(*(spots - node).T).min() < 0.2


def test_a_large_town_has_a_name_for_every_street() -> None:
    plan = draw_plan((14, 9), np.random.default_rng(1))
    names = [street.name for street in name_streets(plan, 1)]
    assert len(set(names)) == len(names) == 15 + 10


def test_writing_twice_gives_the_same_bytes(town: Town, city: Path, tmp_path: Path) -> None:
    write_city(tmp_path, town, size_px=64, panorama_px=128, spacing_m=25.0)
    files = sorted(p.relative_to(city) for p in city.rglob("*.*"))
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.*"))
    assert all((city / f).read_bytes() == (tmp_path / f).read_bytes() for f in files)


def test_queries_tell_the_truth_and_nothing_else(photos: tuple[Path, list[Truth]]) -> None:
    folder, truths = photos
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [t.image for t in truths]
    for row, truth in zip(rows, truths, strict=True):
        assert (
            distance_m((float(row["lat"]), float(row["lon"])), (truth.position.lat, truth.position.lon))
            < 0.02
        )
        assert float(row["heading"]) == pytest.approx(truth.heading_deg, abs=0.06)
        assert float(row["waterline"]) == pytest.approx(truth.waterline)
        assert 0.25 <= truth.waterline <= 0.5
        with Pictures.open(folder / truth.image) as picture:
            assert picture.size == (96, 72)
        assert not dict(exif_of(folder / truth.image))


def test_queries_are_off_the_grid_and_strangers_far_away(
    town: Town, photos: tuple[Path, list[Truth]]
) -> None:
    _, truths = photos
    grid = [(p.lat, p.lon) for p in (latlon(town, shot) for shot in drive(town, 17.0))]
    nearest = [float(distance_m(grid, (t.position.lat, t.position.lon)).min()) for t in truths]
    assert [t.in_city for t in truths] == [True, True, True, False]
    assert all(0.5 < metres < 4.1 for metres in nearest[:3])
    assert nearest[3] > 100_000
