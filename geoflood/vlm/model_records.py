"""Records of the models that were asked, kept beside their answers: digest, server, where the photo went.

A replay reads them in place of a server.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict
from pathlib import Path

from geoflood.core.files import write_whole
from geoflood.vlm.client import ModelRecord

__all__ = ["keep_record", "kept_records"]

_LOCK = threading.Lock()
"""Threads that ask the same model at the same time write the same file."""


def keep_record(folder: Path, record: ModelRecord) -> None:
    """Keep the record of a model as its latest."""
    with _LOCK:
        kept = kept_records(folder, record.full_name)
        if not kept or kept[-1] != record:
            entries = [asdict(old) for old in kept if old != record] + [asdict(record)]
            write_whole(_path(folder, record.full_name), json.dumps({"standings": entries}, indent=1))


def kept_records(folder: Path, full_name: str) -> list[ModelRecord]:
    """The records of a model, the latest last; none when nothing is kept, or the file is damaged."""
    try:
        content = json.loads(_path(folder, full_name).read_bytes())
        records = [ModelRecord(**entry) for entry in content["standings"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
    texts = ("provider", "model", "host", "version", "digest", "remote_host")
    sound = all(isinstance(getattr(record, name), str) for record in records for name in texts)
    return records if sound and all(record.full_name == full_name for record in records) else []


def _path(folder: Path, full_name: str) -> Path:
    return folder / "standings" / f"{hashlib.sha256(full_name.encode()).hexdigest()[:32]}.json"
