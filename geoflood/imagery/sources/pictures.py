"""The picture of one image: fetched, checked, written whole, with its place on the sphere inside.

A picture that cannot be had is one rejected image; several in a row that fail for the network's or the
host's reasons end the run, for then it is no longer the picture's fault.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from geoflood.core.datatypes import VisibleArea
from geoflood.core.errors import BlockedError, InputError, NetworkError
from geoflood.core.files import write_whole
from geoflood.core.gpano import LEVEL, CameraPose, gpano_packet
from geoflood.core.images import UnreadableImageError, header
from geoflood.core.talker import PassingError, Question, Redirects, Talker, WebAnswer
from geoflood.core.wire import refuse_offline
from geoflood.imagery.panorama import DECODE_WIDTH
from geoflood.imagery.reject_reasons import RejectReason
from geoflood.imagery.sources.source import PictureError, SourceImage, TokenError, VanishedError

__all__ = ["PictureFetcher", "is_whole_jpeg", "keep_picture", "large_enough", "read_picture", "with_gpano"]

MOST_BYTES = 64_000_000
"""Of one picture. Panoramas of 11,000 pixels have 30 million."""

IN_A_ROW = 5
"""Failures, after which it is the network and not the picture."""

ENOUGH = 0.95
"""Of the pixels that views can use: 2,000 do for 2,097, and the next size would cost four times."""

_START, _END, _SCAN, _APP1 = b"\xff\xd8", b"\xff\xd9", 0xDA, 0xE1
_XMP_NAME = b"http://ns.adobe.com/xap/1.0/\x00"
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def large_enough(width: int, wanted: int = DECODE_WIDTH) -> bool:
    """Whether a picture of this width has the pixels that views use; a larger one pays no more."""
    return width >= ENOUGH * wanted


def read_picture(answer: WebAnswer) -> bytes:
    """The JPEG file in an answer.

    Raises VanishedError when it is gone, PictureError when something else came, otherwise as
    `WebAnswer.checked` does.
    """
    if answer.status in (404, 410):
        raise VanishedError(f"{answer.host} has it no more")
    body = answer.checked().body
    if not body.startswith(_START):
        raise PictureError(f"{answer.host} sent no JPEG", RejectReason.NO_PICTURE_SENT)
    if not is_whole_jpeg(body):
        raise PassingError("sent a part of a picture")
    return body


def is_whole_jpeg(data: bytes) -> bool:
    """Whether a JPEG file has its end: the marker after its scan, not that of a thumbnail before it."""
    scan = next((at for at, marker, _ in _segments(data) if marker == _SCAN), None)
    return scan is not None and data.find(_END, scan) >= 0


def _segments(data: bytes) -> list[tuple[int, int, int]]:
    """Place, marker and end of every segment up to the first scan, or to where it makes no sense."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        end = at + 2 + int(struct.unpack_from(">H", data, at + 2)[0])
        found.append((at, marker, end))
        if marker == _SCAN:
            break
        at = end
    return found


def with_gpano(data: bytes, visible: VisibleArea | None, pose: CameraPose = LEVEL) -> bytes:
    """The JPEG with XMP that tells which part of the sphere it shows and how the camera leant.

    What its own XMP tells stays, unless that makes no sense. Raises UnreadableImageError for no picture.
    """
    head = header(data)
    own = head.sphere
    wanted = (own.visible or visible, pose if own.pose == LEVEL else own.pose)
    if wanted == (own.visible, own.pose):
        return data
    packet = gpano_packet(head.width, head.height, *wanted)
    payload = _XMP_NAME + packet.encode("ascii")
    segment = struct.pack(">BBH", 0xFF, _APP1, len(payload) + 2) + payload
    return _with_segment(data, segment)


