"""The results of a batch as files: the triage map and table, exports, and what people decided.

Everything is made from the journal, so all of it can be made again: for others, in another format.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from geoflood.batch.custody import write_run
from geoflood.batch.journal import Journal
from geoflood.batch.results import Results
from geoflood.batch.stored import decision_to
from geoflood.errors import InputError
from geoflood.finding import Decision, Status
from geoflood.imagery.views import pixels_of
from geoflood.terms import City, Image, LatLon, Reference
from geoflood.writers.features import collection
from geoflood.writers.formats import format_of
from geoflood.writers.sharing import Sharing, row
from geoflood.writers.sheet import sheet, write_rejections
from geoflood.writers.triage import Triage

__all__ = ["PAGE", "export", "review", "write_outputs"]

PAGE = "triage.html"
MAX_DECISIONS = 50_000_000
"""Bytes of a file of decisions: 200,000 of them."""
_HINT = "give the file that the triage map saved"


def write_outputs(out: Path, city: City, basemap: dict[str, Any] | None = None) -> dict[str, Path]:
    """Write triage.html, located.csv, located.geojson, rejected.csv and run.json; returns them by kind."""
    results = Results(out)
    files = {
        "map": out / PAGE,
        "table": out / "located.csv",
        "geojson": out / "located.geojson",
        "rejected": out / "rejected.csv",
    }
    with (
        Triage(files["map"], _view) as triage,
        sheet(files["table"], Sharing.INTERNAL) as add_row,
        collection(files["geojson"]) as add_feature,
    ):
        for finding in results:
            told = row(finding, Sharing.INTERNAL)
            add_row(told)
            add_feature(told)
            triage.add(finding)
        triage.write(city, basemap)
    write_rejections(files["rejected"], results.rejections())
    write_run(results, files.values())
    return files


def _view(reference: Reference) -> Image | Path:
    """The picture of a match: its file, unless it is but a part of that. Raises UnreadableImageError."""
    return Path(reference.location) if reference.tile_deg is None else pixels_of(reference)


def export(out: Path, path: Path, sharing: Sharing, named: str | None = None) -> int:
    """Write one file from the results; returns how many findings there are.

    Raises UsageError for an unknown format, InputError for a folder without results.
    """
    chosen, results = format_of(path, named), Results(out)
    chosen.write(path, results, sharing)
    return len(results)


def review(out: Path, decisions: Path) -> dict[Status, int]:
    """Merge a file of decisions into the journal; returns how many of each were new.

    A decision that is there already is passed over, so that a file may be merged twice. Raises InputError,
    before anything is written, when the file is none or speaks of photos that are not here.
    """
    results = Results(out)
    there = {finding.sha256: finding.decision for finding in results}
    read = _decisions(decisions)
    if strange := [sha for sha, _ in read if sha not in there]:
        raise InputError(
            f"{decisions}: {len(strange)} decisions are about photos that are not in {out}", _HINT
        )
    new = [(sha, decision) for sha, decision in read if there[sha] != decision]
    with Journal(out) as journal:
        for _ in journal.replay():
            pass
        for sha, decision in new:
            journal.append("decision", durable=True, sha256=sha, decision=decision_to(decision))
    return {status: sum(decision.status is status for _, decision in new) for status in Status}


def _decisions(path: Path) -> list[tuple[str, Decision]]:
    """The decisions in a file, oldest first."""
    try:
        if path.stat().st_size > MAX_DECISIONS:
            raise InputError(f"{path} is larger than {MAX_DECISIONS // 1_000_000} MB", _HINT)
        told = json.loads(path.read_bytes())
        read = [_decision(one) for one in told["decisions"]]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", _HINT) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} holds no decisions: {type(error).__name__} {error!s:.80}", _HINT) from error
    return sorted(read, key=lambda one: one[1].at)


def _decision(told: Any) -> tuple[str, Decision]:
    """Raises KeyError, TypeError or ValueError for what is no decision."""
    moment = datetime.fromisoformat(told["at"])
    at = (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None, microsecond=0)
    position = LatLon(float(told["lat"]), float(told["lon"])) if told.get("lat") is not None else None
    words = [told.get(name, "") for name in ("by", "note")]
    if not all(isinstance(word, str) for word in (told["sha256"], *words)):
        raise TypeError("names and notes are text")
    return told["sha256"], Decision(Status(told["status"]), words[0][:200], at, position, words[1][:2000])
