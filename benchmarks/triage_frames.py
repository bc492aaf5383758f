"""How smoothly photo and match are compared in the triage page, and what larger pictures cost.

    python -m benchmarks.triage_frames [--photos 12] [--seconds 6] [--beside PAGE ...]

Photos and matches are views of a drawn town, 1,024 pixels a side, with forty lines between agreeing
details. Prints the bytes of the larger pictures, and what the page itself has more for them. Then keys are
pressed and the mouse is moved over the pair, and `requestAnimationFrame` tells when each frame begins. For
each act:

- late: the share of frames that came after more than 1.5 times 16.7 ms; the longest gap
- processor: milliseconds a frame, of the page's thread and of all the browser's processes

"at rest" is the same with no keys: what is late there is late for another reason. `--beside` does the same in
other pages; each act is done in four rounds, page by page in turns.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from geoflood.core.datatypes import Outcome, Query, Reference
from geoflood.core.images import jpeg
from geoflood.synthetic.town import build_town, view
from geoflood.synthetic.town.shots import drive
from geoflood.triage.export import triage_page
from geoflood.triage.export.triage_page import write_triage
from geoflood.triage.findings import Finding
from tests.support.keyboard import Keyboard, keyboard
from tests.support.triage_results import CITY, finding

ROUNDS = 4
FRAME_MS = 1000 / 60
SIZE = (1024, 1024)
WATCH = """window.drawn = []; cancelAnimationFrame(window.watching || 0);
(function next(at) { drawn.push(at); watching = requestAnimationFrame(next); })(performance.now()); 1"""


@dataclass(frozen=True)
class Frames:
    """What was seen of one act; gaps between frames in milliseconds."""

    gaps: list[float]
    thread_ms: float
    browser_ms: float

    def __add__(self, more: Frames) -> Frames:
        return Frames(
            self.gaps + more.gaps, self.thread_ms + more.thread_ms, self.browser_ms + more.browser_ms
        )

    def __str__(self) -> str:
        late = sum(gap > 1.5 * FRAME_MS for gap in self.gaps) / len(self.gaps)
        each = len(self.gaps)
        return (
            f"{each} frames, {late:.1%} late, longest {max(self.gaps):.0f} ms; "
            f"processor {self.thread_ms / each:.1f} and {self.browser_ms / each:.1f} ms a frame"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--photos", type=int, default=12)
    options.add_argument("--seconds", type=float, default=6.0)
    options.add_argument("--beside", type=Path, nargs="*", default=[])
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = make(Path(folder), given.photos)
        compare([page, *(path.resolve() for path in given.beside)], given.seconds, Path(folder))


def make(folder: Path, photos: int) -> Path:
    """The page and its pictures, and a line on what they cost."""
    town = build_town()
    shots = drive(town, 12.0)[: photos + 1]
    files = [folder / f"{n}.jpg" for n in range(photos + 1)]
    for file, shot in zip(files, shots, strict=True):
        file.write_bytes(jpeg(view(town, (shot.east, shot.north), shot.heading_deg, size=SIZE), quality=90))
    found = [made(n, files) for n in range(1, photos + 1)]
    bytes_of = {}
    for most in (0, triage_page.MOST_LARGE):
        triage_page.MOST_LARGE = most
        page = folder / f"triage-{most}.html"
        write_triage(page, found, CITY, "b", view=lambda reference: Path(reference.location))
        bytes_of[most] = page.stat().st_size
    kept = [one.stat().st_size for one in page.with_name(f"{page.stem}-pictures").glob("*-large.jpg")]
    print(
        f"{len(kept)} larger pictures of {photos} photos and their matches: {min(kept) / 1e3:.0f} to "
        f"{max(kept) / 1e3:.0f} kB, mean {np.mean(kept) / 1e3:.0f}; the page has "
        f"{(bytes_of[most] - bytes_of[0]) / photos:.0f} bytes a photo more for lines and names"
    )
    return page


def made(number: int, files: list[Path]) -> Finding:
    """A photo with the view after it as its match."""
    dice = np.random.default_rng(number)
    one = finding(number, "water", Outcome.LIKELY)
    best = one.located.candidates[0]
    mine: Reference = replace(best.reference, id=number, location=str(files[number]))
    best = replace(best, reference=mine, inliers=80, pairs=tuple(map(tuple, dice.random((40, 4)).tolist())))
    return replace(one, located=replace(one.located, query=Query(files[number - 1]), candidates=(best,)))


def compare(pages: list[Path], seconds: float, folder: Path) -> None:
    """Every act in every page, by turns."""
    with ExitStack() as stack:
        boards = [stack.enter_context(keyboard(folder / f"profile{at}")) for at in range(len(pages))]
        for keys, page in zip(boards, pages, strict=True):
            keys.open(page, 1280, 800, counted=True)
            keys.press("Escape", "e")
            keys.ask("Promise.all([...document.querySelectorAll('#compare img')].map((one) => one.decode()))")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for name, prepare, act in ACTS:
            seen = [Frames([], 0.0, 0.0) for _ in pages]
            for _ in range(ROUNDS):
                for at, keys in enumerate(boards):
                    keys.press(*prepare)
                    seen[at] += watched(keys, act, seconds / ROUNDS)
            for told, page in zip(seen, pages, strict=True):
                print(f"{name:12} {told}{'' if page is pages[0] else f'  {page}'}")


def watched(keys: Keyboard, act: Callable[[Keyboard], Iterator[None]], seconds: float) -> Frames:
    """Do an act over and over for so long."""
    keys.ask(WATCH)
    thread, browser = thread_ms(keys), keys.processor_s() * 1000
    steps, end = act(keys), time.monotonic() + seconds
    while time.monotonic() < end:
        next(steps)
    thread, browser = thread_ms(keys) - thread, keys.processor_s() * 1000 - browser
    return Frames(np.diff(keys.ask("drawn")).tolist(), thread, browser)


def thread_ms(keys: Keyboard) -> float:
    """What the page's thread has worked so far."""
    told = keys.call("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in told if one["name"] == "TaskDuration") * 1000


def rest(keys: Keyboard) -> Iterator[None]:
    while True:
        time.sleep(0.1)
        yield


def pressing(*wanted: str) -> Callable[[Keyboard], Iterator[None]]:
    def act(keys: Keyboard) -> Iterator[None]:
        while True:
            keys.press(*wanted)
            yield

    return act


def dragging(keys: Keyboard) -> Iterator[None]:
    """In circles over the photo, the button held."""
    mouse(keys, "mousePressed", 320, 420)
    for step in count():
        mouse(keys, "mouseMoved", 320 + 90 * math.sin(step / 9), 420 + 90 * math.cos(step / 9))
        yield


def turning(keys: Keyboard) -> Iterator[None]:
    """The wheel over the photo, closer and farther."""
    for step in count():
        mouse(keys, "mouseWheel", 300, 400, deltaX=0, deltaY=-100 if step % 12 < 6 else 100)
        yield


def mouse(keys: Keyboard, kind: str, x: float, y: float, **more: float) -> None:
    held = {"button": "left", "buttons": 1} if kind != "mouseWheel" else {}
    keys.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, clickCount=1, **held, **more)


ACTS = (
    ("at rest", ("s", "0"), rest),
    ("flip", ("s", "0"), pressing("f")),
    ("blink", ("s", "0", "b"), rest),
    ("drag", ("s", "0", "+", "+", "+"), dragging),
    ("zoom", ("0",), turning),
    ("next photo", ("0",), pressing("j")),
)
"""What is measured, and the keys before it."""


if __name__ == "__main__":
    main()
