"""Findings handed over: every format, hostile text in each, nothing of a person in what is public."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyogrio.raw
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geoflood.core.datatypes import (
    Candidate,
    Cell,
    Estimate,
    Geotag,
    LatLon,
    Located,
    Outcome,
    Query,
    Reason,
    Reference,
    Rejected,
    StreetWords,
)
from geoflood.core.errors import ExtraMissingError, UsageError
from geoflood.core.geo import distance_m
from geoflood.core.images import jpeg, read_image
from geoflood.outputs import geopackage
from geoflood.outputs.fields import answer_row
from geoflood.outputs.record import METHOD
from geoflood.triage.export.finding_fields import FINDING_FIELDS, PINNED, PUBLIC, field_names, title
from geoflood.triage.export.finding_fields import finding_row as row
from geoflood.triage.export.finding_table import write_rejections
from geoflood.triage.export.formats import FORMATS, format_of
from geoflood.triage.export.icons import icon
from geoflood.triage.export.redaction import GRID_M, Sharing, snapped
from geoflood.triage.export.selection import ExportTally, Selection
from geoflood.triage.findings import Decision, Finding, Medium, Post, Status

SPOT = LatLon(29.7604123, -95.3698012)
SECRET = "s3cret"
"""Stands in everything that leads to a person."""


def finding(
    number: int = 1, text: str = SECRET, folder: Path = Path("/nowhere"), outcome: Outcome = Outcome.LOCATED
) -> Finding:
    path = folder / f"{number} s3cret.jpg"
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else f"{number:064}"
    reference = Reference(
        7, f"folder:{SECRET}", SPOT, f"{SECRET}/a.jpg", credit="A. Mapper", licence="CC0-1.0"
    )
    cells = (Cell(SPOT, 10.0, 0.5), Cell(LatLon(29.7605123, -95.3698012), 10.0, 0.4))
    located = Located(
        Query(path),
        outcome,
        Reason.recorded(f"because {SECRET}"),
        (Candidate(reference, 0.8, street=f"{SECRET} Street"),),
        Estimate(SPOT, 0.783, 8.4, 21, cells, 0.1),
        streets=StreetWords(f"{SECRET} Street", ((f"{SECRET} Street", 0.9),), f"{SECRET} gap", "© somebody"),
    )
    post = Post(
        *("twarc2 JSONL", f"{SECRET} id", text, f"{SECRET} author", datetime(2021, 7, 14, 18, 3, 11)),
        geotag=Geotag(LatLon(29.1, -95.1), "post"),
        place=f"{SECRET} place",
        media=(Medium(f"{SECRET}.jpg"),),
        source=f"{SECRET}.jsonl",
    )
    exif = Geotag(LatLon(29.2, -95.2), "exif", taken_at=datetime(2021, 7, 14, 17))
    return Finding(number, digest, f"{SECRET}.jpg", located, (post,), exif, 2, f"{SECRET} box")


HOSTILE = (
    '<script>alert(1)</script> =HYPERLINK("http://evil") ]]> &amp; \u202egpj.exe \x00\x1b[31m\ufffe '
    + "\N{WATER WAVE}" * 300
    + '"\r\n,@SUM(1)'
)
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "\uff1d1"]


def written(tmp_path: Path, name: str, sharing: Sharing, *findings: Finding) -> Path:
    path = tmp_path / name
    format_of(path, named(name)).write(path, findings, sharing)
    return path


def named(name: str) -> str | None:
    """ "x-hxl.csv" is written as hxl, whose suffix does not say so."""
    return Path(name).stem.partition("-")[2] or None


NAMES = ["x.geojson", "x.geojsonl", "x.geojsons", "x.csv", "x.kmz", "x.gpx", "x.zip", "x-hxl.csv"]
NAMES += ["x-ushahidi.csv", "x.gpkg"]
TABLES = [name for name in NAMES if name.endswith(".csv")]
PLACES_ONLY = ("x.kmz", "x.gpx", "x.zip", "x-ushahidi.csv")


def texts(path: Path) -> Iterator[str]:
    """All that is in a file, an archive's members and their names too."""
    if path.suffix == ".gpkg":
        for name, _ in pyogrio.list_layers(path):  # the file itself holds the time that it was made at
            yield from (str(one) for one in layer(path, name))
        return
    if path.suffix not in (".kmz", ".zip"):
        yield path.read_text("utf-8")
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield name
            yield archive.read(name).decode("utf-8", "replace")


