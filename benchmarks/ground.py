"""How large a city's streets are in a page, and how much later it is ready: a generated city, in Chromium.

python benchmarks/ground.py --km 10000
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np

from geoflood.core.datatypes import City, LatLon
from geoflood.core.geo import from_local
from geoflood.outputs.ground import draw_ground
from geoflood.outputs.map import write_map
from geoflood.places.street_map import DEGREE, LineKind, Name, Shapes, StreetMap

ORIGIN = LatLon(29.76, -95.37)
BLOCK_M = 120.0
BLOCKS_A_STREET = 5
BENDS = 2
"""Points of a way between two crossings."""
WORDS = [
    "Oak",
    "Main",
    "Church",
    "Mill",
    "Station",
    "Park",
    "River",
    "Hill",
    "North",
    "Garden",
    "Bridge",
    "King",
]
KINDS = ["Street", "Avenue", "Lane", "Road", "Drive", "Court"]
CHROMIUM = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
REPORT = """
const first = performance.now();
const asked = setInterval(() => {
  const drawn = document.documentElement.dataset;
  if (document.getElementById("ground") && !drawn.ground) return;
  clearInterval(asked);
  fetch(`http://127.0.0.1:PORT/?first=${first}&after=${drawn.groundAfter || first}`, { mode: "no-cors" });
}, 5);
"""


def generated(km: float, seed: int = 1) -> StreetMap:
    """A jittered grid with bends, every street of five blocks with a name of its own; so many kilometres."""
    rng = np.random.default_rng(seed)
    side = round((km * 1000.0 / BLOCK_M / 2.0) ** 0.5)
    corners = np.stack(np.meshgrid(*[np.arange(side + 1) * BLOCK_M] * 2, indexing="ij"), -1)
    corners += rng.uniform(-15, 15, corners.shape)
    corners[..., 0] += 60.0 * np.sin(corners[..., 1] / 700.0)
    rows = [
        (number, row[first : first + BLOCKS_A_STREET + 1])
        for across in (corners, corners.transpose(1, 0, 2))
        for number, row in enumerate(across)
        for first in range(0, side, BLOCKS_A_STREET)
    ]
    ways = [bent(row, rng) for _, row in rows]
    points = np.rint(from_local(np.concatenate(ways) - side * BLOCK_M / 2, ORIGIN) * DEGREE)
    every = np.arange(len(ways), dtype=np.int32)
    lines = Shapes(
        points.astype(np.int32),
        np.concatenate([[0], np.cumsum([len(way) for way in ways])]),
        np.array([kind_of(number) for number, _ in rows], np.uint8),
        every,
        every,
    )
    names = tuple(Name((("name", name_of(n)),)) for n in every.tolist())
    return StreetMap(names, lines, credit="generated")


def kind_of(number: int) -> LineKind:
    """Every tenth street is a larger one."""
    return LineKind.MAJOR if number % 40 == 0 else LineKind.MIDDLE if number % 10 == 0 else LineKind.MINOR


def name_of(n: int) -> str:
    """ "Oakmill Lane 7": no two alike."""
    word = WORDS[n % 12] + WORDS[n // 12 % 12].lower()
    return f"{word} {KINDS[n // 144 % 6]} {n // 864 or ''}".strip()


def bent(row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A way through crossings [n, 2], with bends of some metres between them."""
    shares = np.arange(0, len(row) - 1, 1 / (BENDS + 1))
    middle = np.column_stack([np.interp(shares, np.arange(len(row)), side) for side in row.T])
    wobble = rng.normal(0, 2.5, middle.shape) * (shares % 1 > 1e-6)[:, None]
    return np.vstack([middle + wobble, row[-1:]])


class Listener(BaseHTTPRequestHandler):
    """Takes what a page reports."""

    told: dict[str, float] = {}  # noqa: RUF012 (one run at a time)

    def do_GET(self) -> None:
        """A report."""
        Listener.told = {key: float(value[0]) for key, value in parse_qs(urlsplit(self.path).query).items()}
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def opened(page: Path) -> dict[str, float]:
    """Milliseconds from a page's beginning until its scripts had run, and until its streets were drawn."""
    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.handle_request, daemon=True).start()
    text = re.sub("<meta http-equiv[^>]*>", "", page.read_text("utf-8"))
    script = REPORT.replace("PORT", str(server.server_port))
    watched = page.with_name("watched.html")
    watched.write_text(text.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    Listener.told = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [f"--{flag}" for flag in CHROMIUM.split()]
        command = [
            str(shutil.which("chromium")),
            *flags,
            "--remote-debugging-port=0",
            "--window-size=1366,768",
        ]
        browser = subprocess.Popen(
            [*command, f"--user-data-dir={profile}", watched.as_uri()], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not Listener.told and time.monotonic() < deadline:
            time.sleep(0.05)
        browser.terminate()
        browser.wait()
    server.server_close()
    if not Listener.told:
        raise SystemExit(f"{page} was not ready")
    return Listener.told


def main() -> None:
    """Size, packing, and both times, with the streets and without, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--km", type=float, default=10_000.0)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    streets = generated(arguments.km)
    around = streets.lines.points[::40] / float(DEGREE)
    begun = time.perf_counter()
    ground = draw_ground(streets, around)
    took = time.perf_counter() - begun
    print(f"{len(streets.lines):,} ways, {len(streets.lines.points):,} points, {len(streets.names):,} names")
    print(f"{len(ground.packed):,} characters, packed in {took:.2f} s; {ground.left_out or 'all of it'}")
    city = City("generated", len(around), len(around), "none", around)
    with tempfile.TemporaryDirectory() as folder:
        pages = [Path(folder) / name for name in ("bare.html", "drawn.html")]
        write_map(pages[0], [], city)
        write_map(pages[1], [], city, streets)
        times = [[opened(page) for page in pages] for _ in range(arguments.runs)]
    bare, first, after = (
        statistics.median(run[n][key] for run in times)
        for n, key in ((0, "first"), (1, "first"), (1, "after"))
    )
    print(f"usable after {bare:.0f} ms without streets, {first:.0f} with; streets drawn after {after:.0f} ms")


if __name__ == "__main__":
    main()
