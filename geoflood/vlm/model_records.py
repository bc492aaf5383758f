"""How models stood when they were asked, kept beside their answers: digest, server, where the photo went."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict
from pathlib import Path

from geoflood.core.files import write_whole
from geoflood.vlm.client import ModelRecord

__all__ = ["model_records", "note"]

_WRITING = threading.Lock()
"""Threads that ask the same model at the same time note the same."""


def note(folder: Path, standing: ModelRecord) -> None:
    """Keep how a model stood, the latest last: what a replay has to know of it without a server."""
    with _WRITING:
        known = model_records(folder, standing.named)
        if not known or known[-1] != standing:
            kept = [asdict(one) for one in known if one != standing] + [asdict(standing)]
            write_whole(_path(folder, standing.named), json.dumps({"standings": kept}, indent=1))


def model_records(folder: Path, named: str) -> list[ModelRecord]:
    """How a model stood, the latest last; none when nothing is kept, or it is damaged."""
    try:
        entry = json.loads(_path(folder, named).read_bytes())
        found = [ModelRecord(**told) for told in entry["standings"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    texts = ("provider", "model", "host", "version", "digest", "remote_host")
    sound = all(isinstance(getattr(one, name), str) for one in found for name in texts)
    return found if sound and all(one.named == named for one in found) else []


def _path(folder: Path, named: str) -> Path:
    return folder / "standings" / f"{hashlib.sha256(named.encode()).hexdigest()[:32]}.json"