@pytest.mark.parametrize("name", NAMES)
def test_public_files_lead_to_no_person(tmp_path: Path, name: str) -> None:
    (tmp_path / "1 s3cret.jpg").write_bytes(jpeg(np.full((60, 80, 3), 90, np.uint8)))
    decided = Decision(Status.CONFIRMED, f"{SECRET} reviewer", datetime(2021, 7, 15), None, f"{SECRET} note")
    one = finding(folder=tmp_path)
    with_decision = replace(one, decision=decided)
    public = "".join(texts(written(tmp_path, name, Sharing.PUBLIC, with_decision)))
    assert SECRET not in public
    assert "29.7604" not in public
    assert "29.1" not in public
    assert "29.2" not in public
    assert "18:03" not in public
    assert one.sha256 not in public
    assert "A. Mapper" not in public, "who took the street images is named where they are shown"
    assert ".jpg" not in public
    assert "confirmed" in public
    assert "public" in public
    internal = "".join(texts(written(tmp_path, name, Sharing.INTERNAL, with_decision)))
    assert SECRET in internal
    assert "internal" in internal


@pytest.mark.parametrize("name", NAMES)
def test_internal_files_name_the_street_and_whose_the_names_are(tmp_path: Path, name: str) -> None:
    told = "".join(texts(written(tmp_path, name, Sharing.INTERNAL, finding())))
    assert f"{SECRET} Street" in told
    assert "© somebody" in told


def test_public_rows_have_public_fields_only() -> None:
    assert set(row(finding(), Sharing.PUBLIC)) == PUBLIC == set(field_names(Sharing.PUBLIC))


def test_a_batch_tells_of_a_photo_what_locate_tells() -> None:
    one = finding()
    alone, batch = answer_row(one.located), row(one, Sharing.INTERNAL)
    assert batch | alone == batch | {"photo": alone["photo"]}, "but for the photo's name in the folder"
    assert [field.name for field in FINDING_FIELDS] == list(batch)
    assert len(set(batch)) == len(batch)


OLD_COLUMNS = """
number outcome status lat lon accuracy_m usng dmm probability not_in_index posted_at posts copies method
sharing
photo sha256 reason narrowed_by radius_50_m radius_90_m machine_lat machine_lon best_match credit licence
status_by status_at note text authors post_ids layouts post_lat post_lon post_place exif_lat exif_lon
exif_taken_at time_from attention waterline attention_reason verdict
"""


def test_no_column_of_earlier_versions_is_lost() -> None:
    assert set(OLD_COLUMNS.split()) <= set(field_names(Sharing.INTERNAL))


@pytest.mark.parametrize("lat", [-80.0, -0.0001, 0.0001, 29.7604, 71.3])
@pytest.mark.parametrize("lon", [-179.999, -95.37, 0.0, 179.999])
def test_public_positions_are_in_the_middle_of_a_square(lat: float, lon: float) -> None:
    seen = {snapped(LatLon(lat + n / 1e6, lon), GRID_M) for n in range(3)}
    assert len(seen) <= 2
    for spot in seen:
        assert distance_m((spot.lat, spot.lon), (lat, lon)) <= GRID_M * 2**-0.5 * 1.01


MOVED = Decision(Status.CONFIRMED, "ana", datetime(2021, 7, 15), LatLon(29.8, -95.4))


def test_a_moved_pin_stands_and_a_rejected_one_has_no_place() -> None:
    told = row(replace(finding(), decision=MOVED), Sharing.INTERNAL)
    assert (told["lat"], told["lon"], told["accuracy_m"]) == (29.8, -95.4, None)
    assert (told["status"], told["status_by"], told["status_at"]) == (
        "confirmed",
        "ana",
        "2021-07-15T00:00:00Z",
    )
    rejected = Decision(Status.REJECTED, "ana", datetime(2021, 7, 15))
    told = row(replace(finding(), decision=rejected), Sharing.INTERNAL)
    assert (told["lat"], told["status"], told["street"]) == (None, "rejected", None)


