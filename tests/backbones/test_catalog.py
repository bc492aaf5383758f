"""The table of checkpoints."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from geoflood.backbones.catalog import CATALOG, find
from geoflood.core.errors import UsageError


def test_every_published_combination_is_there_once() -> None:
    names = [row.name for row in CATALOG]
    assert len(set(names)) == len(names)
    by_family = {
        family: sum(row.family == family for row in CATALOG) for family in {r.family for r in CATALOG}
    }
    assert by_family == {
        "rootsift": 1,
        "cosplace": 4 + 5 + 3 * 7,
        "eigenplaces": 1 + 2 + 2 * 5,
        "salad": 1,
        "megaloc": 1,
    }


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("cosplace-resnet50-2048", "gmberton/CosPlace/releases/download/v1.0/ResNet50_2048_cosplace.pth"),
        ("cosplace-vgg16-64", "gmberton/CosPlace/releases/download/v1.0/VGG16_64_cosplace.pth"),
        (
            "eigenplaces-resnet101-1024",
            "gmberton/EigenPlaces/releases/download/v1.0/ResNet101_1024_eigenplaces.pth",
        ),
        ("salad", "serizba/salad/releases/download/v1.0.0/dino_salad.ckpt"),
    ],
)
def test_urls_are_the_authors(name: str, url: str) -> None:
    assert find(name).url == f"https://github.com/{url}"


def test_rows_are_fit_to_be_shown() -> None:
    for row in CATALOG:
        assert row.licence
        assert row.note
        assert row.sha256 is None or len(row.sha256) == 64
        assert bool(row.file) == bool(row.url) == bool(row.parameters)
        assert not row.url or urlsplit(row.url).scheme == "https"
    assert find("megaloc").file == "megaloc.safetensors"
    assert find("salad").file == "salad.ckpt"
    assert round(find("cosplace-resnet50-2048").megabytes) == 111
    assert round(find("megaloc").megabytes) == 915


def test_rootsift_row_tells_its_dimension() -> None:
    from geoflood.backbones.rootsift import DIMENSION
    from geoflood.backbones.vlad import WORDS

    assert find("rootsift").dimension == DIMENSION * WORDS


def test_names_are_forgiving_about_case_only() -> None:
    assert find(" MegaLoc ").name == "megaloc"
    with pytest.raises(UsageError, match="'cosplace-resnet50-511'") as error:
        find("cosplace-resnet50-511")
    assert "cosplace-resnet50-512" in error.value.hint
    with pytest.raises(UsageError) as error:
        find("zzz")
    assert error.value.hint == "see: geoflood models list"


def test_listing_loads_no_torch() -> None:
    code = (
        "import sys, geoflood.backbones.catalog, geoflood.backbones.weights; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
