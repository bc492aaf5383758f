"""Pictures in an export that are no photos of a place, by what lies around them: they are left out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Set

from geoflood.triage.posts.left_out import LeftOutKind

__all__ = ["not_a_photo"]

_STICKER = re.compile(r"stk-\d{8}-wa|\d{8}-sticker-", re.ASCII)
"""As WhatsApp names them."""


def not_a_photo(name: str, names: Set[str]) -> LeftOutKind | None:
    """Why a picture is not to be located; None for a photo. `names` are all lowercase names in the folder."""
    folder, base = posixpath.split(name)
    above, kind = posixpath.split(folder)
    stem, suffix = posixpath.splitext(base)
    telegram = any(posixpath.join(up, "result.json") in names for up in _upwards(folder))
    if _STICKER.match(base) or (kind == "stickers" and telegram):
        return LeftOutKind.STICKER
    if kind == "profile_pictures" and telegram:
        return LeftOutKind.PROFILE_PICTURE
    if stem.endswith("_thumb"):
        whole = posixpath.join(folder, stem.removesuffix("_thumb"))
        if telegram or whole in names or whole + suffix in names:
            return LeftOutKind.THUMBNAIL
    if stem in ("avatar", "header") and posixpath.join(folder, "actor.json") in names:
        return LeftOutKind.PROFILE_PICTURE
    beside = {posixpath.join(above, one) for one in ("account.js", "profile.js", "tweets.js")}
    return LeftOutKind.PROFILE_PICTURE if kind == "profile_media" and beside & names else None


def _upwards(folder: str) -> list[str]:
    """The folder and the three above it: Telegram keeps files at most two folders below its result.json."""
    found = [folder]
    for _ in range(3):
        found.append(posixpath.dirname(found[-1]))
    return found
