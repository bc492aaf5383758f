"""What people decided about photos, merged into the journal: whose word stands, and where they differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from geoflood.core.datatypes import LatLon
from geoflood.core.errors import InputError
from geoflood.core.geo import distance_m
from geoflood.outputs.wording import plain
from geoflood.triage.codec import decision_to
from geoflood.triage.findings import Decision, Status
from geoflood.triage.journal import Journal
from geoflood.triage.results import Results

__all__ = ["Merged", "review"]

MAX_DECISIONS = 50_000_000
"""Bytes of a file of decisions: 200,000 of them."""
SAME_M = 1.0
"""A machine's place that moved by less is the same: pages round it."""
AHEAD = timedelta(days=1)
"""How far a reviewer's clock may be ahead."""
_HINT = "give the file that the triage map saved"


@dataclass(frozen=True, slots=True)
class Merged:
    """What merging a file of decisions did."""

    results: Results
    """All results, the new decisions among them."""
    new: Mapping[Status, int]
    older: int
    """New decisions that do not stand, because a later one about the same photo was there."""
    conflicts: tuple[str, ...]
    """A line a photo on which two reviewers differ, and whose word stands."""
    moved: tuple[str, ...] = ()
    """A line a photo whose place was another when it was decided on."""


class _Photo(NamedTuple):
    number: int
    file: str
    place: LatLon | None
    """Where the machine puts it."""


class _Made(NamedTuple):
    """A decision as a reviewer's file has it."""

    sha256: str
    decision: Decision
    seen: LatLon | None
    """Where the machine put the photo, on the page that it was decided on; None where that is not told."""


def review(out: Path, decisions: Path, opened: Callable[[Results], object] = lambda results: None) -> Merged:
    """Merge a file of decisions into the journal; of those about one photo the latest stands.

    `opened` is called with the results as they are before. A decision that is there already is passed over,
    so that a file may be merged twice, in any order with others. Raises InputError, before anything is
    written, when the file is none, speaks of photos that are not here, or has decisions that nobody signed,
    that are made in the future or confirm no place.
    """
    results = Results(out)
    with Journal(out, results.take, exists=True) as journal:
        for _ in journal.replay():
            pass
        opened(results)
        places = ((one, one.located.place) for one in results)
        photos = {
            one.sha256: _Photo(one.number, one.file, place.position if place else None)
            for one, place in places
        }
        entries = _decisions(decisions)
        _check(entries, photos, out)
        read = [_standing_where_seen(one, photos[one.sha256].place) for one in entries]
        new = [one for one in read if one.decision not in results.decisions[one.sha256]]
        for sha, made, _ in new:
            journal.append("decision", durable=True, sha256=sha, decision=decision_to(made))
    standing = {sha: max(results.decisions[sha], key=lambda made: made.rank) for sha, *_ in new}
    return Merged(
        results,
        {status: sum(made.status is status for _, made, _ in new) for status in Status},
        sum(made != standing[sha] for sha, made, _ in new),
        tuple(_conflicts({sha: results.decisions[sha] for sha in standing}, photos)),
        tuple(filter(None, (_moved_line(one, photos[one.sha256]) for one in new))),
    )


def _standing_where_seen(one: _Made, place: LatLon | None) -> _Made:
    """A confirmation is of the place that was shown: its pin, where the machine's is another now."""
    made = one.decision
    if made.status is Status.CONFIRMED and made.position is None and one.seen and _apart(one.seen, place):
        return one._replace(decision=replace(made, position=one.seen))
    return one


def _apart(seen: LatLon, place: LatLon | None) -> bool:
    return place is None or _metres(seen, place) > SAME_M


def _metres(here: LatLon, there: LatLon) -> float:
    return float(distance_m((here.lat, here.lon), (there.lat, there.lon)))