def test_of_a_persons_place_nothing_is_said_that_is_about_the_machines() -> None:
    told = row(replace(finding(), decision=MOVED), Sharing.INTERNAL)
    assert told["method"] == PINNED
    assert (told["machine_lat"], told["machine_lon"]) == (29.760412, -95.369801)
    figures = ("probability", "not_in_index", "radius_50_m", "radius_90_m", "accuracy_m")
    assert [told[name] for name in figures] == [None] * 5
    assert [told[name] for name in ("street", "streets", "street_gap", "street_credit")] == [None] * 4
    assert "78" not in title(told)
    assert PINNED in title(told)
    assert row(replace(finding(), decision=MOVED), Sharing.PUBLIC)["method"] == PINNED
    kept = replace(MOVED, position=None)
    told = row(replace(finding(), decision=kept), Sharing.INTERNAL)
    assert (told["method"], told["probability"], told["machine_lat"]) == (METHOD, 0.783, None)
    undone = replace(finding(), decision=replace(MOVED, status=Status.CANDIDATE))
    assert row(undone, Sharing.INTERNAL)["lat"] == 29.7604, "who takes a decision back takes its pin back"


@given(lat=st.floats(-70, 70), lon=st.floats(-179, 179), radius_m=st.floats(0, 3000))
def test_a_public_place_is_within_its_accuracy(lat: float, lon: float, radius_m: float) -> None:
    spot = LatLon(lat, lon)
    located = finding().located
    assert located.estimate
    estimate = replace(located.estimate, position=spot, radius_90_m=radius_m)
    told = row(replace(finding(), located=replace(located, estimate=estimate)), Sharing.PUBLIC)
    moved_m = float(distance_m((told["lat"], told["lon"]), (lat, lon)))
    assert moved_m + radius_m <= told["accuracy_m"] * 1.01 + 3
    assert told["accuracy_m"] >= GRID_M


def test_certainty_is_never_claimed() -> None:
    located = finding().located
    assert located.estimate
    sure = replace(located, estimate=replace(located.estimate, probability=1.0))
    assert (
        title(row(replace(finding(), located=sure), Sharing.INTERNAL)) == "1 located over 99\xa0% candidate"
    )


def local(one: Finding) -> Finding:
    return replace(one, posts=tuple(replace(post, clock="the file's name") for post in one.posts))


def test_only_times_that_are_known_to_be_utc_say_so(tmp_path: Path) -> None:
    both = (finding(), local(finding(2)))
    times = [row(one, sharing)["posted_at"] for sharing in Sharing for one in both]
    assert times == [
        "2021-07-14T18:03:11Z",
        "2021-07-14T18:03:11",
        "2021-07-14T18:00:00Z",
        "2021-07-14T18:00:00",
    ]
    gpx = written(tmp_path, "x.gpx", Sharing.INTERNAL, *both).read_text("utf-8")
    assert gpx.count("<time>") == gpx.count("<time>2021-07-14T18:03:11Z</time><name>1 ") == 1
    assert gpx.count(f"narrowed_by: {SECRET} box") == 2
    with zipfile.ZipFile(written(tmp_path, "x.kmz", Sharing.INTERNAL, *both)) as archive:
        whens = re.findall("<when>(.*?)</when>", archive.read("doc.kml").decode("utf-8"))
    assert whens == ["2021-07-14T18:03:11Z", "2021-07-14T18:03:11"]


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("decision", [None, MOVED])
def test_a_kmz_shows_the_status_by_the_shape_of_the_pin(
    tmp_path: Path, outcome: Outcome, decision: Decision | None
) -> None:
    one = replace(finding(outcome=outcome), decision=decision)
    with zipfile.ZipFile(written(tmp_path, "x.kmz", Sharing.INTERNAL, one)) as archive:
        kml = ElementTree.fromstring(archive.read("doc.kml"))
        space = {"k": "http://www.opengis.net/kml/2.2"}
        icons = {
            f"#{style.get('id')}": archive.read(style.findtext(".//k:href", namespaces=space) or "")
            for style in kml.findall(".//k:Style", space)
        }
    used = [url.text for url in kml.findall(".//k:Placemark/k:styleUrl", space)]
    assert len(used) == (one.position is not None)
    assert [icons[str(name)] for name in used] == [icon(one.status)] * len(used)
    assert icon(Status.CANDIDATE) != icon(Status.CONFIRMED)
    assert read_image(icon(Status.CONFIRMED)).shape == (48, 48, 3)


def test_a_kmz_leaves_out_a_picture_that_is_not_the_one_located(tmp_path: Path) -> None:
    photo = tmp_path / "1 s3cret.jpg"
    photo.write_bytes(jpeg(np.full((60, 80, 3), 90, np.uint8)))
    one = finding(folder=tmp_path)
    photo.write_bytes(jpeg(np.full((60, 80, 3), 10, np.uint8)))
    for _ in range(2):
        with zipfile.ZipFile(written(tmp_path, "x.kmz", Sharing.INTERNAL, one)) as archive:
            assert not any(name.endswith(".jpg") for name in archive.namelist())
            assert "photo left out" in archive.read("doc.kml").decode("utf-8")
        photo.unlink(missing_ok=True)


