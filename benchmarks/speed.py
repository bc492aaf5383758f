"""How fast `index` is, side by side in one run with features alone and with the plain loop; and its memory.

    python benchmarks/speed.py FOLDER [--images 600] [--repeat 1]
    python benchmarks/speed.py FOLDER --memory 100000

Throughput: `describing` is the stage of `geoflood index` that grows with the city, from files to shards;
`features alone` runs them on preloaded arrays with the same threads; `plain loop` decodes,
computes features and aggregates one image at a time. The three are interleaved, ROUNDS times, and the best of
each is printed with their ratios: machines are noisy.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from streets import settings

from geoflood.backbones.describe import Describer
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import Image, StreetImage, no_progress
from geoflood.core.images import read_image
from geoflood.core.parallel import cores
from geoflood.database.bands import BANDS, band_weights
from geoflood.database.build import build
from geoflood.database.describe_shards import describe_missing
from geoflood.database.learn_city import learn_once
from geoflood.database.plan import IndexPlan
from geoflood.database.shards import Shard, read_shard, shard_path, write_shard
from geoflood.imagery.folder import images
from geoflood.localize.calibration.calibrate import self_calibrate

ROUNDS = 3
CHUNK = 16
DESCRIBED = 1280
"""Images described for the memory figure: more than are learned from."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=384)
    parser.add_argument(
        "--memory", type=int, default=0, help="index so many (repeated) images; print the peak"
    )
    options = parser.parse_args()
    found = [one for one in images([options.folder]) if isinstance(one, StreetImage)]
    if options.memory:
        memory(repeated(found, options.memory))
    else:
        throughput(found[: options.images])


def repeated(found: list[StreetImage], count: int) -> list[StreetImage]:
    """`count` images under keys of their own."""
    again = islice(cycle(found), count)
    return [StreetImage(f"{n}:{one.key}", one.location, one.geotag) for n, one in enumerate(again)]


def memory(found: list[StreetImage]) -> None:
    """Peak of indexing: the first shards are described, which is where learning and describing peak; the
    others are copies of them under numbers of their own, so that planning and sealing see the whole city.
    """
    with TemporaryDirectory() as work:
        folder = Path(work)
        build(folder, "city", found[:DESCRIBED], settings(), self_calibrate)
        described = peak_gb()
        plan = IndexPlan(folder)
        plan.add(found)
        shards = [(shard_path(folder, number), images) for number, images in plan.shards()]
        plan.close()
        template = read_shard(shards[0][0])
        assert template is not None
        for path, images in shards:
            if not path.exists():
                write_shard(path, cut(template, np.array([number for number, _ in images])))
        begun = time.perf_counter()
        build(folder, "city", found, settings(), self_calibrate)
    print(
        f"peak {described:.2f} GB learning and describing; {peak_gb():.2f} GB with {len(found)} images sealed"
    )
    print(f"planning and sealing again took {time.perf_counter() - begun:.0f} s")


def cut(shard: Shard, images: np.ndarray) -> Shard:
    """The first views of a shard, one for each of these images, and no rejected ones."""
    none = {"rejected": 0, "reason": 0, "detail": 0}
    counts = dict.fromkeys(vars(shard), len(images)) | none
    arrays = {name: getattr(shard, name)[:count] for name, count in counts.items()}
    return Shard(**arrays | {"image": images})


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def throughput(found: list[StreetImage]) -> None:
    weigh = partial(band_weights, bands=BANDS)
    with TemporaryDirectory() as work:
        folder = Path(work)
        plan = IndexPlan(folder)
        plan.add(found)
        describer = learn_once(folder, plan, settings(), no_progress)
        loaded = [read_image(Path(one.location), 1024) for one in found]
        ways: dict[str, Callable[[], None]] = {
            "describing": partial(describing, folder, plan, describer),
            "features alone": partial(alone, loaded, describer, weigh),
            "plain loop": partial(plain, found, describer, weigh),
        }
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(ROUNDS):
            for name, way in ways.items():
                begun = time.perf_counter()
                way()
                best[name] = min(best[name], time.perf_counter() - begun)
        plan.close()
    for name, seconds in best.items():
        print(f"{name:15} {len(found) / seconds:6.1f} images/s   {best['features alone'] / seconds:5.0%}")


def describing(folder: Path, plan: IndexPlan, describer: Describer) -> None:
    for shard in (folder / "shards").glob("*.npz"):
        shard.unlink()
    describe_missing(folder, plan, describer, settings(), cores(), no_progress)


def alone(loaded: list[Image], describer: Describer, weigh: Callable[[np.ndarray], np.ndarray]) -> None:
    chunks = [loaded[start : start + CHUNK] for start in range(0, len(loaded), CHUNK)]
    with side_by_side(cores()) as pool:
        list(pool.map(lambda chunk: describer.describe(chunk, weigh), chunks))


def plain(found: list[StreetImage], describer: Describer, weigh: Callable[[np.ndarray], np.ndarray]) -> None:
    for one in found:
        describer.describe([read_image(Path(one.location))], weigh)


if __name__ == "__main__":
    main()
