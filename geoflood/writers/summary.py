"""An evaluation as lines and a table of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from geoflood.judged import RECALLS, SHARES, TO_SEARCH, Evaluation, Share
from geoflood.writers.evaluation import COVERAGES
from geoflood.writers.wording import area, length

__all__ = ["comparison", "figure", "ordered", "sentences", "signals", "to_search", "told"]


def figure(of: Share) -> str:
    """Percent with one standard deviation: "92.4 ± 1.8"."""
    return f"{100 * of.value:.1f} ± {100 * of.error:.1f}"


def told(one: Evaluation) -> dict[str, str]:
    """Names and values, a line each."""
    s, right_m = one.scores, one.distances_m[0]
    errors = [(share, s.needed(s.errors_m, share)) for share in (50, 75, 90)]
    water = f"water over the lower {one.flood:.0%}" if one.flood else "photos as they are"
    near = f"{s.with_positive[right_m]:,} with a reference within {length(right_m)}"
    rows = {
        "index": f"{one.city}: {one.references:,} references, {one.backbone}",
        "searched": f"{one.name}; {water}",
        "queries": f"{len(one.judged):,}, {near}",
    }
    for distance, of in s.recall.items():
        at = "  ".join(f"@{k} {figure(of[k])}" for k in RECALLS)
        rows[f"recall {length(distance)}"] = f"{at}  % of {s.with_positive[distance]:,}"
    rows["error"] = ", ".join(
        f"{share} %: {'no answer' if metres is None else length(metres)}" for share, metres in errors
    )
    rows["areas hold"] = ", ".join(
        f"{part} %: {figure(of)} (median {'-' if size != size else area(size)})"
        for part, of, size in zip(SHARES, s.contained, s.areas_km2, strict=True)
    )
    rows["to search"] = ", ".join(f"{share} %: {to_search(one, share)}" for share in TO_SEARCH)
    rows["calibration"] = f"expected error {s.calibration_error:.3f}"
    if s.not_found_auroc is not None:
        rows["not found"] = f"AUROC {s.not_found_auroc:.3f}"
    rows |= {f"said {name.replace('_', ' ')}": _said(n) for name, n in s.outcomes.items() if any(n.values())}
    rows["seconds a photo"] = f"{sum(s.seconds.values()):.2f}"
    return rows


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
    needs = "; ".join(f"{share} % of them within {to_search(one, share)}" for share in TO_SEARCH)
    yield f"Who searches the likeliest ground first finds {needs}."
    if one.elsewhere:
        wrong = s.outcomes["elsewhere"]["located"]
        yield f"Of {len(one.elsewhere):,} photos of elsewhere {wrong} are called located."
    if failed := sum(not query.answered for query in one.judged):
        yield f"{failed} photos could not be searched; they count as wrong."


def signals(one: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Titles and rows: how well each signal tells right from wrong."""
    titles = ["signal", "AUC-PR", *(f"right of the surest {share} %" for share in COVERAGES)]
    rows = [
        [of.name, f"{of.auc_pr:.3f}", *(f"{100 * of.precision_at(share / 100):.1f}" for share in COVERAGES)]
        for of in one.scores.confidence
    ]
    return titles, rows


def to_search(one: Evaluation, share: int) -> str:
    """What has to be searched until this percentage of the photos with a positive is found."""
    km2 = one.scores.needed(one.scores.searched_km2, share)
    km = one.scores.needed(one.scores.searched_km, share)
    return "no area at all" if km2 is None or km is None else f"{area(km2)}, {length(km * 1000)} of street"


def _said(counts: Mapping[str, int]) -> str:
    said = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n and name != "right")
    return f"{said}; {counts['right']:,} located and right"


def comparison(evaluations: Sequence[Evaluation]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows, a row an evaluation in their order; figures at the first distance, percent."""
    titles = ["way", "water", *(f"R@{k}" for k in RECALLS), "median error", "90 % area holds", "its median"]
    rows = [_row(one) for one in evaluations]
    if len({(one.city, one.backbone) for one in evaluations}) > 1:
        titles.insert(1, "index")
        for one, row in zip(evaluations, rows, strict=True):
            row.insert(1, f"{one.city} ({one.backbone})")
    return [*titles, "AUC-PR", "ECE", "s"], rows


def ordered(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """The driest first, of one water the weakest first."""
    right_m = evaluations[0].distances_m[0]
    return sorted(evaluations, key=lambda one: (one.flood, one.scores.recall[right_m][1].value))


def _row(one: Evaluation) -> list[str]:
    s, right_m = one.scores, one.distances_m[0]
    half, size = s.needed(s.errors_m, 50), s.areas_km2[1]
    return [
        one.name,
        f"{one.flood:.0%}",
        *(figure(s.recall[right_m][k]) for k in RECALLS),
        "none" if half is None else length(half),
        figure(s.contained[1]),
        "-" if size != size else area(size),
        f"{s.confidence[0].auc_pr:.3f}" if s.confidence else "-",
        f"{s.calibration_error:.3f}",
        f"{sum(s.seconds.values()):.2f}",
    ]
