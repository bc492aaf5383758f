"""An evaluation as lines and a table of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from geoflood.evaluation.report.evaluation_record import COVERAGES
from geoflood.evaluation.results import RECALLS, SHARES, TO_SEARCH, Evaluation, Proportion
from geoflood.outputs.wording import area, length

__all__ = [
    "comparison",
    "ece",
    "figure",
    "notes",
    "ordered",
    "sentences",
    "signals",
    "told",
    "watered",
    "whose",
]


def figure(of: Proportion) -> str:
    """Percent with one standard deviation: "92.4 ± 1.8"."""
    return f"{100 * of.value:.1f} ± {100 * of.error:.1f}"


def told(one: Evaluation) -> dict[str, str]:
    """Names and values, a line each."""
    s, right_m = one.scores, one.distances_m[0]
    errors = [(share, s.needed(s.errors_m, share)) for share in (50, 75, 90)]
    near = f"{s.with_positive[right_m]:,} with a reference within {length(right_m)}"
    rows = {
        "index": f"{one.city}: {one.references:,} references, {one.backbone}",
        "searched": f"{one.name}; {watered(one)}",
        "queries": f"{len(one.judged):,}, {near}",
    }
    for distance, of in s.recall.items():
        at = "  ".join(f"@{k} {figure(of[k])}" for k in RECALLS)
        rows[f"recall {length(distance)}"] = f"{at}  % of {s.with_positive[distance]:,}"
    rows["error"] = ", ".join(
        f"{share} %: {'no answer' if metres is None else length(metres)}" for share, metres in errors
    )
    rows["areas hold"] = ", ".join(
        f"{part} %: {figure(of)} (median {'–' if size != size else area(size)})"
        for part, of, size in zip(SHARES, s.contained, s.areas_km2, strict=True)
    )
    rows["to search"] = ", ".join(f"{share} %: {_to_search(one, share)}" for share in TO_SEARCH)
    rows["calibration"] = f"expected error {ece(s.calibration_error)}"
    if s.not_found_auroc is not None:
        rows["not found"] = f"AUROC {_chance(s.not_found_auroc)}"
    said = {name: n for name, n in s.outcomes.items() if any(n.values())}
    rows |= {f"said {name.replace('_', ' ')}": _said(name, n) for name, n in said.items()}
    stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in s.seconds.items())
    shared = f"; by stage, the cores shared: {stages}" if stages else ""
    rows["seconds a photo"] = f"{one.seconds_each:.2f}, {one.at_a_time} at a time{shared}"
    return rows


def notes(evaluations: Sequence[Evaluation]) -> list[str]:
    """What a reader of the figures must know, each once."""
    return list(dict.fromkeys(note for one in evaluations for note in one.notes))


def watered(one: Evaluation) -> str:
    """What was done to the photos, in words."""
    drawn = [] if one.effects == "water" else [one.effects.replace(",", ", ")]
    water = [f"synthetic water over the lower {one.flood:.0%}"] if one.flood else []
    return "photos as they are" if one.dry else ", ".join(water + drawn)


def whose(evaluations: Sequence[Evaluation]) -> str:
    """Of which evaluation something is that shows the first one only; nothing where there are no others."""
    one = evaluations[0]
    if len(evaluations) == 1:
        return ""
    return f" Only of “{one.name}” in the index {one.index}, water {one.water}."


def ece(error: float | None) -> str:
    """A calibration error, where any photo was answered."""
    return "–" if error is None else f"{error:.3f}"


def _chance(of: Proportion) -> str:
    """A share of one with one standard deviation: "0.953 ± 0.011"."""
    return f"{of.value:.3f} ± {of.error:.3f}"


def sentences(one: Evaluation) -> Iterator[str]:
    """The figures in words, for who reads no further."""
    s, right_m = one.scores, one.distances_m[0]
    here, missing = s.outcomes["with_positive"], len(one.judged) - s.with_positive[right_m]
    first, ten = (100 * s.recall[right_m][k].value for k in (1, 10))
    yield (
        f"{s.with_positive[right_m]:,} photos have a reference within {length(right_m)}. Of {first:.1f} % of "
        f"them the first match is the right place, of {ten:.1f} % one of the first ten."
    )
    if missing:
        yield (
            f"{missing:,} photos have none: nothing can be recalled, so they are left out of every recall. "
            f"Of them {s.outcomes['without_positive']['located']} are called located."
        )
    yield (
        f"Of those that have one {here['located']} are called located, {here['right']} of them rightly; "
        f"{here['uncertain']} uncertain; {here['not-found']} not-found, although they could be found."
    )
    sizes = ", ".join(f"{p} %: {area(a)}" for p, a in zip(SHARES, s.areas_km2, strict=True) if a == a)
    yield f"Median search areas: {sizes or 'none'}."
    needs = "; ".join(f"{share} % of them within {_to_search(one, share)}" for share in TO_SEARCH)
    yield f"Who searches the likeliest ground first finds {needs}."
    if one.elsewhere:
        wrong = s.outcomes["elsewhere"]["located"]
        auroc = f" Not-found AUROC: {_chance(s.not_found_auroc)}." if s.not_found_auroc else ""
        yield f"Of {len(one.elsewhere):,} photos of elsewhere {wrong} are called located.{auroc}"
    if failed := sum(not query.answered for query in one.judged):
        yield f"{failed} photos could not be searched; they count as wrong, not in the calibration error."
    if lost := sum(not query.answered for query in one.elsewhere):
        yield f"{lost} photos of elsewhere could not be searched; they count nowhere."


def signals(one: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Titles and rows: how well each signal tells right from wrong."""
    titles = ["signal", "AUC-PR", *(f"right of the surest {share} %" for share in COVERAGES)]
    rows = [
        [of.name, f"{of.auc_pr:.3f}", *(f"{100 * of.precision_at(share / 100):.1f}" for share in COVERAGES)]
        for of in one.scores.confidence
    ]
    return titles, rows


