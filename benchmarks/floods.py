"""How fast synthetic floods are made, for each set of effects, and whether they are the same every time.

    python benchmarks/floods.py [FOLDER] [--images 32] [--size 512] [--workers 2] [--level 0.45]

The photos come from FOLDER, else from the drawn town; all are squares of `--size` pixels, decoded before the
clock starts. `processor` is one thread's processor time, turned into images/s of as many free cores as there
are workers; threads and processes are measured by the clock, ROUNDS times, the best of each: on a busy
machine they are lower. The last column is a fingerprint of all pixels and masks; the command fails when
threads, processes or rounds disagree about it.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from geoflood.core.datatypes import Image
from geoflood.core.images import read_image, resize
from geoflood.imagery.folder import is_picture
from geoflood.synthetic.flood import POST, STORM, WATER, Effects, scene
from geoflood.synthetic.town import build_town, view
from geoflood.synthetic.town.shots import drive

ROUNDS = 3
SETS = {"water": WATER, "storm": STORM, "post": POST, "storm and post": STORM | POST}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--level", type=float, default=0.45)
    options = parser.parse_args()
    photos = read(options.folder, options.images, options.size) if options.folder else drawn(options.size)
    pools = (ThreadPoolExecutor(options.workers), ProcessPoolExecutor(options.workers))
    print(f"images/s with {options.workers} workers, {options.size} px, level {options.level}")
    print(f"{'effects':18}{'processor':>11}{'threads':>9}{'processes':>11}  fingerprint")
    for name, effects in SETS.items():
        job = partial(made, photos=photos, level=options.level, effects=effects)
        alone = options.workers / processor_s(job, min(options.images, 16))
        found = [measured(pool, job, options.images) for pool in pools]
        fingerprints = {fingerprint for _, fingerprint in found}
        rates = f"{alone:11.0f}{found[0][0]:9.0f}{found[1][0]:11.0f}"
        print(f"{name:18}{rates}  {' '.join(sorted(fingerprints))}", flush=True)
        if len(fingerprints) > 1:
            raise SystemExit("not reproducible")


def read(folder: Path, count: int, size: int) -> list[Image]:
    """Some photos of a folder, evenly spread, as squares of `size` px."""
    found = sorted(path for path in folder.rglob("*") if is_picture(path))
    some = found[:: max(len(found) // min(count, 8), 1)][:8]
    return [resize(read_image(path), size, size) for path in some]


def drawn(size: int) -> list[Image]:
    """Eight views of the drawn town."""
    town = build_town(7, (2, 2))
    shots = drive(town, 17.0)[::5][:8]
    return [view(town, shot.position, shot.heading_deg, 75.0, (size, size)) for shot in shots]


def made(seed: int, photos: list[Image], level: float, effects: Effects) -> str:
    """Fingerprint of one flooded photo."""
    flooded = scene(photos[seed % len(photos)], level, seed, effects)
    return hashlib.sha256(flooded.photo.tobytes() + flooded.mask.tobytes()).hexdigest()


def processor_s(job: partial[str], count: int) -> float:
    """Processor seconds an image, on one thread; the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        begin = time.process_time()
        for seed in range(count):
            job(seed)
        best = min(best, (time.process_time() - begin) / count)
    return best


def measured(pool: Executor, job: partial[str], count: int) -> tuple[float, str]:
    """Images a second, and the fingerprint of all of them."""
    best, told = 0.0, set()
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        prints = list(pool.map(job, range(count), chunksize=max(count // 8, 1)))
        best = max(best, count / (time.perf_counter() - begin))
        told.add(hashlib.sha256("".join(prints).encode()).hexdigest()[:12])
    return best, " ".join(sorted(told))


if __name__ == "__main__":
    main()
