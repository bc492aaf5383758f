"""OpenStreetMap's own files: ways, multipolygons with holes, and what is cut off, damaged or hostile."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import numpy as np
import osmium
import pytest

from geoflood.core.errors import InputError
from geoflood.places import osm_file
from geoflood.places.build_street_map import build
from geoflood.places.map_feature import MOST_TAGS, MapGeometry
from geoflood.places.osm_file import read_osm
from geoflood.places.street_map import AreaKind, LineKind

NEAR = np.array([[52.2, 0.12]])

NODES = {
    **{n: (52.2 + 0.0005 * (n // 10), 0.12 + 0.0005 * (n % 10)) for n in range(10, 60)},
    70: (52.2001, 0.1201),
}
TOWN = f"""<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">
{"".join(f'<node id="{n}" lat="{lat}" lon="{lon}" version="1"/>' for n, (lat, lon) in NODES.items())}
<node id="80" lat="52.2002" lon="0.1203" version="1"><tag k="name" v="Old Mill"/><tag k="amenity" v="pub"/>
 <tag k="addr:street" v="Mill Lane"/><tag k="addr:housenumber" v="7"/></node>
<way id="1" version="1"><nd ref="10"/><nd ref="11"/><nd ref="12"/><tag k="highway" v="residential"/>
 <tag k="name" v="Mill Lane"/><tag k="alt_name" v="The Mill;Miller's Lane"/>
 <tag k="name:fi" v="Myllykuja"/></way>
<way id="2" version="1"><nd ref="20"/><nd ref="999"/><nd ref="21"/><nd ref="22"/>
 <tag k="highway" v="primary"/> <tag k="ref" v="A10"/></way>
<way id="3" version="1"><nd ref="999"/><nd ref="998"/><tag k="highway" v="primary"/>
 <tag k="name" v="Gone"/></way>
<way id="4" version="1"><nd ref="20"/><nd ref="23"/><nd ref="53"/><nd ref="50"/><nd ref="20"/></way>
<way id="5" version="1"><nd ref="31"/><nd ref="32"/><nd ref="42"/><nd ref="31"/></way>
<way id="6" version="1"><nd ref="14"/><nd ref="15"/><nd ref="25"/><nd ref="24"/><nd ref="14"/>
 <tag k="building" v="school"/><tag k="name" v="Mill School"/></way>
<way id="7" version="1"><nd ref="17"/><nd ref="18"/><nd ref="28"/><nd ref="17"/>
 <tag k="highway" v="residential"/> <tag k="name" v="The Ring"/></way>
<relation id="1" version="1"><member type="way" ref="4" role="outer"/>
 <member type="way" ref="5" role="inner"/>
 <tag k="type" v="multipolygon"/><tag k="natural" v="water"/><tag k="name" v="Mill Pond"/></relation>
