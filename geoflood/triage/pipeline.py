"""`geoflood batch-locate` as one line: Post -> Photo -> Located -> journal line -> Finding.

    Post          PostFolder        what exports and loose pictures hold
    Photo         Intake.photos     each photo once, its posts and pictures in the journal
                  AskModelStage     a model looks at it, where one is asked
    Located       LocateStage       several photos described together, each searched for
    journal line  BatchRun.record   on the disk before the photo counts as done
    Finding       Results           read back when files are written (`outputs`)

The stages work at the same time and hold only a few photos; stopping at any moment costs those at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import Image, Outcome, Progress, no_progress
from geoflood.core.errors import ModelError, UsageError
from geoflood.core.parallel import cores
from geoflood.triage.ask_model import AskModelStage, DecodedPhoto
from geoflood.triage.codec import located_to
from geoflood.triage.export.thumbnails import keep, pictures_of
from geoflood.triage.export.triage_page import MAX_ITEMS
from geoflood.triage.intake import Intake, Photo
from geoflood.triage.journal import Journal
from geoflood.triage.locate_photos import LocatedPhoto, LocatePhotos, LocateStage
from geoflood.triage.make_stages import NO_MODEL, ask_stage, lacks_model, locate_stage
from geoflood.triage.options import NOBODY, BatchOptions, BatchRequest, begin, settings_of
from geoflood.triage.outputs import PAGE
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.folder import PostFolder, Tally
from geoflood.triage.results import Results
from geoflood.triage.stages import Stage, flow

__all__ = ["BatchSummary", "batch_locate"]

AT_ONCE = 4
"""Photos described together: more do not make a core faster."""


@dataclass(frozen=True)
class BatchSummary:
    """What a run came to."""

    results: Results
    """Of this run and those before it."""
    tally: Tally
    outcomes: Counter[Outcome]
    """Of the photos that this run located."""
    before: int
    """Photos that earlier runs had located."""
    stopped: bool
    """Asked to stop, or without its model, before all was done."""
    unverified: int = 0
    """Located photos that the model failed to verify: a later run tries again."""
    down: ModelError | None = None
    """Why the model was given up."""
    doubts: Mapping[str, int] = field(default_factory=dict)
    """What photos were searched for without, and how many."""
    unanswered: tuple[str, ...] = ()
    """Files that a replay found no answers about."""


def batch_locate(
    folder: Path,
    out: Path,
    locator: LocatePhotos,
    index: Path,
    options: BatchOptions,
    request: BatchRequest = NOBODY,
    *,
    workers: int | None = None,
    at_once: int = AT_ONCE,
    progress: Progress = no_progress,
    news: Callable[[str], object] = lambda line: None,
    stopping: Callable[[], bool] = lambda: False,
    opened: Callable[[Results], object] = lambda results: None,
) -> BatchSummary:
    """Locate every photo in `folder` that has no result in `out` yet, `at_once` of them described together.

    `opened` is called with the results of earlier runs, `news` with what is recognised. `stopping` is asked
    before each post and photo; photos in hand are finished. Raises InputError for a folder that is none or a
    journal that was altered, UsageError when `out` holds results of other settings or is in use.
    """
    if out.resolve() == folder.resolve():
        raise UsageError(f"{out} holds the posts", "name another folder with --out: inputs are never touched")
    results, ask, workers = Results(out), ask_stage(request), workers or cores()
    options = replace(options, search=locator.resolved(options.search))
    with FileTree(folder, skip=(out,)) as tree, Journal(out, results.take) as journal:
        intake = Intake(journal, options.use_post_geo)
        opened(results)
        begin(journal, intake.run, intake.read_from, settings_of(index, options, request), folder)
        posts, run = PostFolder(tree), BatchRun(intake, progress)
        locate = locate_stage(request, locator, options, _thumbnail_maker(out, posts))

        def halted() -> bool:
            return stopping() or bool(ask and ask.down)

        with side_by_side(workers) as pool:
            photos = run.counted(intake.photos(posts, pool.submit, progress, news, halted))
            for located in _flow(photos, ask, locate, workers, at_once, halted):
                run.record(located)
        for line in () if intake.ended else intake.tally.lines():
            news(f"so far: {line}")
        counts = {outcome.value: count for outcome, count in run.outcomes.items()}
        journal.append("stopped" if run.unfinished else "ended", durable=True, outcomes=counts)
    doubts: Mapping[str, int] = ask.doubts if ask else {}
    return BatchSummary(
        results,
        intake.tally,
        run.outcomes,
        run.before,
        run.unfinished,
        run.unverified,
        ask.down if ask else None,
        {NO_MODEL: run.outcomes.total()} if not ask and lacks_model(request) else doubts,
        tuple(run.unanswered),
    )


def _flow(
    photos: Iterator[DecodedPhoto],
    ask: AskModelStage | None,
    locate: LocateStage,
    workers: int,
    at_once: int,
    halted: Callable[[], bool],
) -> Iterator[LocatedPhoto]:
    """The photos through all stages: a model looks at as many at a time as its hosts take."""
    stages = [Stage(ask, ask.capacity)] if ask else []
    stages.append(Stage(locate, workers, at_once))
    in_hand = 2 * sum(stage.threads * stage.at_once for stage in stages)
    return flow(photos, stages, in_hand, halted)


def _thumbnail_maker(out: Path, posts: PostFolder) -> Callable[[str, Image], object]:
    """Makes the small picture of a photo, while its pixels are at hand.

    Of more photos than the page shows, it makes none: the page then makes those that it needs.
    """
    if len(posts.pictures.entries) > MAX_ITEMS:
        return lambda sha256, pixels: None
    return partial(keep, pictures_of(out / PAGE))


class BatchRun:
    """Counts the photos of this run and writes their results into the journal."""

    def __init__(self, intake: Intake, progress: Progress) -> None:
        self.before = intake.done
        """Photos that earlier runs had located."""
        self.outcomes: Counter[Outcome] = Counter()
        self.unverified = 0
        self.unanswered: list[str] = []
        self._intake, self._progress = intake, progress
        self._photos, self._all_read = 0, False

    @property
    def unfinished(self) -> bool:
        """Something is left for another run."""
        return not self._all_read or self._photos > self.outcomes.total()

    def counted(self, photos: Iterable[Photo]) -> Iterator[DecodedPhoto]:
        """The photos as the first stage takes them."""
        for photo in photos:
            self._photos += 1
            yield DecodedPhoto(photo, photo.pixels)
        self._all_read = self._intake.ended

    def record(self, answer: LocatedPhoto) -> None:
        """Write a result into the journal, where it lasts."""
        photo, located = answer.photo, answer.located
        self._intake.journal.append(
            "located",
            durable=True,
            sha256=photo.sha256,
            located=located_to(located),
            narrowed=photo.narrowed_by,
            again=answer.retry,
        )
        self.outcomes[located.outcome] += 1
        self.unverified += answer.retry and located.outcome is not Outcome.FAILED
        self.unanswered += [photo.file] * answer.unanswered
        self._progress("photos", self.outcomes.total(), self._photos + self._intake.left)
        self._progress(located.outcome.value, self.outcomes[located.outcome], 0)