@pytest.mark.parametrize("outcome", [Outcome.NOT_FOUND, Outcome.FAILED])
def test_what_was_not_found_has_no_pin(tmp_path: Path, outcome: Outcome) -> None:
    one = finding(outcome=outcome)
    assert row(one, Sharing.INTERNAL)["lat"] is None
    assert "<wpt" not in written(tmp_path, "x.gpx", Sharing.INTERNAL, one).read_text("utf-8")
    features = json.loads(written(tmp_path, "x.geojson", Sharing.INTERNAL, one).read_text("utf-8"))[
        "features"
    ]
    assert features[0]["geometry"] is None


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("text", [HOSTILE, *FORMULAS])
def test_no_cell_is_a_formula_and_each_row_is_one(tmp_path: Path, text: str, name: str) -> None:
    path = written(tmp_path, name, Sharing.INTERNAL, finding(text=text), finding(2))
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))
    assert len(rows) == (3 if name == "x-hxl.csv" else 2)
    for cells in rows:
        for column, cell in cells.items():
            if column not in ("lat", "lon", "longitude", "post_lon", "exif_lon"):
                assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))


def test_kmz_is_xml_whatever_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "1 s3cret.jpg").write_bytes(jpeg(np.full((60, 80, 3), 90, np.uint8)))
    path = written(tmp_path, "x.kmz", Sharing.INTERNAL, finding(text=HOSTILE, folder=tmp_path), finding(2))
    with zipfile.ZipFile(path) as archive:
        icons = ["icons/candidate.png", "icons/confirmed.png"]
        assert sorted(archive.namelist()) == ["doc.kml", *icons, "photos/000001.jpg"]
        kml = archive.read("doc.kml").decode("utf-8")
    document = ElementTree.fromstring(kml)
    space = {"k": "http://www.opengis.net/kml/2.2"}
    assert len(document.findall(".//k:Placemark", space)) == 2
    assert document.find(".//k:Polygon", space) is not None
    balloon = document.findtext(".//k:description", namespaces=space) or ""
    assert "<script>" not in balloon
    assert "&lt;script&gt;" in balloon
    assert [when.text for when in document.findall(".//k:when", space)] == ["2021-07-14T18:03:11Z"] * 2


def test_gpx_is_xml_whatever_is_in_it(tmp_path: Path) -> None:
    path = written(tmp_path, "x.gpx", Sharing.INTERNAL, finding(text=HOSTILE))
    (point,) = ElementTree.parse(path).getroot()
    assert [child.tag.rpartition("}")[2] for child in point] == ["time", "name", "desc"], "as the schema asks"
    assert (point.get("lat"), point.get("lon")) == ("29.7604", "-95.3698")
    assert "<script>" in "".join(point.itertext())


def markers(path: Path) -> dict[str, ElementTree.Element]:
    """The events of a TAK package by their uids, once its manifest names all that is in it and no more."""
    with zipfile.ZipFile(path) as archive:
        manifest = ElementTree.fromstring(archive.read("MANIFEST/manifest.xml"))
        entries = {content.get("zipEntry", ""): content for content in manifest.iter("Content")}
        assert {*entries, "MANIFEST/manifest.xml"} == set(archive.namelist())
        assert len(archive.namelist()) == len(entries) + 1
        events = {}
        for name, content in entries.items():
            parameter = content.find("Parameter")
            assert parameter is not None
            assert parameter.get("value") == name.partition("/")[0]
            if name.endswith(".cot"):
                event = ElementTree.fromstring(archive.read(name))
                assert f"{event.get('uid')}/{event.get('uid')}.cot" == name
                events[name.partition("/")[0]] = event
            else:
                assert max(read_image(archive.read(name)).shape) <= 960
        return events