</osm>
"""


@pytest.fixture
def town(tmp_path: Path) -> Path:
    path = tmp_path / "town.osm"
    path.write_text(TOWN)
    return path


def test_ways_multipolygons_and_nodes(town: Path) -> None:
    made = build(town, NEAR)
    lines = [LineKind(kind).name for kind in made.lines.kinds]
    assert lines == ["MINOR", "MAJOR", "MINOR"]
    names = [made.names[name] for name in made.lines.names]
    assert names[0].forms == (
        ("name", "Mill Lane"),
        ("alt_name", "The Mill"),
        ("alt_name", "Miller's Lane"),
        ("name:fi", "Myllykuja"),
    )
    assert [name.shown for name in names[1:]] == ["A10", "The Ring"]
    assert np.diff(made.lines.starts).tolist() == [3, 2, 4], "no line goes where a node was cut off"
    assert sorted(made.areas.kinds.tolist()) == [AreaKind.WATER, AreaKind.WATER, AreaKind.BUILDING]
    water = made.areas.parts_of[made.areas.kinds == AreaKind.WATER]
    assert len(set(water.tolist())) == 1, "the hole belongs to its pond"
    spots = {
        made.names[n].shown: made.spots.sort_words[s]
        for n, s in zip(made.spots.names, made.spots.sorts, strict=True)
    }
    assert spots == {"Old Mill": "pub", "Mill Pond": "water", "Mill School": "school"}
    assert made.names[made.doors.streets[0]] is made.names[made.lines.names[0]]
    assert np.allclose(made.lines.degrees(0)[0], NODES[10], atol=1e-6)


def test_pbf_and_gzip_say_the_same(town: Path, tmp_path: Path) -> None:
    (tmp_path / "town.osm.gz").write_bytes(gzip.compress(town.read_bytes()))
    with osmium.SimpleWriter(str(tmp_path / "town.osm.pbf")) as writer:
        for one in osmium.FileProcessor(str(town)):
            writer.add(one)
    first, *others = (build(tmp_path / f"town.osm{end}", NEAR) for end in ("", ".gz", ".pbf"))
    for other in others:
        assert other.names == first.names
        assert np.array_equal(other.lines.points, first.lines.points)
        assert np.array_equal(other.areas.points, first.areas.points)


BAD = {
    "rubbish.osm.pbf": b"rubbish" * 500,
    "empty.osm": b"",
    "page.osm": b"<!doctype html><html>sign in</html>",
    "laughs.osm": b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><osm version="0.6">&b;</osm>',
    "long.osm": b'<osm version="0.6"><node id="1" lat="1" lon="1"><tag k="name" v="%b"/></node></osm>'
    % (b"x" * 100_000),
    "cut.osm": TOWN.encode()[:-100],
    "cut.osm.gz": gzip.compress(TOWN.encode())[:-40],
    "cut.osm.bz2": b"BZh91AY&SY",
    "nodes.osm": b'<osm version="0.6"><node id="1" lat="52.2" lon="0.12"/></osm>',
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BAD[name])
    with pytest.raises(InputError) as caught:
        build(tmp_path / name, NEAR)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_pbf_that_was_cut_is_refused(town: Path, tmp_path: Path) -> None:
    whole = tmp_path / "town.osm.pbf"
    with osmium.SimpleWriter(str(whole)) as writer:
        for one in osmium.FileProcessor(str(town)):
            writer.add(one)
    data = whole.read_bytes()
    for share in (0.3, 0.6, 0.9, 0.99):
        whole.write_bytes(data[: int(share * len(data))])
        with pytest.raises(InputError):
            build(whole, NEAR)


def test_a_million_tags_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "tags.osm"
    tags = b"".join(b'<tag k="k%d" v="v"/>' % n for n in range(1_000_000))
    path.write_bytes(
        b'<osm version="0.6"><node id="1" lat="52.2" lon="0.12"><tag k="name" v="x"/>%b</node></osm>' % tags
    )
    begun = time.process_time()
    (only,) = read_osm(path)
    assert only.geometry is MapGeometry.POINT
    assert len(only.tags) == MOST_TAGS
    assert time.process_time() - begun < 20


def test_names_that_would_mislead(tmp_path: Path) -> None:
    path = tmp_path / "names.osm"
    name = "&lt;b&gt;Mill&#10;&#x202e;Lane&#x200b; &#x9;  =1+1 " + "x" * 200
    path.write_text(TOWN.replace('<tag k="name" v="Mill Lane"/>', f'<tag k="name" v="{name}"/>'))
    made = build(path, NEAR)
    shown = made.names[made.lines.names[0]].shown
    assert shown.startswith("<b>Mill Lane =1+1 xxx")
    assert len(shown) <= 200
    assert shown.isprintable()


def test_a_large_file_keeps_its_nodes_on_the_disk(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = build(town, NEAR)
    monkeypatch.setattr(osm_file, "_LARGE", 0)
    on_disk = build(town, NEAR)
    assert on_disk.names == in_memory.names
    assert np.array_equal(on_disk.lines.points, in_memory.lines.points)
    assert np.array_equal(on_disk.areas.points, in_memory.areas.points)
