"""What growing and merging cost besides describing: an index is sealed anew, and two become one.

    python benchmarks/growing.py --rows 100000 --more 1000 [--folder DIR] [--json]

Two indexes of so many rows are made, of random unit descriptors (5 bands of 512) and no pictures; `more` rows
are added to the first, the shards of the new ones being there. Each step is a process of its own: seconds are
the processor's, memory is the most that it had. Calibration is left out.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from geoflood.backbones.learned import save_learned, version_of
from geoflood.backbones.vlad import WORDS
from geoflood.core.datatypes import Geotag, LatLon, Projection, StreetImage
from geoflood.database.build import finish_index
from geoflood.database.manifest import Settings
from geoflood.database.merge import merge
from geoflood.database.plan import IndexPlan, locked_index
from geoflood.database.shards import Shard, shard_path, write_shard
from geoflood.imagery.panorama import FOV_DEG, HEADINGS

BANDS, DIMENSION = (0, 15, 30, 45, 60), 512
SETTINGS = Settings("rootsift", version_of("rootsift"), BANDS, DIMENSION, HEADINGS, FOV_DEG)


def images(name: str, first: int, count: int) -> Iterator[StreetImage]:
    """Images of a square grid, 10 m apart, that no file has."""
    for number in range(first, first + count):
        tag = Geotag(LatLon(50 + number // 1000 * 1e-4, 1 + number % 1000 * 1e-4), "csv", 0.0)
        key = f"folder:{name}/{number}.jpg"
        yield StreetImage(key, f"/nowhere/{name}/{number}.jpg", tag, Projection.PERSPECTIVE, "CC0-1.0", name)


def describe(folder: Path, plan: IndexPlan, seed: int) -> None:
    """Write the shards that are missing, of random descriptors."""
    rng = np.random.default_rng(seed)
    for number, planned in plan.shards():
        path, n = shard_path(folder, number), len(planned)
        if path.exists():
            continue
        rows = rng.standard_normal((n, len(BANDS), DIMENSION), np.float32)
        rows /= np.linalg.norm(rows, axis=2, keepdims=True)
        unknown, none = np.full(n, np.nan, np.float32), np.array([], np.str_)
        ids, no_ids = np.array([one for one, _ in planned]), np.array([], np.int64)
        counts, frames = np.zeros(n, np.int64), np.zeros((n, 2), np.int64)
        vectors = rows.astype(np.float16)
        write_shard(path, Shard(ids, unknown, unknown, unknown, vectors, no_ids, none, none, counts, frames))


def grow(folder: Path, count: int, *, seal: bool) -> None:
    """Plan and describe more images of an index; then seal it."""
    with locked_index(folder), closing(IndexPlan(folder)) as plan:
        plan.keep_settings(SETTINGS)
        if not (folder / "learned.npz").exists():
            save_learned(folder / "learned.npz", {"words": np.eye(WORDS, 128, dtype=np.float32)})
        plan.add(images(folder.name, len(plan), count))
        describe(folder, plan, len(plan))
        if seal:
            sealed(folder, plan)


def sealed(folder: Path, plan: IndexPlan) -> None:
    finish_index(folder, folder.name, plan, SETTINGS, None, lambda *_: {}, {}, 1)  # type: ignore[arg-type]


def step(name: str, root: Path, rows: int, more: int) -> None:
    """One thing that is measured, or made ready for it."""
    if name == "make":
        for city in ("west", "east"):
            grow(root / city, rows, seal=True)
    elif name == "plan":
        grow(root / "west", more, seal=False)
    elif name == "seal":
        with locked_index(root / "west"), closing(IndexPlan(root / "west")) as plan:
            sealed(root / "west", plan)
    else:
        merge([root / "west", root / "east"], root / "both", "both", lambda *_: {})


def measured(work: Callable[[], None]) -> dict[str, float]:
    before, began = time.process_time(), time.monotonic()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    clock = time.monotonic() - began
    return {"processor_s": time.process_time() - before, "clock_s": clock, "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--more", type=int, default=1_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.step:
        print(json.dumps(measured(lambda: step(given.step, given.folder, given.rows, given.more))))
        return
    root = given.folder or Path(tempfile.mkdtemp())
    found = {}
    try:
        for name in ("make", "plan", "seal", "merge"):
            arguments = ["--step", name, "--folder", root, "--rows", given.rows, "--more", given.more]
            command = [sys.executable, __file__, *map(str, arguments)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[name] = json.loads(done.stdout.splitlines()[-1])
            if not given.json:
                print(name, "  ".join(f"{key} {value:,.1f}" for key, value in found[name].items()))
    finally:
        if given.folder is None:
            shutil.rmtree(root)
    if given.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
