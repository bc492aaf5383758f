"""Shards described by the workers of a Ray cluster: the files are those that threads write, byte for byte.

Driver and workers share a folder, not a database: an order goes out, a shard's files appear. What goes wrong
on a worker comes back as a value, for the driver decides whether to wait, to try again or to end.
"""

from __future__ import annotations

import errno
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from geoflood import __version__
from geoflood.backbones.describe import Describer
from geoflood.backbones.learned import load_learned
from geoflood.backbones.threads import compute_on_one_core
from geoflood.core.datatypes import Progress, StreetImage
from geoflood.core.errors import GeofloodError, IndexUnusableError
from geoflood.core.files import fingerprint, write_whole
from geoflood.database.describe_shards import (
    REPORT_S,
    DescribeMissing,
    DescribingStoppedError,
    describe_shard,
    is_missing,
)
from geoflood.database.index_files import DRIVER, unfinished_files
from geoflood.database.manifest import Settings
from geoflood.database.patch_store import patches_path
from geoflood.database.plan import IndexPlan
from geoflood.database.ray_cluster import RayCluster, Ref, WorkerLostError, connected
from geoflood.database.shards import shard_path

__all__ = ["ShardOrder", "ShardReport", "Trouble", "describe_on", "describe_order", "describing_on"]

