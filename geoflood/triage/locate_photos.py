"""The photos of a batch, several at a time: described together, then each searched for by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from geoflood.backbones.describe import DescribedImage
from geoflood.core.datatypes import (
    DEFAULTS,
    AttentionMap,
    Bounds,
    Candidate,
    Image,
    Located,
    Outcome,
    Query,
    Reason,
    ReasonKind,
    SearchOptions,
)
from geoflood.core.errors import GeofloodError, ModelError
from geoflood.triage.ask_model import DecodedPhoto, pixels_of, unanswered
from geoflood.triage.intake import Photo
from geoflood.vlm.attend import search_attended
from geoflood.vlm.checks import CandidateChecks

__all__ = ["LocatePhotos", "LocateStage", "LocatedPhoto"]


class LocatePhotos(Protocol):
    """What locates photos; called from several threads at once."""

    def resolved(self, options: SearchOptions | None) -> SearchOptions:
        """The options with what is left to the index decided."""
        ...

    def describe(
        self,
        pixels: Sequence[Image],
        attention: Sequence[AttentionMap],
        options: SearchOptions | None = None,
    ) -> list[DescribedImage]:
        """Photos described, each under its attention."""
        ...

    def locate(
        self,
        query: Query,
        attention: AttentionMap | None = None,
        options: SearchOptions | None = None,
        *,
        within: Bounds | None = None,
        verify: Any = None,
        pixels: Image | None = None,
        described: DescribedImage | None = None,
    ) -> Located:
        """Everything that can be said of a photo, looking only within a box if there is one."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LocatedPhoto:
    """What became of a photo."""

    photo: Photo
    located: Located
    retry: bool
    """It failed, but the photo is not to blame: a later run tries again."""
    unanswered: bool = False
    """A replay has no answers about it, or none on its matches."""


@dataclass(frozen=True)
class LocateStage:
    """How every photo of a batch is searched for. Threads may share it."""

    locator: LocatePhotos
    attention: AttentionMap
    """Of every photo of which nothing else is said."""
    options: SearchOptions = DEFAULTS
    waterline: float | None = None
    narrowed: bool = False
    """Search only where a photo's posts say."""
    auto: bool = False
    anyway: bool = False
    checks: CandidateChecks | None = None
    keep: Callable[[str, Image, Outcome], object] = lambda sha256, pixels, outcome: None
    """Makes the pictures of a photo that is in hand anyway, for the page."""

    def __call__(self, chunk: Sequence[DecodedPhoto]) -> Iterator[LocatedPhoto]:
        """What becomes of each photo, in their order."""
        search = _Search(self, {decoded.photo.path: decoded for decoded in chunk})
        with_model = iter(self._with_model([one for one in chunk if one.attended is not None], search))
        rest = [decoded for decoded in chunk if decoded.attended is None]
        maps = [decoded.attention or self.attention for decoded in rest]
        without_model = iter(search([Query(decoded.photo.path) for decoded in rest], maps))
        for decoded in chunk:
            located = next(without_model if decoded.attended is None else with_model)
            error = decoded.attended.error if decoded.attended else None
            path = decoded.photo.path
            yield LocatedPhoto(
                decoded.photo,
                located,
                decoded.retry or path in search.failed,
                path in search.unanswered or unanswered(error),
            )

    def _with_model(self, photos: Sequence[DecodedPhoto], search: _Search) -> list[Located]:
        """Searches for photos under what a model said of each, unless that makes a search needless."""
        return search_attended(
            [Query(decoded.photo.path) for decoded in photos],
            [decoded.attended for decoded in photos if decoded.attended],
            search,
            waterline=self.waterline,
            auto=self.auto,
            anyway=self.anyway,
        )


@dataclass
class _Search:
    """The search for the photos of one chunk; `failed` are those that a later run tries again."""

    stage: LocateStage
    decoded: dict[Path, DecodedPhoto]
    failed: set[Path] = field(default_factory=set)
    unanswered: set[Path] = field(default_factory=set)

    def __call__(self, queries: Sequence[Query], maps: Sequence[AttentionMap]) -> list[Located]:
        """Locates each query under its attention; their descriptors are made together."""
        images = [self._pixels(query) for query in queries]
        readable = [n for n, pixels in enumerate(images) if pixels is not None]
        rows = self._describe([one for one in images if one is not None], [maps[n] for n in readable])
        described = dict(zip(readable, rows, strict=True)) if rows is not None else {}
        return [
            self._locate(query, attention, images[n], described.get(n))
            for n, (query, attention) in enumerate(zip(queries, maps, strict=True))
        ]

    def _pixels(self, query: Query) -> Image | None:
        decoded = self.decoded[query.path]
        return pixels_of(decoded.photo) if decoded.pixels is None else decoded.pixels

    def _describe(self, images: Sequence[Image], maps: Sequence[AttentionMap]) -> list[DescribedImage] | None:
        """Descriptions of all; None when one photo breaks it: then each is described by itself."""
        try:
            return self.stage.locator.describe(images, maps, self.stage.options) if images else None
        except GeofloodError:
            raise
        except Exception:
            return None

    def _locate(
        self,
        query: Query,
        attention: AttentionMap,
        pixels: Image | None,
        described: DescribedImage | None,
    ) -> Located:
        photo, stage = self.decoded[query.path].photo, self.stage
        verify = _Verify(stage.checks) if stage.checks else None
        try:
            located = stage.locator.locate(
                query,
                attention,
                stage.options,
                within=photo.within if stage.narrowed else None,
                verify=verify,
                pixels=pixels,
                described=described,
            )
            if pixels is not None:
                stage.keep(photo.sha256, pixels, located.outcome)
        except GeofloodError:
            raise
        except Exception as error:  # one photo must not cost the others theirs
            self.failed.add(query.path)
            detail = f"{type(error).__name__}: {error!s:.200}".replace(f"{photo.path}: ", "")
            return Located(query, Outcome.FAILED, Reason(ReasonKind.SEARCH_FAILED, detail=detail))
        if verify and unanswered(verify.error):
            self.unanswered.add(query.path)
        if verify and verify.error and not stage.auto:
            self.failed.add(query.path)
        return located


@dataclass
class _Verify:
    """The verification of one photo, and how the model failed it."""

    checks: CandidateChecks
    error: ModelError | None = None

    def __call__(self, photo: Image, candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], str]:
        try:
            return self.checks.checked(photo, candidates)
        except ModelError as error:
            self.error = error
            return tuple(candidates), self.checks.failed(error)
