"""What a file is, by its name and its first bytes: a photo, a document, an archive, or what is not read.

A telling suffix counts before the content, which counts before any other suffix.
"""

from __future__ import annotations

import posixpath
import struct
from enum import Enum, auto
from typing import IO, NamedTuple

from geoflood.core.file_suffixes import ARCHIVES, OTHER_PICTURES, PICTURES, RAW_PHOTOS, VIDEOS
from geoflood.core.stand_ins import STAND_IN, fetches
from geoflood.triage.posts.left_out import LeftOutKind
from geoflood.triage.posts.tar_archive import is_tar
from geoflood.triage.posts.unusable import Unusable

__all__ = ["HEAD", "RAW", "FileKind", "Kind", "is_raw_tiff", "kind_of", "needs_head", "suffix_of"]

HEAD = 4096
"""Bytes that tell what a file is."""


class FileKind(Enum):
    """What is done with a file."""

    PICTURE = auto()
    DOCUMENT = auto()
    """Text that may hold posts."""
    WORKBOOK = auto()
    """A spreadsheet whose rows may be posts."""
    ZIP = auto()
    TAR = auto()
    GZIP = auto()
    REFUSED = auto()
    LEFT_OUT = auto()


class Kind(NamedTuple):
    """What is done with a file, and what is told of it."""

    file: FileKind
    reason: Unusable | LeftOutKind | None = None
    detail: str = ""


PICTURE = Kind(FileKind.PICTURE)
DOCUMENT = Kind(FileKind.DOCUMENT)
WORKBOOK = Kind(FileKind.WORKBOOK)
VIDEO = Kind(FileKind.REFUSED, Unusable.VIDEO, "only pictures are located: save a frame of it as one")
RAW = Kind(FileKind.REFUSED, Unusable.RAW_PHOTO, "only its small preview could be read: export it as JPEG")
SOUND = Kind(FileKind.LEFT_OUT, LeftOutKind.SOUND)
DRAWING = Kind(FileKind.LEFT_OUT, LeftOutKind.DRAWING)
WEB_PAGE = Kind(FileKind.LEFT_OUT, LeftOutKind.WEB_PAGE)
OTHER = Kind(FileKind.LEFT_OUT, LeftOutKind.OTHER)
EMAIL = Kind(FileKind.REFUSED, Unusable.EMAIL, "save its pictures as files")
UNFINISHED = Kind(FileKind.REFUSED, Unusable.UNFINISHED, "fetch it again")


def _foreign(name: str) -> Kind:
    return Kind(FileKind.REFUSED, Unusable.FOREIGN_ARCHIVE, f"{name}: unpack it")


def _office(name: str) -> Kind:
    return Kind(FileKind.REFUSED, Unusable.OFFICE_FILE, f"{name}: save its pictures as files")


def _other_picture(name: str) -> Kind:
    return Kind(FileKind.REFUSED, Unusable.OTHER_PICTURE, f"{name}: convert it to JPEG")


def _table(name: str) -> Kind:
    return Kind(FileKind.REFUSED, Unusable.OFFICE_FILE, f"{name}: save its tables as CSV or XLSX")


REPOSITORY = Kind(
    FileKind.REFUSED,
    Unusable.FOREIGN_ARCHIVE,
    "a repository of Bluesky (CAR): export its posts as JSON, and its pictures as files",
)
_SUFFIXES: dict[Kind, str] = {
    DOCUMENT: ".json .jsonl .ndjson .js .csv .tsv .txt",
    SOUND: ".mp3 .m4a .ogg .opus .oga .wav .aac .amr .flac .wma .caf",
    DRAWING: ".svg .ico .eps .ai .tgs",
    WEB_PAGE: ".html .htm .xhtml .mhtml .css",
    EMAIL: ".eml .msg .mbox .pst",
    UNFINISHED: ".part .partial .crdownload .opdownload .download",
    OTHER: ".db .sqlite .sqlite3 .woff .woff2 .ttf .otf .py .xml .vcf .ots .exe .dll .lnk .ini .lrv .aae",
    REPOSITORY: ".car",
    _office("PDF"): ".pdf",
    _office("a document"): ".docx .doc .docm .odt .rtf .pages .epub",
    _office("slides"): ".pptx .ppt .pptm .odp .key",
    _table("a spreadsheet"): ".xls .xlsb .ods .numbers",
    WORKBOOK: ".xlsx .xlsm",
}
BY_SUFFIX = {
    **{suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()},
    **dict.fromkeys(PICTURES, PICTURE),
    **dict.fromkeys(VIDEOS, VIDEO),
    **dict.fromkeys(RAW_PHOTOS, RAW),
    **{suffix: _other_picture(name) for suffix, name in OTHER_PICTURES.items()},
    **{suffix: _foreign(name) for suffix, name in ARCHIVES.items()},
}
_CONTENT_DECIDES = frozenset(
    suffix
    for suffix, kind in BY_SUFFIX.items()
    if kind in (DOCUMENT, WORKBOOK, WEB_PAGE) or suffix in (".tif", ".tiff")
)
"""Suffixes that say no more than half of it."""
_ARCHIVES = frozenset((".zip", ".gz", ".tgz", ".tar"))
DAMAGED = Kind(FileKind.REFUSED, Unusable.DAMAGED_ARCHIVE, "it does not begin as one: fetch it again")