def _with_segment(data: bytes, xmp: bytes) -> bytes:
    """The JPEG with this XMP in place of its own, after the other application data at its head."""
    kept, place = [_START], 2
    for at, marker, end in _segments(data):
        if not 0xE0 <= marker <= 0xEF:
            break
        if not (marker == _APP1 and data[at + 4 : end].startswith(_XMP_NAME)):
            kept.append(data[at:end])
        place = end
    return b"".join([*kept, xmp, data[place:]])


def keep_picture(
    data: bytes, target: Path, visible: VisibleArea | None = None, pose: CameraPose = LEVEL
) -> None:
    """Write a picture whole, with its crop and how its camera leant.

    Raises InputError when the disk is full, and PictureError for what is no picture.
    """
    try:
        if visible is not None or pose != LEVEL:
            data = with_gpano(data, visible, pose)
        write_whole(target, data)
    except UnreadableImageError as error:
        raise PictureError(error.what, RejectReason.NO_PICTURE_SENT) from error
    except OSError as error:
        full = error.errno in _DISK_FULL
        hint = "make room there, then run the same command again: nothing is fetched twice"
        raise InputError(
            f"{target.parent}: {error.strerror or os.strerror(error.errno or 0)}",
            hint if full else "check the path and the disk",
        ) from error


class PictureFetcher:
    """Fetches pictures through one talker, and knows when it is no longer a picture's fault."""

    def __init__(self, talker: Talker, hosts: int = 1, redirects: Redirects | None = None) -> None:
        """Pictures may be spread among several `hosts`, of which one may be down and the rest be well."""
        self._talker, self._hosts, self._redirects = talker, hosts, redirects
        self._failed: Counter[str] = Counter()
        """Failures in a row, by host."""
        self._lock = threading.Lock()

    def fetch(self, url: str, read: Callable[[WebAnswer], bytes] = read_picture) -> bytes:
        """The picture at an address. Raises PictureError; NetworkError once too many failed in a row."""
        host = urlsplit(url).hostname
        if not host:
            raise PictureError("its provider tells no address of it", RejectReason.OUT_OF_REACH)
        refuse_offline(host)
        if self._failed[host] >= IN_A_ROW:
            raise PictureError(f"{host} does not answer", RejectReason.OUT_OF_REACH)
        question = Question(url, accept="image/jpeg", most_bytes=MOST_BYTES, redirects=self._redirects)
        try:
            data = self._talker.ask(question, read)
        except (BlockedError, TokenError):
            raise
        except PictureError as error:
            if error.reason is RejectReason.NO_PICTURE_SENT:
                self._count(host, NetworkError(str(error), error.hint))
            raise
        except NetworkError as error:
            self._count(host, error)
            raise PictureError(str(error), RejectReason.OUT_OF_REACH, error.hint) from error
        with self._lock:
            self._failed[host] = 0
        return data

    def fetch_renewed(
        self,
        image: SourceImage,
        renew: Callable[[SourceImage], SourceImage],
        read: Callable[[WebAnswer], bytes] = read_picture,
    ) -> tuple[bytes, SourceImage]:
        """The picture of an image, whose address is asked for anew where it has none or is gone from there.

        Raises as `fetch` and `renew` do: that a picture was withdrawn only its census can say, not its host.
        """
        known = image if image.address else renew(image)
        try:
            return self.fetch(known.address, read), known
        except VanishedError:
            known = renew(image)
        try:
            return self.fetch(known.address, read), known
        except VanishedError as error:
            host = urlsplit(known.address).hostname or "nobody"
            self._count(host, NetworkError(f"{host} has none of the pictures: {error}", error.hint))
            unclear = "its census has it, its host has not"
            raise PictureError(unclear, RejectReason.OUT_OF_REACH) from error

    def _count(self, host: str, error: NetworkError) -> None:
        """Note a failure. Raises it when too many hosts had too many without a success between."""
        with self._lock:
            self._failed[host] += 1
            down = [name for name, failed in self._failed.items() if failed >= IN_A_ROW]
            if len(down) >= self._hosts:
                self._failed.clear()  # whoever asks again is answered again
                raise error
