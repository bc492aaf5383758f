"""The line of one photo: read, describe, search, fuse, rerank, verify, conclude."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.describe import DescribedImage, WeightFunctions
from geoflood.backbones.learned import load_learned
from geoflood.backbones.patches import patches
from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import (
    DEFAULTS,
    AttentionMap,
    Blend,
    Bounds,
    Candidate,
    Estimate,
    Image,
    Located,
    MaskSides,
    Outcome,
    Progress,
    Reason,
    ReasonKind,
    SearchOptions,
    no_progress,
)
from geoflood.core.errors import IndexUnusableError, UsageError
from geoflood.core.images import UnreadableImageError
from geoflood.core.parallel import cores
from geoflood.database.calibration import CalibrationEntry, CalibrationKey, Weakness
from geoflood.database.database import Database
from geoflood.database.patch_store import PatchStore
from geoflood.localize.attention import location_weights
from geoflood.localize.calibration.prior import PRIOR, RERANKED_PRIOR
from geoflood.localize.fusion import fuse, fused, ranked, ranking, right_by_search
from geoflood.localize.outcome import FAIR, judge, weakness
from geoflood.localize.outsiders import open_outsiders
from geoflood.localize.photo_input import (
    Photo,
    Watch,
    attention_of,
    pixels_of_photo,
    query_of,
    query_photo_of,
)
from geoflood.localize.query_photo import QueryPhoto
from geoflood.localize.rerank import Agreed, Reranker
from geoflood.localize.sign_witness import SignWitness
from geoflood.localize.street_names import StreetNames
from geoflood.localize.waterline import belief, nearest
from geoflood.places.street_map import StreetMap
from geoflood.places.street_map_file import find

__all__ = [
    "FUSED",
    "Locator",
    "Photo",
    "SearchAnswer",
    "Verify",
    "locate_side_by_side",
    "outcome_without_answer",
    "turned_is_better",
]

Verify: TypeAlias = Callable[[Image, Sequence[Candidate]], tuple[tuple[Candidate, ...], str]]
"""(photo, candidates, best first) -> the candidates, some with verdicts; and what to tell people, or ""."""

Floats: TypeAlias = NDArray[np.float64]

FUSED = 256
"""Candidates that fusion looks at, whatever number is shown: the tail tells how sure the head is."""
RERANKED = 20
"""Candidates that are re-ranked unless another number is asked for."""


class Locator:
    """An index opened for searching: its vectors in memory and its backbone. Threads may share it.

    search: the Ray cluster that holds its vectors in parts; None: they are held here. Raises CityError or
    IndexUnusableError when the index cannot be searched, and what `Database.open_vectors` does.
    """

    def __init__(
        self,
        folder: Path,
        precision: str | None = None,
        progress: Progress = no_progress,
        *,
        search: str | None = None,
    ) -> None:
        self.database = Database(folder)
        self.settings = self.database.manifest.settings
        self.calibration = self.database.manifest.calibration
        self.describer = load_learned(folder / "learned.npz", self.settings.backbone, precision)
        if self.describer.backbone.version != self.settings.version:
            raise IndexUnusableError(
                f"{folder} was built with {self.settings.backbone} {self.settings.version}, "
                f"this geoflood has {self.describer.backbone.version}",
                "build it again: geoflood index CITY IMAGES --rebuild",
            )
        self.vectors = self.database.open_vectors(progress, search)
        pool = ThreadPoolExecutor(cores(), "rerank")
        self._reranker = Reranker(pool, PatchStore(folder))
        bands, dimension = self.settings.bands, self.vectors.dimension
        self.signs = SignWitness(folder, self.database, lambda: self.street_map)
        self._outsiders = open_outsiders(folder, self.describer, bands, dimension)

    @property
    def batch(self) -> int:
        """Photos that are described at once."""
        return self.describer.batch

    @property
    def has_energy(self) -> bool:
        """Whether it can be searched with the paper's blend."""
        return self.describer.backbone.has_energy

    @property
    def street_map(self) -> StreetMap | None:
        """What is known of the city's streets; None where nothing is, or `street_map_problem` is some."""
        return self._street_map[0]

    @property
    def vectors_notice(self) -> str:
        """How its references are searched, where that is not as they were sealed, or ""."""
        return self.vectors.notice

    @property
    def street_map_problem(self) -> str:
        """Why a street map that is there cannot be used, in one line, or "": photos are located without."""
        return self._street_map[1]

    @cached_property
    def _street_map(self) -> tuple[StreetMap | None, str]:
        try:
            return find(self.database.folder), ""
        except IndexUnusableError as error:
            return None, f"{error}; {error.hint}"

    def locate(
        self,
        photo: Photo,
        attention: AttentionMap | None = None,
        options: SearchOptions | None = None,
        *,
        waterline: float | None = None,
        within: Bounds | None = None,
        without: Collection[int] = (),
        verify: Verify | None = None,
        pixels: Image | None = None,
        described: DescribedImage | None = None,
    ) -> Located:
        """Everything that can be said of one photo; a photo that cannot be read is a Located that failed.

        waterline: share of the height, from the bottom, that is under water, [0, 1); None: not told.
        options: how to search; None: as `geoflood locate` does.
        within: only references in this box are searched, for who was told where the photo is from.
        without: ids of references that must not be found.
        verify: compares the photo with the first candidates.
        pixels, described: the photo decoded, and what `describe` made of it, where these are at hand.

        A frame around the photo is left out. A photo that is not found as it is, is tried turned round.
        Streets are named where the index has a map of them.

        Raises ValueError for a waterline outside [0, 1), and what `check` does.
        """
        options = self.resolved(options)
        self.check(options)
        query, attention, watch = query_of(photo), attention_of(attention, waterline), Watch()
        ended = partial(Located, query, attention=attention, seconds=watch.seconds)
        if described is None and pixels is None:
            with watch("read"):
                try:
                    pixels = pixels_of_photo(photo, query)
                except UnreadableImageError as error:
                    return ended(Outcome.FAILED, Reason(ReasonKind.UNREADABLE, detail=error.what))
        with watch("describe"):
            shown = query_photo_of(pixels, attention, described)
            described = described or self._describe([shown], options)[0]
            if options.mask_sides is MaskSides.BOTH:
                shown = shown.with_waterline()
        if self.reads_signs(options):
            with watch("signs"):
                shown = shown.with_texts(self.signs.read(shown.pixels))

        ask = partial(self.ask, options=options, within=within, without=without, watch=watch)
        answer = ask(described, shown.attention)
        if isinstance(answer, Reason):
            return ended(outcome_without_answer(answer), answer, notes=partly(self.vectors.missed))
        if options.rerank and answer.estimate.probability < FAIR:
            shown, described, answer = self._perhaps_mirrored(shown, described, answer, ask, options, watch)
        answer = replace(answer, estimate=replace(answer.estimate, boxed=within is not None))
        if verify is not None:
            answer = self.verified(answer, described, verify, watch)
        return self.tell(answer, shown, options, ended, watch)

    def verified(
        self, answer: SearchAnswer, described: DescribedImage, verify: Verify, watch: Watch
    ) -> SearchAnswer:
        """The answer after its candidates were compared with the photo."""
        with watch("verify"):
            candidates = self._candidates(answer, None)
            if self._street_names is not None:
                candidates = self._street_names.named_candidates(candidates)
            candidates, said = verify(described.pixels, candidates)
        params = answer.entry.params
        estimate = replace(fuse(candidates, params, answer.outsiders), boxed=answer.estimate.boxed)
        return replace(answer, candidates=ranked(candidates, params), estimate=estimate, said=said)

    def tell(
        self,
        answer: SearchAnswer,
        shown: QueryPhoto,
        options: SearchOptions,
        ended: Callable[..., Located],
        watch: Watch,
    ) -> Located:
        """What an answer comes to: its outcome, its candidates, signs and streets named.

        ended: makes the Located of outcome, reason and what else is known.
        """
        notes, gone = [*partly(answer.missed), *shown.notes], answer.agreed.gone
        notes += [Reason(ReasonKind.PICTURES_GONE, count=gone)] if gone else []
        notes += [Reason(ReasonKind.VERIFICATION, detail=answer.said)] if answer.said else []
        candidates = answer.candidates or self._candidates(answer, options.top_k)
        candidates = _with_pairs(candidates[: options.top_k], answer.agreed, shown.notes)
        located = _concluded(ended, answer.estimate, candidates, answer.entry, notes)
        if self.reads_signs(options):
            with watch("signs"):
                located = self.signs.add_signs(located, shown.texts)
        with watch("name"):
            return self._named(located)

    def _perhaps_mirrored(
        self,
        shown: QueryPhoto,
        described: DescribedImage,
        answer: SearchAnswer,
        ask: Callable[..., SearchAnswer | Reason],
        options: SearchOptions,
        watch: Watch,
    ) -> tuple[QueryPhoto, DescribedImage, SearchAnswer]:
        """The photo turned round where that is verified, its words read again; else what is given."""
        mirrored = shown.mirrored()
        with watch("describe"):
            turned = self._describe([mirrored], options)[0]
        other = ask(turned, mirrored.attention, better_than=answer)
        if isinstance(other, Reason) or not turned_is_better(other.estimate, answer.estimate):
            return shown, described, answer
        if self.reads_signs(options):
            with watch("signs"):
                mirrored = mirrored.with_texts(self.signs.read(mirrored.pixels))
        return mirrored, turned, other

    def reads_signs(self, options: SearchOptions) -> bool:
        """Only where details are compared: a first pass over many photos stays quick."""
        return bool(options.rerank) and self.signs.knows_signs

    def _named(self, located: Located) -> Located:
        """With street names, where the index has a map of them; one that cannot be used is a note."""
        if self._street_names is not None:
            return self._street_names.named(located)
        if self.street_map_problem:
            problem = Reason(ReasonKind.NO_STREETS, detail=self.street_map_problem)
            return replace(located, notes=(*located.notes, problem))
        return located

    @cached_property
    def _street_names(self) -> StreetNames | None:
        return StreetNames(self.street_map, self.database.positions) if self.street_map else None

    def _nothing(self, within: Bounds | None) -> ReasonKind:
        """Why no reference was found."""
        if within is None:
            return ReasonKind.NOTHING_ALIKE
        there = _inside(self.database.positions, within).any()
        return ReasonKind.NOTHING_ALIKE_IN_BOX if there else ReasonKind.EMPTY_BOX

    def ask(
        self,
        described: DescribedImage,
        attention: AttentionMap,
        *,
        options: SearchOptions,
        within: Bounds | None,
        without: Collection[int],
        watch: Watch,
        better_than: SearchAnswer | None = None,
    ) -> SearchAnswer | Reason:
        """Search, re-rank and fuse; a reason where nothing was found. Options are those of `resolved`.

        Nothing is re-ranked whose search alone is no `better_than` that of another answer.
        """
        with watch("search"):
            similarities, ids = self._search(described, attention, options, within, without)
            missed = self.vectors.missed
        if not np.isfinite(similarities).all() or (ids < 0).any():  # what FAISS makes of NaN
            return Reason(ReasonKind.NOT_A_NUMBER)
        if not len(ids):
            return Reason(self._nothing(within))

        with watch("fuse"):
            outsiders = self._outsiders.similarity(described.descriptors, self._belief(attention, options))
            positions, inliers = self.database.positions[ids], np.full(len(ids), np.nan)
            agreed = Agreed(inliers[:0], {}, 0)
            entry = self._calibrated(attention, options)
            first = right_by_search(similarities, positions, entry.params, outsiders)
        if options.rerank and (better_than is None or first > better_than.first):
            with watch("rerank"):
                entry = self._calibrated(attention, options, reranked=True)
                count = min(options.rerank, len(ids))
                likely = similarities[:count] / entry.params.temperature
                agreed = self._agreed(described, attention, ids[:count], likely)
                inliers[:count] = agreed.inliers
        with watch("fuse"):
            estimate = fused(similarities, positions, entry.params, inliers, outsiders=outsiders)
        return SearchAnswer(similarities, ids, inliers, agreed, entry, estimate, first, outsiders, missed)

    def _candidates(self, answer: SearchAnswer, count: int | None) -> tuple[Candidate, ...]:
        """The first of them, best first; None: all."""
        order = ranking(answer.similarities, answer.inliers, answer.entry.params)[:count]
        return self.database.candidates(answer.similarities[order], answer.ids[order], answer.inliers[order])

    def locate_all(
        self,
        photos: Sequence[Photo],
        attention: AttentionMap | Sequence[AttentionMap] | None = None,
        options: SearchOptions | None = None,
        *,
        waterline: float | None = None,
        verify: Verify | None = None,
        workers: int | None = None,
        progress: Progress = no_progress,
    ) -> list[Located]:
        """Several photos, each as `locate` would, in their order; `workers` at a time.

        `attention` is one map for all, or one a photo.
        """
        locate = partial(self.locate, options=options, waterline=waterline, verify=verify)
        return locate_side_by_side(locate, photos, attention, workers, progress)

    def describe(
        self,
        pixels: Sequence[Image],
        attention: Sequence[AttentionMap],
        options: SearchOptions | None = None,
    ) -> list[DescribedImage]:
        """Photos [H, W, 3] described, each under its attention, as many at once as is quick.

        Raises what `check` does.
        """
        options = self.resolved(options)
        self.check(options)
        return self._describe(list(map(QueryPhoto.inside_frame, pixels, attention)), options)

    def check(self, options: SearchOptions) -> None:
        """Whether this index can be searched so: to be asked before any work is begun.

        Raises UsageError for the paper's blend where the backbone has no energy.
        """
        if options.blend is Blend.PAPER and not self.has_energy:
            raise UsageError(
                f"--blend paper is defined for CosPlace and EigenPlaces, not for {self.settings.backbone}",
                "leave it out; continuous works with every backbone",
            )

    def calibrated(self, key: CalibrationKey) -> CalibrationEntry:
        """What is known of a kind of search; what other cities say where this one never learned it."""
        prior = RERANKED_PRIOR if key.reranked else PRIOR
        return self.calibration.get(key, CalibrationEntry(prior.params, weakness=Weakness.NEVER))

    def resolved(self, options: SearchOptions | None) -> SearchOptions:
        """The options as this index is searched by them: re-ranking as usual, unless they say otherwise."""
        options = options or DEFAULTS
        return options if options.rerank is not None else replace(options, rerank=RERANKED)

    def _describe(self, photos: Sequence[QueryPhoto], options: SearchOptions) -> list[DescribedImage]:
        pixels, attention = [one.pixels for one in photos], [one.attention for one in photos]
        weights = {one: location_weights(one, self.settings.bands, options) for one in attention}
        weigh: WeightFunctions = [weights[one] for one in attention]
        if len(weights) == 1 and callable(first := weights[attention[0]]):
            weigh = first  # laid over the places once for all
        if options.rerank:
            return self.describer.describe_keeping(pixels, weigh)
        rows = self.describer.describe(pixels, weigh)  # features that nobody needs would take their memory
        return [DescribedImage(*one, partial(patches, one[0])) for one in zip(pixels, rows, strict=True)]

    def _search(
        self,
        described: DescribedImage,
        attention: AttentionMap,
        options: SearchOptions,
        within: Bounds | None,
        without: Collection[int],
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Similarities and ids of at most FUSED references, most similar first."""
        among = None if within is None else _inside(self.database.positions, within)
        if without:
            among = np.ones(len(self.vectors), bool) if among is None else among
            among[list(without)] = False
        similarities, ids = (
            row[0]
            for row in self.vectors.search(
                described.descriptors[None], self._belief(attention, options), FUSED, among
            )
        )
        return similarities.astype(float), ids

    def _belief(self, attention: AttentionMap, options: SearchOptions) -> NDArray[np.float32]:
        """How much each band counts, [bands]."""
        bands = self.settings.bands
        if options.mask_sides is MaskSides.BOTH:
            return belief(attention.waterline, bands, attention.doubt)
        return np.asarray(np.eye(len(bands))[0], np.float32)

    def _calibrated(
        self, attention: AttentionMap, options: SearchOptions, reranked: bool = False
    ) -> CalibrationEntry:
        return self.calibrated(
            CalibrationKey(nearest(_told(attention, options), self.settings.bands), reranked)
        )

    def _agreed(
        self,
        described: DescribedImage,
        attention: AttentionMap,
        ids: NDArray[np.int64],
        likelihoods: Floats,
    ) -> Agreed:
        references = self.database.references(ids.tolist())
        return self._reranker.agreed(described.patches(), attention, references, likelihoods)


def _told(attention: AttentionMap, options: SearchOptions) -> float | None:
    """The waterline under which both sides are compared; none of both where only the query is masked."""
    return attention.waterline if options.mask_sides is MaskSides.BOTH else 0.0


def _concluded(
    ended: Callable[..., Located],
    estimate: Estimate,
    candidates: tuple[Candidate, ...],
    entry: CalibrationEntry,
    notes: list[Reason],
) -> Located:
    """The outcome; a weak calibration is said wherever a place is named."""
    outcome, reason = judge(estimate, tried=not entry.few)
    weak = weakness(entry) if outcome is not Outcome.NOT_FOUND else None
    notes = [weak, *notes] if weak else notes
    return ended(outcome, reason, candidates=candidates, estimate=estimate, notes=tuple(notes))


def _with_pairs(
    candidates: tuple[Candidate, ...], agreed: Agreed, notes: Sequence[Reason]
) -> tuple[Candidate, ...]:
    """With the inliers of those that were counted, unless places are of other pixels than the photo's own."""
    if not candidates or {note.kind for note in notes} & {ReasonKind.FRAMED, ReasonKind.MIRRORED}:
        return candidates
    none = np.empty((0, 4), np.float32)
    told = (agreed.pairs.get(one.reference.id, none).tolist() for one in candidates)
    return tuple(
        replace(one, pairs=tuple(map(tuple, pairs))) for one, pairs in zip(candidates, told, strict=True)
    )


def _inside(positions: Floats, box: Bounds) -> NDArray[np.bool_]:
    """[N] whether positions [N, 2] lie in a box."""
    low, high = (box.south, box.west), (box.north, box.east)
    return np.asarray(((positions >= low) & (positions <= high)).all(axis=1))


def locate_side_by_side(
    locate: Callable[[Photo, AttentionMap | None], Located],
    photos: Sequence[Photo],
    attention: AttentionMap | Sequence[AttentionMap] | None,
    workers: int | None,
    progress: Progress,
) -> list[Located]:
    """Photos located in their order, `workers` at a time; `attention` is one map for all, or one a photo."""
    maps = attention if isinstance(attention, Sequence) else [attention] * len(photos)
    located: list[Located] = []
    with side_by_side(min(workers or cores(), len(photos))) as pool:
        for result in pool.map(locate, photos, maps):
            located.append(result)
            progress("locating", len(located), len(photos))
    return located


def partly(missed: float) -> tuple[Reason, ...]:
    """What to tell where a share of the references could not be looked at."""
    return (Reason(ReasonKind.PARTLY_SEARCHED, share=missed),) if missed else ()


def outcome_without_answer(reason: Reason) -> Outcome:
    """Of a photo for which there is no answer to be judged."""
    return Outcome.FAILED if reason.kind is ReasonKind.NOT_A_NUMBER else Outcome.NOT_FOUND


def turned_is_better(turned: Estimate, plain: Estimate) -> bool:
    """Two tries find more by chance than one: only a verified, likely place counts."""
    return turned.verified and turned.probability >= max(FAIR, plain.probability)


@dataclass(frozen=True, eq=False)
class SearchAnswer:
    """What a search came to."""

    similarities: Floats
    ids: NDArray[np.int64]
    inliers: Floats
    agreed: Agreed
    """What re-ranking counted; nothing where it was not asked for."""
    entry: CalibrationEntry
    estimate: Estimate
    first: float
    """Probability by the search alone."""
    outsiders: float
    missed: float = 0.0
    """Share of the references that could not be looked at."""
    candidates: tuple[Candidate, ...] = ()
    """All of them, best first, where they were compared by a model."""
    said: str = ""
    """What to tell people of that."""
