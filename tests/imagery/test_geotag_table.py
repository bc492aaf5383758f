"""Where an image was taken, by its name and by the table beside it."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime
from pathlib import Path

import pytest
import utm
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import Geotag, LatLon, Projection, Rejected
from geoflood.core.errors import InputError, UsageError
from geoflood.core.geo import distance_m
from geoflood.imagery.filenames import (
    Zone,
    parse_filename,
    parse_zone,
)
from geoflood.imagery.geotag_table import Row, TaggedImage, check_geotags, read_sidecar
from geoflood.imagery.parse_values import BadGeotagError, parse_heading, parse_position, parse_time

FULL = "@0544250.05@4173756.07@10@S@037.70998@-122.49797@pano_1@03@090@012@@@20110203_101112@note@.jpg"


def geotag(name: str, zone: Zone | None = None) -> Geotag:
    found = parse_filename(name, zone)
    assert isinstance(found, Geotag), found
    return found


def test_full_name() -> None:
    assert geotag(FULL) == Geotag(
        LatLon(37.70998, -122.49797), "filename", 90.0, None, datetime(2011, 2, 3, 10, 11, 12)
    )


def test_only_the_name_counts() -> None:
    assert geotag(f"/data/@12@34@old/{FULL}").position == LatLon(37.70998, -122.49797)
    assert parse_filename("/data/@0544250.05@4173756.07@10@S@/photo.jpg") is None


def test_without_latitude_and_longitude_the_grid_decides() -> None:
    found = geotag("@0544250.05@4173756.07@10@S@@@@@@@@@@@.jpg")
    assert distance_m((found.position.lat, found.position.lon), (37.70998, -122.49797)) < 1.5
    assert found.heading_deg is None
    assert found.taken_at is None


@pytest.mark.parametrize(
    "name", ["@0544250.05@4173756.07@.jpg", "@544250.05@4173756.07@some@note@.png", "@544250@4173756@@@.jpg"]
)
def test_short_name_needs_a_zone(name: str) -> None:
    found = geotag(name, parse_zone("10S"))
    assert distance_m((found.position.lat, found.position.lon), (37.70998, -122.49797)) < 2
    missing = parse_filename(name)
    assert isinstance(missing, Rejected)
    assert missing.reason == "no UTM zone"
    assert "--utm-zone" in missing.detail


def test_the_zone_in_a_name_wins() -> None:
    assert geotag("@0544250.05@4173756.07@10@S@.jpg", parse_zone("31U")) == geotag(
        "@0544250.05@4173756.07@10@S@.jpg"
    )


def test_southern_hemisphere() -> None:
    east, north, number, letter = utm.from_latlon(-33.86, 151.21)
    found = geotag(f"@{east:.2f}@{north:.2f}@{number}@{letter}@@@@@@@@@@@.jpg").position
    assert (found.lat, found.lon) == pytest.approx((-33.86, 151.21), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        (FULL.replace("037.70998", "037.71998"), "m apart"),
        (FULL.replace("037.70998", "137.70998"), "latitude"),
        (FULL.replace("037.70998", ""), "latitude"),
        ("@9999999.99@4173756.07@10@S@@@@@@@@@@@.jpg", "UTM"),
        (FULL.replace("@090@", "@900@"), "900"),
    ],
)
def test_names_that_cannot_be_right(name: str, detail: str) -> None:
    found = parse_filename(f"/some/{name}")
    assert isinstance(found, Rejected)
    assert found.reason in {"bad position", "bad heading"}
    assert detail in found.detail
    assert found.location == f"/some/{name}"


@pytest.mark.parametrize(
    "name", ["IMG_1.jpg", "@someone_on_the_net.jpg", "a@1@2@.jpg", "@@@.jpg", "@x@y@z@.jpg", "", "@1@2.jpg"]
)
def test_other_names_hold_nothing(name: str) -> None:
    assert parse_filename(name, Zone(10, "S")) is None


@given(
    st.floats(-79, 83),
    st.floats(-179.9, 179.9),
    st.integers(0, 359),
    st.datetimes(datetime(1995, 1, 1), datetime(2050, 1, 1)),
)
def test_what_the_field_writes_is_read(lat: float, lon: float, heading: int, taken: datetime) -> None:
    east, north, number, letter = utm.from_latlon(lat, lon)
    place = f"@{east:010.2f}@{north:010.2f}@{number}@{letter}@{lat:+09.5f}@{lon:+010.5f}"
    name = f"{place}@None@00@{heading:03d}@000@@@{taken:%Y%m%d_%H%M%S}@@.jpg"
    found = parse_filename(name)
    if round(lat, 5) == round(lon, 5) == 0:
        return
    assert isinstance(found, Geotag), (name, found)
    assert (found.position.lat, found.position.lon) == pytest.approx((lat, lon), abs=1e-5)
    assert found.heading_deg == heading
    assert found.taken_at == taken.replace(microsecond=0)


@given(st.lists(st.text(alphabet="0123456789.-+@naNeE ,xS", max_size=12), max_size=18))
def test_any_name_is_read_or_refused(fields: list[str]) -> None:
    found = parse_filename("@".join(["", *fields, ".jpg"]).replace("/", ""), Zone(33, "U"))
    assert found is None or isinstance(found, Geotag | Rejected)


@pytest.mark.parametrize("text", ["10S", " 31 u ", "1C", "60X"])
def test_zones(text: str) -> None:
    assert parse_zone(text) == Zone(int("".join(filter(str.isdigit, text))), text.strip()[-1].upper())


@pytest.mark.parametrize("text", ["", "10", "S", "61S", "0S", "10I", "10O", "10Y", "ten S"])
def test_no_zones(text: str) -> None:
    with pytest.raises(UsageError, match="not a UTM zone") as caught:
        parse_zone(text)
    assert "10S" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2011", datetime(2011, 1, 1)),
        ("201102", datetime(2011, 2, 1)),
        ("201102.0", datetime(2011, 2, 1)),
        ("20110203", datetime(2011, 2, 3)),
        ("20110203_10", datetime(2011, 2, 3, 10)),
        ("20110203_1011", datetime(2011, 2, 3, 10, 11)),
        ("20110203101112", datetime(2011, 2, 3, 10, 11, 12)),
        ("2011-02", datetime(2011, 2, 1)),
        ("2011/02/03", datetime(2011, 2, 3)),
        ("2011:02:03 10:11:12", datetime(2011, 2, 3, 10, 11, 12)),
        ("2011-02-03T10:11:12Z", datetime(2011, 2, 3, 10, 11, 12)),
        ("2011-02-03 10:11:12+02:00", datetime(2011, 2, 3, 8, 11, 12)),
        ("1296727872", datetime(2011, 2, 3, 10, 11, 12)),
        ("1296727872000", datetime(2011, 2, 3, 10, 11, 12)),
        ("", None),
        ("yesterday", None),
        ("201113", None),
        ("20110230", None),
        ("00000000", None),
        ("99999999999999", None),
        ("0001-01-01T00:00:00+23:00", None),
    ],
)
def test_times(text: str, moment: datetime | None) -> None:
    assert parse_time(text) == moment


@given(st.text(alphabet="0123456789-:/_TZ+. ", max_size=24))
def test_any_time_is_read_or_none(text: str) -> None:
    moment = parse_time(text)
    assert moment is None or moment.tzinfo is None


@given(st.floats(-360, 360))
def test_headings_come_out_within_the_circle(heading: float) -> None:
    found = parse_heading(repr(heading))
    assert found is not None
    assert 0 <= found < 360
    assert abs((found - heading + 180) % 360 - 180) < 1e-9


def test_positions() -> None:
    assert parse_position("52,5", "13,4") == LatLon(52.5, 13.4)
    assert parse_position("", " ") is None
    assert parse_position("0", "0.000") is None
    for lat, lon in (("52", ""), ("nan", "1"), ("91", "1"), ("1", "181"), ("inf", "1"), ("O52", "1")):
        with pytest.raises(BadGeotagError, match="bad position"):
            parse_position(lat, lon)


# -- the table


def rows(
    folder: Path, content: str | bytes, name: str = "t.csv", select: str | None = None
) -> list[Row | Rejected]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_sidecar(path, select))


def one(folder: Path, content: str | bytes, name: str = "t.csv") -> TaggedImage:
    (row,) = rows(folder, content, name)
    assert isinstance(row, Row)
    assert isinstance(row.geotag, TaggedImage), row.geotag
    return row.geotag


def test_a_whole_row(tmp_path: Path) -> None:
    text = "image,lat,lon,heading,taken,pano,licence,credit,link,accuracy_m\n"
    text += "a/b.jpg,52.2,0.12,-90,202103,1,CC-BY-4.0,City,https://city.example/b,3\n"
    (row,) = rows(tmp_path, text)
    tag = Geotag(LatLon(52.2, 0.12), "csv", 270.0, 3.0, datetime(2021, 3, 1))
    assert row == Row(
        ("a/b.jpg",),
        TaggedImage(tag, Projection.EQUIRECTANGULAR, "CC-BY-4.0", "City", "https://city.example/b"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "IMAGE, Lat ,LON\na.jpg,52.2,0.12\n",
        "\ufeffimage,lat,lon\na.jpg,52.2,0.12\n",
        "File Name;Latitude;Longitude\na.jpg;52,2;0,12\n",
        "path\tlng\tlat\na.jpg\t0.12\t52.2\n",
        '"image","lat","lon"\r\n"a.jpg","52.2","0.12"\r\n',
        "image,lat,lon\ra.jpg,52.2,0.12\r",
        "\n\nimage,lat,lon\n\na.jpg,52.2,0.12,,\n\n",
        ",image,lat,lon\n0,a.jpg,52.2,0.12\n",
    ],
)
def test_tables_as_people_write_them(tmp_path: Path, text: str) -> None:
    assert one(tmp_path, text).geotag.position == LatLon(52.2, 0.12)


def test_encodings(tmp_path: Path) -> None:
    text = "image,lat,lon,credit\na.jpg,52.2,0.12,Müller\n"
    for encoding in ("utf-8", "utf-8-sig", "latin-1", "utf-16"):
        assert one(tmp_path, text.encode(encoding)).credit == "Müller"


def test_bad_rows_are_values(tmp_path: Path) -> None:
    text = (
        "image,lat,lon,heading\n"
        "north.jpg,91,0,\nhalf.jpg,52,,\nnone.jpg,,,\nzero.jpg,0,0,\nword.jpg,here,there,\nturn.jpg,52,0,east\n"
        ",52,0,\nmore.jpg,52,20,0,11,5\nnul\0.jpg,52,0,\ngood.jpg,52,0,10\n"
    )
    found = rows(tmp_path, text)
    tags = [row if isinstance(row, Rejected) else row.geotag for row in found]
    reasons = [tag.reason if isinstance(tag, Rejected) else "" for tag in tags]
    bad = "bad position"
    assert reasons == [bad, bad, "no position", "no position", bad, "bad heading", *["bad row"] * 3, ""]
    assert [row.image for row in found if isinstance(row, Row)][:2] == ["north.jpg", "half.jpg"]
    assert isinstance(found[6], Rejected)
    assert found[6].location == "t.csv, line 8"


def test_a_date_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert one(tmp_path, "image,lat,lon,taken\na.jpg,52,0,last summer\n").geotag.taken_at is None


@pytest.mark.parametrize(
    ("word", "projection"),
    [
        ("1", "equirectangular"),
        ("True", "equirectangular"),
        ("no", "perspective"),
        ("", "unknown"),
        ("?", "unknown"),
    ],
)
def test_pano(tmp_path: Path, word: str, projection: str) -> None:
    assert one(tmp_path, f"image,lat,lon,is_pano\na.jpg,52,0,{word}\n").projection == projection


@pytest.mark.parametrize(
    "content", [b"", b"\0\1\2\3", b"name,lat,lon\na,1,2\n", b"just a text\n", bytes(range(256))]
)
def test_what_is_no_table(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError):
        rows(tmp_path, content)
    with pytest.raises(InputError):
        check_geotags(tmp_path / "t.csv")


def test_the_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column for image") as caught:
        rows(tmp_path, "Picture,lat,lon\na.jpg,1,2\n")
    assert "Picture, lat, lon" in caught.value.hint


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_sidecar(path)
        with pytest.raises(InputError, match="cannot be read"):
            check_geotags(path)


def test_select(tmp_path: Path) -> None:
    text = "image,lat,lon,Split\na.jpg,1,2,query\nb.jpg,1,2,database\n,,,database\n"
    assert [row.image for row in rows(tmp_path, text, select="split = query") if isinstance(row, Row)] == [
        "a.jpg"
    ]
    with pytest.raises(UsageError, match="selects nothing") as caught:
        rows(tmp_path, text, select="part=query")
    assert "image, lat, lon, Split" in caught.value.hint
    with pytest.raises(UsageError, match="no row has split=train") as caught:
        rows(tmp_path, text, select="split=train")
    assert "database, query" in caught.value.hint
    with pytest.raises(UsageError):
        rows(tmp_path, text, select="split")


def feature(lon: object, lat: object, **properties: object) -> dict[str, object]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": properties,
    }


def collection(*features: object) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


def test_geojson_is_longitude_first(tmp_path: Path) -> None:
    text = collection(
        feature(0.12, 52.2, Image="a.jpg", heading=10, pano=True, taken="2021-03", license=None)
    )
    found = one(tmp_path, text, "t.geojson")
    tag = Geotag(LatLon(52.2, 0.12), "geojson", 10.0, None, datetime(2021, 3, 1))
    assert found == TaggedImage(tag, Projection.EQUIRECTANGULAR)
    check_geotags(tmp_path / "t.geojson")


def test_geojson_rows_that_cannot_be_right(tmp_path: Path) -> None:
    line = {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]},
        "properties": {},
    }
    bad = [
        line,
        None,
        5,
        {},
        feature("x", 1, image="x.jpg"),
        feature(True, False, image="t.jpg"),
        feature(1, 2),
    ]
    found = rows(
        tmp_path, collection(*bad, feature(1, 2, image="a.jpg"), feature(1, 2, image="\ud800.jpg")), "t.json"
    )
    assert [isinstance(row, Row) and isinstance(row.geotag, TaggedImage) for row in found] == [
        *[False] * 7,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1, 2]",
        "{}",
        '{"type": "FeatureCollection"}',
        '{"type": "FeatureCollection", "features": 5}',
        collection(),
        collection(feature(1, 2)),
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"type": "FeatureCollection", "features": [' + "9" * 5000 + "]}",
    ],
    ids=range(10),
)
def test_what_is_no_geojson(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        rows(tmp_path, text, "t.geojson")


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(table=st.lists(st.lists(cells, max_size=6), max_size=6))
def test_any_rows_are_read_or_refused(
    table: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = "image,lat,lon,heading\n" + "\n".join(",".join(row) for row in table)
    found = rows(tmp_path_factory.getbasetemp(), text)
    assert all(isinstance(row, Rejected) or row.image for row in found)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_table_or_an_input_error(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with contextlib.suppress(InputError):
        rows(tmp_path_factory.getbasetemp(), data)
