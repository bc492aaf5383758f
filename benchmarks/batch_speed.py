"""How fast a batch is, side by side in one run with the describer alone and with `locate` in a loop.

    python benchmarks/batch_speed.py INDEX FOLDER [FOLDER ...] [--photos 1000] [--loop 10] [--rounds 2]

INDEX is the folder of an index, FOLDERs hold images.csv with rows split=query; their photos are repeated,
each time cut and turned into other pixels so far that no two are one photo, until there are enough. No model.

`describer alone` goes from files to descriptors and no further; `locate_all` searches and fuses too;
`batch-locate, locating` is a batch up to its last journal line, `whole` the command with its tables and map;
`shell loop` calls `geoflood locate PHOTO --json` once a photo, on --loop of them. Each is given as wall
clock and as the processor's time a photo: on a busy machine the second is to be trusted.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from streets import queries

from geoflood.core.datatypes import Image, Query, SearchOptions
from geoflood.core.images import jpeg, read_image, resize
from geoflood.core.parallel import cores
from geoflood.database.bands import BANDS, band_weights
from geoflood.imagery.views import LONGEST
from geoflood.localize.locator import Locator
from geoflood.triage.options import BatchOptions
from geoflood.triage.outputs import write_outputs
from geoflood.triage.pipeline import batch_locate

SEARCH_ALONE = SearchOptions(rerank=0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("index", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--loop", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with TemporaryDirectory() as temporary:
        root = Path(temporary)
        paths = made(root / "posts", given.folders, given.photos)
        locator = Locator(given.index)
        weigh = partial(band_weights, bands=BANDS)
        asked = [Query(path) for path in paths]
        describe = partial(locator.describer.describe_files, paths, weigh, LONGEST, cores())
        ways: dict[str, Callable[[], object]] = {
            "describer alone": lambda: sum(1 for _ in describe()),
            "locate_all": lambda: locator.locate_all(asked, options=SEARCH_ALONE),
            "batch-locate, locating": partial(batch, root, given.index, locator, False),
            "batch-locate, whole": partial(batch, root, given.index, locator, True),
        }
        best = {name: (float("inf"), float("inf")) for name in ways}
        for turn in range(given.rounds):
            for name, way in ways.items():
                spent = timed(way)
                best[name] = min(best[name], spent, key=lambda one: one[1])
                print(
                    f"round {turn + 1}, {name}: {spent[0]:.1f} s, {spent[1]:.1f} s of the processor",
                    flush=True,
                )
        best = {name: (wall / len(paths), cpu / len(paths)) for name, (wall, cpu) in best.items()}
        sample = paths[:: max(len(paths) // given.loop, 1)][: given.loop]
        wall, cpu = timed(partial(loop, sample, given.index))
        best["shell loop"] = wall / len(sample), cpu / len(sample)
    table(best, len(paths), len(sample))


def made(folder: Path, sources: list[Path], wanted: int) -> list[Path]:
    """`wanted` photos in a folder, none the same as another."""
    folder.mkdir()
    there = [path for source in sources for path in queries(source).paths]
    paths = []
    for number, path in islice(((n, there[n % len(there)]) for n in count()), wanted):
        paths.append(folder / f"{number:05}.jpg")
        turn = number // len(there)
        paths[-1].write_bytes(jpeg(changed(read_image(path), turn)) if turn else path.read_bytes())
    return paths


def changed(photo: Image, turn: int) -> Image:
    """Another part of the photo, as large as before, mirrored every second time: another photo to a hash."""
    height, width = photo.shape[:2]
    cut = min(0.15 + 0.1 * turn, 0.6)
    part = photo[int(cut * height) :, int(cut * width) :]
    return resize(np.ascontiguousarray(part[:, ::-1] if turn % 2 else part), width, height)


def batch(root: Path, index: Path, locator: Locator, whole: bool) -> int:
    """A batch into a new folder."""
    with TemporaryDirectory(dir=root) as out:
        options = BatchOptions(index.name, SEARCH_ALONE)
        summary = batch_locate(
            root / "posts", Path(out), locator, index, options, at_once=locator.describer.batch
        )
        if whole:
            write_outputs(summary.results, locator.database.city())
    return summary.outcomes.total()


def loop(sample: list[Path], index: Path) -> None:
    """`geoflood locate` once a photo, as a shell would."""
    line = [
        sys.executable,
        "-m",
        "geoflood",
        "locate",
        "--city",
        index.name,
        "--index-dir",
        str(index.parent),
    ]
    for path in sample:
        subprocess.run([*line, "--json", str(path)], check=True, capture_output=True)


def timed(way: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processor, children included."""
    begun, used = time.perf_counter(), _processor()
    way()
    return time.perf_counter() - begun, _processor() - used


def _processor() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


def table(best: dict[str, tuple[float, float]], photos: int, sample: int) -> None:
    print(f"{photos} photos, {cores()} of {os.cpu_count()} cores; shell loop: a sample of {sample}")
    alone, shell = best["describer alone"], best["shell loop"]
    print("| | photos/s | ms of the processor | of the describer alone | times the shell loop |")
    print("|---|---|---|---|---|")
    for name, (wall, cpu) in best.items():
        share = f"{alone[1] / cpu:.0%} ({alone[0] / wall:.0%} by the clock)"
        times = f"{shell[1] / cpu:.1f} ({shell[0] / wall:.1f})"
        print(f"| {name} | {1 / wall:.1f} | {1000 * cpu:.0f} | {share} | {times} |")


if __name__ == "__main__":
    main()
