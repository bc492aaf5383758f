"""`geoflood batch-locate`: posts -> photos, each once -> [a model looks] -> located -> the journal.

Reading, decoding, asking the model, describing several photos together and searching go on side by side.
Nothing is held but what is in hand: the journal is the result; stopping at any moment costs at most those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from geoflood.backbones.threads import side_by_side
from geoflood.core.datatypes import AttentionMap, Image, Outcome, Progress, no_progress
from geoflood.core.errors import ModelError, UsageError
from geoflood.core.parallel import cores
from geoflood.triage.ask_model import AskModelStage, ModelAnswered
from geoflood.triage.codec import located_to
from geoflood.triage.export.thumbnails import keep, pictures_of
from geoflood.triage.export.triage_page import MAX_ITEMS
from geoflood.triage.intake import Intake, Photo
from geoflood.triage.journal import Journal
from geoflood.triage.locate_photos import LocatedPhoto, LocatePhotos, LocateStage
from geoflood.triage.options import NOBODY, BatchOptions, BatchRequest, begin, settings_of
from geoflood.triage.outputs import PAGE
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.folder import PostFolder, Tally
from geoflood.triage.results import Results
from geoflood.triage.stages import Stage, flow
from geoflood.vlm import stage as vlm_stage

__all__ = ["BatchSummary", "batch_locate"]

NO_MODEL = f"no attention: {vlm_stage.NO_MODEL}"
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
    asked: BatchRequest = NOBODY,
    *,
    workers: int | None = None,
    at_once: int = AT_ONCE,
    progress: Progress = no_progress,
    news: Callable[[str], object] = lambda told: None,
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
    looking, results = _looking(asked), Results(out)
    with FileTree(folder, skip=(out,)) as tree, Journal(out, results.take) as journal:
        intake = Intake(journal, options.use_post_geo)
        opened(results)
        begin(journal, intake.run, intake.read_from, settings_of(index, options, asked), folder)
        before = intake.done
        here = PostFolder(tree)
        small = partial(keep, pictures_of(out / PAGE)) if len(here.pictures.entries) <= MAX_ITEMS else _none
        locating = _locating(asked, locator, options, small)
        work = _Work(intake, progress)

        def halted() -> bool:
            return stopping() or bool(looking and looking.down)

        with side_by_side(workers or cores()) as pool:
            photos = work.fed(intake.photos(here, pool.submit, progress, news, halted))
            stages = _stages(looking, locating, workers or cores(), at_once)
            ahead = 2 * sum(stage.threads * stage.at_once for stage in stages)
            for ended in flow(photos, stages, ahead, halted):
                work.settle(ended)
        for told in () if intake.ended else intake.tally.lines():
            news(f"so far: {told}")
        journal.append("stopped" if work.left else "ended", durable=True, outcomes=work.told())
    missed = {NO_MODEL: work.outcomes.total()} if _misses_model(asked) else {}
    down, doubts = (looking.down, looking.doubts) if looking else (None, missed)
    return BatchSummary(
        results,
        intake.tally,
        work.outcomes,
        before,
        work.left,
        work.unverified,
        down,
        doubts,
        tuple(work.unanswered),
    )


def _none(sha256: str, pixels: Image) -> None:
    """No small picture: the page shows some of the photos only, and makes theirs itself."""


def _stages(looking: AskModelStage | None, locating: LocateStage, workers: int, at_once: int) -> list[Stage]:
    """A model that looks, as many photos at a time as its hosts take; then the search."""
    looks = [] if looking is None else [Stage(looking, looking.capacity)]
    return [*looks, Stage(locating, workers, at_once)]


def _looking(asked: BatchRequest) -> AskModelStage | None:
    """The stage that asks a model; None when none is asked about attention."""
    stage, asker = asked.stage, asked.asker
    if stage is None or asker is None or stage.selection is None or not stage.attends:
        return None
    attention_asker = stage.selection.attention_asker(asker, stage.city)
    return AskModelStage(attention_asker, stage.selection.full_name, stage.auto, asker.capacity)


def _locating(
    asked: BatchRequest, locator: LocatePhotos, options: BatchOptions, kept: Callable[[str, Image], object]
) -> LocateStage:
    """The stage that describes and searches."""
    return LocateStage(
        locator,
        asked.attention or _unasked(asked, options.waterline),
        options.manner,
        options.waterline,
        options.use_post_geo,
        bool(asked.stage and asked.stage.auto),
        options.search_anyway,
        asked.stage.verifier(asked.asker) if asked.stage else None,
        kept,
    )


def _unasked(asked: BatchRequest, waterline: float | None) -> AttentionMap:
    """Of every photo when no model looks; it says so where one was wished for."""
    provider = "none" if waterline is None else "analyst"
    if _misses_model(asked):
        return AttentionMap.neutral(waterline, provider if waterline else "ollama", NO_MODEL)
    return AttentionMap.neutral(waterline, provider)


def _misses_model(asked: BatchRequest) -> bool:
    """A model was to look at the photos, but none is named."""
    return asked.attention is None and asked.stage is not None and asked.stage.misses_model


class _Work:
    """Photos in, lines of the journal out."""

    def __init__(self, intake: Intake, progress: Progress) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.unverified = 0
        self.unanswered: list[str] = []
        self._intake, self._progress = intake, progress
        self._fed, self._exhausted = 0, False

    @property
    def left(self) -> bool:
        """Something is left for another run."""
        return not self._exhausted or self._fed > self.outcomes.total()

    def told(self) -> dict[str, int]:
        """The outcomes of this run by name."""
        return {outcome.value: count for outcome, count in self.outcomes.items()}

    def fed(self, photos: Iterable[Photo]) -> Iterator[ModelAnswered]:
        """The photos as the first stage takes them."""
        for photo in photos:
            self._fed += 1
            yield ModelAnswered(photo, photo.pixels)
        self._exhausted = self._intake.ended

    def settle(self, ended: LocatedPhoto) -> None:
        """Make a result durable."""
        photo, located = ended.photo, ended.located
        self._intake.journal.append(
            "located",
            durable=True,
            sha256=photo.sha256,
            located=located_to(located),
            narrowed=photo.narrowed_by,
            again=ended.again,
        )
        self.outcomes[located.outcome] += 1
        self.unverified += ended.again and located.outcome is not Outcome.FAILED
        self.unanswered += [photo.file] * ended.unanswered
        self._progress("photos", self.outcomes.total(), self._fed + self._intake.left)
        self._progress(located.outcome.value, self.outcomes[located.outcome], 0)
