"""What reading a dense vector tile costs: ours beside mapbox-vector-tile, in time and in memory.

    python benchmarks/vector_tiles.py [--points 170000]

The tile is made like one of Mapillary's: points with doubles for ids, a few attributes each. Each reader has
a process of its own. Given are the processor's time and how far the memory rose at its peak.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import time
from collections.abc import Callable
from pathlib import Path

import mapbox_vector_tile

from geoflood.core.area import Tile
from geoflood.imagery.sources.tiles import points_of

COLUMNS = ("id", "sequence_id", "captured_at", "compass_angle", "is_pano", "creator_id", "quality_score")
EXTENT = 4096


def tile(points: int) -> bytes:
    """A tile of so many images."""
    dice = random.Random(1)
    features = [
        {
            "geometry": f"POINT({dice.randrange(EXTENT)} {dice.randrange(EXTENT)})",
            "properties": {
                "id": float(dice.randrange(10**14, 3 * 10**16)),
                "sequence_id": f"{number // 120:022d}",
                "captured_at": 1_500_000_000_000 + dice.randrange(10**11),
                "compass_angle": round(360 * dice.random(), 4),
                "is_pano": dice.random() < 0.3,
                "creator_id": float(dice.randrange(10**14, 10**14 + 1000)),
                "quality_score": round(dice.random(), 6),
            },
        }
        for number in range(points)
    ]
    layers = [{"name": "image", "features": features}]
    return bytes(mapbox_vector_tile.encode(layers, default_options={"y_coord_down": True}))


def ours(data: bytes) -> int:
    """Positions and columns."""
    found = points_of(data, "image", Tile(14, 4823, 6160))
    columns = {name: found.column(name) for name in COLUMNS}
    return len(columns["id"])


def theirs(data: bytes) -> int:
    """Features as dictionaries."""
    return len(mapbox_vector_tile.decode(data, default_options={"y_coord_down": True})["image"]["features"])


def measured(read: Callable[[bytes], int], data: bytes) -> tuple[int, float, float]:
    """Points, seconds of the processor, and MB that the memory rose by."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _peak_kb()
    began = time.process_time()
    points = read(data)
    spent = time.process_time() - began
    return points, spent, (_peak_kb() - before) / 1000


def _peak_kb() -> int:
    """The most memory so far, kB; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Print a line a reader."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=170_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    data = tile(options.points)
    print(f"{options.points:,} points, {len(data) / 1e6:.1f} MB")
    for _ in range(options.rounds):
        for read in (ours, theirs):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                points, seconds, megabytes = pool.apply(measured, (read, data))
            print(f"{read.__name__:>6}: {points:,} points in {seconds:.2f} s, {megabytes:,.0f} MB")


if __name__ == "__main__":
    main()
