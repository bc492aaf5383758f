"""The words of the report, explained at its end."""

from __future__ import annotations

__all__ = ["GLOSSARY"]

GLOSSARY = {
    "ways to search": "Nothing done: the photo as it is. Attention on the query only: what of it is under "
    "water is ignored, as VPR-AttLLM does. Bands: query and references ignore the same lower part. Untold, "
    "all waterlines are mixed; told, those around the one that is told. n: photos with a reference in reach. "
    "s: seconds of the clock a photo, all cores at work; drawing the water is part of them.",
    "recall@k": "Share of the photos with a reference in reach (the positive distance) that have one such "
    "reference among the first k. ± is one standard deviation, photos of one place taken together.",
    "position given": "Share whose answer, the fused position, lies within that distance.",
    "error": "Of the position, or of the best guess where the answer is not-found. A photo without an answer "
    "counts as infinitely far.",
    "to be searched": "The likeliest ground first, until the place is reached (recall vs area, Bianco et al. "
    "2024). After the search area comes 25 m around one match after the other. Street lengths are those of "
    "the shortest network through the references themselves (links up to 50 m), not of a street map.",
    "AUC-PR": "Area under the precision-recall curve of right answers, all photos ordered by the signal.",
    "agreement": "How closely the first ten matches lie together (SUE, Zaffar et al. 2024).",
    "expected calibration error": "Mean distance between the probability and the share that is right "
    "(Guo et al. 2017), ten bins, over the photos that could be searched.",
    "not-found AUROC": "Chance that a photo of elsewhere gets a larger share “not in this index” than one "
    "with a reference in reach; ± after Hanley and McNeil (1982).",
}
