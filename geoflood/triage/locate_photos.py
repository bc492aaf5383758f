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
from geoflood.triage.ask_model import ModelAnswered, pixels_of, unanswered
from geoflood.triage.intake import Photo
from geoflood.vlm.attend import search_attended
from geoflood.vlm.verify import Verifier

__all__ = ["LocatePhotos", "LocateStage", "LocatedPhoto"]


class LocatePhotos(Protocol):
    """What locates photos; called from several threads at once."""

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
    again: bool
    """It failed, but the photo is not to blame: a later run tries again."""
    unanswered: bool = False
    """A replay has no answers about it, or no verdicts on its matches."""


@dataclass(frozen=True)
class LocateStage:
    """How every photo of a batch is searched for. Threads may share it."""

    locator: LocatePhotos
    attention: AttentionMap
    """Of every photo that no model was asked about."""
    manner: SearchOptions = DEFAULTS
    waterline: float | None = None
    narrowed: bool = False
    """Search only where a photo's posts say."""
    auto: bool = False
    anyway: bool = False
    verifier: Verifier | None = None
    keep: Callable[[str, Image], object] = lambda sha256, pixels: None
    """Makes the small picture of a photo that is in hand anyway."""

    def __call__(self, chunk: Sequence[ModelAnswered]) -> Iterator[LocatedPhoto]:
        """What becomes of photos that were looked at, in their order."""
        search = _Search(self, {one.photo.path: one for one in chunk})
        asked = [one for one in chunk if one.attended is not None]
        found = iter(
            search_attended(
                [Query(one.photo.path) for one in asked],
                [one.attended for one in asked if one.attended],
                search,
                waterline=self.waterline,
                auto=self.auto,
                anyway=self.anyway,
            )
        )
        rest = [Query(one.photo.path) for one in chunk if one.attended is None]
        plain = iter(search(rest, [self.attention] * len(rest)))
        for one in chunk:
            located = next(plain if one.attended is None else found)
            path = one.photo.path
            missing = path in search.unanswered or unanswered(one.attended.error if one.attended else None)
            yield LocatedPhoto(one.photo, located, one.again or path in search.failed, missing)


@dataclass
class _Search:
    """The search for the photos of one chunk; `failed` are those that a later run tries again."""

    how: LocateStage
    looked: dict[Path, ModelAnswered]
    failed: set[Path] = field(default_factory=set)
    unanswered: set[Path] = field(default_factory=set)

    def __call__(self, queries: Sequence[Query], maps: Sequence[AttentionMap]) -> list[Located]:
        """Locates each query under its attention; their descriptors are made together."""
        pixels = [self._pixels(query) for query in queries]
        seen = [n for n, one in enumerate(pixels) if one is not None]
        rows = self._described([one for one in pixels if one is not None], [maps[n] for n in seen])
        described = dict(zip(seen, rows, strict=True)) if rows is not None else {}
        return [
            self._one(query, told, pixels[n], described.get(n))
            for n, (query, told) in enumerate(zip(queries, maps, strict=True))
        ]

    def _pixels(self, query: Query) -> Image | None:
        one = self.looked[query.path]
        return pixels_of(one.photo) if one.pixels is None else one.pixels

    def _described(
        self, pixels: Sequence[Image], maps: Sequence[AttentionMap]
    ) -> list[DescribedImage] | None:
        """All of them; None when one of them breaks it: then each is described by itself."""
        try:
            if not pixels:
                return None
            return self.how.locator.describe(pixels, maps, self.how.manner)
        except GeofloodError:
            raise
        except Exception:
            return None

    def _one(
        self, query: Query, told: AttentionMap, pixels: Image | None, described: DescribedImage | None
    ) -> Located:
        photo, how = self.looked[query.path].photo, self.how
        verify = _Verify(how.verifier) if how.verifier else None
        try:
            if pixels is not None:
                how.keep(photo.sha256, pixels)
            located = how.locator.locate(
                query,
                told,
                how.manner,
                within=photo.within if how.narrowed else None,
                verify=verify,
                pixels=pixels,
                described=described,
            )
        except GeofloodError:
            raise
        except Exception as error:  # one photo must not cost the others theirs
            self.failed.add(query.path)
            detail = f"{type(error).__name__}: {error!s:.200}".replace(f"{photo.path}: ", "")
            return Located(query, Outcome.FAILED, Reason(ReasonKind.SEARCH_FAILED, detail=detail))
        if verify and unanswered(verify.error):
            self.unanswered.add(query.path)
        if verify and verify.error and not how.auto:
            self.failed.add(query.path)
        return located


@dataclass
class _Verify:
    """The verification of one photo, and how the model failed it."""

    verifier: Verifier
    error: ModelError | None = None

    def __call__(self, photo: Image, candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], str]:
        try:
            return self.verifier.with_verdicts(photo, candidates)
        except ModelError as error:
            self.error = error
            return tuple(candidates), f"not verified: {error}"
