"""Findings as a TAK data package: Cursor on Target markers in a zip, for ATAK, WinTAK and iTAK.

A package has a manifest, a folder with an event for each place, and in internal files its photo. A marker's
uid is the same whenever a batch is exported again, so that a device replaces it.
"""

from __future__ import annotations

import json
import uuid
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from geoflood.core.files import replacing
from geoflood.core.images import jpeg
from geoflood.outputs.fields import Row
from geoflood.triage.export.finding_fields import finding_row, title
from geoflood.triage.export.photo_pixels import photo_pixels
from geoflood.triage.export.redaction import Sharing
from geoflood.triage.export.xml_text import xml_text
from geoflood.triage.findings import Finding, Status

__all__ = ["write_tak"]

PICTURE_PX = 960
_OURS = uuid.UUID("0d7b3c52-6c0e-5d0f-9b5e-3f6f2b0b7a41")
"""The name space of markers' uids: any number will do that nobody else has."""
_UNKNOWN = 9_999_999.0
"""What Cursor on Target says where nobody knows: of a height, or an error."""
_STANDS = timedelta(days=365)
"""A place in a flood does not go stale by itself; the marker of a person stands as long."""
_SPOT = "b-m-p-s-m"
_COLOURS = {Status.CONFIRMED: -16_744_193, Status.CANDIDATE: -256}
"""Blue and yellow as signed numbers of alpha, red, green and blue: apart for the colour-blind, too."""
_HOW = {Status.CONFIRMED: "h-g-i-g-o", Status.CANDIDATE: "m"}
"""A person put it there, or a machine says so."""
_REMARKS = (
    *(
        "status",
        "method",
        "street",
        "usng",
        "dmm",
        "accuracy_m",
        "probability",
        "posted_at",
        "text",
        "authors",
    ),
    *("note", "status_by", "narrowed_by", "provisional", "sharing", "photo", "street_credit"),
)


def write_tak(path: Path, findings: Iterable[Finding], sharing: Sharing) -> int:
    """A marker for each finding that has a place, written as it comes; returns how many."""
    contents: list[str] = []
    count, made = 0, datetime.now(UTC)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for finding in findings:
            row = finding_row(finding, sharing)
            if row["lat"] is None:
                continue
            count += 1
            uid = _uid(finding, row)
            archive.writestr(f"{uid}/{uid}.cot", _event(uid, row, finding.status, made))
            contents.append(_content(f"{uid}/{uid}.cot", uid))
            pixels = photo_pixels(finding, PICTURE_PX) if sharing is Sharing.INTERNAL else None
            if pixels is not None:
                name = f"{uid}/photo-{finding.number:06}.jpg"
                archive.writestr(name, jpeg(pixels, quality=80), zipfile.ZIP_STORED)
                contents.append(_content(name, uid))
        archive.writestr("MANIFEST/manifest.xml", _manifest(contents, sharing))
    return count


def _uid(finding: Finding, row: Row) -> str:
    """Of a public row it is made of what the row says: the hash of a photo leads to it."""
    if row["sharing"] == Sharing.INTERNAL.value:
        return str(uuid.uuid5(_OURS, finding.sha256))
    return str(uuid.uuid5(_OURS, json.dumps([row[name] for name in ("number", "lat", "lon", "posted_at")])))


def _event(uid: str, row: Row, status: Status, made: datetime) -> str:
    posted = str(row["posted_at"] or "")
    start = posted if posted.endswith("Z") else _time(made)  # the format knows no times but UTC
    words = "\n".join(f"{name}: {row[name]}" for name in _REMARKS if row.get(name) not in (None, ""))
    accuracy = _UNKNOWN if row["accuracy_m"] is None else row["accuracy_m"]
    colour = _COLOURS[status]
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<event version="2.0" uid="{uid}" type="{_SPOT}" how="{_HOW[status]}" time="{_time(made)}"'
        f' start="{start}" stale="{_time(made + _STANDS)}">'
        f'<point lat="{row["lat"]}" lon="{row["lon"]}" hae="{_UNKNOWN}" ce="{accuracy}" le="{_UNKNOWN}"/>'
        f"<detail><contact callsign={quoteattr(xml_text(title(row)))}/>"
        f"<remarks>{escape(xml_text(words))}</remarks><archive/>"
        f'<usericon iconsetpath="COT_MAPPING_SPOTMAP/{_SPOT}/{colour}"/><color argb="{colour}"/>'
        "</detail></event>\n"
    )


def _content(name: str, uid: str) -> str:
    return f'<Content ignore="false" zipEntry="{name}"><Parameter name="uid" value="{uid}"/></Content>'


def _manifest(contents: Iterable[str], sharing: Sharing) -> str:
    """The list of what is in the package, with a number of the package's own."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<MissionPackageManifest version="2"><Configuration>'
        f'<Parameter name="uid" value="{uuid.uuid4()}"/>'
        f'<Parameter name="name" value="geoflood, {sharing.value}"/></Configuration>'
        f"<Contents>{''.join(contents)}</Contents></MissionPackageManifest>\n"
    )


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