def _moved_line(one: _Made, photo: _Photo) -> str:
    """What to say of a decision about a place that the machine has left since; "" of others."""
    made, seen, place = one.decision, one.seen, photo.place
    if seen is None or made.position not in (None, seen) or not _apart(seen, place):
        return ""
    advice = {Status.CONFIRMED: "the pin stays", Status.REJECTED: "look at it again"}.get(made.status)
    away = f"{_metres(seen, place):,.0f} m away from it" if place else "nowhere"
    signed = f"photo {photo.number}, {plain(photo.file)}: {_signed(made)}, at the place that was shown then"
    return f"{signed}; the machine now puts it {away}: {advice}" if advice else ""


def _check(entries: Sequence[_Made], photos: Mapping[str, _Photo], out: Path) -> None:
    """Raises InputError for the first kind of fault that any decision has."""
    read = [(one.sha256, one.decision) for one in entries]
    latest = datetime.now(UTC).replace(tzinfo=None) + AHEAD
    if count := sum(sha not in photos for sha, _ in read):
        raise InputError(f"decisions about photos that are not in {out}: {count:,}", _HINT)
    if count := sum(not made.by for _, made in read):
        raise InputError(f"decisions that nobody signed: {count:,}", "give each a reviewer's name, as by")
    if count := sum(made.at > latest for _, made in read):
        raise InputError(
            f"decisions later than {latest:%Y-%m-%d %H:%M} UTC: {count:,}", "set the reviewer's clock right"
        )
    confirmed = [one for one in entries if one.decision.status is Status.CONFIRMED]
    placeless = [one for one in confirmed if not (one.decision.position or one.seen)]
    if count := sum(not photos[one.sha256].place for one in placeless):
        raise InputError(f"photos confirmed that have neither place nor pin: {count:,}", "move their pins")


def _conflicts(known: Mapping[str, list[Decision]], photos: Mapping[str, _Photo]) -> Iterator[str]:
    """Photos on which the last words of two reviewers differ."""
    for sha, decisions in known.items():
        last = {made.by: made for made in sorted(decisions, key=lambda made: made.rank)}
        *others, stands = sorted(last.values(), key=lambda made: made.rank)
        against = [one for one in others if (one.status, one.position) != (stands.status, stands.position)]
        if against:
            photo, others_text = photos[sha], ", ".join(map(_signed, against))
            yield f"photo {photo.number}, {plain(photo.file)}: {others_text}; {_signed(stands)}, which stands"


def _signed(made: Decision) -> str:
    moved = " with a pin" if made.position else ""
    return f"{made.status}{moved} by {plain(made.by) or 'nobody named'} at {made.at:%Y-%m-%d %H:%M} UTC"


def _decisions(path: Path) -> list[_Made]:
    """The decisions in a file, oldest first."""
    try:
        if path.stat().st_size > MAX_DECISIONS:
            raise InputError(f"{path} is larger than {MAX_DECISIONS // 1_000_000} MB", _HINT)
        content = json.loads(path.read_bytes())
        read = [_decision(one) for one in content["decisions"]]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", _HINT) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} holds no decisions: {type(error).__name__} {error!s:.80}", _HINT) from error
    return sorted(read, key=lambda one: one.decision.at)


def _decision(entry: Any) -> _Made:
    """Raises KeyError, TypeError or ValueError for what is no decision."""
    moment = datetime.fromisoformat(entry["at"])
    at = (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None, microsecond=0)
    position = LatLon(float(entry["lat"]), float(entry["lon"])) if entry.get("lat") is not None else None
    seen = LatLon(*map(float, entry["seen"])) if entry.get("seen") is not None else None
    words = [entry.get(name, "") for name in ("by", "note")]
    if not all(isinstance(word, str) for word in (entry["sha256"], *words)):
        raise TypeError("names and notes are text")
    by = words[0].strip()[:200]
    return _Made(entry["sha256"], Decision(Status(entry["status"]), by, at, position, words[1][:2000]), seen)
