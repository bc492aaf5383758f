"""`geoflood batch-locate`: posts -> photos, each once -> located -> the journal, line by line.

Reading, hashing and telling duplicates apart go on while the photos before are located. Nothing is held but
what is in hand: the journal is the result, and stopping at any moment costs at most those.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from geoflood import __version__
from geoflood.backbones.threads import cores, side_by_side
from geoflood.errors import GeofloodError, UsageError
from geoflood.files import fingerprint
from geoflood.intake import Intake, Photo
from geoflood.journal import Journal
from geoflood.posts.folder import Folder, Tally
from geoflood.posts.shelf import Shelf
from geoflood.reference.manifest import NAME
from geoflood.stored import located_to
from geoflood.terms import AttentionMap, Bounds, Located, Outcome, Progress, Query, unwatched

__all__ = ["Locates", "Options", "Summary", "batch_locate"]


class Locates(Protocol):
    """What locates one photo; called from several threads at once."""

    def locate(
        self,
        query: Query,
        attention: AttentionMap | None = None,
        *,
        top_k: int = 10,
        alpha: float = 1.0,
        within: Bounds | None = None,
    ) -> Located:
        """Everything that can be said of a photo, looking only within a box if there is one."""
        ...


@dataclass(frozen=True)
class Options:
    """What decides the results, besides the photos and the index: a folder of results has one of it."""

    city: str
    top_k: int = 10
    waterline: float | None = None
    alpha: float = 1.0
    use_post_geo: bool = False


@dataclass(frozen=True)
class Summary:
    """What a run came to."""

    tally: Tally
    outcomes: Counter[Outcome]
    """Of the photos that this run located."""
    before: int
    """Photos that earlier runs had located."""
    stopped: bool
    """Asked to stop before all was done."""


def batch_locate(
    folder: Path,
    out: Path,
    locator: Locates,
    index: Path,
    options: Options,
    *,
    workers: int | None = None,
    progress: Progress = unwatched,
    stopping: Callable[[], bool] = lambda: False,
) -> Summary:
    """Locate every photo in `folder` that has no result in `out` yet.

    `stopping` is asked before each photo; those in hand are finished. Raises InputError for a folder that is
    none or a journal that was altered, UsageError when `out` holds results of other settings or is in use.
    """
    if out.resolve() == folder.resolve():
        raise UsageError(f"{out} holds the posts", "name another folder with --out: inputs are never touched")
    with Shelf(folder, skip=(out,)) as shelf, Journal(out) as journal:
        intake = Intake(journal)
        _begin(journal, intake.run, index, folder, options)
        before = intake.located
        here = Folder(shelf)
        photos = intake.photos(here, progress)
        work = _Work(journal, locator, options, max(len(here.pictures.entries) - before, 0), progress)
        with side_by_side(workers or cores()) as pool:
            stopped = work.through(photos, pool.submit, 2 * (workers or cores()), stopping)
        journal.append("stopped" if stopped else "ended", durable=True, outcomes=work.told())
    return Summary(intake.tally, work.outcomes, before, stopped)


def _begin(journal: Journal, known: dict[str, Any], index: Path, folder: Path, options: Options) -> None:
    """Journal the run; results of two indexes or settings in one folder would be no result."""
    settings = {"index": fingerprint(index / NAME), "options": asdict(options), "geoflood": __version__}
    for name in ("index", "options") if known else ():
        before, now = known["settings"][name], settings[name]
        if before != now:
            raise UsageError(
                f"{journal.folder} holds results of another {name}: {before}, not {now}",
                "name another folder with --out, or go on as it was begun",
            )
    journal.append("run", settings=settings, folder=str(folder.resolve()), durable=True)


class _Work:
    """Photos in, lines of the journal out."""

    def __init__(
        self, journal: Journal, locator: Locates, options: Options, total: int, progress: Progress
    ) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self._journal, self._locator, self._options = journal, locator, options
        self._total, self._progress = total, progress

    def told(self) -> dict[str, int]:
        """The outcomes of this run by name."""
        return {outcome.value: count for outcome, count in self.outcomes.items()}

    def through(
        self,
        photos: Iterable[Photo],
        submit: Callable[..., Future[tuple[Located, bool]]],
        ahead: int,
        stopping: Callable[[], bool],
    ) -> bool:
        """Locate the photos, at most `ahead` at a time, in their order; True when stopped before the end."""
        waiting: deque[tuple[Photo, Future[tuple[Located, bool]]]] = deque()
        stopped = False
        for photo in photos:
            if stopped := stopping():
                break
            waiting.append((photo, submit(self._located, photo)))
            while waiting and (len(waiting) >= ahead or waiting[0][1].done()):
                self._settle(*waiting.popleft())
        while waiting:
            self._settle(*waiting.popleft())
        return stopped

    def _located(self, photo: Photo) -> tuple[Located, bool]:
        """The result, and whether a later run should try again because the failure was not the photo's."""
        options = self._options
        attention = AttentionMap.neutral(
            options.waterline, "none" if options.waterline is None else "analyst"
        )
        within = photo.within if options.use_post_geo else None
        query = Query(photo.path)
        try:
            found = self._locator.locate(
                query, attention, top_k=options.top_k, alpha=options.alpha, within=within
            )
        except GeofloodError:
            raise
        except Exception as error:  # one photo must not cost the others theirs
            reason = f"could not be located: {type(error).__name__}: {error!s:.200}"
            return Located(query, Outcome.FAILED, reason), True
        if (
            found.outcome is Outcome.FAILED
        ):  # results are handed on, and where they were made is nobody's concern
            found = replace(found, reason=found.reason.replace(f"{photo.path}: ", ""))
        return found, False

    def _settle(self, photo: Photo, result: Future[tuple[Located, bool]]) -> None:
        located, again = result.result()
        narrowed = photo.told if self._options.use_post_geo and photo.within else ""
        self._journal.append(
            "located",
            durable=True,
            sha256=photo.sha256,
            located=located_to(located),
            narrowed=narrowed,
            again=again,
        )
        self.outcomes[located.outcome] += 1
        self._progress("photos", sum(self.outcomes.values()), self._total)
        self._progress(located.outcome.value, self.outcomes[located.outcome], 0)
