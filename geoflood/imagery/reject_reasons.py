"""Why an image or a row of a table cannot be used, as counted and shown."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["NO_IMAGE_LACKS", "RejectReason"]


class RejectReason(StrEnum):
    """The reasons of this room's `Rejected`; those of undecodable pictures come from `core.image_files`."""

    NO_POSITION = "no position"
    BAD_POSITION = "bad position"
    BAD_HEADING = "bad heading"
    NO_UTM_ZONE = "no UTM zone"
    BAD_ROW = "bad row"
    OPEN_QUOTE = "quote left open"
    DUPLICATE_ROW = "duplicate row"
    TABLE_NOT_UNDERSTOOD = "table not understood"
    MISSING_FILE = "missing file"
    OUTSIDE_FOLDER = "outside the folder"
    LINK_BROKEN = "link that leads nowhere"
    NOT_HERE = "its content is not here"
    """A stand-in, as git-annex, Git LFS and clouds leave it for a file that they keep elsewhere."""
    RAW_PHOTO = "raw photo"
    VIDEO = "video"
    OTHER_PICTURE = "picture of a kind that is not read"
    ARCHIVE = "archive"
    NAME_NOT_UTF8 = "file name not UTF-8"
    NO_PERMISSION = "no permission"
    CANNOT_BE_LINKED = "cannot be linked"
    """A hard link needs both files on one disk, and both to be one's own."""
    WITHDRAWN = "withdrawn"
    """Its provider had it once, and has it no more."""
    NOT_READY = "not ready at its provider"
    BROKEN_THERE = "broken at its provider"
    NO_PICTURE_SENT = "no picture sent"
    """Something else came in its place."""
    OUT_OF_REACH = "out of reach"
    """Its host does not answer, or nobody can say whether it is still there."""
    FISHEYE = "fisheye"


NO_IMAGE_LACKS = frozenset(
    (RejectReason.DUPLICATE_ROW, RejectReason.OPEN_QUOTE, RejectReason.TABLE_NOT_UNDERSTOOD)
)
"""What is told, and is no image that cannot be used."""
