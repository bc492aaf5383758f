"""What of a folder of posts is left out on purpose, counted by kind: it shows no place and holds no posts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LeftOut", "LeftOutKind"]


class LeftOutKind(StrEnum):
    """What is left out on purpose: it is counted by kind."""

    STICKER = "sticker"
    THUMBNAIL = "thumbnail"
    PROFILE_PICTURE = "profile picture"
    SOUND = "sound"
    DRAWING = "drawing or icon"
    WEB_PAGE = "web page"
    HIDDEN = "hidden file or folder"
    LINK = "link to a file or folder that is here anyway"
    EMPTY = "empty file"
    EXPORT_DATA = "data of an export beside its posts"
    BESIDE_FILE = "data beside a video or another file"
    TEXT = "text without posts"
    OTHER = "file of another kind"
    READ_BESIDE = "read beside posts or pictures"
    """Not left out, in truth: the caption of a picture, the account of an archive."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is no photo and holds no posts, as it should be."""

    location: str
    kind: LeftOutKind
