"""The report of an evaluation: one HTML page that opens anywhere, with no script and nothing to fetch.

Every word in it may come from a file name, so every word is escaped, and the page's policy lets nothing run.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from geoflood import __version__
from geoflood.core.datatypes import Candidate, Outcome, Reference
from geoflood.core.files import write_whole
from geoflood.evaluation.report.curves import figures
from geoflood.evaluation.report.glossary import GLOSSARY
from geoflood.evaluation.report.text import (
    comparison_table,
    format_calibration_error,
    format_percent,
    notes,
    scope,
    sentences,
    signal_table,
    sort_by_water,
    water_in_words,
)
from geoflood.evaluation.results import (
    AREA_PERCENTS,
    RECALL_KS,
    Evaluation,
    Miss,
    Proportion,
    smallest_serving,
)
from geoflood.outputs.licences import credit_links
from geoflood.outputs.page import data_uri
from geoflood.outputs.wording import area, length, percent, plain

__all__ = ["write_report"]

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
OUTCOMES = tuple(outcome.value for outcome in Outcome)


def write_report(path: Path, evaluations: Sequence[Evaluation], misses: Sequence[Miss]) -> None:
    """Write the page, whole or not at all.

    The first evaluation is the requested one, with its `misses`; the others are compared with it.
    """
    first = evaluations[0]
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>geoflood evaluation of {_safe(first.city)}</title>",
        f"<style>{resources.files(__package__).joinpath('report.css').read_text('utf-8')}</style>",
        "</head>\n<body>",
        *_header(first),
        "<main>",
        *_tiles(first),
        *_sentences(evaluations),
        *(_comparison(evaluations) if len(evaluations) > 1 else ()),
        "<h2>Curves</h2>",
        *_figures(evaluations),
        *_recall_table(first),
        *_signal_table(first),
        *_area_table(first),
        *_outcome_table(first),
        *_misses(evaluations, misses),
        *_glossary(),
        f"<footer>geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</footer>",
        "</main>\n</body>\n</html>\n",
    ]
    write_whole(path, "\n".join(parts))


def _safe(text: str) -> str:
    return html.escape(plain(text))


def _header(evaluation: Evaluation) -> Iterator[str]:
    share = evaluation.waterline
    told = "the search is told no waterline" if share is None else f"told {share:.0%}"
    yield f"<header><h1>How well {_safe(evaluation.city)} is found</h1>"
    yield (
        f"<p>{len(evaluation.results):,} photos against {evaluation.references:,} references, "
        f"{_safe(evaluation.backbone)}; {_safe(water_in_words(evaluation))}; {told} "
        f"({_safe(evaluation.name)}).</p></header>"
    )


def _tiles(evaluation: Evaluation) -> Iterator[str]:
    s, right_m = evaluation.scores, evaluation.distances_m[0]
    recall, median_error = s.recall[right_m], smallest_serving(s.errors_m, 50)
    tiles = [
        (_percent(recall[1]), f"± {_percent_error(recall[1])}, recall@1 at {length(right_m)}"),
        (_percent(recall[10]), f"± {_percent_error(recall[10])}, recall@10"),
        (length(median_error) if median_error is not None else "none", "median error"),
        (_percent(s.in_area[1]), f"± {_percent_error(s.in_area[1])}, 90 % areas that hold the place"),
        (format_calibration_error(s.calibration_error), "expected calibration error"),
        (f"{s.signals[0].auc_pr:.3f}" if s.signals else "–", "AUC-PR of the probability"),
    ]
    if (auroc := s.not_found_auroc) is not None:
        tiles.append((f"{auroc.value:.3f}", f"± {auroc.error:.3f}, not-found AUROC"))
    tiles.append((f"{evaluation.seconds_per_query:.2f} s", f"a photo, {evaluation.at_a_time} at a time"))
    yield '<div class="tiles">'
    yield from (f"<div><b>{_safe(value)}</b><small>{_safe(name)}</small></div>" for value, name in tiles)
    yield "</div>"


def _percent(share: Proportion) -> str:
    return f"{100 * share.value:.1f} %"


def _percent_error(share: Proportion) -> str:
    return f"{100 * share.error:.1f}"


def _sentences(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """The figures in words, for who reads no further."""
    yield '<ul class="sentences">'
    yield from (f"<li>{_safe(line)}</li>" for line in [*sentences(evaluations[0]), *notes(evaluations)])
    yield "</ul>"


def _comparison(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """A row for each search setting; the requested one stands out."""
    right_m = evaluations[0].distances_m[0]
    yield f"<h2>Ways to search, compared (right within {_safe(length(right_m))}; percent)</h2>"
    order = sort_by_water(evaluations)
    yield _table(*comparison_table(order), order.index(evaluations[0]))


def _figures(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    yield '<div class="plots">'
    for title, caption, drawing in figures(evaluations):
        yield f"<figure>{drawing}<figcaption><b>{_safe(title)}</b>{_safe(caption)}</figcaption></figure>"
    yield "</div>"


def _recall_table(evaluation: Evaluation) -> Iterator[str]:
    s = evaluation.scores
    rows = [
        [
            f"{length(d)} ({s.with_positive[d]:,} photos)",
            *(format_percent(s.recall[d][k]) for k in RECALL_KS),
            format_percent(s.position_recall[d]),
        ]
        for d in evaluation.distances_m
    ]
    yield "<h2>Recall</h2>"
    yield _table(["within", *(f"R@{k}" for k in RECALL_KS), "position given"], rows)


def _signal_table(evaluation: Evaluation) -> Iterator[str]:
    yield "<h2>What tells right from wrong</h2>"
    yield _table(*signal_table(evaluation))


def _area_table(evaluation: Evaluation) -> Iterator[str]:
    s = evaluation.scores
    rows = [
        [
            f"{percent} %",
            format_percent(in_area),
            format_percent(in_circle),
            "–" if math.isnan(km2) else area(km2),
        ]
        for percent, in_area, in_circle, km2 in zip(
            AREA_PERCENTS, s.in_area, s.in_circle, s.areas_km2, strict=True
        )
    ]
    yield "<h2>Do the areas hold the place?</h2>"
    yield _table(["ought to hold", "areas that do", "circles that do", "median area"], rows)


def _outcome_table(evaluation: Evaluation) -> Iterator[str]:
    rows = [
        [
            group.replace("_", " "),
            *(str(counts[outcome]) for outcome in OUTCOMES),
            *("–" if group == "elsewhere" else str(counts[name]) for name in ("right", "likely_right")),
        ]
        for group, counts in evaluation.scores.outcomes.items()
        if any(counts.values())
    ]
    yield "<h2>What was said</h2>"
    yield _table(["photos", *OUTCOMES, "located and right", "likely and right"], rows)


def _misses(evaluations: Sequence[Evaluation], misses: Sequence[Miss]) -> Iterator[str]:
    first = evaluations[0]
    errors_m, right_m = first.scores.errors_m, first.distances_m[0]
    yield "<h2>The worst misses, the surest first</h2>"
    yield (
        f"<p>{int((errors_m > right_m).sum()):,} of {len(errors_m):,} photos with a reference within "
        f"{_safe(length(right_m))} are placed farther off than that; {len(misses)} are shown, those that "
        f"name another place first.{_safe(scope(evaluations))}</p>"
    )
    caption = "the photo" if first.dry else f"the photo, {water_in_words(first)}"
    for miss in misses:
        yield from _miss(miss, caption)


def _miss(miss: Miss, photo_caption: str) -> Iterator[str]:
    result = miss.result
    error = "no position" if result.position is None else f"{length(result.error_m)} off"
    answer = f"{result.outcome.value}, {error}, {percent(result.probability)} sure"
    yield f'<section class="miss"><h3>{_safe(result.case.truth.path.name)}: {_safe(answer)}</h3>'
    yield '<div class="row">'
    yield _picture(miss.photo, photo_caption, "photo")
    errors_m = result.candidate_errors_m[: len(result.candidates)]
    candidates = zip(result.candidates, errors_m, miss.candidate_pictures, strict=True)
    for rank, (candidate, metres, picture) in enumerate(candidates, 1):
        caption = f"match {rank}, {length(metres)} off, {_evidence(candidate)}{_credit(candidate.reference)}"
        yield _picture(picture, caption)
    expected = f"ought to be found, {length(miss.expected_m)} from the truth{_credit(miss.expected)}"
    yield _picture(miss.expected_picture, expected, "true")
    yield "</div></section>"


def _evidence(candidate: Candidate) -> str:
    """What speaks for a candidate."""
    inliers = "" if candidate.inliers is None else f", {candidate.inliers} inliers"
    return f"similarity {candidate.similarity:.2f}{inliers}"


def _credit(reference: Reference) -> str:
    """Who took it and under which licence, as its licence may demand."""
    links = (link for _, link in credit_links(reference))
    credit = " ".join(part for part in (reference.credit, reference.licence, *links) if part)
    return f"; {credit}" if credit else ""


def _picture(picture: bytes | None, caption: str, css_class: str = "") -> str:
    if picture is None:
        shown = '<div class="none">its picture is gone</div>'
    else:
        source = data_uri("image/jpeg", picture)
        shown = f'<img class="{css_class}" src="{source}" alt="{_safe(caption)}">'
    return f"<figure>{shown}<figcaption>{_safe(caption)}</figcaption></figure>"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], highlighted: int | None = None) -> str:
    """Lines may break between words, not inside a figure."""
    head = "".join(f"<th>{_safe(title)}</th>" for title in titles)
    body = []
    for number, row in enumerate(rows):
        cells = (_safe(cell).replace(" ± ", "\u00a0±\u00a0") for cell in row)
        css_class = ' class="highlighted"' if number == highlighted else ""
        body.append(f"<tr{css_class}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(body)}</table></div>'


def _glossary() -> Iterator[str]:
    yield "<h2>Words</h2><dl>"
    yield from (f"<dt>{_safe(word)}</dt><dd>{_safe(text)}</dd>" for word, text in GLOSSARY.items())
    yield "</dl>"
