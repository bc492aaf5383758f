"""Why a file, a record or a picture could not be used: the phrases that are counted and shown."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Unusable"]


class Unusable(StrEnum):
    """The reason of a `Rejected` thing in a folder of posts; journals and rejected.csv hold its text."""

    CANNOT_BE_READ = "cannot be read"
    LINK_OUT = "link out of the folder"
    LINK_BROKEN = "link that leads nowhere"
    LINK_HIDDEN = "link to a hidden folder"
    NOT_HERE = "its content is not here"
    """A stand-in, as git-annex, Git LFS and clouds leave it for a file that they keep elsewhere."""
    NOT_A_FILE = "not a file"
    """A pipe, a socket, a device."""
    OWN_RESULTS = "results of geoflood"
    DAMAGED_ARCHIVE = "damaged archive"
    LARGE_ARCHIVE = "archive too large"
    ARCHIVE_BOMB = "archive bomb"
    FOREIGN_ARCHIVE = "archive of a kind that is not read"
    PATH_OUT = "path out of the archive"
    LINK_IN_ARCHIVE = "link in an archive"
    TWICE_IN_ARCHIVE = "name that is twice in an archive"
    ENCRYPTED = "encrypted"
    NESTED_ARCHIVE = "archive in an archive"
    UNFINISHED = "download that was not finished"
    VIDEO = "video"
    RAW_PHOTO = "raw photo"
    OTHER_PICTURE = "picture of a kind that is not read"
    OFFICE_FILE = "office file"
    EMAIL = "e-mail"
    WEB_EXPORT = "export as web pages"
    NOT_RECOGNISED = "not recognised"
    NOT_AS_DOCUMENTED = "not as documented"
    BROKEN_JSON = "broken JSON"
    TOO_DEEP = "nested too deep"
    TOO_LARGE = "too large"
    LONG_LINE = "line too long"
    OPEN_QUOTE = "quote left open"
    BROKEN_ROW = "broken row"
    TIME_NOT_READ = "time not read"
    PLACE_NOT_READ = "place not read"
    NO_FILE = "without a file"
    """A picture that a post names and nobody has."""