def test_a_tak_package_has_a_marker_a_place_and_the_photo(tmp_path: Path) -> None:
    (tmp_path / "1 s3cret.jpg").write_bytes(jpeg(np.full((60, 80, 3), 90, np.uint8)))
    one = replace(finding(text=HOSTILE, folder=tmp_path), decision=MOVED)
    path = written(tmp_path, "x.zip", Sharing.INTERNAL, one, finding(2), finding(3, outcome=Outcome.FAILED))
    first, second = markers(path).values()
    assert sum(name.endswith(".jpg") for name in texts(path)) == 1
    points = [event.find("point") for event in (first, second)]
    assert [
        (point.get("lat"), point.get("lon"), point.get("ce")) for point in points if point is not None
    ] == [
        ("29.8", "-95.4", "9999999.0"),
        ("29.7604", "-95.3698", "21"),
    ]
    assert [event.get("how") for event in (first, second)] == ["h-g-i-g-o", "m"]
    colours = [colour.get("argb") for event in (first, second) for colour in event.iter("color")]
    assert len(set(colours)) == 2, "what a person confirmed looks different"
    assert first.get("start") == "2021-07-14T18:03:11Z"
    assert str(first.get("stale")) > str(first.get("time")) > "2026"
    remarks = first.findtext("detail/remarks") or ""
    assert "<script>alert(1)</script>" in remarks, "as text, not as an element"
    assert [child.tag for child in first] == ["point", "detail"]
    local_time = written(tmp_path, "x.zip", Sharing.INTERNAL, local(finding()))
    (event,) = markers(local_time).values()
    assert str(event.get("start")) > "2026", "a time without a zone is no UTC"


@pytest.mark.parametrize("sharing", Sharing)
def test_a_marker_is_the_same_when_a_batch_is_exported_again(tmp_path: Path, sharing: Sharing) -> None:
    both = (finding(), finding(2))
    first = markers(written(tmp_path, "a.zip", sharing, *both))
    assert list(first) == list(markers(written(tmp_path, "b.zip", sharing, *both)))
    assert len(first) == 2
    confirmed = replace(both[0], decision=replace(MOVED, position=None))
    again = markers(written(tmp_path, "c.zip", sharing, confirmed))
    assert set(again) < set(first), "confirmed, it replaces the candidate"


def test_hxl_tags_stand_below_the_header(tmp_path: Path) -> None:
    path = written(tmp_path, "x-hxl.csv", Sharing.INTERNAL, finding())
    header, tags, told = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline="")))
    assert header == field_names(Sharing.INTERNAL)
    assert all(re.fullmatch(r"#[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)*", tag) for tag in tags)
    assert len(set(tags)) == len(tags)
    by_tag = dict(zip(tags, told, strict=True))
    assert (by_tag["#geo+lat"], by_tag["#geo+lon"], by_tag["#status"]) == ("29.7604", "-95.3698", "candidate")
    plain_table = written(tmp_path, "x.csv", Sharing.INTERNAL, finding()).read_text("utf-8")
    assert "#geo" not in plain_table, "who reads a plain table expects no tags"


def test_reports_for_ushahidi_have_what_its_import_maps(tmp_path: Path) -> None:
    path = written(
        tmp_path, "x-ushahidi.csv", Sharing.INTERNAL, finding(), finding(2, outcome=Outcome.FAILED)
    )
    (report,) = csv.DictReader(io.StringIO(path.read_text("utf-8"), newline=""))
    assert report["date"] == "2021-07-14 18:03:11"
    assert (report["latitude"], report["longitude"]) == ("29.7604", "-95.3698")
    assert report["location"] == f"{SECRET} Street"
    assert report["category"] == "candidate"
    public = written(tmp_path, "p-ushahidi.csv", Sharing.PUBLIC, finding()).read_text("utf-8")
    assert "2021-07-14 18:00:00" in public
    assert "15R TN" in public, "without a street the grid says where"