ZIP, GZIP, TAR = Kind(FileKind.ZIP), Kind(FileKind.GZIP), Kind(FileKind.TAR)
TELEGRAM_PAGES = Kind(
    FileKind.REFUSED, Unusable.WEB_EXPORT, "Telegram: export it again as machine-readable JSON"
)
OLD_OFFICE = _office("an old office file")
OFFICE = _office("a document")
WEB_ARCHIVE = _foreign("a web archive")
_MAY_BE_NAMED = (ZIP, GZIP, TAR, _foreign("7-Zip"), _foreign("RAR"), OLD_OFFICE, _office("PDF"))
"""What may lie behind the suffix of a document or of another archive."""

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\x1f\x8b", GZIP),
    (b"\xff\xd8\xff", PICTURE),
    (b"\x89PNG\r\n", PICTURE),
    (b"GIF8", PICTURE),
    (b"7z\xbc\xaf\x27\x1c", _foreign("7-Zip")),
    (b"Rar!\x1a\x07", _foreign("RAR")),
    (b"BZh", _foreign("bzip2")),
    (b"\xfd7zXZ\0", _foreign("xz")),
    (b"\x28\xb5\x2f\xfd", _foreign("Zstandard")),
    (b"\x04\x22\x4d\x18", _foreign("LZ4")),
    (b"MSCF", _foreign("an archive")),
    (b"WARC/1.", _foreign("a web archive")),
    (b"%PDF", _office("PDF")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLD_OFFICE),
    (b"{\\rtf", _office("a document")),
    (b"8BPS", _other_picture("Photoshop")),
    (b"\xff\x0a", _other_picture("JPEG XL")),
    (b"\0\0\0\x0cJXL ", _other_picture("JPEG XL")),
    (b"\0\0\0\x0cjP  ", _other_picture("JPEG 2000")),
    (b"\x1aE\xdf\xa3", VIDEO),
    (b"OggS", SOUND),
    (b"ID3", SOUND),
    (b"SQLite format 3\0", OTHER),
)
_STILL = frozenset((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"))
"""Brands of the container that photos and films share: these are photos."""
_TIFF = (b"II*\0", b"MM\0*")


def suffix_of(name: str) -> str:
    """The lowercase suffix, with its dot."""
    return posixpath.splitext(name)[1].lower()


def needs_head(name: str, size: int) -> bool:
    """Whether the suffix alone does not say what a file is."""
    suffix = suffix_of(name)
    return suffix not in BY_SUFFIX or suffix in _CONTENT_DECIDES or size < STAND_IN


def kind_of(name: str, head: bytes = b"") -> Kind:
    """What a file is; `head` are its first HEAD bytes, where `needs_head`, or none."""
    if told := fetches(head):
        return Kind(FileKind.REFUSED, Unusable.NOT_HERE, told)
    suffix = suffix_of(name)
    known, content = BY_SUFFIX.get(suffix), _by_magic(head)
    if known is None:
        if suffix in _ARCHIVES and content not in _MAY_BE_NAMED:
            return DAMAGED
        return content or _by_text(head)
    if known is WORKBOOK and content is ZIP:
        return WORKBOOK
    if known in (DOCUMENT, WORKBOOK) and content in _MAY_BE_NAMED:
        return content or known
    if known is WEB_PAGE and b"Exported Data" in head and b"page_wrap" in head:
        return TELEGRAM_PAGES
    return known


def _by_magic(head: bytes) -> Kind | None:
    """What bytes say that no text begins with."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(_TIFF):
        return PICTURE
    if head[:4] == b"RIFF":
        return {b"WEBP": PICTURE, b"AVI ": VIDEO, b"WAVE": SOUND}.get(head[8:12], OTHER)
    if head[4:8] == b"ftyp":
        return PICTURE if head[8:12] in _STILL else SOUND if head[8:11] == b"M4A" else VIDEO
    if b"eroots" in head[:16] and b"gversion" in head[:128]:
        return REPOSITORY
    return TAR if is_tar(head) else None


def _by_text(head: bytes) -> Kind:
    """Of a file without any telling sign: text may hold posts."""
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return WEB_PAGE
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff")) or abs(
        head[::2].count(0) - head[1::2].count(0)
    ) * 4 > len(head)
    strange = len(head.translate(None, _PRINTED)) * 20 > len(head)
    return OTHER if strange and not wide else DOCUMENT


_PRINTED = bytes({*range(256)} - {*range(32)} | {9, 10, 12, 13, 27})
"""Bytes that stand in texts."""


_SUBFILE, _DNG_VERSION = 254, 50706


def is_raw_tiff(stream: IO[bytes]) -> bool:
    """Whether a TIFF is a camera's raw file: its first picture is but a preview, or it says DNG or CR2."""
    head = stream.read(16)
    if not head.startswith(_TIFF):
        return False
    if head[8:10] == b"CR":
        return True
    order = "<" if head[:2] == b"II" else ">"
    stream.seek(struct.unpack(f"{order}I", head[4:8])[0])
    entries = stream.read(12 * struct.unpack(f"{order}H", stream.read(2))[0])
    values = {tag: value for tag, _, _, value in struct.iter_unpack(f"{order}HHII", entries)}
    return bool(values.get(_SUBFILE, 0) & 1) or _DNG_VERSION in values
