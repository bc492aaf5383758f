"""Pictures as phones, strangers and broken disks give them: read rightly, or refused with a reason."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import struct
import sys
import tempfile
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageFile
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geoflood.core import image_files
from geoflood.core.gpano import PhotoSphere
from geoflood.core.images import (
    MAX_PIXELS,
    UnreadableImageError,
    fit,
    header,
    jpeg,
    read_image,
    resize,
    thumbnail,
)

Pixels = NDArray[np.uint8]


def corners(height: int = 40, width: int = 60) -> Pixels:
    """Red top left, green top right, blue bottom left, white bottom right: any turn shows."""
    image = np.full((height, width, 3), 255, np.uint8)
    image[: height // 2, : width // 2] = 255, 0, 0
    image[: height // 2, width // 2 :] = 0, 255, 0
    image[height // 2 :, : width // 2] = 0, 0, 255
    return image


def encoded(picture: PIL.Image.Image | Pixels, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image = picture if isinstance(picture, PIL.Image.Image) else PIL.Image.fromarray(picture)
    image.save(buffer, form, **options)
    return buffer.getvalue()


def orientation(number: int) -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    exif[0x0112] = number
    return exif


def png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG by hand, so that it may claim what it does not hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def reason(source: Path | bytes) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        read_image(source)
    return caught.value.reason


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_every_orientation_comes_out_upright(form: str, number: int) -> None:
    turned = PIL.Image.fromarray(corners())
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's Transpose that a camera's turn amounts to
    if number in undo:
        turned = turned.transpose(PIL.Image.Transpose(undo[number]))
    data = encoded(turned, form, exif=orientation(number), quality=95)
    image = read_image(data)
    assert image.shape == (40, 60, 3)
    assert np.abs(image[5, 5].astype(int) - (255, 0, 0)).max() < 40
    assert np.abs(image[5, -5].astype(int) - (0, 255, 0)).max() < 40
    assert np.abs(image[-5, 5].astype(int) - (0, 0, 255)).max() < 40
    assert (header(data).width, header(data).height) == (60, 40)


def test_pixels_are_exact_and_writable() -> None:
    image = read_image(encoded(corners(), "PNG"))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, corners())
    image[0, 0] = 7  # torch warns of arrays that cannot be written


@pytest.mark.parametrize(
    ("width", "height", "longest"), [(4000, 3000, 512), (801, 401, 400), (30, 3000, 200)]
)
def test_shrinking_keeps_the_shape_and_the_mean(width: int, height: int, longest: int) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8)[None, :, None], (height, width, 3))
    image = read_image(encoded(np.ascontiguousarray(ramp), "JPEG"), longest)
    assert max(image.shape[:2]) == longest
    assert image.shape[0] == max(1, round(height * longest / max(width, height)))
    assert abs(float(image.mean()) - float(ramp.mean())) < 2


def test_never_enlarged() -> None:
    assert read_image(encoded(corners(), "PNG"), 4000).shape == (40, 60, 3)
    assert fit(corners(), 4000).shape == (40, 60, 3)


def test_shrinking_is_antialiased() -> None:
    """Stripes of one pixel become grey; skipping pixels would leave stripes."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    for small in (read_image(encoded(stripes, "PNG"), 48), resize(stripes, 48, 48)):
        assert np.abs(small[4:-4, 4:-4].astype(int) - 127).max() < 12


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "really.jpg"
    path.write_bytes(encoded(corners(), "PNG"))
    np.testing.assert_array_equal(read_image(path), corners())


