"""What a telling suffix says of a file: pictures that are read, pictures that are not, films and archives."""

from __future__ import annotations

__all__ = ["ARCHIVES", "OTHER_PICTURES", "PICTURES", "RAW_PHOTOS", "VIDEOS"]

PICTURES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .webp .tif .tiff .bmp .gif .avif .heic .heif".split()  # noqa: SIM905
)
VIDEOS = frozenset(
    ".mp4 .m4v .mov .webm .avi .mkv .3gp .3g2 .mpg .mpeg .wmv .flv .mts .m2ts .ogv .gifv .insv".split()  # noqa: SIM905
)
_RAW = """
.dng .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .raf .orf .rw2 .pef .srw .x3f .3fr .iiq .erf .kdc .dcr
.mos .mef .mrw .rwl .gpr .raw
"""
RAW_PHOTOS = frozenset(_RAW.split())
OTHER_PICTURES = {
    ".jxl": "JPEG XL",
    **dict.fromkeys((".jp2", ".j2k", ".jpx", ".jpf"), "JPEG 2000"),
    **dict.fromkeys((".psd", ".psb"), "Photoshop"),
    **dict.fromkeys((".exr", ".hdr", ".tga"), "an image of many bits"),
}
ARCHIVES = {
    ".7z": "7-Zip",
    ".rar": "RAR",
    **dict.fromkeys((".bz2", ".tbz", ".tbz2"), "bzip2"),
    **dict.fromkeys((".xz", ".txz", ".lzma"), "xz"),
    **dict.fromkeys((".zst", ".tzst"), "Zstandard"),
    **dict.fromkeys(
        ".lz .lz4 .br .z .cab .iso .dmg .lha .lzh .arj .ace .sit .sitx".split(),  # noqa: SIM905
        "an archive",
    ),
    **dict.fromkeys(".001 .002 .003 .z01 .z02 .z03 .r00 .r01".split(), "a part of an archive"),  # noqa: SIM905
    **dict.fromkeys((".warc", ".wacz"), "a web archive"),
}
"""Those that nobody here unpacks."""
