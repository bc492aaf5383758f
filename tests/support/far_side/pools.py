"""Several servers as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from geoflood.vlm.ollama_backend import OllamaBackend
from geoflood.vlm.pool import Pool
from tests.support.far_side.ollama_server import FarOllama


@contextmanager
def pool(*servers: FarOllama, **how: float) -> Iterator[Pool]:
    lines: list[str] = []
    made = Pool(
        [OllamaBackend(far.host, "tiny-vl") for far in servers], pause_s=0.01, news=lines.append, **how
    )  # type: ignore[arg-type]
    made.lines = lines  # type: ignore[attr-defined]
    try:
        yield made
    finally:
        made.close()