def test_cmyk() -> None:
    image = read_image(encoded(PIL.Image.fromarray(corners()).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(image[5, 5].astype(int) - (255, 0, 0)).max() < 40


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(form: str) -> None:
    grey = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(64, 0)
    image = read_image(encoded(PIL.Image.fromarray(grey), form))
    np.testing.assert_array_equal(image[0, :, 1], np.rint(grey[0] / 257.0))
    assert (image[..., 0] == image[..., 2]).all()


def test_transparency_lies_on_grey() -> None:
    layer = np.zeros((8, 8, 4), np.uint8)
    layer[:, 4:] = 10, 200, 30, 255
    for picture in (PIL.Image.fromarray(layer), PIL.Image.fromarray(layer).quantize(8)):
        image = read_image(encoded(picture, "PNG"))
        assert image[0, 0].tolist() == [128, 128, 128]
        assert np.abs(image[0, 7].astype(int) - (10, 200, 30)).max() < 8


def test_palette_and_one_bit() -> None:
    palette = PIL.Image.fromarray(corners()).quantize(16)
    np.testing.assert_array_equal(read_image(encoded(palette, "PNG")), corners())
    bits = PIL.Image.fromarray(corners()[..., 0]).convert("1")
    np.testing.assert_array_equal(read_image(encoded(bits, "TIFF"))[..., 1], corners()[..., 0])


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_of_several_pictures_the_first_is_read(form: str) -> None:
    first = PIL.Image.fromarray(corners())
    data = encoded(
        first, form, save_all=True, append_images=[first.rotate(180), first.rotate(90)], quality=95
    )
    image = read_image(data)
    assert image.shape == (40, 60, 3)
    assert np.abs(image[5, 5].astype(int) - (255, 0, 0)).max() < 40


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_half_a_picture_is_none(form: str, share: float) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    data = encoded(noise, form)
    assert reason(data[: int(len(data) * share)]) in {"truncated", "damaged"}
    assert not PIL.ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_jpeg_cut_short_is_called_truncated(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(encoded(corners(400, 600), "JPEG")[:-800])
    assert reason(path) == "truncated"
    with pytest.raises(UnreadableImageError, match=r"cut\.jpg: truncated"):
        read_image(path, 64)  # decoded at a fraction, it is still short


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture at all, but a text", "utf-8")
    (tmp_path / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reason(tmp_path / "empty.jpg") == "empty file"
    assert reason(tmp_path / "text.jpg") == "not an image"
    assert reason(tmp_path / "script.png") == "not an image"
    assert reason(tmp_path / "absent.jpg") == "no such file"
    assert reason(tmp_path / "text.jpg" / "below.jpg") == "no such file"
    assert reason(tmp_path / "loop.jpg") == "no such file"
    assert reason(tmp_path / ("long" * 100)) == "no such file"
    assert reason(Path("nul\0.jpg")) == "no such file"
    assert reason(tmp_path) == "not a file"
    assert reason(tmp_path / "pipe.jpg") == "not a file"
    assert reason(b"") == "empty file"


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "locked.jpg"
    path.write_bytes(encoded(corners(), "JPEG"))

    def refuse(self: Path, *args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)  # root, who may run this, may open anything
    assert reason(path) == "no permission"


HEIC = struct.pack(">I4s4sI", 24, b"ftyp", b"heic", 0) + b"mif1heic" + bytes(64)


def test_heic_without_its_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    image_files._reads_heic.cache_clear()
    try:
        with pytest.raises(UnreadableImageError, match=r"pip install 'geoflood\[heic\]'") as caught:
            read_image(HEIC)
    finally:
        image_files._reads_heic.cache_clear()
    assert caught.value.reason == "no decoder"


@pytest.mark.parametrize("number", [1, 3, 6, 8])
def test_heic_comes_out_upright(number: int) -> None:
    """As phones write it: turned by the container, and by EXIF, which does not count then."""
    assert reason(HEIC) == "damaged"
    turned = PIL.Image.fromarray(corners())
    undo = {3: 3, 6: 2, 8: 4}
    if number in undo:
        turned = turned.transpose(PIL.Image.Transpose(undo[number]))
    data = encoded(turned, "HEIF", exif=orientation(number).tobytes(), quality=95)
    image = read_image(data)
    assert image.shape == (40, 60, 3)
    assert np.abs(image[5, 5].astype(int) - (255, 0, 0)).max() < 60
    assert np.abs(image[-5, -5].astype(int) - (255, 255, 255)).max() < 60
    assert (header(data).width, header(data).height) == (60, 40)


def test_heic_that_claims_too_much() -> None:
    data = encoded(PIL.Image.new("RGB", (4096, 4096)), "HEIF")
    assert reason(data) == "too large"  # 16.8 MP in some hundred bytes
    assert reason(data[: len(data) // 2]) in ("damaged", "truncated", "too large")


# -- odd, but whole


def scene() -> Pixels:
    noise = np.random.default_rng(0).integers(0, 255, (23, 31, 3), dtype=np.uint8)
    return np.asarray(PIL.Image.fromarray(noise).resize((310, 230), PIL.Image.Resampling.BICUBIC))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("tail", [b"", b"\xff", bytes(700), b"trailer of a phone"])
def test_a_jpeg_that_lacks_its_end_mark_is_whole(progressive: bool, subsampling: int, tail: bytes) -> None:
    data = encoded(scene(), "JPEG", progressive=progressive, subsampling=subsampling, quality=90)
    assert data.endswith(b"\xff\xd9")
    np.testing.assert_array_equal(read_image(data[:-2] + tail), read_image(data))
    np.testing.assert_array_equal(read_image(data[:-2] + tail, 100), read_image(data, 100))
    assert thumbnail_of(data[:-2] + tail).shape == thumbnail_of(data).shape


def thumbnail_of(data: bytes) -> Pixels:
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(data)
        file.flush()
        return read_image(thumbnail(Path(file.name), 60, 85))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_more_is_cut(progressive: bool) -> None:
    data = encoded(scene(), "JPEG", progressive=progressive, quality=90)
    cuts = [*range(12, 60), *range(60, len(data) - 700, 97)]
    if progressive:  # between two scans, too: all of it is there, and blurred
        cuts += [len(data) - at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"][1:]
    for cut in cuts:
        with pytest.raises(UnreadableImageError) as caught:
            read_image(data[:-cut])
        assert caught.value.reason in ("truncated", "damaged"), cut


def chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    crc = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def with_chunks(data: bytes, *chunks: bytes, last: bool = False) -> bytes:
    """A PNG with chunks before its pixels, or behind them."""
    at = len(data) - 12 if last else 33
    return data[:at] + b"".join(chunks) + data[at:]


XMP = b"XML:com.adobe.xmp\0\1\0\0\0"


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    "odd",
    [
        chunk(b"iTXt", XMP + zlib.compress(b"<x/>" * 320_000)),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000))),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"text")[:-3]),
        chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        b"".join(chunk(b"tEXt", b"Comment\0" + b"x" * 900_000) for _ in range(80)),
        chunk(b"tEXt", b"Comment\0v", checksum=1),
        chunk(b"iTXt", XMP, checksum=1),
        chunk(b"eXIf", b"MM\0*", checksum=1),
        chunk(b"pHYs", b"1"),
        chunk(b"gAMA", b""),
        chunk(b"iCCP", b"x\0\0not compressed"),
        chunk(b"cHRM", b"12", checksum=7),
        chunk(b"prVt", b"of some program", checksum=7),
    ],
    ids=[
        "xmp",
        "bomb",
        "cut",
        "long",
        "much",
        "crc",
        "xmp-crc",
        "exif-crc",
        "phys",
        "gama",
        "icc",
        "chrm",
        "own",
    ],
)
def test_a_png_whose_extras_are_odd_is_whole(odd: bytes, last: bool) -> None:
    data = with_chunks(encoded(corners(), "PNG"), odd, last=last)
    np.testing.assert_array_equal(read_image(data), corners())
    assert header(data) == header(encoded(corners(), "PNG"))


def test_what_an_odd_png_tells_of_itself_is_kept() -> None:
    gpano = b'<rdf GPano:ProjectionType="equirectangular" GPano:PoseHeadingDegrees="90"/>'
    odd = chunk(b"tEXt", b"Comment\0v", checksum=1)
    data = with_chunks(
        encoded(corners(), "PNG", exif=orientation(3)), odd, chunk(b"iTXt", XMP + zlib.compress(gpano))
    )
    assert header(data).equirectangular
    assert header(data).sphere.pose.heading_deg == 90
    np.testing.assert_array_equal(read_image(data), corners()[::-1, ::-1])
    see_through = np.dstack([corners(), np.zeros((40, 60), np.uint8)])
    assert (read_image(with_chunks(encoded(see_through, "PNG"), odd)) == 128).all()


def test_a_png_with_damaged_pixels_stays_damaged() -> None:
    data = bytearray(with_chunks(encoded(scene(), "PNG"), chunk(b"tEXt", b"Comment\0v", checksum=1)))
    data[len(data) // 2] ^= 1
    with pytest.raises(UnreadableImageError):
        read_image(bytes(data))
    assert (
        reason(with_chunks(png(60000, 60000, b"\0"), chunk(b"tEXt", b"Comment\0v", checksum=1)))
        == "too large"
    )


@given(data=st.binary(max_size=60), at=st.integers(0, 400), cut=st.integers(0, 60))
def test_any_damage_of_a_png_is_a_picture_or_a_reason(data: bytes, at: int, cut: int) -> None:
    whole = with_chunks(encoded(corners(), "PNG"), chunk(b"tEXt", b"Comment\0v"))
    with contextlib.suppress(UnreadableImageError):
        assert read_image(whole[:at] + data + whole[at + cut :]).shape[2] == 3


def test_elevations_are_no_colours() -> None:
    for mode in ("F", "I"):
        assert reason(encoded(PIL.Image.new(mode, (9, 9)), "TIFF")) == "unsupported mode"


def test_claims_beyond_reason_are_refused_before_decoding() -> None:
    row = b"\0" + bytes(3 * 15000)
    assert MAX_PIXELS < 15000 * 14000
    assert reason(png(15000, 14000, row)) == "too large"
    assert reason(png(13000, 13000, row)) == "too large"  # within the limit, but 169 MP in 100 bytes
    assert reason(png(60000, 60000, row)) == "too large"  # where Pillow itself would have stopped
    assert reason(png(2000, 2000, row)) == "truncated"


def test_a_panorama_of_134_megapixels_passes() -> None:
    data = encoded(PIL.Image.new("L", (16384, 8192), 99), "JPEG")
    assert read_image(data, 512).shape == (256, 512, 3)
    assert (header(data).width, header(data).height) == (16384, 8192)


def test_a_broken_exif_block_does_not_spoil_the_pixels(caplog: pytest.LogCaptureFixture) -> None:
    body = b"Exif\0\0" + b"II*\0\x08\0\0\0" + b"\xff\xff" + b"\x12\x01\x03\0\xff\xff\xff\xff" * 4
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    data = encoded(corners(), "JPEG")
    with caplog.at_level(logging.DEBUG):
        assert read_image(data[:2] + segment + data[2:]).shape == (40, 60, 3)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_warning_filters_are_as_before_when_threads_have_read() -> None:
    data = encoded(corners(), "TIFF", exif=orientation(6))
    broken = data[:60] + b"\xff" * 20 + data[80:]
    before = list(warnings.filters)

    def work() -> None:
        for _ in range(60):
            with contextlib.suppress(UnreadableImageError):
                read_image(broken)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


GPANO = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description GPano:ProjectionType="equirectangular"
 GPano:FullPanoWidthPixels="{full}" GPano:CroppedAreaImageWidthPixels="{part}" {more}/></x:xmpmeta>"""


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_gpano(form: str) -> None:
    more = 'GPano:PoseHeadingDegrees="-90.5"'
    xmp = GPANO.format(full=60, part=60, more=more).encode()
    found = header(tagged(form, xmp))
    assert found.equirectangular
    assert found.sphere.pose.heading_deg == 269.5


def tagged(form: str, xmp: bytes) -> bytes:
    if form == "TIFF":
        return encoded(corners(), form, tiffinfo={700: xmp})
    if form != "PNG":
        return encoded(corners(), form, xmp=xmp)
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    return encoded(corners(), form, pnginfo=info)


def test_a_picture_without_gpano() -> None:
    assert header(encoded(corners(), "JPEG")).sphere == PhotoSphere()


@pytest.mark.parametrize("longest", [20, 240, 512, 700, 1024, 3000])
def test_thumbnails_are_about_as_large_as_asked_for(longest: int, tmp_path: Path) -> None:
    image = corners(longest * 3 // 4, longest)
    exif = orientation(6)
    exif[0x010E] = "who took it"
    (tmp_path / "turned.jpg").write_bytes(encoded(image, "JPEG", exif=exif))
    for source, upright in ((image, True), (tmp_path / "turned.jpg", False)):
        data = thumbnail(source, 320, 80)
        assert b"Exif" not in data
        small = read_image(data)
        sides = small.shape[:2] if upright else small.shape[1::-1]
        assert min(longest, 213) <= sides[1] <= max(min(longest, 480), 20)
        assert sides[0] == pytest.approx(sides[1] * 3 / 4, abs=1)
        whole = read_image(source) if isinstance(source, Path) else source
        assert np.abs(small[0, 0].astype(int) - whole[0, 0]).max() < 60, "the same corner"


def test_a_thumbnail_of_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"text")
    with pytest.raises(UnreadableImageError):
        thumbnail(tmp_path / "a.jpg", 320, 80)


def test_jpeg_carries_no_metadata() -> None:
    exif = orientation(1)
    exif[0x010E] = "who took it"
    image = read_image(encoded(corners(400, 600), "JPEG", exif=exif, comment=b"secret"))
    data = jpeg(image, 200)
    with PIL.Image.open(io.BytesIO(data)) as written:
        assert written.size == (200, 133)
        assert set(written.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"secret" not in data
    assert b"Exif" not in data


SEEDS = [
    encoded(corners(), "JPEG", exif=orientation(6)),
    encoded(corners(), "PNG", exif=orientation(3)),
    encoded(corners(), "TIFF", compression="tiff_lzw"),
    encoded(corners(), "GIF"),
    encoded(corners(), "WEBP"),
    encoded(corners(), "BMP"),
]


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1, max_size=4)), max_size=4),
)
def test_damaged_files_are_read_or_refused(seed: bytes, damage: list[tuple[float, bytes]]) -> None:
    data = bytearray(seed)
    for where, patch in damage:
        at = int(where * len(data))
        data[at : at + len(patch)] = patch
    steps: tuple[Callable[[bytes], object], ...] = (lambda source: read_image(source, 32), header)
    for step in steps:
        with contextlib.suppress(UnreadableImageError):  # anything else fails, warnings among it
            step(bytes(data))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_reason(data: bytes) -> None:
    assert reason(data)
