"""The local servers have the traps of the real ones, also those that our sources walk around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from geoflood.core.wire import user_agent
from tests.support.far_side.amsterdam_server import FarAmsterdam
from tests.support.far_side.kartaview_server import FarKartaView
from tests.support.far_side.mapillary_server import TOKEN, FarMapillary
from tests.support.far_side.panoramax_server import FarPanoramax, uuid_of
from tests.support.far_side.source_server import FarSource
from tests.support.far_side.street_images import along_a_street

pytestmark = pytest.mark.usefixtures("online")

IMAGES = along_a_street(50, (50.0, 3.0))
PICTURES = [replace(image, id=uuid_of(image.id)) for image in IMAGES]


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    headers = {"User-Agent": user_agent(), "Authorization": f"OAuth {TOKEN}"}
    with httpx.Client(headers=headers) as client:
        yield client


def test_stock_clients_are_turned_away_and_noted() -> None:
    far: FarSource = FarKartaView([])
    with pytest.raises(AssertionError, match="python-httpx"), far:
        assert httpx.get(far.url).status_code == 403


def test_a_token_at_pictures_is_noted(client: httpx.Client) -> None:
    far = FarKartaView([])
    with pytest.raises(AssertionError, match="a token was sent here"), far:
        client.get(far.url)


def test_a_box_of_mapillary_is_no_census(client: httpx.Client) -> None:
    with FarMapillary(IMAGES) as far:

        def said(box: str) -> tuple[int, Any]:
            answer = client.get(f"{far.graph.url}/images", params={"bbox": box, "fields": "id"})
            return answer.status_code, answer.json()

        status, body = said("2.9,49.9,3.1,50.1")
        assert (status, body["error"]["code"]) == (500, 100)
        assert "0.010 square degrees, but got 0.040" in body["error"]["message"]
        status, body = said("2.99,49.99,3.01,50.01")
        assert (status, body["error"]["code"]) == (500, 1)
        status, body = said("2.999,49.999,3.0005,50.001")
        assert (status, len(body["data"])) == (200, 2)  # of six, and nothing says so


def test_more_traps_of_mapillary(client: httpx.Client) -> None:
    with FarMapillary(IMAGES) as far:
        ids = ",".join(image.id for image in (IMAGES * 2)[:51])
        assert client.get(f"{far.graph.url}/", params={"ids": ids}).status_code == 400
        assert client.get(f"{far.graph.url}/1000", params={"fields": "id,mesh"}).status_code == 500
        assert client.get(f"{far.graph.url}/1000").json() == {"id": "1000"}
        tile = f"{far.tiles.url}/maps/vtp/mly1_public/2/14/8328/5557"
        assert client.get(tile).status_code == 403  # by header
        plain = {"Authorization": ""}
        assert client.get(tile, params={"access_token": TOKEN}, headers=plain).status_code in (200, 404)
        second = tile.replace("mly1", "mly2")
        assert client.get(second, params={"access_token": TOKEN}, headers=plain).status_code == 403


def test_the_two_personalities_of_panoramax(client: httpx.Client) -> None:
    client.headers.pop("Authorization")
    with FarPanoramax(PICTURES) as one, FarPanoramax(PICTURES, meta=True) as other:

        def said(far: FarPanoramax, **params: str) -> httpx.Response:
            return client.get(f"{far.api}/search", params=params)

        assert [said(far, limit="10001").status_code for far in (one, other)] == [400, 200]
        assert said(other, limit="32768").status_code == 400
        assert len(said(one).json()["features"]) == 10
        assert [bool(said(far).json()["links"]) for far in (one, other)] == [True, False]
        assert [said(far, filter="field_of_view=360").status_code for far in (one, other)] == [400, 200]
        early = {"datetime": "../2020-01-01", "limit": "1"}
        assert [len(said(far, **early).json()["features"]) for far in (one, other)] == [0, 1]
        turned = said(one, bbox="3.001,49.9,2.999,50.1", limit="100").json()["features"]
        assert len(turned) == 11  # swapped, without a word


def test_a_post_to_panoramax_is_half_read(client: httpx.Client) -> None:
    client.headers.pop("Authorization")
    with FarPanoramax(PICTURES) as far:
        ids = [image.id for image in PICTURES[:3]]

        def posted(body: object) -> httpx.Response:
            return client.post(f"{far.api}/search", json=body)

        assert len(posted({"ids": ids}).json()["features"]) == 1
        assert len(posted({"ids": ",".join(ids)}).json()["features"]) == 3
        assert posted({"intersects": {"type": "Point"}}).status_code == 400
        charset = {"Content-Type": "application/json; charset=utf-8"}
        assert client.post(f"{far.api}/search", json={}, headers=charset).status_code == 400


def test_tiles_items_and_deletions_of_panoramax(client: httpx.Client) -> None:
    client.headers.pop("Authorization")
    with FarPanoramax(PICTURES) as far:
        statuses = {
            path: client.get(f"{far.api}/map/{path}").status_code
            for path in ("14/0/0.mvt", "16/0/0.mvt", "15/32768/0.mvt", "15/1/1.png", "-1/0/0.mvt")
        }
        assert list(statuses.values()) == [200, 404, 404, 400, 404]
        assert client.get(f"{far.api}/map/15/0/0.mvt").content == b""
        items = f"{far.api}/collections/{uuid_of('drive0')}/items"
        page = client.get(items, params={"limit": "6"}).json()
        (following,) = page["links"]
        assert len(client.get(following["href"]).json()["features"]) == 4
        assert client.get(items, params={"startAfterRank": "10"}).status_code == 404
        far.deleted.add("drive1")
        listed = client.get(f"{far.api}/collections", params={"show_deleted": "true"}).json()["collections"]
        assert {"id": uuid_of("drive1"), "geovisio:status": "deleted"} in listed


def test_traps_of_kartaview(client: httpx.Client) -> None:
    client.headers.pop("Authorization")
    south = along_a_street(3, (-6.1, 106.8))
    with FarKartaView(south) as far:
        nearby = f"{far.url}/1.0/list/nearby-photos/"
        assert client.get(nearby).status_code == 404
        box = {"bbTopLeft": "-6,106.7", "bbBottomRight": "-6.2,106.9"}
        assert client.post(nearby, data=box).json()["currentPageItems"] == []
        near = {"lat": "-6.1", "lng": "106.8", "radius": "500", "ipp": "2"}
        page = client.post(nearby, data=near).json()
        assert (len(page["currentPageItems"]), page["totalFilteredItems"]) == (2, ["3"])
        assert client.get(f"{far.url}/2.0/photo/", params={"lat": "-6.1"}).status_code == 400


def test_traps_of_amsterdam(client: httpx.Client) -> None:
    client.headers.pop("Authorization")
    with FarAmsterdam(IMAGES) as far:
        wide = {"bbox": "2.9,49.9,3.1,50.1", "newest_in_range": "true"}
        answer = client.get(f"{far.url}/panorama/panoramas/", params=wide)
        assert (answer.status_code, type(answer.json())) == (400, list)
        assert client.get(f"{far.url}/panorama/panoramas/", params={"srid": "1"}).status_code == 400
        page = client.get(f"{far.url}/panorama/panoramas/").json()
        assert len(page["_embedded"]["panoramas"]) == 25
        assert page["_links"]["next"]["href"].endswith("page=2")
