"""Findings handed over: every format, hostile text in each, nothing of a person in what is public."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from geoflood.errors import UsageError
from geoflood.finding import Decision, Finding, Medium, Post, Status
from geoflood.geo import distance_m
from geoflood.images import jpeg
from geoflood.terms import (
    Candidate,
    Cell,
    Estimate,
    Geotag,
    LatLon,
    Located,
    Outcome,
    Query,
    Reference,
    Rejected,
)
from geoflood.writers.formats import FORMATS, format_of
from geoflood.writers.sharing import GRID_M, PUBLIC_FIELDS, Sharing, row
from geoflood.writers.sheet import write_rejections

SPOT = LatLon(29.7604123, -95.3698012)
SECRET = "s3cret"
"""Stands in everything that leads to a person."""


def finding(
    number: int = 1, text: str = SECRET, folder: Path = Path("/nowhere"), outcome: Outcome = Outcome.LOCATED
) -> Finding:
    path = folder / f"{number} s3cret.jpg"
    reference = Reference(
        7, f"folder:{SECRET}", SPOT, f"{SECRET}/a.jpg", credit="A. Mapper", licence="CC0-1.0"
    )
    cells = (Cell(SPOT, 10.0, 0.5), Cell(LatLon(29.7605123, -95.3698012), 10.0, 0.4))
    located = Located(
        Query(path),
        outcome,
        f"because {SECRET}",
        (Candidate(reference, 0.8),),
        Estimate(SPOT, 0.783, 8.4, 21, cells, 0.1),
    )
    post = Post(
        *("twarc2 JSONL", f"{SECRET} id", text, f"{SECRET} author", datetime(2021, 7, 14, 18, 3, 11)),
        geotag=Geotag(LatLon(29.1, -95.1), "post"),
        place=f"{SECRET} place",
        media=(Medium(f"{SECRET}.jpg"),),
        source=f"{SECRET}.jsonl",
    )
    exif = Geotag(LatLon(29.2, -95.2), "exif", taken_at=datetime(2021, 7, 14, 17))
    return Finding(
        number, f"{SECRET}{number:064}", f"{SECRET}.jpg", located, (post,), exif, 2, f"{SECRET} box"
    )


HOSTILE = (
    '<script>alert(1)</script> =HYPERLINK("http://evil") ]]> &amp; \u202egpj.exe \x00\x1b[31m\ufffe '
    + "\N{WATER WAVE}" * 300
    + '"\r\n,@SUM(1)'
)
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "\uff1d1"]


def written(tmp_path: Path, name: str, sharing: Sharing, *findings: Finding) -> Path:
    path = tmp_path / name
    format_of(path).write(path, findings, sharing)
    return path


NAMES = ["x.geojson", "x.geojsonl", "x.geojsons", "x.csv", "x.kmz", "x.gpx"]


def texts(path: Path) -> Iterator[str]:
    """All that is in a file, an archive's members and their names too."""
    if path.suffix != ".kmz":
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
    with_decision = Finding(**{**{n: getattr(one, n) for n in one.__slots__}, "decision": decided})
    public = "".join(texts(written(tmp_path, name, Sharing.PUBLIC, with_decision)))
    assert SECRET not in public
    assert "29.7604" not in public
    assert "29.1" not in public
    assert "29.2" not in public
    assert "18:03" not in public
    assert ".jpg" not in public
    assert "confirmed" in public
    assert "public" in public
    internal = "".join(texts(written(tmp_path, name, Sharing.INTERNAL, with_decision)))
    assert SECRET in internal
    assert "internal" in internal


def test_public_rows_have_public_fields_only() -> None:
    assert set(row(finding(), Sharing.PUBLIC)) == set(PUBLIC_FIELDS)


@pytest.mark.parametrize("lat", [-80.0, -0.0001, 0.0001, 29.7604, 71.3])
@pytest.mark.parametrize("lon", [-179.999, -95.37, 0.0, 179.999])
def test_public_positions_are_in_the_middle_of_a_square(lat: float, lon: float) -> None:
    from geoflood.writers.sharing import _snapped

    seen = {_snapped(LatLon(lat + n / 1e6, lon), GRID_M) for n in range(3)}
    assert len(seen) <= 2
    for spot in seen:
        assert distance_m((spot.lat, spot.lon), (lat, lon)) <= GRID_M * 2**-0.5 * 1.01


def test_a_moved_pin_stands_and_a_rejected_one_has_no_place() -> None:
    moved = Decision(Status.CONFIRMED, "ana", datetime(2021, 7, 15), LatLon(29.8, -95.4))
    rejected = Decision(Status.REJECTED, "ana", datetime(2021, 7, 15))
    one = finding()
    known = {name: getattr(one, name) for name in one.__slots__}
    told = row(Finding(**{**known, "decision": moved}), Sharing.INTERNAL)
    assert (told["lat"], told["lon"], told["accuracy_m"]) == (29.8, -95.4, None)
    assert (told["status"], told["status_by"], told["status_at"]) == (
        "confirmed",
        "ana",
        "2021-07-15T00:00:00",
    )
    told = row(Finding(**{**known, "decision": rejected}), Sharing.INTERNAL)
    assert (told["lat"], told["status"]) == (None, "rejected")


@pytest.mark.parametrize("outcome", [Outcome.NOT_FOUND, Outcome.FAILED])
def test_what_was_not_found_has_no_pin(tmp_path: Path, outcome: Outcome) -> None:
    one = finding(outcome=outcome)
    assert row(one, Sharing.INTERNAL)["lat"] is None
    assert "<wpt" not in written(tmp_path, "x.gpx", Sharing.INTERNAL, one).read_text("utf-8")
    features = json.loads(written(tmp_path, "x.geojson", Sharing.INTERNAL, one).read_text("utf-8"))[
        "features"
    ]
    assert features[0]["geometry"] is None


@pytest.mark.parametrize("text", [HOSTILE, *FORMULAS])
def test_no_cell_is_a_formula_and_each_row_is_one(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "x.csv", Sharing.INTERNAL, finding(text=text), finding(2))
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))
    assert len(rows) == 2
    for cells in rows:
        for name, cell in cells.items():
            if name not in ("lat", "lon", "post_lon", "exif_lon"):
                assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))


def test_kmz_is_xml_whatever_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "1 s3cret.jpg").write_bytes(jpeg(np.full((60, 80, 3), 90, np.uint8)))
    path = written(tmp_path, "x.kmz", Sharing.INTERNAL, finding(text=HOSTILE, folder=tmp_path), finding(2))
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["doc.kml", "photos/000001.jpg"]
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
    assert (point.get("lat"), point.get("lon")) == ("29.7604", "-95.3698")
    assert "<script>" in "".join(point.itertext())


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


def test_formats_by_suffix_and_by_name() -> None:
    assert format_of(Path("a.KMZ")) is FORMATS["kmz"]
    assert format_of(Path("a.txt"), "gpx") is FORMATS["gpx"]
    with pytest.raises(UsageError, match="suffix"):
        format_of(Path("a.txt"))
    with pytest.raises(UsageError, match="no format"):
        format_of(Path("a.csv"), "shp")
