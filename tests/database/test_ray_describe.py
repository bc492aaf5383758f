"""Shards described elsewhere: the same files, and one clear line for all that goes wrong on the way."""

from __future__ import annotations

import errno
import hashlib
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from geoflood.backbones.learned import load_learned
from geoflood.cli.app import app
from geoflood.core.datatypes import StreetImage, no_progress
from geoflood.core.errors import GeofloodError, IndexUnusableError, NetworkError, UsageError
from geoflood.database import plan as plans
from geoflood.database import ray_describe
from geoflood.database.build import build
from geoflood.database.describe_shards import DescribingStoppedError, describe_missing
from geoflood.database.index_files import DRIVER, written_files
from geoflood.database.manifest import Settings
from geoflood.database.plan import IndexPlan
from geoflood.database.ray_cluster import check_address, connected
from geoflood.database.ray_describe import ShardReport, describe_on, describing_on
from geoflood.database.shards import read_shard, shard_path
from geoflood.imagery.folder import images
from tests.support.calibration import uncalibrated
from tests.support.commands import error_line
from tests.support.inline_cluster import InlineCluster

PER_SHARD = 2


@pytest.fixture
def begun(
    index_dir: Path, streets: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An index of six images in three shards, none of which is described."""
    monkeypatch.setattr(plans, "SHARD_IMAGES", PER_SHARD)
    monkeypatch.setattr(ray_describe, "SEEN_WITHIN_S", 0.0)
    folder = tmp_path / "town"
    folder.mkdir()
    shutil.copy(index_dir / "town" / "learned.npz", folder)
    usable = [image for image in images([streets]) if isinstance(image, StreetImage)]
    with closing(IndexPlan(folder)) as plan:
        plan.keep_settings(settings)
        plan.add(usable[:6])
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards are a few bytes: what is tried is how they come about."""

    def write(folder: Path, number: int, *_: object) -> None:
        (folder / "shards").mkdir(exist_ok=True)
        (folder / "shards" / f"{number:06d}.npz").write_bytes(b"a shard")

    monkeypatch.setattr(ray_describe, "describe_shard", write)


def describe(folder: Path, settings: Settings, cluster: Any, told: list[int] | None = None) -> None:
    def progress(stage: str, done: int, total: int) -> None:
        if told is not None:
            told.append(done)

    describer = load_learned(folder / "learned.npz", settings.backbone)
    with closing(IndexPlan(folder)) as plan:
        describe_on(cluster, None, folder, plan, describer, settings, 1, progress)


def files(folder: Path) -> dict[str, str]:
    paths = [path for part in ("shards", "patches") for path in sorted((folder / part).iterdir())]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def by_threads(begun: Path, settings: Settings, folder: Path) -> dict[str, str]:
    shutil.copytree(begun, folder)
    describer = load_learned(folder / "learned.npz", settings.backbone)
    with closing(IndexPlan(folder)) as plan:
        describe_missing(folder, plan, describer, settings, 2, no_progress)
    return files(folder)


def test_the_files_are_those_of_threads(begun: Path, settings: Settings, tmp_path: Path) -> None:
    by_hand = by_threads(begun, settings, tmp_path / "threads")
    (begun / "shards").mkdir()
    shutil.copy(tmp_path / "threads" / "shards" / "000001.npz", begun / "shards")
    (begun / "patches").mkdir()
    shutil.copy(tmp_path / "threads" / "patches" / "000001.npy", begun / "patches")
    cluster, told = InlineCluster(), list[int]()
    describe(begun, settings, cluster, told)
    assert files(begun) == by_hand
    assert [order.number for order in cluster.orders] == [0, 2], "what is there is not described again"
    assert told[-1] == 6
    assert told == sorted(told)
    assert not (begun / DRIVER).exists()


@pytest.mark.usefixtures("quick")
def test_a_node_that_sees_another_folder_says_so(begun: Path, settings: Settings) -> None:
    def hide(order: ray_describe.ShardOrder) -> None:
        Path(order.folder, DRIVER).unlink(missing_ok=True)

    with pytest.raises(DescribingStoppedError, match="does not see the index") as caught:
        describe(begun, settings, InlineCluster(between=hide))
    assert str(begun) in str(caught.value)
    assert socket.gethostname() in str(caught.value)
    assert "--index-dir" in caught.value.hint


@pytest.mark.usefixtures("quick")
def test_the_workers_of_a_driver_that_was_replaced_stop(begun: Path, settings: Settings) -> None:
    """Storage without locks lets two of them in; then one of them ends."""

    def take_over(order: ray_describe.ShardOrder) -> None:
        Path(order.folder, DRIVER).write_text("somebody else")

    with pytest.raises(IndexUnusableError, match="another geoflood took over"):
        describe(begun, settings, InlineCluster(between=take_over))
    assert (begun / DRIVER).read_text() == "somebody else", "which is the other one's to remove"


def test_a_driver_that_was_killed_leaves_what_is_removed(begun: Path) -> None:
    assert begun / DRIVER in list(written_files(begun))


@pytest.mark.usefixtures("quick")
def test_images_that_only_the_driver_sees_are_no_missing_images(
    begun: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ray_describe._trouble

    def blind(order: ray_describe.ShardOrder) -> dict[str, Any] | None:
        unseen = tuple(image.location for _, image in order.images)
        return whole(order) or {"trouble": ray_describe.Trouble.NO_IMAGES, "unseen": unseen}

    monkeypatch.setattr(ray_describe, "_trouble", blind)
    cluster = InlineCluster()
    with pytest.raises(DescribingStoppedError, match=r"does not see .*, which is here"):
        describe(begun, settings, cluster)
    orders = [order.patient for order in cluster.orders if order.number == 0]
    assert orders == [False, True], "they are waited for, once"


def test_an_image_that_nobody_sees_is_a_reason(begun: Path, settings: Settings, streets: Path) -> None:
    with closing(IndexPlan(begun)) as plan:
        plan._db.execute("UPDATE images SET location = ? WHERE id = 0", (str(streets / "gone.jpg"),))
        plan._db.commit()
    cluster = InlineCluster()
    describe(begun, settings, cluster)
    first = [order for order in cluster.orders if order.number == 0]
    assert [order.gone for order in first] == [frozenset(), {str(streets / "gone.jpg")}]
    shard = read_shard(shard_path(begun, 0))
    assert shard is not None
    assert shard.rejected.tolist() == [0]


def failing(code: int, times: int) -> Callable[..., None]:
    """Of `describe_shard`: fails so often, as a disk does."""
    left = [times]

    def fail(folder: Path, number: int, *_: object) -> None:
        (folder / "shards").mkdir(exist_ok=True)
        if number == 1 and left[0]:
            left[0] -= 1
            raise OSError(code, "as the system says it", str(folder / "shards"))
        (folder / "shards" / f"{number:06d}.npz").write_bytes(b"a shard")

    return fail


def test_full_storage_is_one_line_and_loses_nothing(
    begun: Path, settings: Settings, streets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (begun / "learned.npz").unlink()  # a first run, which takes back what came to nothing
    (begun / "ledger.sqlite").unlink()
    monkeypatch.setattr(ray_describe, "describe_shard", failing(errno.ENOSPC, 1))
    describe = partial(describe_on, InlineCluster(), None)
    with pytest.raises(DescribingStoppedError, match="as the system says it") as caught:
        build(begun, "Town", list(images([streets]))[:6], settings, uncalibrated, describe=describe)
    assert caught.value.exit_code == 3
    assert "make room" in caught.value.hint
    assert (begun / "learned.npz").is_file()
    assert (begun / "shards" / "000000.npz").is_file()


@pytest.mark.parametrize(("times", "ends_well"), [(3, True), (4, False)])
def test_storage_that_fails_is_tried_again(
    begun: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, times: int, ends_well: bool
) -> None:
    monkeypatch.setattr(ray_describe, "describe_shard", failing(errno.ESTALE, times))
    if ends_well:
        describe(begun, settings, InlineCluster())
        assert len(list((begun / "shards").iterdir())) == 3
    else:
        with pytest.raises(DescribingStoppedError, match="as the system says it") as caught:
            describe(begun, settings, InlineCluster())
        assert "nothing is lost" in caught.value.hint


@pytest.mark.usefixtures("quick")
def test_what_a_killed_worker_had_begun_is_cleared_away(begun: Path, settings: Settings) -> None:
    def leave(order: ray_describe.ShardOrder) -> None:
        for place in ("shards", "patches", "images/source"):
            (begun / place).mkdir(parents=True, exist_ok=True)
            (begun / place / ".000001.npz.4711.part").write_bytes(b"half a file")

    describe(begun, settings, InlineCluster(between=leave))
    assert [path.parent.name for path in begun.rglob(".*.part")] == ["source"], "a picture may be on its way"


@pytest.mark.usefixtures("quick")
def test_a_shard_that_kills_its_workers_is_named(begun: Path, settings: Settings) -> None:
    with pytest.raises(DescribingStoppedError, match=r"a worker died 4 times over the images .*\.jpg to"):
        describe(begun, settings, InlineCluster(deaths=1))


@pytest.mark.usefixtures("quick")
def test_another_geoflood_on_a_node_is_told(
    begun: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def update(order: ray_describe.ShardOrder) -> None:
        monkeypatch.setattr(ray_describe, "__version__", "99.0")

    with pytest.raises(IndexUnusableError, match=r"has geoflood 99\.0"):
        describe(begun, settings, InlineCluster(between=update))


def test_a_shard_that_does_not_arrive_is_not_taken_for_written(
    begun: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage that lags for too long; a worker that writes to a disk of its own cannot even begin."""
    monkeypatch.setattr(ray_describe, "_described", lambda order: {"shards/000000.npz": 17})
    with pytest.raises(DescribingStoppedError, match=r"000000.npz, which .* wrote, is not seen here"):
        describe(begun, settings, InlineCluster())


def test_a_shard_that_arrives_late_is_waited_for(
    begun: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[float] = []

    def arrive(seconds: float) -> None:
        looked.append(seconds)
        if len(looked) == 3:
            (begun / "shards").mkdir()
            for number in range(3):
                (begun / "shards" / f"{number:06d}.npz").write_bytes(b"a shard")

    def written(order: ray_describe.ShardOrder) -> dict[str, int]:
        return {f"shards/{order.number:06d}.npz": 7}

    monkeypatch.setattr(ray_describe, "_described", written)
    monkeypatch.setattr(ray_describe, "SEEN_WITHIN_S", 60.0)
    monkeypatch.setattr(ray_describe.time, "sleep", arrive)
    describe(begun, settings, InlineCluster())
    assert len(looked) == 3


def test_what_a_worker_refuses_keeps_its_code(
    begun: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(order: ray_describe.ShardOrder) -> ShardReport:
        raise NetworkError("no weights there", "fetch them")

    monkeypatch.setattr(ray_describe, "_described", refuse)
    with pytest.raises(NetworkError, match="no weights there") as caught:
        describe(begun, settings, InlineCluster())
    assert caught.value.hint == "fetch them"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("ray", "ray"),
        ("ray://head", "ray://head:10001"),
        ("ray://head:7000/", "ray://head:7000"),
        ("ray://[::1]:7000", "ray://[::1]:7000"),
    ],
)
def test_addresses(given: str, address: str) -> None:
    assert check_address(given) == address


@pytest.mark.parametrize(
    "given", ["ray://", "ray://:7", "ray://a:b", "ray://a/x", "ray://u@a", "http://a", ""]
)
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(UsageError, match="names no Ray cluster"):
        check_address(given)


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"ray://127.0.0.1:{closed.getsockname()[1]}"


def test_a_head_that_is_not_there(nobody: str, streets: Path, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="no Ray head answers"), connected(nobody):
        pass
    result = CliRunner().invoke(
        app, ["index", "town", str(streets), "--workers", nobody, "--index-dir", str(tmp_path / "index")]
    )
    assert nobody in error_line(result, 7)
    assert not (tmp_path / "index").exists(), "nothing is begun"


@pytest.mark.parametrize("given", ["0", "many", "-2", "ray:/x"])
def test_workers_are_a_number_or_a_cluster(given: str, streets: Path) -> None:
    result = CliRunner().invoke(app, ["index", "town", str(streets), f"--workers={given}"])
    assert "--workers" in error_line(result, 2)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(GeofloodError, match="ray") as caught, connected("ray"):
        pass
    assert caught.value.exit_code == 9
    assert "geoflood[ray]" in caught.value.hint


@pytest.mark.long
def test_ray_itself_writes_the_files_of_threads(begun: Path, settings: Settings, tmp_path: Path) -> None:
    by_hand = by_threads(begun, settings, tmp_path / "threads")
    describer = load_learned(begun / "learned.npz", settings.backbone)
    with describing_on("ray") as describe, closing(IndexPlan(begun)) as plan:
        describe(begun, plan, describer, settings, 1, no_progress, None)
    assert files(begun) == by_hand
