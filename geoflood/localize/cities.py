"""Several indexes asked together: which city a photo is of, and where in it.

Each index answers for itself, with its own search, calibration and re-ranking; `which_city` says what their
answers are worth beside each other. A photo is read once, and described once for all that describe alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geoflood.backbones.describe import DescribedImage, WeightFunctions, describe_together
from geoflood.core.datatypes import (
    AttentionMap,
    Bounds,
    CityAnswer,
    CityShare,
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
from geoflood.core.errors import CityError, GeofloodError, UsageError
from geoflood.core.images import UnreadableImageError
from geoflood.database.calibration import CalibrationEntry, CalibrationKey, Weakness
from geoflood.localize.attention import location_weights
from geoflood.localize.database_union import DatabaseUnion
from geoflood.localize.locator import (
    Locator,
    SearchAnswer,
    Verify,
    locate_side_by_side,
    outcome_without_answer,
    turned_is_better,
)
from geoflood.localize.outcome import FAIR
from geoflood.localize.photo_input import Photo, Watch, attention_of, pixels_of_photo, query_of
from geoflood.localize.query_photo import QueryPhoto
from geoflood.localize.which_city import (
    BOTH_BELOW,
    CityRanking,
    logit,
    next_to_rerank,
    overlaps,
    rank_cities,
    stated_nats,
)
from geoflood.localize.world import WorldPrior
from geoflood.places.street_map import StreetMap

__all__ = ["Cities", "DescribedTogether", "Floats", "IndexLeftOut", "Said", "open_cities"]

Floats: TypeAlias = NDArray[np.float64]
Said: TypeAlias = list[SearchAnswer | Reason]
"""What each index says of a photo, or why it says nothing."""


@dataclass(frozen=True)
class IndexLeftOut:
    """An index that was asked for and cannot be: the others answer."""

    name: str
    error: GeofloodError


@dataclass(frozen=True, eq=False)
class DescribedTogether(DescribedImage):
    """A photo as each of several indexes describes it; `descriptors` are those of the first."""

    by_index: tuple[DescribedImage, ...] = ()


def open_cities(
    folders: Sequence[Path],
    precision: str | None = None,
    prior: Mapping[str, float] | None = None,
    *,
    world: bool = False,
    search: str | None = None,
) -> Cities:
    """The indexes in these folders, to be asked together; those that cannot be searched are `left_out`.

    prior: by the name of an index the probability of its city, stated before looking. world: GeoCLIP's prior
    counts, too. search: as of a Locator.
    Raises CityError when there is none, the error of the first where none can be searched, UsageError for a
    prior that makes no sense, WeightsError without the weights of the world prior.
    """
    if not folders:
        raise CityError("no index to be asked", "begin with: geoflood index CITY IMAGES")
    found: dict[str, Locator] = {}
    left_out: list[IndexLeftOut] = []
    for name, folder in _named(folders).items():
        try:
            found[name] = Locator(folder, precision, search=search)
        except GeofloodError as error:
            left_out.append(IndexLeftOut(name, error))
    if not found:
        raise left_out[0].error
    if unknown := set(prior or ()) & {one.name for one in left_out}:
        raise UsageError(f"a prior for {min(unknown)}, which cannot be asked", "leave it out")
    places = [one.database.positions for one in found.values()]
    world_prior = WorldPrior.open(places, precision=precision) if world else None
    return Cities(found, tuple(left_out), prior, world_prior)


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    """The folders, each once, by names that tell them apart."""
    unique = list({folder.resolve(): folder for folder in folders}.values())
    names = [folder.name for folder in unique]
    return {folder.name if names.count(folder.name) == 1 else str(folder): folder for folder in unique}


class Cities:
    """Several indexes opened for searching, asked together. Threads may share it, as a Locator.

    Raises UsageError for a prior that makes no sense.
    """

    one_city = False
    """Whether all are of one city, so that which it is, is not asked."""

    def __init__(
        self,
        locators: Mapping[str, Locator],
        left_out: tuple[IndexLeftOut, ...] = (),
        prior: Mapping[str, float] | None = None,
        world: WorldPrior | None = None,
    ) -> None:
        self.names = tuple(locators)
        self.left_out = left_out
        """Indexes that were asked for and cannot be searched."""
        self._locators = tuple(locators.values())
        self._prior = dict(prior or {})
        self._nats = stated_nats(self.names, self._prior)
        self._world = world
        self.database = DatabaseUnion([one.database for one in self._locators], self.names)
        positions = [one.database.positions for one in self._locators]
        self._overlapping = np.array([[overlaps(a, b) for b in positions] for a in positions], bool)

    @property
    def batch(self) -> int:
        """Photos that are described at once."""
        return max(one.batch for one in self._locators)

    @property
    def has_energy(self) -> bool:
        """Whether all can be searched with the paper's blend."""
        return all(one.has_energy for one in self._locators)

    @property
    def street_map(self) -> StreetMap | None:
        """None: a page shows the streets of one city. `street_map_of` says of which."""
        return None

    @property
    def street_map_problem(self) -> str:
        """Why street maps that are there cannot be used, in one line, or ""."""
        problems = [one.street_map_problem for one in self._locators]
        return "; ".join(dict.fromkeys(filter(None, problems)))

    @property
    def vectors_notice(self) -> str:
        """How references are searched, where that is not as they were sealed, or ""."""
        return "; ".join(filter(None, (one.vectors_notice for one in self._locators)))

    def street_map_of(self, located: Sequence[Located]) -> StreetMap | None:
        """The street map of the city that most of these photos are of."""
        cities = [one.city for one in located if one.place is not None]
        if not cities:
            return None
        return self._locators[self.names.index(max(cities, key=cities.count))].street_map

    def resolved(self, options: SearchOptions | None) -> SearchOptions:
        """As a Locator's: it is the same for all indexes."""
        return self._locators[0].resolved(options)

    def check(self, options: SearchOptions) -> None:
        """As a Locator's, for each of them."""
        for one in self._locators:
            one.check(options)

    def calibrated(self, key: CalibrationKey) -> CalibrationEntry:
        """The weakest of what they know of a kind of search."""
        entries = [one.calibrated(key) for one in self._locators]
        order = list(Weakness)
        return max(entries, key=lambda entry: -1 if entry.weakness is None else order.index(entry.weakness))

    def describe(
        self,
        pixels: Sequence[Image],
        attention: Sequence[AttentionMap],
        options: SearchOptions | None = None,
    ) -> list[DescribedImage]:
        """As a Locator's, for all of them: what agrees is computed once. Each is a DescribedTogether."""
        options = self.resolved(options)
        self.check(options)
        return [*self._describe(list(map(QueryPhoto.inside_frame, pixels, attention)), options)]

    def _describe(self, photos: Sequence[QueryPhoto], options: SearchOptions) -> list[DescribedTogether]:
        by_bands: dict[tuple[int, ...], WeightFunctions] = {}
        for one in self._locators:
            bands = one.settings.bands
            if bands not in by_bands:
                by_bands[bands] = [location_weights(photo.attention, bands, options) for photo in photos]
        described = describe_together(
            [one.describer for one in self._locators],
            [photo.pixels for photo in photos],
            [by_bands[one.settings.bands] for one in self._locators],
            keep=bool(options.rerank),
        )
        each = zip(*described, strict=True)
        return [
            DescribedTogether(first.pixels, first.descriptors, first.patches, (first, *rest))
            for first, *rest in each
        ]

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
        """As a Locator's."""
        locate = partial(self.locate, options=options, waterline=waterline, verify=verify)
        return locate_side_by_side(locate, photos, attention, workers, progress)

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
        """Everything that can be said of one photo, and of which city it is: as `Locator.locate`.

        The answer is that of the likeliest index. Where it has less than 0.8 of the belief, the runner-up's
        stands beside it. Its "not in this index" speaks of all indexes, and numbers of references go through
        them all, also in `without`.
        """
        options = self.resolved(options)
        self.check(options)
        query, attention, watch = query_of(photo), attention_of(attention, waterline), Watch()
        ended = partial(Located, query, attention=attention, seconds=watch.seconds)
        if described is None:
            with watch("read"):
                try:
                    pixels = pixels_of_photo(photo, query) if pixels is None else pixels
                except UnreadableImageError as error:
                    return ended(Outcome.FAILED, Reason(ReasonKind.UNREADABLE, detail=error.what))
        with watch("describe"):
            shown = _shown(pixels, attention, described)
            together = self._described(shown, described, options)
            if options.mask_sides is MaskSides.BOTH:
                shown = shown.with_waterline()
        with watch("signs"):
            shown = self._with_texts(shown, options)
        with watch("world"):
            nats = self._nats_of(shown)
        ask = partial(self._ask, nats=nats, options=options, within=within, without=without, watch=watch)
        said = ask(shown, together)
        found = self._ranked(said, nats).first
        if options.rerank and found is not None and found.probability < FAIR:
            shown, together, said = self._perhaps_mirrored(shown, together, said, nats, ask, options, watch)
        return self._told(said, nats, shown, together, options, ended, watch, verify)

    def _nats_of(self, shown: QueryPhoto) -> Floats:
        """[n] what is believed of each index before it is searched: what was stated, and the world prior."""
        return self._nats if self._world is None else self._nats + self._world.log_odds(shown.pixels)

    def _described(
        self, shown: QueryPhoto, described: DescribedImage | None, options: SearchOptions
    ) -> DescribedTogether:
        if isinstance(described, DescribedTogether):
            return described
        return self._describe([shown], options)[0]

    def _with_texts(self, shown: QueryPhoto, options: SearchOptions) -> QueryPhoto:
        """With the words on its signs, read once, where an index knows those of its references."""
        reader = next((one for one in self._locators if one.reads_signs(options)), None)
        return shown if reader is None else shown.with_texts(reader.signs.read(shown.pixels))

    def _ask(
        self,
        shown: QueryPhoto,
        together: DescribedTogether,
        *,
        nats: Floats,
        options: SearchOptions,
        within: Bounds | None,
        without: Collection[int],
        watch: Watch,
        better_than: Said | None = None,
    ) -> Said:
        """What each index says: all are searched, and those that may be it re-ranked."""

        def ask(n: int, how: SearchOptions) -> SearchAnswer | Reason:
            before = better_than[n] if better_than else None
            answer = self._locators[n].ask(
                together.by_index[n],
                shown.attention,
                options=how,
                within=within,
                without=self.database.own_ids(n, without),
                watch=watch,
                better_than=before if isinstance(before, SearchAnswer) else None,
            )
            if isinstance(answer, Reason):
                return answer
            return replace(answer, estimate=replace(answer.estimate, boxed=within is not None))

        said = [ask(n, replace(options, rerank=0)) for n in range(len(self.names))]
        reranked: set[int] = set()
        while options.rerank and (n := self._next_to_rerank(said, reranked, nats)) is not None:
            said[n] = ask(n, options)
            reranked.add(n)
        return said

    def _next_to_rerank(self, said: Said, reranked: Collection[int], nats: Floats) -> int | None:
        return next_to_rerank(_logits(said), reranked, nats)

    def _ranked(self, said: Said, nats: Floats) -> CityRanking:
        estimates = [one.estimate if isinstance(one, SearchAnswer) else None for one in said]
        return rank_cities(estimates, nats, self._overlapping)

    def _perhaps_mirrored(
        self,
        shown: QueryPhoto,
        together: DescribedTogether,
        said: Said,
        nats: Floats,
        ask: Callable[..., Said],
        options: SearchOptions,
        watch: Watch,
    ) -> tuple[QueryPhoto, DescribedTogether, Said]:
        """The photo turned round where that is verified; else what is given."""
        mirrored = shown.mirrored()
        with watch("describe"):
            turned = self._describe([mirrored], options)[0]
        other = ask(mirrored, turned, better_than=said)
        plain, found = self._ranked(said, nats).first, self._ranked(other, nats).first
        if plain is None or found is None or not turned_is_better(found, plain):
            return shown, together, said
        with watch("signs"):
            return self._with_texts(mirrored, options), turned, other

    def _told(
        self,
        said: Said,
        nats: Floats,
        shown: QueryPhoto,
        together: DescribedTogether,
        options: SearchOptions,
        ended: Callable[..., Located],
        watch: Watch,
        verify: Verify | None,
    ) -> Located:
        """The answer of the likeliest index, beside it that of the runner-up where both may be it."""
        ranking = self._ranked(said, nats)
        if verify is not None and ranking.order:  # before it is told who is the likeliest
            said = self._verified(said, ranking.order[0], together, verify, watch)
            ranking = self._ranked(said, nats)
        if ranking.first is None:
            return _without_answer(said, ended)

        def tell(n: int) -> Located:
            answer = said[n]
            assert isinstance(answer, SearchAnswer), "only these are ranked"
            answer = replace(answer, estimate=ranking.estimates[n])
            located = self._locators[n].tell(answer, shown, options, ended, watch)
            return replace(located, candidates=self.database.renumbered(n, located.candidates))

        own = tell(ranking.order[0])
        other = None
        both = ranking.first.in_this_index < BOTH_BELOW and own.outcome is not Outcome.NOT_FOUND
        if both and (rival := ranking.rival) is not None:
            told = tell(rival)
            other = CityAnswer(self.names[rival], ranking.estimates[rival], told.candidates, told.streets)
        return replace(
            own,
            notes=(*own.notes, *self._world_note(nats), *self._city_notes(said, ranking)),
            city=self.names[ranking.order[0]],
            cities=tuple(
                CityShare(self.names[n], float(ranking.shares[n]), n in ranking.same[ranking.order[0]])
                for n in ranking.order
            ),
            other=other,
        )

    def _verified(
        self, said: Said, n: int, together: DescribedTogether, verify: Verify, watch: Watch
    ) -> Said:
        """With the candidates of one index compared by a model: the others' would cost as much each."""
        answer = said[n]
        assert isinstance(answer, SearchAnswer), "only these are ranked"
        answer = self._locators[n].verified(answer, together.by_index[n], verify, watch)
        return [*said[:n], answer, *said[n + 1 :]]

    def _world_note(self, nats: Floats) -> list[Reason]:
        """How far GeoCLIP moved the log-odds of each index."""
        if self._world is None:
            return []
        moved = zip(self.names, (nats - self._nats).tolist(), strict=True)
        return [Reason(ReasonKind.WORLD_PRIOR, detail=", ".join(f"{name} {by:+.1f}" for name, by in moved))]

    def _city_notes(self, said: Said, ranking: CityRanking) -> list[Reason]:
        """What of the indexes a reader must know: what was stated, who counts together, who cannot answer."""
        notes = [
            Reason(ReasonKind.CITY_STATED, share=share, detail=name) for name, share in self._prior.items()
        ]
        if same := ranking.same[ranking.order[0]]:
            names = [self.names[n] for n in (ranking.order[0], *same)]
            notes.append(Reason(ReasonKind.SAME_GROUND, detail=", ".join(names)))
        silent = [
            name
            for name, answer in zip(self.names, said, strict=True)
            if isinstance(answer, Reason) and answer.kind is ReasonKind.NOT_A_NUMBER
        ]
        return notes + [Reason(ReasonKind.CITY_SILENT, detail=name) for name in silent]


def _shown(pixels: Image | None, attention: AttentionMap, described: DescribedImage | None) -> QueryPhoto:
    """The photo inside its frame; what was described already is."""
    if isinstance(described, DescribedTogether) and (
        pixels is None or pixels.shape == described.pixels.shape
    ):
        return QueryPhoto(described.pixels, attention)
    if pixels is None:
        raise ValueError("a photo needs pixels, or a description by these indexes")
    return QueryPhoto.inside_frame(pixels, attention)


def _logits(said: Said) -> Floats:
    """[n] log-odds of "in this index"; -inf of an index that found nothing."""
    return np.array(
        [logit(a.estimate.not_in_index) if isinstance(a, SearchAnswer) else -math.inf for a in said], float
    )


def _without_answer(said: Said, ended: Callable[..., Located]) -> Located:
    """No index found anything: what most of them say of it."""
    reasons = [answer for answer in said if isinstance(answer, Reason)]
    kinds = [reason.kind for reason in reasons]
    found = [kind for kind in kinds if kind is not ReasonKind.NOT_A_NUMBER] or kinds
    reason = Reason(max(found, key=lambda kind: found.count(kind)))
    return ended(outcome_without_answer(reason), reason)
