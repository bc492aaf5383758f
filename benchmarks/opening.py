"""What an index of a million references takes to plan, to seal, to open: seconds and the peak of memory.

    python benchmarks/opening.py [--rows 1000000] [--numbers 40] [--listed 100000] [--keep FOLDER]

The references are made up: plan, shards and the rest are as `geoflood index` writes them, but no pictures are
behind them. A descriptor has few numbers, so vectors are left out of the account. What was learned is that of
a small drawn town. Each stage is a process of its own; its peak is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

BANDS = (0, 15, 30, 45, 60)
AT_ONCE = 1 << 16


def peak_mb() -> float:
    """Of this process alone; `ru_maxrss` begins with that of the parent."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def learn(folder: Path, options: argparse.Namespace) -> None:
    """A small index of a drawn town, whose descriptors have the same size."""
    import geoflood
    from geoflood.synthetic.town.building import build_town
    from geoflood.synthetic.town.folders import write_city

    if (folder / "small" / "manifest.json").is_file():
        return
    pictures = folder / "pictures"
    write_city(pictures, build_town(blocks=(1, 1)))
    dimension = options.numbers // len(BANDS)
    geoflood.build_index("small", [pictures], index_dir=folder, dimension=dimension, bands=BANDS)


def made_images(rows: int) -> Iterator[object]:
    """Street images every 12 m along the streets of a grid, in drives of 500."""
    from datetime import datetime, timedelta

    from geoflood.core.datatypes import Geotag, LatLon, StreetImage

    begun, side = datetime(2019, 1, 1), round(rows**0.5)
    for number in range(rows):
        street, along = divmod(number, side)
        spot = LatLon(29.5 + street * 1e-4, -95.7 + along * 1.2e-4)
        drive = number // 500
        tag = Geotag(spot, "csv", float(number % 360), None, begun + timedelta(days=drive % 2000))
        path = f"/data/street-images/drive{drive:05d}/{number:08d}.jpg"
        credit = f"contributor {drive % 300}"
        yield StreetImage(f"folder:street-images/drive{drive:05d}/{number:08d}.jpg", path, tag, credit=credit)


def plan(folder: Path, options: argparse.Namespace) -> None:
    """All images, new."""
    from geoflood.database.plan import IndexPlan

    with closing(IndexPlan(folder / "city")) as ledger:
        ledger.add(made_images(options.rows))  # type: ignore[arg-type]


def update(folder: Path, options: argparse.Namespace) -> None:
    """All images again, as a list that is the same."""
    from geoflood.database.plan import IndexPlan

    with closing(IndexPlan(folder / "city")) as ledger:
        change = ledger.update(made_images(options.rows))  # type: ignore[arg-type]
    assert (change.new, change.corrected, change.withdrawn) == (0, 0, 0), change


def sample(folder: Path, options: argparse.Namespace) -> None:
    """The images that a city is learned from, and all shards gone over."""
    from geoflood.database.plan import IndexPlan

    with closing(IndexPlan(folder / "city")) as ledger:
        assert len(ledger.sample(3000)) == 3000
        assert sum(len(images) for _, images in ledger.shards()) == options.rows


