"""What a batch would do: its posts are counted; no picture is opened, no model asked, nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from geoflood.core.datatypes import Progress, no_progress
from geoflood.triage.findings import Post
from geoflood.triage.intake import Intake
from geoflood.triage.journal import NAME, UnwrittenJournal
from geoflood.triage.options import BatchOptions, check_begun, check_folders, settings_of
from geoflood.triage.posts.file_tree import FileTree
from geoflood.triage.posts.folder import PostFolder, Tally
from geoflood.triage.results import Results

__all__ = ["BatchPreview", "preview_batch"]


@dataclass(frozen=True, slots=True)
class BatchPreview:
    """What a run would find, and what earlier ones have done of it."""

    tally: Tally
    begun: bool
    """The folder for the results has some already."""
    pictures: int
    """In the posts, each file once. Several may show one photo: that is seen when they are read."""
    done: int
    """Of these, how many show a photo that has its result."""
    provisional: int
    """Photos with a result that are to be re-ranked yet."""

    @property
    def left(self) -> int:
        """Photos to be located, at most."""
        return self.pictures - self.done


def preview_batch(
    folder: Path,
    out: Path,
    index: Path | Sequence[Path],
    options: BatchOptions,
    progress: Progress = no_progress,
) -> BatchPreview:
    """What `batch_locate` would do. `options.search` is resolved, as that of a run.

    Raises InputError for a folder that is none or a journal that was altered, UsageError when `out` holds
    results of other settings. Which build of a model answers is not compared: nobody is asked.
    """
    check_folders(folder, out)
    results, tally = Results(out), Tally()
    intake = Intake(UnwrittenJournal(out, results.take))
    check_begun(out, intake.run, intake.read_from, settings_of(index, options), folder)
    files: set[str] = set()
    with FileTree(folder, (out,), progress) as tree:
        for one in PostFolder(tree).posts():
            tally.add(one)
            files |= {medium.file for medium in one.media if medium.file} if isinstance(one, Post) else set()
    done = sum(intake.has_result(file) for file in files)
    return BatchPreview(tally, (out / NAME).is_file(), len(files), done, len(results.waiting))