def layer(path: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a layer with their shapes, as another program reads them."""
    meta, _, shapes, columns = pyogrio.raw.read(path, layer=name)
    assert meta["crs"] == "EPSG:4326"
    shaped = shapely.from_wkb(shapes)
    return [
        dict(zip(meta["fields"], row, strict=True)) | {"shape": shape}
        for *row, shape in zip(*columns, shaped, strict=True)
    ]


def test_a_geopackage_has_photos_and_where_to_search(tmp_path: Path) -> None:
    moved, lost = replace(finding(2), decision=MOVED), finding(3, outcome=Outcome.FAILED)
    path = written(tmp_path, "x.gpkg", Sharing.INTERNAL, finding(text=HOSTILE), moved, lost)
    first, second, third = layer(path, "photos")
    assert (first["shape"].x, first["shape"].y) == (-95.3698, 29.7604)
    assert (second["shape"].x, second["shape"].y) == (-95.4, 29.8)
    assert third["shape"] is None
    assert [one["number"] for one in (first, second, third)] == [1, 2, 3]
    assert first["text"] == row(finding(text=HOSTILE), Sharing.INTERNAL)["text"]
    assert (first["accuracy_m"], first["probability"]) == (21, 0.783)
    assert np.isnan(second["accuracy_m"])
    assert set(first) == {*field_names(Sharing.INTERNAL), "shape"}
    (area,) = layer(path, "search_areas")
    assert area["shape"].contains(shapely.Point(SPOT.lon, SPOT.lat))
    assert (area["number"], area["share"]) == (1, 0.9), "a pin that a person set needs no search"
    public = written(tmp_path, "p.gpkg", Sharing.PUBLIC, finding())
    assert [name for name, _ in pyogrio.list_layers(public)] == ["photos"]
    assert not [one.name for one in tmp_path.iterdir() if one.is_dir()], "nothing is left beside it"


def test_a_geopackage_without_its_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geopackage.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissingError, match="pyogrio"):
        written(tmp_path, "x.gpkg", Sharing.INTERNAL, finding())
    assert not (tmp_path / "x.gpkg").exists()


def test_sequences_are_one_feature_a_line(tmp_path: Path) -> None:
    both = (finding(text=HOSTILE + "\n\u2028"), finding(2))
    for name, mark in (("x.geojsonl", ""), ("x.geojsons", "\x1e")):
        lines = (
            written(tmp_path, name, Sharing.INTERNAL, *both).read_text("utf-8").removesuffix("\n").split("\n")
        )
        assert [json.loads(line.removeprefix(mark))["id"] for line in lines] == [1, 2]
        assert all(line.startswith(mark) for line in lines)
    whole = json.loads(written(tmp_path, "x.geojson", Sharing.INTERNAL, *both).read_text("utf-8"))
    assert whole["features"][0]["geometry"] == {"type": "Point", "coordinates": [-95.3698, 29.7604]}
    assert "\u202e" not in whole["features"][0]["properties"]["text"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_tell_is_a_file_too(tmp_path: Path, name: str) -> None:
    assert written(tmp_path, name, Sharing.PUBLIC).exists()


def test_rejections(tmp_path: Path) -> None:
    write_rejections(tmp_path / "r.csv", [Rejected("=x\n.json", "broken JSON", '"')])
    assert (tmp_path / "r.csv").read_text("utf-8").splitlines()[1] == '\'=x\\n.json,broken JSON,""""'


def test_a_selection_is_by_status_and_by_the_machines_probability() -> None:
    at = datetime(2021, 7, 15)
    many = [
        finding(1),
        finding(2, outcome=Outcome.NOT_FOUND),
        replace(finding(3), decision=Decision(Status.CONFIRMED, "ana", at)),
        replace(finding(4, outcome=Outcome.NOT_FOUND), decision=MOVED),
        replace(finding(5), decision=Decision(Status.REJECTED, "ana", at)),
    ]

    def chosen(only: Status | None, least: float) -> tuple[list[int], ExportTally]:
        tally = ExportTally()
        return [one.number for one in tally.chosen(many, Selection(only, least))], tally

    assert chosen(None, 0.0)[0] == [1, 2, 3, 4, 5]
    assert chosen(None, 0.783)[0] == [1, 3, 4, 5], "a person's pin has no probability to be too low"
    numbers, tally = chosen(Status.CONFIRMED, 0.9)
    assert numbers == [4]
    assert (tally.all, tally.wanted, tally.too_weak) == (5, {Status.CONFIRMED: 1}, {Status.CONFIRMED: 1})
    assert tally.other_status == {Status.CANDIDATE: 2, Status.REJECTED: 1}


@pytest.mark.parametrize("name", [*NAMES, "x.html"])
def test_a_writer_says_how_many_photos_its_file_holds(tmp_path: Path, name: str) -> None:
    many = (finding(1), finding(2, outcome=Outcome.NOT_FOUND), finding(3))
    count = format_of(Path(name), named(name)).write(tmp_path / name, many, Sharing.PUBLIC)
    assert count == (2 if name in PLACES_ONLY else 3)


def test_formats_by_suffix_and_by_name() -> None:
    assert format_of(Path("a.KMZ")) is FORMATS["kmz"]
    assert format_of(Path("a.txt"), "gpx") is FORMATS["gpx"]
    assert format_of(Path("a.zip")) is format_of(Path("a.dpk")) is FORMATS["tak"]
    assert format_of(Path("a.csv"), "hxl") is FORMATS["hxl"]
    with pytest.raises(UsageError, match="suffix"):
        format_of(Path("a.txt"))
    with pytest.raises(UsageError, match="no format"):
        format_of(Path("a.csv"), "shp")
