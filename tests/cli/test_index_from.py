"""`geoflood index CITY --from SOURCE`, from a name to an index, against servers behind real sockets."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import geoflood
from geoflood.cli import terminal
from geoflood.cli.app import app
from geoflood.core.images import jpeg, read_image, resize
from geoflood.database import describing_speed, from_source
from geoflood.database.database import Database
from geoflood.database.describing_speed import DescribingSpeed
from geoflood.imagery.sources.elsewhere import sources_with_images
from tests.support.browser import Links, needs_browser, open_page, page_data
from tests.support.commands import Result, error_line
from tests.support.far_side.amsterdam_server import FarAmsterdam
from tests.support.far_side.mapillary_server import EXPIRED, TOKEN, FarMapillary
from tests.support.far_side.nominatim_server import ILLINOIS, FarNominatim
from tests.support.far_side.panoramax_server import FarPanoramax, uuid_of
from tests.support.far_side.street_images import FarImage, along_a_street

DAM = (52.3731, 4.8926)
CIRCLE = ("--center", "52.3731,4.8926", "--radius", "100")
SMALL = ("--dimension", "16", "--bands", "0,30")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_rehearsal: None) -> Run:
    """Runs a command in an empty folder, at a pace of our own servers."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("GEOFLOOD_", "MAPILLARY_"))]:
        monkeypatch.delenv(name)
    for name, value in (("INDEX", "indexes"), ("CONFIG", "config"), ("CACHE", "cache")):
        monkeypatch.setenv(f"GEOFLOOD_{name}_DIR", str(tmp_path / value))
    monkeypatch.setenv("GEOFLOOD_SOURCE_PACE", "60000")
    monkeypatch.setattr(from_source, "sources_with_images", lambda area, but: [])  # nobody else is asked
    speed = DescribingSpeed(0.5, 0.1, 60_000.0)
    monkeypatch.setattr(describing_speed, "measure_describing", lambda *_: speed)
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def panoramas(streets: Path) -> list[FarImage]:
    """Nine of them, of three drives, 15 m apart; whatever they show, each shows something else."""
    found = []
    for number, path in enumerate(sorted((streets / "streets").glob("*.jpg"))[:9]):
        picture = jpeg(resize(read_image(path), 640, 320))
        east, north = (number % 3 - 1) * 2.2e-4, (number // 3 - 1) * 1.35e-4
        image = FarImage(f"drive{number // 3}_pano_{number:04d}", DAM[0] + north, DAM[1] + east, picture)
        found.append(replace(image, panorama=True))
    return found


@pytest.fixture
def far(panoramas: list[FarImage], run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarAmsterdam]:
    with FarAmsterdam(panoramas) as server:
        monkeypatch.setenv("GEOFLOOD_AMSTERDAM_URL", server.url)
        yield server


@pytest.fixture
def names(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarNominatim]:
    with FarNominatim() as server:
        monkeypatch.setenv("GEOFLOOD_NOMINATIM_URL", server.url)
        yield server


def asked(far: FarAmsterdam) -> int:
    return far.paths.total()


def fetched(far: FarAmsterdam) -> int:
    return far.store.paths.total()


def test_a_plan_fetches_no_picture(run: Run, far: FarAmsterdam, tmp_path: Path) -> None:
    result = run("index", "Dam Square", "--from", "amsterdam", *CIRCLE, "--dry-run", "--json", *SMALL)
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert plan["city"] == "Dam Square"
    assert plan["there"] == plan["there_panoramas"] == plan["images"] == plan["to_fetch"] == 9
    assert plan["views"] == 72
    assert plan["licences"] == {"CC-BY-4.0": 9}
    assert plan["years"] == {"2024": 9}
    assert plan["contributors"] == 1
    assert plan["squares"] == plan["covered"] == plan["all_round"]
    assert 2 <= plan["squares"] <= 9
    assert plan["area_km2"] == pytest.approx(0.0314, rel=0.02)
    assert plan["download_bytes"] == 9 * 900_000
    assert plan["describe_seconds"] >= 0
    assert plan["fetch_seconds"] == 0, "sixty thousand a minute"
    assert fetched(far) == 0
    assert Path(plan["map"]) == tmp_path / "indexes/dam-square/plan.html"


def test_the_map_of_a_plan_works_offline(run: Run, far: FarAmsterdam, tmp_path: Path) -> None:
    run("index", "dam", "--from", "amsterdam", *CIRCLE, "--plan", *SMALL)
    page = (tmp_path / "indexes/dam/plan.html").read_text("utf-8")
    links = Links(page)
    assert not {"link", "iframe", "object", "embed", "base", "a", "img"} & set(links.tags)
    assert [link for link in links.found if not link.startswith("data:")] == []
    assert "default-src 'none'" in page
    assert "9 of 9 images" in page


@needs_browser
def test_the_map_of_a_plan_draws_itself(run: Run, far: FarAmsterdam, tmp_path: Path) -> None:
    run("index", "dam", "--from", "amsterdam", *CIRCLE, "--plan", *SMALL)
    dom = open_page(tmp_path / "indexes/dam/plan.html", tmp_path / "profile")
    assert page_data(dom, "ready") == "true"
    assert page_data(dom, "failures") is None
    assert "9 panoramas, 0 photos; 72 views" in dom


def test_from_a_plan_to_an_index(run: Run, far: FarAmsterdam, tmp_path: Path) -> None:
    run("index", "dam", "--from", "amsterdam", *CIRCLE, "--plan", *SMALL)
    cells = asked(far)
    result = run("index", "dam", "--from", "amsterdam", "--yes", "--max-images", "6", *SMALL)
    assert result.exit_code == 0, result.output
    assert "to fetch: 6 pictures" in result.stderr
    assert asked(far) == cells, "the plan's census serves the build, and so does its ground"
    assert fetched(far) == 6
    info = geoflood.info("dam")
    assert (info.images, info.references) == (6, 48)
    assert info.credits == (("Gemeente Amsterdam", "CC-BY-4.0", 6),)
    reference = Database(tmp_path / "indexes/dam").references([0])[0]
    assert reference.image_key.startswith("amsterdam:drive")
    assert reference.link.startswith(f"{far.url}/panorama/panoramas/drive")
    assert Path(reference.location).parent == tmp_path / "indexes/dam/images/amsterdam"
    again = run("index", "dam", "--from", "amsterdam", "--yes", *SMALL)
    assert "to fetch: 0 pictures" in again.stderr, "the last run's limit counts until another is said"
    assert fetched(far) == 6
    more = run("index", "dam", "--from", "amsterdam", "--yes", "--max-images", "9", "--json", *SMALL)
    assert json.loads(more.stdout)["images"] == 9
    assert fetched(far) == 9


def test_without_pictures(
    run: Run, far: FarAmsterdam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geoflood.imagery.kept_pictures.RESERVE", 2)
    command = ("index", "dam", "--from", "amsterdam", *CIRCLE, "--yes", "--keep-images", "none", *SMALL)
    assert run(*command).exit_code == 0
    assert len(list((tmp_path / "indexes/dam/images/amsterdam").iterdir())) == 2
    assert run(*command).exit_code == 0
    assert fetched(far) == 9


def test_a_name_is_the_ground(run: Run, far: FarAmsterdam, names: FarNominatim, tmp_path: Path) -> None:
    result = run("index", "Town", "--from", "amsterdam", "--plan", "--json", *SMALL)
    plan = json.loads(result.stdout)
    assert plan["area"] == "Town, Utopia"
    assert plan["there"] == 9
    page = (tmp_path / "indexes/town/plan.html").read_text("utf-8")
    assert json.dumps("© OpenStreetMap contributors") in page
    assert names.paths == {"/search": 1}


def test_names_that_could_be_several(
    run: Run, far: FarAmsterdam, names: FarNominatim, tmp_path: Path
) -> None:
    result = run("index", "Springfield", "--from", "amsterdam", "--plan")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "could be 2 places" in result.stderr
    assert f'geoflood index "{ILLINOIS}"' in result.stderr
    assert not (tmp_path / "indexes").exists()


def drawn(ring: list[list[float]]) -> str:
    """A polygon as GeoJSON."""
    return json.dumps({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}})


def test_a_file_is_the_ground(run: Run, far: FarAmsterdam, tmp_path: Path) -> None:
    ring = [[4.8912, 52.3722], [4.8926, 52.3722], [4.8926, 52.374], [4.8912, 52.374], [4.8912, 52.3722]]
    (tmp_path / "flooded.geojson").write_text(drawn(ring))
    for ground in (("--aoi", "flooded.geojson"), ("--bounds", "52.3722,4.8912,52.374,4.8926")):
        result = run("index", "dam", "--from", "amsterdam", *ground, "--plan", "--json", *SMALL)
        assert json.loads(result.stdout)["there"] == 6, result.output


def test_a_ring_that_crosses_itself_is_both_its_halves(run: Run, far: FarAmsterdam, tmp_path: Path) -> None:
    (tmp_path / "eight.geojson").write_text(
        drawn([[4.891, 52.372], [4.8942, 52.3742], [4.8942, 52.372], [4.891, 52.3742], [4.891, 52.372]])
    )
    result = run("index", "dam", "--from", "amsterdam", "--aoi", "eight.geojson", "--plan", "--json", *SMALL)
    assert json.loads(result.stdout)["there"] == 7, "without those above and below the crossing"


def test_nobody_is_there_to_be_asked(run: Run, far: FarAmsterdam) -> None:
    result = run("index", "dam", "--from", "amsterdam", *CIRCLE, *SMALL)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Fetch 9 pictures, about 8.1 MB" in result.stderr
    assert "--yes" in result.stderr
    assert fetched(far) == 0


@pytest.mark.parametrize("answer", [True, False])
def test_somebody_is_asked(
    run: Run, far: FarAmsterdam, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    monkeypatch.setattr(terminal, "agrees", lambda question: answer)
    result = run("index", "dam", "--from", "amsterdam", *CIRCLE, "--max-images", "4", *SMALL)
    assert result.exit_code == 0
    assert fetched(far) == (4 if answer else 0)
    assert ("nothing was fetched" in result.stderr) != answer


def test_an_update_follows_its_source(run: Run, far: FarAmsterdam, panoramas: list[FarImage]) -> None:
    command = ("index", "dam", "--from", "amsterdam", "--yes", *SMALL)
    assert run(*command, *CIRCLE).exit_code == 0
    gone, moved = panoramas[0], replace(panoramas[1], lat=panoramas[1].lat + 5e-5)
    new = replace(panoramas[2], id="drive9_pano_0009", lat=DAM[0] + 4e-5, lon=DAM[1] + 4e-5)
    far.images = {image.id: image for image in (moved, new, *panoramas[2:])}
    far.store.files[f"/{new.id}/panorama_2000.jpg"] = new.jpeg
    result = run(*command, "--update", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["update"] == {"new": 1, "corrected": 1, "withdrawn": 1}
    assert fetched(far) == 10, "one that only moved is not fetched again"
    references = Database(geoflood.info("dam").folder).references(range(72))
    keys = {reference.image_key for reference in references}
    assert f"amsterdam:{gone.id}" not in keys
    assert f"amsterdam:{new.id}" in keys
    (where,) = {one.position for one in references if one.image_key == f"amsterdam:{moved.id}"}
    assert where.lat == moved.lat
    quiet = run(*command, "--update", "--json")
    assert json.loads(quiet.stdout)["update"] == {"new": 0, "corrected": 0, "withdrawn": 0}


def test_servers_are_not_mixed(run: Run, far: FarAmsterdam, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one server has, another may lack, whichever way it was named."""
    assert run("index", "dam", "--from", "amsterdam", *CIRCLE, "--plan", *SMALL).exit_code == 0
    monkeypatch.setenv("GEOFLOOD_AMSTERDAM_URL", "https://other.example")
    result = run("index", "dam", "--from", "amsterdam", *CIRCLE, "--plan", *SMALL)
    assert f"begun with amsterdam at {far.url}" in error_line(result, 2)


def test_rm_takes_all_of_it(run: Run, far: FarAmsterdam, tmp_path: Path) -> None:
    run("index", "dam", "--from", "amsterdam", *CIRCLE, "--yes", "--max-images", "4", *SMALL)
    result = run("rm", "dam", "--yes")
    assert result.exit_code == 0
    assert not (tmp_path / "indexes/dam").exists(), result.stderr


def test_rm_takes_pictures_that_are_not_indexed_yet(run: Run, far: FarAmsterdam, tmp_path: Path) -> None:
    """Fetched ahead of a block, and in no ledger."""
    far.store.moods.extend([*[""] * 5, "status 403"])
    assert run("index", "dam", "--from", "amsterdam", *CIRCLE, "--yes", *SMALL).exit_code == 7
    stray = tmp_path / "indexes/dam/images/amsterdam/mine.jpg"
    stray.write_bytes(b"mine")
    result = run("rm", "dam", "--yes")
    assert "images/amsterdam/mine.jpg" in result.stderr
    assert [path for path in (tmp_path / "indexes/dam").rglob("*") if path.is_file()] == [stray]


def test_a_plan_and_an_update_exclude_each_other(run: Run, far: FarAmsterdam) -> None:
    result = run("index", "dam", "--from", "amsterdam", *CIRCLE, "--plan", "--update")
    assert "--plan fetches nothing" in error_line(result, 2)


def test_a_plan_is_no_finished_index(run: Run, far: FarAmsterdam, tmp_path: Path) -> None:
    run("index", "dam", "--from", "amsterdam", *CIRCLE, "--plan", *SMALL)
    listed = run("cities", "--json")
    assert json.loads(listed.stdout)["state"] == "unfinished"
    assert run("rm", "dam", "--yes").exit_code == 0
    assert not (tmp_path / "indexes/dam").exists()


BAD = {
    "a box of three": (("--bounds", "1,2,3"), 2, "is not --bounds S,W,N,E"),
    "a box of words": (("--bounds", "a,b,c,d"), 2, "is not --bounds S,W,N,E"),
    "a box inside out": (("--bounds", "53,4,52,5"), 3, "no box"),
    "a centre without a radius": (("--center", "52,4"), 2, "needs both --center and --radius"),
    "a radius without a centre": (("--radius", "100"), 2, "needs both --center and --radius"),
    "a centre beyond the pole": (("--center", "152.3,4.89", "--radius", "100"), 2, "not a position"),
    "a radius of nothing": (("--center", "52,4", "--radius", "0"), 3, "a radius of 0 m"),
    "two grounds": (("--bounds", "52,4,52.1,4.1", *CIRCLE), 2, "each name the ground"),
    "no such file": (("--aoi", "nowhere.geojson"), 3, "cannot be read"),
    "a file that is no JSON": (("--aoi", "rubbish.geojson"), 3, "is no GeoJSON"),
    "a file of points": (("--aoi", "points.geojson"), 3, "has no polygon"),
    "the sea": (("--center", "54.5,3", "--radius", "500"), 3, "amsterdam has no images of 500 m around"),
    "a country": (("--bounds", "47,6,55,15"), 3, "is no city but"),
    "no date": ((*CIRCLE, "--since", "yesterday"), 2, "is no date"),
    "nothing so new": ((*CIRCLE, "--since", "2030"), 3, "no images of .* since 2030-01-01"),
    "a box in the sea": (("--bounds", "54.5,3,54.51,3.02"), 3, "no images of 54.5,3,54.51,3.02"),
    "a ring without ground": (("--aoi", "flat.geojson"), 3, "flat encloses no ground"),
    "unknown leavings": ((*CIRCLE, "--keep-images", "some"), 2, "'some' says not what stays"),
    "a source and a folder": ((".", *CIRCLE), 2, "from a source or from folders"),
    "a bad address": ((*CIRCLE, "--source-url", "nonsense"), 2, "not the address of a server"),
    "bad bands": ((*CIRCLE, "--bands", "x"), 2, "whole numbers"),
}


@pytest.mark.parametrize(("options", "code", "words"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line(
    run: Run, far: FarAmsterdam, tmp_path: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    (tmp_path / "rubbish.geojson").write_bytes(b"{[")
    (tmp_path / "flat.geojson").write_text(drawn([[4.89, 52.37], [4.9, 52.38], [4.89, 52.37], [4.89, 52.37]]))
    (tmp_path / "points.geojson").write_text('{"type": "Point", "coordinates": [1, 2]}')
    result = run("index", "dam", "--from", "amsterdam", *options, "--yes")
    assert re.search(words, error_line(result, code))
    assert not (tmp_path / "indexes/dam/ledger.sqlite").exists()
    assert (tmp_path / "indexes/dam").exists() == ("--since" in options and code == 3), "no stub is left"


@pytest.mark.parametrize(
    "option",
    [("--plan",), ("--yes",), CIRCLE, ("--max-images", "5"), ("--since", "2020"), ("--keep-images", "none")],
)
def test_what_to_fetch_needs_a_source(run: Run, tmp_path: Path, option: tuple[str, ...]) -> None:
    assert "nothing is fetched" in error_line(run("index", "dam", str(tmp_path), *option), 2)


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("google", 2, "Google Street View is no source"), ("bing", 2, "no source"), ("kraken", 2, "no source"),
     ("mapillary", 3, "needs a token")],
)  # fmt: skip
def test_sources_that_cannot_be_used(run: Run, name: str, code: int, words: str) -> None:
    assert words in error_line(run("index", "dam", "--from", name, *CIRCLE, "--yes"), code)


@pytest.mark.parametrize(
    ("mood", "code", "words"), [("status 403", 7, "blocks this address"), ("portal", 7, "web page")]
)
def test_a_source_that_refuses_is_one_line(
    run: Run, far: FarAmsterdam, tmp_path: Path, mood: str, code: int, words: str
) -> None:
    far.moods.append(mood)
    assert words in error_line(run("index", "dam", "--from", "amsterdam", *CIRCLE, "--yes"), code)
    assert not (tmp_path / "indexes/dam").exists()


def test_a_block_in_the_middle_leaves_an_index(run: Run, far: FarAmsterdam) -> None:
    far.store.moods.extend(["", "", "", "status 403"])
    result = run("index", "dam", "--from", "amsterdam", *CIRCLE, "--yes", *SMALL)
    assert (result.exit_code, result.stdout) == (7, "")
    assert "can be searched meanwhile" in result.stderr
    assert geoflood.info("dam").images >= 1
    assert run("index", "dam", "--from", "amsterdam", "--yes", *SMALL).exit_code == 0
    assert geoflood.info("dam").images == 9


def test_a_block_of_mapillary_s_tiles_is_remembered(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run does not ask before the block is over; what was told until then is kept."""
    monkeypatch.setenv("MAPILLARY_TOKEN", TOKEN)
    with FarMapillary(along_a_street(40, (55.6050, 12.95), step=2e-3)) as far:
        monkeypatch.setenv("GEOFLOOD_MAPILLARY_TILES_URL", far.tiles.url)
        source = ("--from", "mapillary", "--source-url", far.graph.url)
        command = ("index", "malmo", *source, "--bounds", "55.6,12.94,55.61,13.04", *SMALL)
        far.tiles.blocks_after = 2
        first = error_line(run(*command, "--yes"), 7)
        assert "mapillary blocks this address for a while" in first
        again = run(*command, "--yes")
        assert "in an earlier run; it was not asked again" in error_line(again, 7)
        assert re.search(r"run the same command again after 20\d\d-\d\d-\d\d \d\d:\d\d UTC", again.stderr)
        assert TOKEN not in again.stderr
        assert far.tiles.paths.total() == 3
        (tmp_path / "cache/blocks" / f"{far.tiles.host.replace(':', '_')}.json").unlink()
        far.tiles.blocks_after = 10**9
        assert run(*command, "--plan").exit_code == 0
        assert set(far.tiles.paths.values()) == {1, 2}, "only the tile that was refused is asked for again"


def test_ground_across_the_antimeridian(run: Run, tmp_path: Path) -> None:
    """A box, and a ring that jumps: both sides are looked at, and nothing around the world."""
    sides = [(-16.8, 179.995), (-16.8, -179.995)]
    there = [replace(along_a_street(1, side)[0], id=uuid_of(f"fiji{side[1]}")) for side in sides]
    ring = [[179.99, -16.81], [-179.99, -16.81], [-179.99, -16.79], [179.99, -16.79], [179.99, -16.81]]
    (tmp_path / "fiji.geojson").write_text(drawn(ring))
    with FarPanoramax(there) as far:
        source = ("--from", "panoramax", "--source-url", far.url, "--plan", "--json", *SMALL)
        for city, ground in (
            ("a", ("--bounds", "-16.81,179.99,-16.79,-179.99")),
            ("b", ("--aoi", "fiji.geojson")),
        ):
            plan = json.loads(run("index", city, *source, *ground).stdout)
            assert (plan["there"], plan["area_km2"]) == (2, pytest.approx(4.73, rel=0.02))
        assert far.paths.total() < 60


def test_another_source_that_has_images_is_named(
    run: Run, far: FarAmsterdam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_source, "sources_with_images", sources_with_images)
    lille = [replace(image, id=uuid_of(image.id)) for image in along_a_street(5, (50.6372, 3.0633))]
    command = (
        "index",
        "lille",
        "--from",
        "amsterdam",
        "--center",
        "50.6372,3.0634",
        "--radius",
        "300",
        "--yes",
    )
    with FarPanoramax(lille) as other:
        monkeypatch.setenv("GEOFLOOD_PANORAMAX_URL", other.url)
        result = run(*command)
        assert "amsterdam has no images of 300 m around" in error_line(result, 3)
        assert "panoramax has some: --from panoramax;" in result.stderr
        other.images.clear()
        assert "is it land? others may know it: mapillary, panoramax, kartaview" in run(*command).stderr
        monkeypatch.setenv("GEOFLOOD_PANORAMAX_URL", "nonsense")
        assert "amsterdam has no images" in error_line(run(*command), 3)


def test_what_the_census_told_outlives_a_wrong_token(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles may answer where the graph does not; the map that was shown is still there, too."""
    monkeypatch.setenv("MAPILLARY_TOKEN", "MLY|1|ffff0000ffff0000ffff0000ffff0000")
    with FarMapillary(along_a_street(6, (55.6050, 13.0038))) as far:
        monkeypatch.setenv("GEOFLOOD_MAPILLARY_TILES_URL", far.tiles.url)
        source = ("--from", "mapillary", "--source-url", far.graph.url)
        ground = ("--center", "55.6050,13.0038", "--radius", "300")
        result = run("index", "malmo", *source, *ground, "--yes", *SMALL)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "error: mapillary does not accept the token: Error validating application" in result.stderr
    assert {path.name for path in (tmp_path / "indexes/malmo").iterdir()} == {"census.sqlite", "plan.html"}


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (EXPIRED, "mapillary does not accept the token: Cannot parse access token"),
        ("abcdefghijkl", "mapillary does not accept the token"),
        (f"{TOKEN[:20]}\n{TOKEN[20:]}", "MAPILLARY_TOKEN holds no token: one line"),
        (f"{TOKEN}\r\nX-Evil: 1", "MAPILLARY_TOKEN holds no token: one line"),
    ],
)
def test_a_token_that_is_none(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str, words: str
) -> None:
    monkeypatch.setenv("MAPILLARY_TOKEN", token)
    with FarMapillary(along_a_street(6, (55.6050, 13.0038))) as far:
        monkeypatch.setenv("GEOFLOOD_MAPILLARY_TILES_URL", far.tiles.url)
        source = ("--from", "mapillary", "--source-url", far.graph.url)
        result = run("index", "malmo", *source, "--center", "55.6050,13.0038", "--radius", "300", "--yes")
    assert words in error_line(result, 3)
    assert token[4:20] not in result.stderr
    assert not (tmp_path / "indexes/malmo").exists()


def test_a_provider_that_is_down(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with FarAmsterdam([]) as gone:
        monkeypatch.setenv("GEOFLOOD_AMSTERDAM_URL", gone.url)
    assert "Connection refused" in error_line(run("index", "dam", "--from", "amsterdam", *CIRCLE, "--yes"), 7)
    assert not (tmp_path / "indexes/dam").exists()


def test_an_address_for_providers_that_no_header_may_hold(
    run: Run, far: FarAmsterdam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEOFLOOD_CONTACT", "eoc@example.org\r\nX-Evil: 1")
    result = run("index", "dam", "--from", "amsterdam", *CIRCLE, "--yes")
    assert "GEOFLOOD_CONTACT is no address" in error_line(result, 2)
    assert not far.paths
