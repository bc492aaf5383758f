"""A small drawn town, its index and its flooded photos, made once a session."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Before torch and faiss are loaded: with small pictures, more threads wait more than they compute.
os.environ["OMP_NUM_THREADS"] = "1"
# What is set for good on the computer that runs the tests is not set in them.
os.environ["XDG_CONFIG_HOME"] = f"{tempfile.gettempdir()}/geoflood-tests-{os.getpid()}"

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck

from geoflood.backbones.learned import version_of
from geoflood.cli import terminal
from geoflood.core.datatypes import Rejected, StreetImage
from geoflood.database.build import build
from geoflood.database.manifest import Settings
from geoflood.imagery.folder import images
from geoflood.imagery.panorama import FOV_DEG, HEADINGS
from geoflood.localize.calibration import calibrate
from geoflood.localize.locator import Locator
from geoflood.synthetic.town import Town, Truth, build_town, write_city, write_queries
from geoflood.synthetic.town.folders import FAROE_BANK


def pytest_sessionfinish() -> None:
    """Browsers leave settings behind."""
    shutil.rmtree(os.environ["XDG_CONFIG_HOME"], ignore_errors=True)


Source = Callable[..., list[StreetImage | Rejected]]

pytest.register_assert_rewrite("tests.support")  # before anything imports it

from tests.support.calibration import calibrate_quickly, uncalibrated  # noqa: E402

for name, examples in (("short", 25), ("long", 200)):
    hypothesis.settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,  # a busy machine is no failure
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
hypothesis.settings.load_profile("short")  # `make test-long` asks for the other one

# What a shell starts in the background ignores Ctrl-C, and so does all that is started from there.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """As the command's defaults, with a shorter descriptor."""
    return Settings("rootsift", version_of("rootsift"), (0, 15, 30, 45, 60), 64, HEADINGS, FOV_DEG)


@pytest.fixture(scope="session")
def drawn_town() -> Town:
    """One block and what surrounds it."""
    return build_town(3, (1, 1))


@pytest.fixture(scope="session")
def streets(drawn_town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 30 images: two passes of photos, and a panorama at two of the crossings."""
    folder = tmp_path_factory.mktemp("town") / "streets"
    write_city(folder, drawn_town, size_px=256, panorama_px=768, spacing_m=12.0)
    table = folder / "panoramas.csv"
    header, first, _, third, _ = table.read_text("utf-8").splitlines()
    table.write_text(f"{header}\n{first}\n{third}\n", "utf-8")
    for path in sorted((folder / "panoramas").iterdir())[1::2]:
        path.unlink()
    return folder


@pytest.fixture(scope="session")
def queries(drawn_town: Town, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Truth]]:
    """Six flooded photos of the town and one of another one, with the truth about each."""
    folder = tmp_path_factory.mktemp("photos")
    truths = write_queries(folder, drawn_town, 6, strangers=1, size=(320, 240))
    return [(folder / truth.image, truth) for truth in truths]


@pytest.fixture(scope="session")
def index_dir(streets: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of indexes with the one of the town in it. Not to be changed: copy it."""
    root = tmp_path_factory.mktemp("index")
    build(root / "town", "Town", images([streets]), settings, calibrate_quickly)
    return root


@pytest.fixture(scope="session")
def locator(index_dir: Path) -> Locator:
    """Searches the town."""
    return Locator(index_dir / "town")


@pytest.fixture(scope="session")
def cities_dir(index_dir: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three indexes: of the town, a copy of that, and a few images of a town elsewhere. Not to be changed."""
    root, pictures = tmp_path_factory.mktemp("cities"), tmp_path_factory.mktemp("elsewhere")
    for name in ("town", "twin"):
        shutil.copytree(index_dir / "town", root / name)
    write_city(pictures, build_town(8, (1, 1), FAROE_BANK), size_px=256, panorama_px=512, spacing_m=40.0)
    build(root / "faroe", "Faroe", images([pictures / "streets"]), settings, uncalibrated)
    return root


@pytest.fixture
def no_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What commands and the API build is not calibrated, which takes most of the time of a small index."""
    monkeypatch.setattr(calibrate, "self_calibrate", uncalibrated)


@pytest.fixture
def noise() -> np.ndarray:
    """A picture of nothing."""
    return np.random.default_rng(9).integers(0, 255, (120, 160, 3), dtype=np.uint8)


_runs = itertools.count()


@pytest.fixture(autouse=True)
def nobody_s_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test keeps (a block by a server that is gone, a name's ground) is not for the next one."""
    monkeypatch.setenv("GEOFLOOD_CACHE_DIR", str(tmp_path_factory.getbasetemp() / f"cache{next(_runs)}"))


@pytest.fixture(autouse=True)
def usual_verbosity() -> Iterator[None]:
    """What -q and -v change lasts as long as the process, which a command does not outlive."""
    yield
    terminal.set_verbosity(0)
