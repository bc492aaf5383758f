"""Describing on Ray beside describing in threads, in one run: rates, and whether the files are the same.

    python benchmarks/ray_workers.py IMAGES.csv --work WORK [--images 768] [--rounds 3] [--address ray]
    python benchmarks/ray_workers.py IMAGES.csv --work WORK --kills 10

Both describe the same plan with the same learned city, in turns, on all cores. Seconds are the clock's and
the processor's, of the command and all processes below it; a cluster that `ray start` began is counted, too.
More images than there are repeat them under other names. Ratios over one are in favour of Ray.

With --kills a worker or the driver is killed at a random moment of each turn; a killed driver is started
again. What is there at the end is compared with what threads write.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from geoflood.core.datatypes import StreetImage, no_progress
from geoflood.core.parallel import cores
from geoflood.database import plan as plans
from geoflood.database.describe_shards import DescribeMissing, describe_missing
from geoflood.database.learn_city import learn_once
from geoflood.database.plan import IndexPlan, locked_index
from geoflood.database.ray_describe import describing_on
from geoflood.database.settings import index_settings
from geoflood.imagery.folder import images

KILLED_SHARD = 8
"""Images a shard where processes are killed: so each run is short, and has many moments."""
LEARNED_FROM = 128
"""Images that the city is learned from: how well it is described is not measured here."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument(
        "--work", type=Path, required=True, help="a folder for what is written; it may be large"
    )
    parser.add_argument("--images", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--address", default="ray")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.kills or options.drive:
        plans.SHARD_IMAGES = KILLED_SHARD
    if options.drive:  # the driver that is killed
        with describing_on(options.address) as describe:
            _describe(options.drive, describe)
        return
    begun = _begun(options.table, options.work, options.images)
    if options.kills:
        _kill(begun, options)
    else:
        _compare(begun, options)


def _begun(table: Path, work: Path, count: int) -> Path:
    """An index that is planned and learned, with no shard."""
    folder = work / f"begun-{count}-{plans.SHARD_IMAGES}"
    if (folder / "learned.npz").exists():
        return folder
    found = [one for one in images([], table) if isinstance(one, StreetImage)]
    again = islice(cycle(found), count)
    many = [replace(one, key=f"{number}:{one.key}") for number, one in enumerate(again)]
    settings = index_settings()
    learned = work / "learned" / "learned.npz"
    for at, some in ((learned.parent, found[:LEARNED_FROM]), (folder, many)):
        with locked_index(at), closing(IndexPlan(at)) as plan:
            plan.keep_settings(settings)
            plan.add(some)
            if at == folder:
                shutil.copy(learned, folder)
            learn_once(at, plan, settings, no_progress)
    return folder


def _describe(folder: Path, describe: DescribeMissing) -> None:
    settings = index_settings()
    with locked_index(folder), closing(IndexPlan(folder)) as plan:
        describer = learn_once(folder, plan, settings, no_progress)
        describe(folder, plan, describer, settings, cores(), no_progress, None)


def _fresh(begun: Path, name: str) -> Path:
    folder = begun.parent / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(begun, folder)
    return folder


def _files(folder: Path) -> dict[str, str]:
    """Name of each file of shards and patches -> its SHA-256."""
    paths = [path for part in ("shards", "patches") for path in sorted((folder / part).iterdir())]
    return {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }


def _compare(begun: Path, options: argparse.Namespace) -> None:
    rows = []
    started = time.perf_counter()
    with describing_on(options.address) as on_ray:
        start_s = time.perf_counter() - started
        for number in range(options.rounds):
            threads, ray = _fresh(begun, "threads"), _fresh(begun, "ray")
            turns = [(threads, describe_missing), (ray, on_ray)]
            spent = {at: _spent(partial(_describe, at, how)) for at, how in turns[:: 1 - 2 * (number % 2)]}
            same = _files(threads) == _files(ray)
            (clock, processor), (ray_clock, ray_processor) = spent[threads], spent[ray]
            row = {
                "threads_s": round(clock, 1),
                "ray_s": round(ray_clock, 1),
                "rate": round(clock / ray_clock, 3),
                "threads_processor_s": round(processor, 1),
                "ray_processor_s": round(ray_processor, 1),
                "processor_rate": round(processor / ray_processor, 3),
                "same_files": same,
                "load": round(os.getloadavg()[0], 1),
            }
            rows.append(row)
            print(json.dumps(row), flush=True)
    middle = sorted(row["rate"] for row in rows)[len(rows) // 2]
    whole = {"images": options.images, "start_s": round(start_s, 1), "rate": middle, "rounds": len(rows)}
    print(json.dumps(whole))


def _spent(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock, and of the processor in this process and all that work for it."""
    before, begun = _processor(), time.perf_counter()
    work()
    clock, after = time.perf_counter() - begun, _processor()
    return clock, sum(after.values()) - sum(before.get(process, 0.0) for process in after)


def _processor() -> dict[int, float]:
    """Process -> seconds of the processor, of this one, those below it and those of Ray."""
    seconds, parents = dict[int, float](), dict[int, int]()
    tick = os.sysconf("SC_CLK_TCK")
    names = dict[int, str]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                number = int(entry.name)
                parents[number], seconds[number] = int(fields[1]), (int(fields[11]) + int(fields[12])) / tick
                names[number] = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
    ours = {os.getpid()} | {number for number, name in names.items() if name.startswith("ray::")}
    while more := {number for number, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return {number: seconds[number] for number in ours if number in seconds}


def _kill(begun: Path, options: argparse.Namespace) -> None:
    rng = random.Random(options.seed)
    threads = _fresh(begun, "threads")
    _describe(threads, describe_missing)
    right, survived = _files(threads), 0
    turn = 0
    while turn < options.kills:
        folder = _fresh(begun, "killed")
        what = ("worker", "driver")[turn % 2]
        driver = _start(folder, options)
        there = _wait_for_shards(folder, rng.randrange(len(right) // 2))
        time.sleep(rng.uniform(0, 0.1))
        victims = [driver.pid] if what == "driver" else _workers()
        if not victims or driver.poll() is not None:  # it was over before: not a kill
            driver.wait()
            continue
        victim = rng.choice(victims)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        code = driver.wait()
        kept = _written(folder)
        if what == "driver":
            code = _start(folder, options).wait()
        same = code == 0 and _files(folder) == right
        if not same:
            print(code, sorted(set(_files(folder).items()) ^ set(right.items())), file=sys.stderr)
        survived += same
        turn += 1
        print(
            json.dumps({"kill": turn, "what": what, "shards": there, "kept": kept, "same_files": same}),
            flush=True,
        )
    print(json.dumps({"kills": options.kills, "survived": survived, "shards": len(right) // 2}))


def _wait_for_shards(folder: Path, count: int) -> int:
    """Wait until a worker is at work and so many shards are there; returns how many are."""
    _until(_workers, 600)
    _until(lambda: _written(folder) >= count, 600)
    return _written(folder)


def _written(folder: Path) -> int:
    """Shards that are there."""
    return sum(path.name[0] != "." for path in (folder / "shards").glob("*.npz"))


def _start(folder: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    here = [sys.executable, __file__, str(options.table), "--work", str(options.work), "--drive", str(folder)]
    return subprocess.Popen([*here, "--address", options.address])


def _workers() -> list[int]:
    """Processes in which a shard is being described."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal() and (entry / "cmdline").read_bytes().startswith(b"ray::describe_order"):
                found.append(int(entry.name))
    return found


def _until(true: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.1)


if __name__ == "__main__":
    main()
