"""One step of `scale.py` in a process of its own, so that its memory and its processor's time are its own.

    python benchmarks/scale_store.py build|search|cold FOLDER OUT.npz [--shortlist N] [--threads N]

FOLDER has vectors.faiss and asked.npz; OUT gets what was found, and seconds and megabytes.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from geoflood.database.coarse import COARSE, write_coarse
from geoflood.database.vector_file import VectorFile
from geoflood.database.vectors import VectorStore

TOP = 20
COLD = 12
"""Searches from a file that is not in memory."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=("build", "search", "cold"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shortlist", type=int, default=None)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    step = {"build": build, "search": search, "cold": cold}[options.step]
    found = step(options)
    np.savez(options.out, peak_mb=peak_mb(), **found)


def build(options: argparse.Namespace) -> dict[str, Any]:
    """Write coarse.faiss anew."""
    before, clock, processor = peak_mb(), time.perf_counter(), time.process_time()
    untold = np.load(options.folder / "asked.npz")["untold"]
    write_coarse(options.folder / COARSE, VectorFile(options.folder / "vectors.faiss"), untold)
    spent = time.process_time() - processor
    return {"processor_s": spent, "clock_s": time.perf_counter() - clock, "before_mb": before}


def search(options: argparse.Namespace) -> dict[str, Any]:
    """Every query under its belief: the first TOP, and seconds of each."""
    asked = np.load(options.folder / "asked.npz")
    store, ids, similarities, spent = opened(options, len(asked["untold"])), [], [], []
    queries = asked["queries"].astype(np.float32)
    warm(store, queries, asked["beliefs"], options)
    for query, belief in zip(queries, asked["beliefs"], strict=True):
        clock, processor = time.perf_counter(), time.process_time()
        alike, some = store.search(query[None], belief, TOP, shortlist=options.shortlist)
        spent.append((time.perf_counter() - clock, time.process_time() - processor))
        ids.append(some[0])
        similarities.append(alike[0])
    return {"ids": ids, "similarities": similarities, "spent": spent}


def cold(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of searches of which no row is in memory."""
    asked = np.load(options.folder / "asked.npz")
    store, spent = opened(options, len(asked["untold"])), []
    with (options.folder / "vectors.faiss").open("rb") as file:
        for query, belief in zip(asked["queries"][:COLD].astype(np.float32), asked["beliefs"], strict=False):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            clock = time.perf_counter()
            store.search(query[None], belief, TOP, shortlist=options.shortlist)
            spent.append(time.perf_counter() - clock)
    return {"spent": spent}


def opened(options: argparse.Namespace, bands: int) -> VectorStore:
    """Raises AssertionError where the coarse file of a large index is not used."""
    store = VectorStore(options.folder / "vectors.faiss", bands, threads=options.threads)
    assert (options.folder / COARSE).exists() == (store.coarse is not None)
    return store


def warm(store: VectorStore, queries: Any, beliefs: Any, options: argparse.Namespace) -> None:
    """What is read and started once is read and started."""
    for query, belief in zip(queries[:8], beliefs, strict=False):
        store.search(query[None], belief, TOP, shortlist=options.shortlist)


def peak_mb() -> float:
    """Most memory that this process has held; what its parent holds is not counted."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000


if __name__ == "__main__":
    main()
