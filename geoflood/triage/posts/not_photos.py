"""Pictures in an export that are no photos of a place: told by what lies around them, and left out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Set

__all__ = ["left_out"]

_STICKER = re.compile(r"stk-\d{8}-wa|\d{8}-sticker-", re.ASCII)
"""As WhatsApp names them."""


def left_out(name: str, names: Set[str]) -> str:
    """Why a picture is not to be located; empty for a photo. Of lowercase names, `names` is what there is."""
    folder, base = posixpath.split(name)
    above, kind = posixpath.split(folder)
    stem, suffix = posixpath.splitext(base)
    telegram = any(posixpath.join(up, "result.json") in names for up in _upwards(folder))
    if _STICKER.match(base) or (kind == "stickers" and telegram):
        return "sticker"
    if stem.endswith("_thumb"):
        whole = posixpath.join(folder, stem.removesuffix("_thumb"))
        if telegram or whole in names or whole + suffix in names:
            return "thumbnail"
    if stem in ("avatar", "header") and posixpath.join(folder, "actor.json") in names:
        return "profile picture"
    beside = {posixpath.join(above, one) for one in ("account.js", "profile.js", "tweets.js")}
    return "profile picture" if kind == "profile_media" and beside & names else ""


def _upwards(folder: str) -> list[str]:
    """The folder and the three above it: Telegram keeps files at most two folders below its result.json."""
    found = [folder]
    for _ in range(3):
        found.append(posixpath.dirname(found[-1]))
    return found
