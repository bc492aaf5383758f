"""What it takes to make a street map out of an extract, and what comes of it.

    python benchmarks/street_map.py EXTRACT --center LAT,LON --radius M
    python benchmarks/street_map.py --nodes 3000000

The second one generates a city of so many nodes: four fifths are corners of buildings, the others streets of
20,000 names and doors. It is read with street images all over it, and on a twentieth of its ground; the first
of these again as GeoJSON.
Each reading is a process of its own; memory is the most that it had, seconds are the processor's.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflood.core.datatypes import LatLon
from geoflood.core.geo import from_local
from geoflood.places.build_street_map import build
from geoflood.places.street_map_file import load, save

CENTRE = LatLon(52.52, 13.40)
SPACING_M = 200.0
"""Between street images."""
BLOCK_M = 100.0
NAMES = 20_000


def images_around(centre: LatLon, reach_m: float) -> NDArray[np.float64]:
    """[N, 2] (lat, lon) of a square of street images."""
    steps = np.arange(-reach_m, reach_m + 1.0, SPACING_M)
    return from_local(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2), centre)


def generate(path: Path, nodes: int) -> float:
    """Write a city of so many nodes; returns how far it reaches from its centre, metres.

    A block has two streets, a house number and 20 buildings: 100 nodes.
    """
    import osmium

    side = math.ceil(math.sqrt(nodes / 100))
    reach = side * BLOCK_M / 2.0
    random = np.random.default_rng(1)
    corners = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) * BLOCK_M - reach
    house = np.array([[0, 0], [12, 0], [12, 9], [0, 9]])
    plots = np.stack(np.meshgrid(np.arange(4), np.arange(5)), -1).reshape(-1, 1, 2) * (22.0, 18.0) + 8.0
    pattern = np.concatenate([(plots + house).reshape(-1, 2), np.zeros((19, 2)), [[9, 9]]])
    pattern[80:90, 0], pattern[90:99, 1] = np.arange(10) * 10.0, np.arange(1, 10) * 10.0
    with osmium.SimpleWriter(str(path)) as writer:
        for block, corner in enumerate(corners):
            shaken = pattern + corner + random.normal(size=pattern.shape)
            door = {"addr:street": f"Street {block % NAMES}", "addr:housenumber": str(block)}
            places = from_local(shaken, CENTRE)[:, ::-1].tolist()
            for n, place in enumerate(places, 100 * block + 1):
                tags = {} if n % 100 else door
                writer.add_node(osmium.osm.mutable.Node(id=n, location=tuple(place), tags=tags))
        for block in range(len(corners)):
            first = 100 * block + 1
            for b in range(20):
                refs = [first + 4 * b + corner for corner in (0, 1, 2, 3, 0)]
                way = osmium.osm.mutable.Way(id=22 * block + b + 1, nodes=refs, tags={"building": "yes"})
                writer.add_way(way)
            for s, (start, end) in enumerate(((80, 90), (90, 99))):
                name = f"Street {(block + s * 7919) % NAMES}"
                tags = {"highway": "residential", "name": name, "name:xx": f"Strasse {block % NAMES}"}
                refs = [first + n for n in range(start, end)]
                writer.add_way(osmium.osm.mutable.Way(id=22 * block + 21 + s, nodes=refs, tags=tags))
    return reach


def to_geojson(extract: Path, path: Path) -> None:
    """The same features, as osmium exports them."""
    import osmium

    shapes: Any = osmium.geom.GeoJSONFactory()
    tagged: Iterable[Any] = (
        osmium.FileProcessor(str(extract)).with_areas().with_filter(osmium.filter.EmptyTagFilter())
    )
    with path.open("w", encoding="utf-8") as file:
        separator = '{"type":"FeatureCollection","features":['
        for one in tagged:
            if one.is_way() and "building" in one.tags:
                continue  # comes as an area, too
            make = shapes.create_point if one.is_node() else shapes.create_multipolygon
            shape = shapes.create_linestring(one) if one.is_way() else make(one)
            tags = json.dumps({tag.k: tag.v for tag in one.tags})
            file.write(f'{separator}\n{{"type":"Feature","properties":{tags},"geometry":{shape}}}')
            separator = ","
        file.write("]}")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def measure(extract: Path, centre: LatLon, reach_m: float) -> None:
    """Read once, in this process; prints a record."""
    images = images_around(centre, reach_m)
    started = time.process_time()
    street_map = build(extract, images)
    read_s, peak = time.process_time() - started, peak_mb()
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder), street_map)
        size, started = path.stat().st_size, time.process_time()
        load(path)
        load_s = time.process_time() - started
    record = {
        "images": len(images),
        "seconds": round(read_s, 1),
        "memory_peak_mb": round(peak),
        "names": len(street_map.names),
        "lines": len(street_map.lines),
        "points": len(street_map.lines.points) + len(street_map.areas.points),
        "areas": len(street_map.areas),
        "places": len(street_map.spots),
        "doors": len(street_map.doors),
        "file_mb": round(size / 1e6, 2),
        "load_seconds": round(load_s, 2),
    }
    print(json.dumps(record))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("extract", type=Path, nargs="?")
    parser.add_argument("--center", default=f"{CENTRE.lat},{CENTRE.lon}")
    parser.add_argument("--radius", type=float, default=1000.0, help="of street images around it, metres")
    parser.add_argument("--nodes", type=int, default=0)
    options = parser.parse_args()
    if options.extract:
        lat, lon = map(float, options.center.split(","))
        measure(options.extract, LatLon(lat, lon), options.radius)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.osm.pbf"
        started = time.process_time()
        reach = generate(path, options.nodes or 3_000_000)
        print(f"generated {path.stat().st_size / 1e6:.1f} MB in {time.process_time() - started:.0f} s")
        to_geojson(path, features := path.with_suffix(".geojson"))
        print(f"as GeoJSON {features.stat().st_size / 1e6:.1f} MB")
        for extract, radius in ((path, reach), (path, math.sqrt(1 / 20) * reach), (features, reach)):
            command = [sys.executable, __file__, str(extract), "--radius", str(radius)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
