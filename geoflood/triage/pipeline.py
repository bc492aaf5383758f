"""`geoflood batch-locate` as one line: Post -> Photo -> Located -> journal line -> Finding.

    Post          PostFolder        what exports and loose pictures hold
    Photo         Intake.photos     each photo once, its posts and pictures in the journal
                  AskModelStage     a model looks at it, where one is asked
    Located       LocateStage       several photos described together, each searched for
    journal line  BatchRun.record   on the disk before the photo counts as done
    Finding       Results           read back when files are written (`outputs`)

Where candidates are re-ranked there are two passes: all photos are searched for, then `second_pass`.
The stages work at the same time and hold only a few photos; stopping at any moment costs those at most.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import Image, Located, Outcome, Progress, no_progress
from geoflood.core.errors import ModelError
from geoflood.core.parallel import cores
from geoflood.places.street_map import StreetMap
from geoflood.triage.ask_model import AskModelStage, DecodedPhoto
from geoflood.triage.codec import located_to
from geoflood.triage.export.thumbnails import keep, pictures_of
from geoflood.triage.export.triage_items import FOUND
from geoflood.triage.export.triage_page import MAX_ITEMS, MOST_LARGE
from geoflood.triage.intake import Intake, Photo
from geoflood.triage.journal import Journal
from geoflood.triage.locate_photos import LocatedPhoto, LocatePhotos, LocateStage
from geoflood.triage.make_stages import NO_MODEL, ask_stage, lacks_model, locate_stage
from geoflood.triage.options import NOBODY, BatchOptions, BatchRequest, begin, check_folders, settings_of
from geoflood.triage.outputs import PAGE
from geoflood.triage.place_words import places_in_posts
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.folder import PostFolder, Tally
from geoflood.triage.results import Results
from geoflood.triage.second_pass import Rewrite, Rewriter, SecondPass, evidence_to_change, left_text
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
    """Of the photos that this run located or re-ranked, each by its last result."""
    before: int
    """Photos that earlier runs had located, and this one did not look at."""
    stopped: bool
    """Asked to stop, or without its model, before all was done."""
    unverified: int = 0
    """Located photos that the model failed to verify: a later run tries again."""
    re_ranked: int = 0
    """Photos that this run looked at a second time, those of earlier runs too."""
    changed: int = 0
    """Of these, how many have another outcome or place for it."""
    not_re_ranked: tuple[str, ...] = ()
    """Files that could not be read or searched for again: a later run tries again."""
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
    index: Path | Sequence[Path],
    options: BatchOptions,
    request: BatchRequest = NOBODY,
    *,
    street_map: StreetMap | None = None,
    workers: int | None = None,
    at_once: int = AT_ONCE,
    progress: Progress = no_progress,
    news: Callable[[str], object] = lambda line: None,
    stopping: Callable[[], bool] = lambda: False,
    opened: Callable[[Results], object] = lambda results: None,
    rewrite: Rewrite = lambda results, left_s: None,
) -> BatchSummary:
    """Locate every photo in `folder` that has no result in `out` yet, `at_once` of them described together.

    `index` is the folder of the locator's index, or those of several that are asked together.
    Where the index has a `street_map`, the places that posts name in words are found.
    `opened` is called with the results of earlier runs, `news` with what is recognised. `rewrite` writes the
    outputs after the first of two passes, and now and then during the second. `stopping` is asked before each
    post and photo; photos in hand are finished. Raises InputError for a folder that is none or a journal that
    was altered, UsageError when `out` holds results of other settings or is in use.
    """
    check_folders(folder, out)
    results, ask, workers = Results(out), ask_stage(request), workers or cores()
    options = replace(options, search=locator.resolved(options.search))
    with FileTree(folder, (out,), progress) as tree, Journal(out, results.take) as journal:
        intake = Intake(journal, options.narrowing)
        opened(results)
        begin(journal, intake.run, intake.read_from, settings_of(index, options, request), folder)
        posts = PostFolder(tree)
        locate = locate_stage(request, locator, options, _picture_maker(out, posts))
        two_passes = bool(options.search.rerank)
        first = _search_alone(locate) if two_passes else locate
        run = BatchRun(intake, progress, _hope(locate) if two_passes else lambda located: None)

        words = partial(places_in_posts, results, street_map, options.city)

        def halted() -> bool:
            return stopping() or bool(ask and ask.down)

        with side_by_side(workers) as pool:
            photos = run.counted(intake.photos(posts, pool.submit, progress, news, halted, words))
            for located in _flow(photos, ask, first, workers, at_once, halted):
                run.record(located)
            for line in () if intake.ended else intake.tally.lines():
                news(f"so far: {line}")
            if two_passes and not run.unfinished:
                second = run.second = SecondPass(intake, results, attention_kept=ask is not None)
                again = _flow(second.photos(), None, locate, workers, at_once, halted)
                if second.due and not halted():
                    _second_pass(run, second, again, partial(rewrite, results), news)
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
        run.second.done if run.second else 0,
        run.second.changed if run.second else 0,
        tuple(run.second.failed) if run.second else (),
        ask.down if ask else None,
        {NO_MODEL: run.outcomes.total()} if not ask and lacks_model(request) else doubts,
        tuple(run.unanswered),
    )


def _search_alone(locate: LocateStage) -> LocateStage:
    """The first of two passes: no candidate is re-ranked, and no model compares any."""
    return replace(locate, options=replace(locate.options, rerank=0), checks=None)


def _hope(locate: LocateStage) -> Callable[[Located], float | None]:
    """What would change a result; what a model is to compare is never without hope."""
    return partial(evidence_to_change, hopeless=math.inf) if locate.checks else evidence_to_change


def _second_pass(
    run: BatchRun,
    second: SecondPass,
    answers: Iterator[LocatedPhoto],
    rewrite: Callable[[float], object],
    news: Callable[[str], object],
) -> None:
    """Record what re-ranking says of each photo; meanwhile the outputs can be used."""
    rewriter = Rewriter(lambda: rewrite(second.left_s))
    many = "1 photo is" if len(second.due) == 1 else f"{len(second.due):,} photos are"
    news(f"{many} re-ranked now, likeliest to change first; {PAGE} can be used already")
    rewriter.write()
    for answer in answers:
        run.record_again(answer)
        if second.left and rewriter.write_if_due():
            left = left_text(second.left_s)
            news(f"{second.done:,} re-ranked, {second.changed:,} changed{left}; {PAGE} is written anew")
    news(f"{second.done:,} of {len(second.due):,} re-ranked, {second.changed:,} changed")


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


def _picture_maker(out: Path, posts: PostFolder) -> Callable[[str, Image, Outcome], object]:
    """Makes the small picture of a photo, and the larger one of a found photo, while its pixels are at hand.

    Of more photos than the page shows, it makes none: the page then makes those that it needs.
    """
    count, folder = len(posts.pictures.entries), pictures_of(out / PAGE)

    def make(sha256: str, pixels: Image, outcome: Outcome) -> None:
        if count <= MAX_ITEMS:
            keep(folder, sha256, pixels, large=outcome in FOUND and count <= MOST_LARGE)

    return make


class BatchRun:
    """Counts the photos of this run and writes their results into the journal.

    `evidence` tells what would change a first result; None of one that is to stay.
    """

    def __init__(
        self, intake: Intake, progress: Progress, evidence: Callable[[Located], float | None]
    ) -> None:
        self.before = intake.done
        """Photos that earlier runs had located, and this one did not look at."""
        self.outcomes: Counter[Outcome] = Counter()
        self.unverified = 0
        self.unanswered: list[str] = []
        self.second: SecondPass | None = None
        """None as long as the first of two passes goes on, and where there is but one."""
        self._intake, self._progress, self._evidence = intake, progress, evidence
        self._latest: dict[str, Outcome] = {}
        self._photos, self._recorded, self._all_read = 0, 0, False

    @property
    def unfinished(self) -> bool:
        """Something is left for another run."""
        second_left = self.second is not None and self.second.left > 0
        return not self._all_read or self._photos > self._recorded or second_left

    def counted(self, photos: Iterable[Photo]) -> Iterator[DecodedPhoto]:
        """The photos as the first stage takes them."""
        for photo in photos:
            self._photos += 1
            yield DecodedPhoto(photo, photo.pixels)
        self._all_read = self._intake.ended

    def record(self, answer: LocatedPhoto) -> None:
        """Write a result into the journal, where it lasts: provisional, if there is to be a better one."""
        self._write(answer, answer.located, answer.retry, self._evidence(answer.located))
        self._recorded += 1
        self._progress("photos", self._recorded, self._photos + self._intake.left)
        self._count(answer, answer.located)

    def record_again(self, answer: LocatedPhoto) -> None:
        """Write the result of the second pass, which replaces the first; where it failed, that one stands."""
        assert self.second, "there is a second pass"
        evidence, located = self.second.evidence(answer.photo.sha256), self.second.take(answer)
        if located is not None:
            self._write(answer, located, False, evidence if answer.retry else None)
            self.before -= answer.photo.sha256 not in self._latest
            self._count(answer, located)
        self._progress("re-ranking", len(self.second.due) - self.second.left, len(self.second.due))

    def _write(self, answer: LocatedPhoto, located: Located, again: bool, evidence: float | None) -> None:
        self._intake.journal.append(
            "located",
            durable=True,
            sha256=answer.photo.sha256,
            located=located_to(located),
            narrowed=answer.photo.narrowed_by,
            again=again,
            provisional=evidence,
        )

    def _count(self, answer: LocatedPhoto, located: Located) -> None:
        outcome, before = located.outcome, self._latest.get(answer.photo.sha256)
        self._latest[answer.photo.sha256] = outcome
        if before is not None:
            self.outcomes[before] -= 1
            self._progress(before.value, self.outcomes[before], 0)
        self.outcomes[outcome] += 1
        self.unverified += answer.retry and outcome is not Outcome.FAILED
        self.unanswered += [answer.photo.file] * answer.unanswered
        self._progress(outcome.value, self.outcomes[outcome], 0)
