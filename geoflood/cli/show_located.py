"""What a responder reads of a located photo: outcome, position, where to look; then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from geoflood.cli import terminal
from geoflood.core.datatypes import AttentionMap, Candidate, Estimate, Located, Outcome
from geoflood.core.geo import degrees_minutes, distance_m, usng

__all__ = ["SHOWN", "show_located"]

SHOWN = 5
"""Candidates that are listed; the map and --json have all."""

_STYLE = {
    Outcome.LOCATED: "bold green",
    Outcome.LIKELY: "bold cyan",
    Outcome.UNCERTAIN: "bold yellow",
    Outcome.NOT_FOUND: "bold magenta",
    Outcome.FAILED: "bold red",
}

_VERDICTS = {"same": "the model: same place", "different": "the model: another", "cannot_say": "unsure"}


def show_located(located: Located, as_json: bool = False) -> None:
    """On stdout: an object for programs, or some lines for people."""
    from geoflood.outputs.record import record

    if as_json:
        terminal.emit(record(located))
    else:
        _show_lines(located)


def _show_lines(located: Located) -> None:
    from geoflood.outputs.wording import percent, reason_line, signs_line

    outcome = located.outcome
    terminal.show_line(f"  {located.query.path}", outcome.value.upper(), _STYLE[outcome])
    for line in _street_lines(located):
        terminal.show_line(f"  {line}", style="bold")
    terminal.show_line(f"  {reason_line(located)}")
    for line in _attention_lines(located.attention):
        terminal.show_line(f"  {line}", style="dim")
    if signs := signs_line(located):
        terminal.show_line(f"  signs read: {signs}", style="dim")
    if place := located.place:
        _show_place(place, located.candidates)
        if other := located.other:
            street = f" · {other.streets.place}" if other.streets else ""
            share = percent(other.estimate.in_this_index)
            terminal.show_line(f"  or perhaps {other.city}, {share}{street}", style="bold")
            _show_place(other.estimate, other.candidates)
    terminal.show_line("")


def _show_place(place: Estimate, candidates: Sequence[Candidate]) -> None:
    """Where to look, and the matches that say so."""
    terminal.show_rows({f"  {name}": value for name, value in _place_rows(place).items()})
    rows = [_candidate_row(rank, candidate, place) for rank, candidate in enumerate(candidates[:SHOWN], 1)]
    terminal.show_table(
        "", ("  match", "similarity", "position", "from there", "looks", "street", "image"), rows
    )
    if (more := len(candidates) - SHOWN) > 0:
        terminal.show_line(f"  {more} more in the map", style="dim")


def _street_lines(located: Located) -> Iterator[str]:
    """ "93 % within 25 m · Market Hill, near Petty Cury, looking south", and what has no image beside it."""
    from geoflood.outputs.wording import length, percent

    words, place = located.streets, located.place
    if words is None or place is None:
        return
    sure = located.outcome in (Outcome.LOCATED, Outcome.LIKELY)
    within = f"{percent(place.probability)} within {length(place.tolerance_m)} · " if sure else ""
    yield from (text for text in (words.place and within + words.place, words.gap) if text)


def _attention_lines(attention: AttentionMap | None) -> Iterator[str]:
    """Who says which part of the photo counts, where its water ends, and why."""
    if attention is None or attention.provider == "none":
        return
    line = attention.waterline
    yield f"attention: {attention.provider}" + ("" if line is None else f", water over the lower {line:.0%}")
    yield from (f"  {' '.join(reason.split())}" for reason in attention.reasons)


def _place_rows(estimate: Estimate) -> dict[str, str]:
    """Position, how sure it is, and the area to search."""
    from geoflood.outputs.search_places import parts_line, radius_m
    from geoflood.outputs.wording import searched

    where, uncertainty_m = estimate.position, min(estimate.radius_90_m, estimate.tolerance_m)
    near, far = (f"{radius_m(estimate, share):.0f} m" for share in (0.5, 0.9))
    hectares = max(estimate.area_km2 * 100, 0.01)
    spoken = f"{degrees_minutes(where, uncertainty_m)}   {usng(where, uncertainty_m)}"
    return {
        "position": f"{where.lat:.5f}, {where.lon:.5f}   {spoken}",
        "belief": parts_line(estimate),
        "search": f"if it is in {searched(estimate)}: within {near} first (50 %), then {far} (90 %); "
        f"the likeliest 90 % are {hectares:.2g} ha",
    }


def _candidate_row(rank: int, candidate: Candidate, estimate: Estimate) -> list[str]:
    from geoflood.outputs.wording import compared_words

    reference, here = candidate.reference, estimate.position
    there = reference.position
    away_m = distance_m((here.lat, here.lon), (there.lat, there.lon))
    heading = "" if reference.heading_deg is None else f"{round(reference.heading_deg) % 360}°"
    similarity = f"{candidate.similarity:.2f}"
    if candidate.inliers is not None:
        similarity += f", {candidate.inliers} details agree"
    image = reference.image_key.partition(":")[2] or reference.image_key
    if candidate.shared_words:
        image += f"  (same words: {', '.join(candidate.shared_words)})"
    if candidate.verdict:
        image += f"  ({_VERDICTS.get(candidate.verdict, candidate.verdict)})"
    if candidate.comparison is not None:
        image += f"  (compared: {compared_words(candidate.comparison)})"
    position = f"{there.lat:.5f}, {there.lon:.5f}"
    return [f"  {rank}", similarity, position, f"{away_m:.0f} m", heading, candidate.street, image]
