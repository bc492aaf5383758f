"""Hosts that block this address, remembered from run to run: each request during a block may prolong it."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from geoflood.core.errors import BlockedError
from geoflood.core.files import write_whole
from geoflood.core.paths import cache_folder

__all__ = ["known_block", "remember_block"]

_LONGEST = timedelta(days=8)
"""No server blocks for longer, so a file that says so is no use."""


def remember_block(host: str, error: BlockedError) -> None:
    """Keep a block of a host (with its port) whose end is known; a disk that is full is no failure."""
    if error.until is not None:
        content = {"host": host, "until_s": error.until.timestamp(), "reason": str(error)}
        with suppress(OSError):
            write_whole(_path(host), json.dumps(content))


def known_block(host: str) -> BlockedError | None:
    """The block of a host that an earlier run met and that is not over; None where there is none."""
    path = _path(host)
    try:
        content = json.loads(path.read_bytes())
        reason, until_s = str(content["reason"])[:300], float(content["until_s"])
        left = timedelta(seconds=until_s - datetime.now(UTC).timestamp())
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    if content["host"] != host or not reason.isprintable() or not timedelta(0) < left < _LONGEST:
        return None
    until = datetime.fromtimestamp(math.ceil(until_s), UTC)
    return BlockedError(
        f"{reason}, in an earlier run; it was not asked again",
        f"what is done is kept; run the same command again after {until:%Y-%m-%d %H:%M} UTC, not before; "
        f"from another network remove {path} first",
        until,
    )


def _path(host: str) -> Path:
    return cache_folder("blocks") / f"{re.sub(r'[^a-z0-9.-]', '_', host.lower())[:200]}.json"
