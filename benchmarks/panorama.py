"""Views of a panorama beside those of py360convert: the same grey levels, and how long each takes.

    pip install py360convert          # in no extra of geoflood; it is faster where OpenCV is there, too
    python benchmarks/panorama.py [PANORAMA.jpg] [--views 12] [--rounds 5]

Both sample bilinearly out of the same decoded pixels, as many as `index` decodes. Decoding is measured beside
them, of the whole file, and with it shrunk to what views use. Rounds are interleaved. Printed is the best of
each, of the processor's time of all threads. Without a file a panorama of the drawn town is used.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from geoflood.core.datatypes import Image
from geoflood.core.images import jpeg, read_image
from geoflood.imagery.panorama import DECODE_WIDTH, FOV_DEG, SIZE, tiles
from geoflood.synthetic.town import build_town, panorama

WIDTH = 5760
"""Of the usual panorama of Mapillary."""

USED_WIDTH = DECODE_WIDTH // 2 * 2
"""An odd width would make a panorama that is not quite 2:1, which the two take differently."""


def library() -> Any:
    """py360convert, where it is installed."""
    try:
        return import_module("py360convert")
    except ImportError:
        raise SystemExit("this compares with py360convert: pip install py360convert") from None


def theirs(module: Any, whole: Image, views: int) -> list[Image]:
    """The same views by py360convert, whose field of view ends in the middle of the outermost pixels."""
    fov = 2 * math.degrees(math.atan(math.tan(math.radians(FOV_DEG / 2)) * (SIZE - 1) / SIZE))
    turns = [360.0 * step / views for step in range(views)]
    return [module.e2p(whole, fov, (turn + 180) % 360 - 180, 0, (SIZE, SIZE)) for turn in turns]


def processor_s(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def compare(ours: list[Image], others: list[Image]) -> str:
    """How far apart they are, in grey levels."""
    apart = np.abs(np.array(ours, np.int16) - np.array(others, np.int16))
    within = 100 * float((apart <= 1).mean())
    return f"mean {apart.mean():.3f}, at most {apart.max()}; within one: {within:.3f} %"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("panorama", type=Path, nargs="?")
    parser.add_argument("--views", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    module = library()
    with TemporaryDirectory() as folder:
        path = options.panorama or Path(folder) / "panorama.jpg"
        if options.panorama is None:
            town = build_town(3, (1, 1))
            east, north = town.nodes.reshape(-1, 2)[0].tolist()
            path.write_bytes(jpeg(panorama(town, (east, north), 0.0, WIDTH, seed=1)))
        run(module, path, options.views, options.rounds)


def run(module: Any, path: Path, views: int, rounds: int) -> None:
    """Measure and print."""
    whole = read_image(path, USED_WIDTH)
    print(f"{path.name}, decoded to {whole.shape[1]} x {whole.shape[0]} px; {views} views of {SIZE} px")
    ways: dict[str, Callable[[], object]] = {
        "decoding, whole": lambda: read_image(path),
        "decoding, shrunk to what views use": lambda: read_image(path, USED_WIDTH),
        "views, ours": lambda: tiles(whole, views),
        "views, py360convert": lambda: theirs(module, whole, views),
    }
    opencv, best = module.utils.cv2, dict.fromkeys(ways, float("inf"))
    if opencv:
        ways["views, py360convert without OpenCV"] = ways["views, py360convert"]
        best["views, py360convert without OpenCV"] = float("inf")
    for _ in range(rounds):
        for name, work in ways.items():
            module.utils.cv2 = None if name.endswith("OpenCV") else opencv
            best[name] = min(best[name], processor_s(work))
    for name, seconds in best.items():
        print(f"{name:36} {1000 * seconds:7.1f} ms")
    ours = [image for _, image in tiles(whole, views)]
    for name, used in (("with OpenCV", opencv), ("with SciPy", None)):
        if used or name == "with SciPy":
            module.utils.cv2 = used
            print(f"grey levels apart, {name}: {compare(ours, theirs(module, whole, views))}")


if __name__ == "__main__":
    main()
