"""What speaks of a photo besides its look: its EXIF, and what posts say of where it was taken."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from PIL.ExifTags import IFD

from geoflood.batch.journal import Journal, read_journal
from geoflood.writers.formats import format_of
from geoflood.writers.sharing import Sharing
from tests.test_batch import found, posts, run, scene

TAKEN = "2021:07:14 17:03:09"
HOUSTON = {1: "N", 2: (29, 45, 37.44), 3: "W", 4: (95, 22, 11.28)}


def camera(seed: int, gps: dict[int, Any] | None = None) -> bytes:
    exif = PIL.Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(IFD.Exif)[0x9003] = TAKEN
    exif.get_ifd(IFD.GPSInfo).update(gps or {})
    buffer = io.BytesIO()
    PIL.Image.fromarray(scene(seed)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def told(root: Path, sharing: Sharing) -> list[dict[str, str]]:
    path = root / f"{sharing}.csv"
    format_of(path).write(path, found(root), sharing)
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


@pytest.mark.parametrize("gps", [None, HOUSTON])
def test_exif_tells_the_time_with_or_without_a_position(tmp_path: Path, gps: dict[int, Any] | None) -> None:
    (posts(tmp_path) / "a.jpg").write_bytes(camera(1, gps))
    run(tmp_path)
    (one,) = found(tmp_path)
    assert one.taken_at == datetime(2021, 7, 14, 17, 3, 9)
    assert (one.exif is not None) == bool(gps)
    assert [row["exif_taken_at"] for row in told(tmp_path, Sharing.INTERNAL)] == ["2021-07-14T17:03:09"]
    assert not any("17:03:09" in cell for row in told(tmp_path, Sharing.PUBLIC) for cell in row.values())


def test_a_journal_that_kept_the_time_beside_the_position_is_read(tmp_path: Path) -> None:
    (posts(tmp_path) / "a.jpg").write_bytes(camera(1, HOUSTON))
    run(tmp_path)
    (line,) = [line.content for line in read_journal(tmp_path / "out") if line.kind == "photo"]
    older = {name: line[name] for name in ("sha256", "file", "same_as", "bits_apart", "looks", "exif")}
    with Journal(tmp_path / "out") as journal:
        list(journal.replay())
        journal.append("photo", **older)
        journal.append("photo", **{**older, "sha256": "0" * 64, "exif": None})
    (one,) = found(tmp_path)
    assert one.taken_at == datetime(2021, 7, 14, 17, 3, 9)
    run(tmp_path)
