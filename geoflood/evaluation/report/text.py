"""An evaluation as lines and tables of text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from geoflood.evaluation.report.evaluation_record import COVERAGES
from geoflood.evaluation.results import (
    AREA_PERCENTS,
    RECALL_KS,
    SEARCH_PERCENTS,
    Evaluation,
    Proportion,
    smallest_serving,
)
from geoflood.outputs.wording import area, length

__all__ = [
    "comparison_table",
    "format_auroc",
    "format_calibration_error",
    "format_percent",
    "notes",
    "scope",
    "sentences",
    "signal_table",
    "sort_by_water",
    "summary_rows",
    "water_in_words",
]


def format_percent(share: Proportion) -> str:
    """Percent with one standard deviation: "92.4 ± 1.8"."""
    return f"{100 * share.value:.1f} ± {100 * share.error:.1f}"


def format_auroc(chance: Proportion) -> str:
    """A chance with one standard deviation: "0.953 ± 0.011"."""
    return f"{chance.value:.3f} ± {chance.error:.3f}"


def format_calibration_error(error: float | None) -> str:
    """A calibration error; "–" where no photo was answered."""
    return "–" if error is None else f"{error:.3f}"


def _format_area(km2: float) -> str:
    return "–" if math.isnan(km2) else area(km2)


def summary_rows(evaluation: Evaluation) -> dict[str, str]:
    """Names and values, a line each."""
    s, right_m = evaluation.scores, evaluation.distances_m[0]
    near = f"{s.with_positive[right_m]:,} with a reference within {length(right_m)}"
    return {
        "index": f"{evaluation.city}: {evaluation.references:,} references, {evaluation.backbone}",
        "searched": f"{evaluation.name}; {water_in_words(evaluation)}",
        "queries": f"{len(evaluation.results):,}, {near}",
        **_recall_rows(evaluation),
        **_error_rows(evaluation),
        **_outcome_rows(evaluation),
        **_city_rows(evaluation),
        "seconds a photo": _seconds(evaluation),
    }


def _recall_rows(evaluation: Evaluation) -> dict[str, str]:
    rows = {}
    for distance, by_k in evaluation.scores.recall.items():
        shares = "  ".join(f"@{k} {format_percent(by_k[k])}" for k in RECALL_KS)
        count = evaluation.scores.with_positive[distance]
        rows[f"recall {length(distance)}"] = f"{shares}  % of {count:,}"
    return rows


def _error_rows(evaluation: Evaluation) -> dict[str, str]:
    s = evaluation.scores
    errors = [(percent, smallest_serving(s.errors_m, percent)) for percent in (50, 75, 90)]
    areas = zip(AREA_PERCENTS, s.in_area, s.areas_km2, strict=True)
    rows = {
        "error": ", ".join(
            f"{percent} %: {'no answer' if metres is None else length(metres)}" for percent, metres in errors
        ),
        "areas hold": ", ".join(
            f"{percent} %: {format_percent(share)} (median {_format_area(km2)})"
            for percent, share, km2 in areas
        ),
        "to search": ", ".join(f"{p} %: {_to_search(evaluation, p)}" for p in SEARCH_PERCENTS),
        "calibration": f"expected error {format_calibration_error(s.calibration_error)}",
    }
    if s.not_found_auroc is not None:
        rows["not found"] = f"AUROC {format_auroc(s.not_found_auroc)}"
    return rows


def _outcome_rows(evaluation: Evaluation) -> dict[str, str]:
    groups = {name: counts for name, counts in evaluation.scores.outcomes.items() if any(counts.values())}
    return {f"said {name.replace('_', ' ')}": _outcomes(name, counts) for name, counts in groups.items()}


def _city_rows(evaluation: Evaluation) -> dict[str, str]:
    """To which city photos were given, of several that were asked together."""
    shares = evaluation.city_shares
    if shares is None:
        return {}
    right, none, wrong = (f"{100 * n / shares.of:.1f} %" for n in (shares.right, shares.none, shares.wrong))
    sure = f"of {shares.sure:,} located or likely {shares.sure_wrong:,} in a wrong one"
    return {"which city": f"{right} the right one, {none} none, {wrong} a wrong one of {shares.of:,}; {sure}"}


def _outcomes(group: str, counts: Mapping[str, int]) -> str:
    """No photo of elsewhere that is located or likely is right, so none is counted."""
    right = {"right": "located and right", "likely_right": "likely and right"}
    outcomes = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n and name not in right)
    if group == "elsewhere":
        return outcomes
    return f"{outcomes}; {', '.join(f'{counts[name]:,} {words}' for name, words in right.items())}"


def _seconds(evaluation: Evaluation) -> str:
    stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in evaluation.scores.seconds.items())
    by_stage = f"; by stage, the cores shared: {stages}" if stages else ""
    return f"{evaluation.seconds_per_query:.2f}, {evaluation.at_a_time} at a time{by_stage}"


def notes(evaluations: Sequence[Evaluation]) -> list[str]:
    """What a reader of the figures must know, each note once."""
    return list(dict.fromkeys(note for evaluation in evaluations for note in evaluation.notes))


def water_in_words(evaluation: Evaluation) -> str:
    """What was drawn into the photos."""
    if evaluation.dry:
        return "photos as they are"
    water = [f"synthetic water over the lower {evaluation.flood:.0%}"] if evaluation.flood else []
    effects = [] if evaluation.effects == "water" else [evaluation.effects.replace(",", ", ")]
    return ", ".join(water + effects)


def scope(evaluations: Sequence[Evaluation]) -> str:
    """Which evaluation a part of the report shows, where there are several; else ""."""
    first = evaluations[0]
    if len(evaluations) == 1:
        return ""
    return f" Only of “{first.name}” in the index {first.index}, water {first.water}."


def sentences(evaluation: Evaluation) -> Iterator[str]:
    """The figures in words, for who reads no further."""
    yield from _recall_sentences(evaluation)
    yield from _area_sentences(evaluation)
    if evaluation.elsewhere:
        yield _elsewhere_sentence(evaluation)
    if failed := sum(not result.answered for result in evaluation.results):
        yield f"{failed} photos could not be searched; they count as wrong, not in the calibration error."
    if failed := sum(not result.answered for result in evaluation.elsewhere):
        yield f"{failed} photos of elsewhere could not be searched; they count nowhere."


def _recall_sentences(evaluation: Evaluation) -> Iterator[str]:
    s, right_m = evaluation.scores, evaluation.distances_m[0]
    count, outcomes = s.with_positive[right_m], s.outcomes["with_positive"]
    first, ten = (100 * s.recall[right_m][k].value for k in (1, 10))
    yield (
        f"{count:,} photos have a reference within {length(right_m)}. Of {first:.1f} % of them the first "
        f"match is the right place, of {ten:.1f} % one of the first ten."
    )
    if missing := len(evaluation.results) - count:
        yield (
            f"{missing:,} photos have none: nothing can be recalled, so they are left out of every recall. "
            f"Of them {_called(s.outcomes['without_positive'])}."
        )
    yield (
        f"Of those that have one {outcomes['located']} are called located, {outcomes['right']} of them "
        f"rightly; {outcomes['likely']} likely, {outcomes['likely_right']} of them rightly; "
        f"{outcomes['uncertain']} uncertain; {outcomes['not-found']} not-found, although they "
        "could be found."
    )


def _area_sentences(evaluation: Evaluation) -> Iterator[str]:
    areas = zip(AREA_PERCENTS, evaluation.scores.areas_km2, strict=True)
    sizes = ", ".join(f"{percent} %: {area(km2)}" for percent, km2 in areas if not math.isnan(km2))
    yield f"Median search areas: {sizes or 'none'}."
    needs = "; ".join(f"{p} % of them within {_to_search(evaluation, p)}" for p in SEARCH_PERCENTS)
    yield f"Who searches the likeliest ground first finds {needs}."


def _elsewhere_sentence(evaluation: Evaluation) -> str:
    s = evaluation.scores
    auroc = f" Not-found AUROC: {format_auroc(s.not_found_auroc)}." if s.not_found_auroc else ""
    called = _called(s.outcomes["elsewhere"])
    return f"Of {len(evaluation.elsewhere):,} photos of elsewhere {called}.{auroc}"


def _called(counts: Mapping[str, int]) -> str:
    return f"{counts['located']} are called located, {counts['likely']} likely"


def _to_search(evaluation: Evaluation, percent: int) -> str:
    """What has to be searched until this percentage of the photos with a positive is found."""
    km2 = smallest_serving(evaluation.scores.searched_km2, percent)
    km = smallest_serving(evaluation.scores.searched_street_km, percent)
    return "no area at all" if km2 is None or km is None else f"{area(km2)}, {length(km * 1000)} of street"


def signal_table(evaluation: Evaluation) -> tuple[list[str], list[list[str]]]:
    """Titles and rows: how well each signal tells right from wrong."""
    titles = ["signal", "AUC-PR", *(f"right of the surest {percent} %" for percent in COVERAGES)]
    rows = [
        [
            signal.name,
            f"{signal.auc_pr:.3f}",
            *(f"{100 * signal.precision_at(percent / 100):.1f}" for percent in COVERAGES),
        ]
        for signal in evaluation.scores.signals
    ]
    return titles, rows


def comparison_table(evaluations: Sequence[Evaluation]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows, a row an evaluation in their order; figures at the first distance, percent.

    `n` counts the photos with a reference in reach, which differs where indexes are compared.
    """
    titles = ["way", "water", "n", *(f"R@{k}" for k in RECALL_KS), "median error", "90 % area holds"]
    rows = [_comparison_row(evaluation) for evaluation in evaluations]
    if len({evaluation.index for evaluation in evaluations}) > 1:
        titles.insert(1, "index")
        for evaluation, row in zip(evaluations, rows, strict=True):
            row.insert(1, f"{evaluation.index} ({evaluation.backbone})")
    return [*titles, "its median", "AUC-PR", "ECE", "s"], rows


def sort_by_water(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """The driest first, of one water the lowest recall@1 first."""
    right_m = evaluations[0].distances_m[0]
    return sorted(evaluations, key=lambda evaluation: (evaluation.flood, evaluation.recall[right_m][1]))


def _comparison_row(evaluation: Evaluation) -> list[str]:
    s, right_m = evaluation.scores, evaluation.distances_m[0]
    median_error = smallest_serving(s.errors_m, 50)
    return [
        evaluation.name,
        evaluation.water,
        f"{s.with_positive[right_m]:,}",
        *(format_percent(s.recall[right_m][k]) for k in RECALL_KS),
        "none" if median_error is None else length(median_error),
        format_percent(s.in_area[1]),
        _format_area(s.areas_km2[1]),
        f"{s.signals[0].auc_pr:.3f}" if s.signals else "–",
        format_calibration_error(s.calibration_error),
        f"{evaluation.seconds_per_query:.2f}",
    ]
