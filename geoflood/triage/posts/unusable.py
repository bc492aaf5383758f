"""Why a file, a record or a picture could not be used: the phrases that are counted and shown."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Unusable"]


class Unusable(StrEnum):
    """The reason of a `Rejected` thing in a folder of posts; journals and rejected.csv hold its text."""

    CANNOT_BE_READ = "cannot be read"
    LINK_OUT = "link out of the folder"
    OWN_RESULTS = "results of geoflood"
    DAMAGED_ARCHIVE = "damaged archive"
    LARGE_ARCHIVE = "archive too large"
    ARCHIVE_BOMB = "archive bomb"
    PATH_OUT = "path out of the archive"
    ENCRYPTED = "encrypted"
    NESTED_ARCHIVE = "archive in an archive"
    NOT_RECOGNISED = "not recognised"
    NOT_AS_DOCUMENTED = "not as documented"
    BROKEN_JSON = "broken JSON"
    TOO_DEEP = "nested too deep"
    TOO_LARGE = "too large"
    LONG_LINE = "line too long"
    OPEN_QUOTE = "quote left open"
    BROKEN_ROW = "broken row"
    TIME_NOT_READ = "time not read"
    STICKER = "sticker"
    THUMBNAIL = "thumbnail"
    PROFILE_PICTURE = "profile picture"
    NO_FILE = "without a file"
    """A picture that a post names and nobody has."""