def shards(folder: Path, options: argparse.Namespace) -> None:
    """The shards as describing would leave them; no patches."""
    import numpy as np

    from geoflood.database.plan import IndexPlan
    from geoflood.database.shards import Shard, shard_path, write_shard

    rng, none = np.random.default_rng(0), np.array([], np.str_)
    with closing(IndexPlan(folder / "city")) as ledger:
        for number, images in ledger.shards():
            n = len(images)
            rows = rng.normal(size=(n, len(BANDS), options.numbers // len(BANDS)))
            rows /= np.linalg.norm(rows, axis=2, keepdims=True)
            nan = np.full(n, np.nan, np.float32)
            shard = Shard(
                np.array([image for image, _ in images], np.int64), nan, nan, nan, rows.astype(np.float16),
                np.array([], np.int64), none, none, np.zeros(n, np.int64), np.zeros((n, 2), np.int64),
            )  # fmt: skip
            write_shard(shard_path(folder / "city", number), shard)


def seal(folder: Path, options: argparse.Namespace) -> None:
    """The shards put together; the manifest says what a small index learned."""
    from dataclasses import replace

    from geoflood.database.join_shards import join_shards
    from geoflood.database.manifest import read_manifest, write_manifest
    from geoflood.database.plan import IndexPlan

    small, city = folder / "small", folder / "city"
    for name in ("learned.npz", "outsiders.npy"):
        shutil.copy(small / name, city / name)
    with closing(IndexPlan(city)) as ledger:
        contents = join_shards(city, ledger)
    write_manifest(
        city,
        replace(
            read_manifest(small), city="city", images=contents.images, references=contents.references,
            credits=contents.credits, files=contents.files,
        ),
    )  # fmt: skip


def open_database(folder: Path, options: argparse.Namespace) -> None:
    """Who and where, without vectors and what was learned."""
    from geoflood.database.database import Database

    assert len(Database(folder / "city")) == options.rows


def open_locator(folder: Path, options: argparse.Namespace) -> None:
    """All that `geoflood locate` opens, vectors included."""
    from geoflood.localize.locator import Locator

    assert len(Locator(folder / "city").database) == options.rows


def write_list(folder: Path, options: argparse.Namespace) -> None:
    """Files of a few bytes, and a CSV with a row for each."""
    pictures = folder / "listed"
    with (folder / "listed.csv").open("w") as table:
        table.write("image,lat,lon,heading,taken\n")
        for number in range(options.listed):
            path = pictures / f"{number // 1000:04d}" / f"{number:08d}.jpg"
            if not number % 1000:
                path.parent.mkdir(parents=True)
            path.write_bytes(b"\xff\xd8\xff\xe0")
            table.write(
                f"{path.relative_to(folder)},{29.5 + number * 1e-6:.6f},-95.7,{number % 360},2019-06-01\n"
            )


def read_list(folder: Path, options: argparse.Namespace) -> None:
    """The rows of the CSV with their files, as they are planned."""
    from geoflood.imagery.folder import images

    assert sum(1 for _ in images([folder / "listed"], folder / "listed.csv")) == options.listed


def walk(folder: Path, options: argparse.Namespace) -> None:
    """The files of a folder with their EXIF, of which there is none."""
    from geoflood.imagery.folder import images

    assert sum(1 for _ in images([folder / "listed"])) == options.listed


STAGES: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    stage.__name__: stage
    for stage in (learn, plan, update, sample, shards, seal, open_database, open_locator)
}
LISTS = {stage.__name__: stage for stage in (write_list, read_list, walk)}
QUIET = ("learn", "shards", "write_list")
"""Stages that only make what others are measured on."""


def run(stage: str, folder: Path, options: argparse.Namespace) -> None:
    """A stage in this process, and its figures as a line of JSON."""
    import faiss  # noqa: F401  # what is loaded anyway is not counted
    import numpy  # noqa: F401  # icn001

    import geoflood.database.join_shards
    import geoflood.localize.locator  # noqa: F401

    before, cpu, begun = peak_mb(), time.process_time(), time.perf_counter()
    (STAGES | LISTS)[stage](folder, options)
    figures = {
        "stage": stage,
        "clock_s": round(time.perf_counter() - begun, 3),
        "processor_s": round(time.process_time() - cpu, 3),
        "peak_mb": round(peak_mb()),
        "of_it_libraries_mb": round(before),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="references")
    parser.add_argument("--numbers", type=int, default=40, help="of a descriptor, all bands together")
    parser.add_argument("--listed", type=int, default=100_000, help="files that are listed")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    parser.add_argument("--stage", choices=[*STAGES, *LISTS], help="only this one")
    options = parser.parse_args()
    if options.stage:
        run(options.stage, options.keep, options)
        return
    with TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        (folder / "city").mkdir(parents=True, exist_ok=True)
        given = [f"--{name}={getattr(options, name)}" for name in ("rows", "numbers", "listed")]
        for stage in [*STAGES, "open_locator", *LISTS]:
            command = [sys.executable, __file__, *given, "--keep", str(folder), "--stage", stage]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL if stage in QUIET else None)


if __name__ == "__main__":
    main()