SEEN_WITHIN_S = 90.0
"""What one node wrote, the others see within this: NFS keeps what it knows of a folder for up to a minute."""
LOOK_AGAIN_S = 0.5
RETRIES = 3
"""Of a shard whose worker died, or whose storage failed."""
AHEAD = 2
"""Shards on their way for each core, so that none waits for the driver."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Trouble(StrEnum):
    """Why a worker wrote no shard."""

    NO_FOLDER = "the index is not seen"
    OTHER_DRIVER = "another geoflood drives this index"
    OTHER_VERSION = "another geoflood is installed"
    NO_IMAGES = "images are not seen"
    FULL = "the storage is full"
    STORAGE = "the storage failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ShardOrder:
    """One shard to be described, by whoever sees the index's folder."""

    folder: str
    driver: str
    """What the folder says of who drives it."""
    learned: str
    """SHA-256 of learned.npz."""
    number: int
    images: Sequence[tuple[int, StreetImage]]
    settings: Settings
    precision: str | None
    version: str = __version__
    gone: frozenset[str] = frozenset()
    """Images that the driver does not see either."""
    patient: bool = False
    """Whether images that are not seen are waited for."""


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What became of an order."""

    number: int
    host: str
    sizes: dict[str, int] = field(default_factory=dict)
    """File, relative to the index -> bytes; nothing where there was trouble."""
    trouble: Trouble | None = None
    detail: str = ""
    unseen: tuple[str, ...] = ()
    """Images."""
    error: GeofloodError | None = None


def describe_order(order: ShardOrder) -> ShardReport:
    """On a worker: describe the shard and write its files, or say why not."""
    report = ShardReport(order.number, socket.gethostname())
    try:
        return replace(report, **(_trouble(order) or {"sizes": _described(order)}))
    except OSError as error:
        kind = Trouble.FULL if error.errno in _FULL else Trouble.STORAGE
        detail = f"{error.filename or order.folder}: {error.strerror or error}"
        return replace(report, trouble=kind, detail=detail)
    except GeofloodError as error:
        return replace(report, trouble=Trouble.REFUSED, detail=str(error), error=error)


def _trouble(order: ShardOrder) -> dict[str, Any] | None:
    """What keeps this worker from describing, as fields of its report; waits for storage that lags."""
    folder = Path(order.folder)
    if order.version != __version__:
        return {"trouble": Trouble.OTHER_VERSION, "detail": __version__}
    if not _within(SEEN_WITHIN_S, lambda: _driver_of(folder) == order.driver):
        other = _driver_of(folder)
        return {"trouble": Trouble.OTHER_DRIVER if other else Trouble.NO_FOLDER, "detail": order.folder}
    places = [image.location for _, image in order.images if image.location not in order.gone]

    def unseen() -> list[str]:
        return [place for place in places if not Path(place).is_file()]

    if not _within(SEEN_WITHIN_S if order.patient else 0, lambda: not unseen()):
        return {"trouble": Trouble.NO_IMAGES, "unseen": tuple(unseen())}
    return None


def _described(order: ShardOrder) -> dict[str, int]:
    """Sizes of the files of the shard, written."""
    folder = Path(order.folder)
    compute_on_one_core()
    describer = _describer(order.folder, order.learned, order.settings.backbone, order.precision)
    if describer.backbone.version != order.settings.version:
        raise IndexUnusableError(
            f"{order.settings.backbone} has version {describer.backbone.version} there, not "
            f"{order.settings.version}"
        )
    describe_shard(folder, order.number, list(order.images), describer, order.settings)
    written = (patches_path(folder, order.number), shard_path(folder, order.number))
    return {str(path.relative_to(folder)): path.stat().st_size for path in written if path.is_file()}


@lru_cache(maxsize=1)
def _describer(folder: str, learned: str, backbone: str, precision: str | None) -> Describer:
    """Kept from order to order. Raises OSError where what the city taught is not seen."""
    path = Path(folder) / "learned.npz"
    if not _within(SEEN_WITHIN_S, lambda: path.is_file() and fingerprint(path) == learned):
        raise FileNotFoundError(errno.ENOENT, "it is not what the driver wrote", str(path))
    return load_learned(path, backbone, precision)


def _driver_of(folder: Path) -> str:
    """Who drives the index, or "" where nobody is seen to."""
    try:
        return (folder / DRIVER).read_text("ascii")
    except (OSError, ValueError):
        return ""


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something comes true in time; it is asked once at the least."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() >= until:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True


@contextmanager
def describing_on(where: str, precision: str | None = None) -> Iterator[DescribeMissing]:
    """What describes shards on the cluster at `where`, in place of threads. Raises what `connected` does."""
    with connected(where) as cluster:
        yield partial(describe_on, cluster, precision)


def describe_on(
    cluster: RayCluster,
    precision: str | None,
    folder: Path,
    plan: IndexPlan,
    describer: Describer,
    settings: Settings,
    workers: int,
    progress: Progress,
    only: Collection[int] | None = None,
) -> None:
    """Describe every shard that is missing, or `only` some, on all cores of a cluster.

    Raises DescribingStoppedError where nodes do not see the folder or the images, where the storage is full
    or gone, and where a shard kills its workers; IndexUnusableError where another driver took over.
    """
    folder = folder.absolute()
    with _driven(folder) as driver:
        work = _DescribingOnRay(cluster, folder, len(plan), progress)
        try:
            for number, images in plan.shards():
                if (only is None or number in only) and is_missing(folder, number, images):
                    learned = _fingerprint(folder / "learned.npz")
                    work.send(ShardOrder(str(folder), driver, learned, number, images, settings, precision))
                else:
                    work.skip(len(images))
            work.finish()
        finally:
            work.drop()
        _clear_away(folder)
        if _driver_of(folder) != driver:
            raise _taken_over(folder)


def _clear_away(folder: Path) -> None:
    """Remove what workers that were killed had begun to write; nobody writes shards any more."""
    for path in list(unfinished_files(folder)):
        if path.parent.name in ("shards", "patches"):  # pictures may be on their way
            path.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _fingerprint(path: Path) -> str:
    return fingerprint(path)


@contextmanager
def _driven(folder: Path) -> Iterator[str]:
    """Says in the folder who drives it: workers see by it that they see the folder, and whose they are.

    The lock of the index keeps a second driver out where the storage has locks. Where it has none, the first
    one's workers stop here.
    """
    driver = uuid.uuid4().hex
    write_whole(folder / DRIVER, driver)
    try:
        yield driver
    finally:
        if _driver_of(folder) == driver:
            (folder / DRIVER).unlink(missing_ok=True)


class _DescribingOnRay:
    """Orders that are out, and what came back."""

    def __init__(self, cluster: RayCluster, folder: Path, total: int, progress: Progress) -> None:
        self._cluster, self._folder, self._total, self._progress = cluster, folder, total, progress
        self._describe = cluster.task(describe_order, RETRIES)
        self._out: dict[Ref, ShardOrder] = {}
        self._done = 0
        self._tries = Counter[int]()
        self._unseen: dict[Path, tuple[int, str]] = {}
        """Files that a worker wrote and that are not here yet -> (bytes, its host)."""

    def skip(self, images: int) -> None:
        """These are described already."""
        self._done += images
        self._report()

    def send(self, order: ShardOrder) -> None:
        """Order a shard, once there is room for it among those that are out."""
        while len(self._out) >= AHEAD * self._cluster.cores():
            self._take()
        self._out[self._describe(order)] = order
        self._report()

    def finish(self) -> None:
        """Wait for all that is out, and until it is seen here."""
        while self._out:
            self._take()
        if not _within(SEEN_WITHIN_S, lambda: not self._still_unseen()):
            path, (_, host) = next(iter(self._unseen.items()))
            raise DescribingStoppedError(
                f"{path}, which {host} wrote, is not seen here",
                "an index on several machines lies on storage that all of them share",
            )

    def drop(self) -> None:
        """Nothing more is wanted of what is out."""
        self._cluster.drop(list(self._out))
        self._out.clear()

    def _report(self) -> None:
        self._progress("describing", self._done, self._total)

    def _still_unseen(self) -> dict[Path, tuple[int, str]]:
        self._unseen = {path: told for path, told in self._unseen.items() if not _has(path, told[0])}
        return self._unseen

    def _take(self) -> None:
        """Wait a moment, and take what came back."""
        ended, _ = self._cluster.ended(list(self._out), REPORT_S)
        for ref in ended:
            order = self._out.pop(ref)
            try:
                report: ShardReport = self._cluster.result(ref)
            except WorkerLostError as error:
                raise _deadly(order, error) from error
            if report.trouble is not None:
                self._again(order, report)
                continue
            self._done += len(order.images)
            for name, size in report.sizes.items():
                if not _has(self._folder / name, size):
                    self._unseen[self._folder / name] = (size, report.host)
        self._report()

    def _again(self, order: ShardOrder, report: ShardReport) -> None:
        """Try a shard once more where that may help, else raise what is to be told."""
        if report.trouble is Trouble.NO_IMAGES:
            gone = frozenset(place for place in report.unseen if not Path(place).is_file())
            if gone != frozenset(report.unseen) and order.patient:
                raise _images_unseen(order, report, gone)
            order = replace(order, gone=order.gone | gone, patient=True)
        elif report.trouble is Trouble.STORAGE and self._tries[order.number] < RETRIES:
            self._tries[order.number] += 1
        else:
            raise _refusal(order, report)
        self._out[self._describe(order)] = order


def _has(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _deadly(order: ShardOrder, error: WorkerLostError) -> DescribingStoppedError:
    first, last = order.images[0][1].location, order.images[-1][1].location
    return DescribingStoppedError(
        f"a worker died {RETRIES + 1} times over the images {first} to {last}: {error}",
        "give it more memory, or take out what kills it; all other shards are kept",
    )


def _taken_over(folder: Path) -> IndexUnusableError:
    return IndexUnusableError(f"another geoflood took over {folder}", "let one of them end; no shard is lost")


def _images_unseen(order: ShardOrder, report: ShardReport, gone: Collection[str]) -> DescribingStoppedError:
    there = next(place for place in report.unseen if place not in gone)
    return DescribingStoppedError(
        f"the node {report.host} does not see {there}, which is here",
        "images lie at the same path on every node: on shared storage, or as copies",
    )


def _refusal(order: ShardOrder, report: ShardReport) -> GeofloodError:
    """What a worker's trouble means for who started it, in one line."""
    host, here = f"the node {report.host}", __version__
    match report.trouble:
        case Trouble.NO_FOLDER:
            return DescribingStoppedError(
                f"{host} does not see the index {order.folder}",
                "it must be on storage that every node has at that path: --index-dir",
            )
        case Trouble.OTHER_DRIVER:
            return _taken_over(Path(order.folder))
        case Trouble.OTHER_VERSION:
            return IndexUnusableError(
                f"{host} has geoflood {report.detail}, this is {here}", "install the same on every node"
            )
        case Trouble.FULL:
            return DescribingStoppedError(f"{host}: {report.detail}", "make room; the same command continues")
        case Trouble.STORAGE:
            return DescribingStoppedError(
                f"{host}: {report.detail}", "nothing is lost: once the storage is back, run it again"
            )
    cause = report.error
    return type(cause)(f"{host}: {cause}", cause.hint) if cause else GeofloodError(f"{host}: {report.detail}")