def _to_search(one: Evaluation, share: int) -> str:
    """What has to be searched until this percentage of the photos with a positive is found."""
    km2 = one.scores.needed(one.scores.searched_km2, share)
    km = one.scores.needed(one.scores.searched_km, share)
    return "no area at all" if km2 is None or km is None else f"{area(km2)}, {length(km * 1000)} of street"


def _said(photos: str, counts: Mapping[str, int]) -> str:
    """Of photos of elsewhere none that is located is right."""
    said = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n and name != "right")
    return said if photos == "elsewhere" else f"{said}; {counts['right']:,} located and right"


def comparison(evaluations: Sequence[Evaluation]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows, a row an evaluation in their order; figures at the first distance, percent.

    `n` are the photos with a reference in reach, which indexes side by side need not share.
    """
    titles = ["way", "water", "n", *(f"R@{k}" for k in RECALLS), "median error", "90 % area holds"]
    rows = [_row(one) for one in evaluations]
    if len({one.index for one in evaluations}) > 1:
        titles.insert(1, "index")
        for one, row in zip(evaluations, rows, strict=True):
            row.insert(1, f"{one.index} ({one.backbone})")
    return [*titles, "its median", "AUC-PR", "ECE", "s"], rows


def ordered(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """The driest first, of one water the weakest first."""
    right_m = evaluations[0].distances_m[0]
    return sorted(evaluations, key=lambda one: (one.flood, one.scores.recall[right_m][1].value))


def _row(one: Evaluation) -> list[str]:
    s, right_m = one.scores, one.distances_m[0]
    half, size = s.needed(s.errors_m, 50), s.areas_km2[1]
    return [
        one.name,
        one.water,
        f"{s.with_positive[right_m]:,}",
        *(figure(s.recall[right_m][k]) for k in RECALLS),
        "none" if half is None else length(half),
        figure(s.contained[1]),
        "–" if size != size else area(size),
        f"{s.confidence[0].auc_pr:.3f}" if s.confidence else "–",
        ece(s.calibration_error),
        f"{one.seconds_each:.2f}",
    ]
