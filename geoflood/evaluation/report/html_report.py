"""The report of an evaluation: one HTML page that opens anywhere, with no script and nothing to fetch.

Every word in it may come from a file name, so every word is escaped, and the page's policy lets nothing run.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from geoflood import __version__
from geoflood.core.datatypes import Candidate, Reference
from geoflood.core.files import write_whole
from geoflood.evaluation.report.curves import figures
from geoflood.evaluation.report.summary import (
    comparison,
    ece,
    figure,
    notes,
    ordered,
    sentences,
    signals,
    watered,
    whose,
)
from geoflood.evaluation.results import RECALLS, SHARES, Evaluation, Miss, Proportion
from geoflood.outputs.page import data_uri
from geoflood.outputs.wording import area, length, percent, plain

__all__ = ["write_report"]

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_ASKED = ' class="asked"'


def write_report(path: Path, evaluations: Sequence[Evaluation], misses: Sequence[Miss]) -> None:
    """Write the page, whole or not at all. The first evaluation is the one that was asked for, with its
    `misses`; the others are compared with it.
    """
    one = evaluations[0]
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>geoflood evaluation of {_safe(one.city)}</title>",
        f"<style>{resources.files(__package__).joinpath('report.css').read_text('utf-8')}</style>",
        "</head>\n<body>",
        *_header(one),
        "<main>",
        *_tiles(one),
        *_said(evaluations),
        *(_compared(evaluations) if len(evaluations) > 1 else ()),
        "<h2>Curves</h2>",
        *_figures(evaluations),
        *_tables(one),
        *_misses(evaluations, misses),
        *_words(),
        f"<footer>geoflood {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.</footer>",
        "</main>\n</body>\n</html>\n",
    ]
    write_whole(path, "\n".join(parts))


def _safe(text: str) -> str:
    return html.escape(plain(text))


def _header(one: Evaluation) -> Iterator[str]:
    told = "the search is told no waterline" if one.waterline is None else f"told {one.waterline:.0%}"
    yield f"<header><h1>How well {_safe(one.city)} is found</h1>"
    yield (
        f"<p>{len(one.judged):,} photos against {one.references:,} references, {_safe(one.backbone)}; "
        f"{_safe(watered(one))}; {told} ({_safe(one.name)}).</p></header>"
    )


def _tiles(one: Evaluation) -> Iterator[str]:
    s, right_m = one.scores, one.distances_m[0]
    half, known = s.needed(s.errors_m, 50), s.confidence
    tiles = [
        (_share(s.recall[right_m][1]), f"± {_error(s.recall[right_m][1])}, recall@1 at {length(right_m)}"),
        (_share(s.recall[right_m][10]), f"± {_error(s.recall[right_m][10])}, recall@10"),
        (length(half) if half is not None else "none", "median error"),
        (_share(s.contained[1]), f"± {_error(s.contained[1])}, 90 % areas that hold the place"),
        (ece(s.calibration_error), "expected calibration error"),
        (f"{known[0].auc_pr:.3f}" if known else "–", "AUC-PR of the probability"),
    ]
    if (auroc := s.not_found_auroc) is not None:
        tiles.append((f"{auroc.value:.3f}", f"± {auroc.error:.3f}, not-found AUROC"))
    tiles.append((f"{one.seconds_each:.2f} s", f"a photo, {one.at_a_time} at a time"))
    yield '<div class="tiles">'
    yield from (f"<div><b>{_safe(value)}</b><small>{_safe(name)}</small></div>" for value, name in tiles)
    yield "</div>"


def _said(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """The figures in sentences, for who reads no further."""
    yield '<ul class="said">'
    yield from (f"<li>{_safe(line)}</li>" for line in [*sentences(evaluations[0]), *notes(evaluations)])
    yield "</ul>"


def _compared(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """The ablations, a row a way; the one that was asked for stands out."""
    right_m = evaluations[0].distances_m[0]
    yield f"<h2>Ways to search, compared (right within {_safe(length(right_m))}; percent)</h2>"
    order = ordered(evaluations)
    yield _table(*comparison(order), order.index(evaluations[0]))


def _figures(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    yield '<div class="plots">'
    for title, told, drawing in figures(evaluations):
        yield f"<figure>{drawing}<figcaption><b>{_safe(title)}</b>{_safe(told)}</figcaption></figure>"
    yield "</div>"


def _tables(one: Evaluation) -> Iterator[str]:
    s = one.scores
    yield "<h2>Recall</h2>"
    rows = [
        [
            f"{length(d)} ({s.with_positive[d]:,} photos)",
            *(figure(s.recall[d][k]) for k in RECALLS),
            figure(s.position[d]),
        ]
        for d in one.distances_m
    ]
    yield _table(["within", *(f"R@{k}" for k in RECALLS), "position given"], rows)
    yield "<h2>What tells right from wrong</h2>"
    yield _table(*signals(one))
    yield "<h2>Do the areas hold the place?</h2>"
    kept = [
        [f"{part} %", figure(a), figure(c), area(size) if size == size else "–"]
        for part, a, c, size in zip(SHARES, s.contained, s.circled, s.areas_km2, strict=True)
    ]
    yield _table(["ought to hold", "areas that do", "circles that do", "median area"], kept)
    yield "<h2>What was said</h2>"
    outcomes = ["located", "uncertain", "not-found", "failed"]
    said = [
        [
            name.replace("_", " "),
            *(str(counts[outcome]) for outcome in outcomes),
            "–" if name == "elsewhere" else str(counts["right"]),
        ]
        for name, counts in s.outcomes.items()
        if any(counts.values())
    ]
    yield _table(["photos", *outcomes, "located and right"], said)


def _misses(evaluations: Sequence[Evaluation], misses: Sequence[Miss]) -> Iterator[str]:
    one = evaluations[0]
    wrong = int((one.scores.errors_m > one.distances_m[0]).sum())
    yield "<h2>The worst misses, the surest first</h2>"
    near = _safe(length(one.distances_m[0]))
    yield f"<p>{wrong:,} of {len(one.scores.errors_m):,} photos with a reference within {near} are placed "
    yield f"farther off than that; {len(misses)} are shown, those that name another place first."
    yield f"{_safe(whose(evaluations))}</p>"
    photo = "the photo" if one.dry else f"the photo, {watered(one)}"
    for miss in misses:
        query = miss.judged
        error = "no position" if query.position is None else f"{length(query.error_m)} off"
        told = f"{query.outcome.value}, {error}, {percent(query.probability)} sure"
        name = _safe(query.trial.asked.path.name)
        yield f'<section class="miss"><h3>{name}: {_safe(told)}</h3>'
        yield '<div class="row">'
        yield _picture(miss.photo, photo, "photo")
        for rank, (found, view) in enumerate(zip(query.best, miss.retrieved, strict=True), 1):
            off = length(query.ranks_m[rank - 1])
            yield _picture(view, f"match {rank}, {off} off, {_alike(found)}{_by(found.reference)}")
        far = f"{length(miss.expected_m)} from the truth"
        yield _picture(miss.view, f"ought to be found, {far}{_by(miss.expected)}", "true")
        yield "</div></section>"


def _alike(found: Candidate) -> str:
    """What speaks for a candidate."""
    inliers = "" if found.inliers is None else f", {found.inliers} inliers"
    return f"similarity {found.similarity:.2f}{inliers}"


def _by(reference: Reference) -> str:
    """Who took it and under which licence, as its licence may ask."""
    said = " ".join(part for part in (reference.credit, reference.licence) if part)
    return f"; {said}" if said else ""


def _picture(picture: bytes | None, caption: str, kind: str = "") -> str:
    if picture is None:
        shown = '<div class="none">its picture is gone</div>'
    else:
        source = data_uri("image/jpeg", picture)
        shown = f'<img class="{kind}" src="{source}" alt="{_safe(caption)}">'
    return f"<figure>{shown}<figcaption>{_safe(caption)}</figcaption></figure>"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], asked: int | None = None) -> str:
    """Lines may break between words, not inside a figure."""
    head = "".join(f"<th>{_safe(title)}</th>" for title in titles)
    cells = [[_safe(cell).replace(" ± ", "\u00a0±\u00a0") for cell in row] for row in rows]
    body = [
        f"<tr{_ASKED if number == asked else ''}>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
        for number, row in enumerate(cells)
    ]
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(body)}</table></div>'


def _share(of: Proportion) -> str:
    return f"{100 * of.value:.1f} %"


def _error(of: Proportion) -> str:
    return f"{100 * of.error:.1f}"


GLOSSARY = {
    "ways to search": "Nothing done: the photo as it is. Attention on the query only: what of it is under "
    "water is ignored, as VPR-AttLLM does. Bands: query and references ignore the same lower part; untold, "
    "all waterlines are mixed; told, those around the one that is told. n: photos with a reference in reach. "
    "s: seconds of the clock a photo, all cores at work; drawing the water is part of them.",
    "recall@k": "Share of the photos with a reference in reach (the positive distance) that have one such "
    "reference among the first k. ± is one standard deviation, photos of one place taken together.",
    "position given": "Share whose answer, the fused position, lies within that distance.",
    "error": "Of the position, or of the best guess where the answer is not-found; a photo without an answer "
    "counts as infinitely far.",
    "to be searched": "The likeliest ground first, until the truth is inside (recall vs area, Bianco et al. "
    "2024); after the search area, 25 m around one match after the other. Street lengths are those of the "
    "shortest network through the references themselves (links up to 50 m), not of a street map.",
    "AUC-PR": "Area under the precision-recall curve of right answers, all photos ordered by the signal.",
    "agreement": "How closely the first ten matches lie together (SUE, Zaffar et al. 2024).",
    "expected calibration error": "Mean distance between the probability told and the share that is right "
    "(Guo et al. 2017), ten bins, over the photos that could be searched.",
    "not-found AUROC": "Chance that a photo of elsewhere gets a larger share “not in this index” than one "
    "with a reference in reach; ± after Hanley and McNeil (1982).",
}


def _words() -> Iterator[str]:
    yield "<h2>Words</h2><dl>"
    yield from (f"<dt>{_safe(name)}</dt><dd>{_safe(text)}</dd>" for name, text in GLOSSARY.items())
    yield "</dl>"
