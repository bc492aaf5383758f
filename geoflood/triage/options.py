"""What decides the results of a batch, and that a folder of results has one of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from geoflood import __version__
from geoflood.core.datatypes import DEFAULTS, AttentionMap, SearchOptions
from geoflood.core.errors import ModelError, UsageError
from geoflood.core.files import fingerprint
from geoflood.database.index_files import MANIFEST
from geoflood.triage.journal import Journal
from geoflood.triage.narrowing import Narrowing
from geoflood.vlm.client import Asker
from geoflood.vlm.stage import VlmStage

__all__ = ["NOBODY", "BatchOptions", "BatchRequest", "begin", "check_begun", "check_folders", "settings_of"]


@dataclass(frozen=True)
class BatchOptions:
    """What decides the results, besides the photos and the index: a folder of results has one of it."""

    city: str
    search: SearchOptions = DEFAULTS
    waterline: float | None = None
    use_post_geo: bool = False
    use_words: bool = False
    search_anyway: bool = False
    prior: Mapping[str, float] = field(default_factory=dict)
    """Probabilities of cities that were stated before looking, where several are asked together."""
    vlm: Mapping[str, Any] = field(default_factory=dict)
    """What a model is asked, or the hash of the analyst's map; see `VlmStage.settings`."""

    @property
    def narrowing(self) -> Narrowing | None:
        """What of the posts is to narrow the search; None where nothing is."""
        return Narrowing(self.use_post_geo, self.use_words) if self.use_post_geo or self.use_words else None

    @property
    def as_journal(self) -> dict[str, Any]:
        """Under the names that journals have: those of another version must stay comparable."""
        settings = asdict(self)
        search = settings.pop("search")
        search["banding"] = search.pop("mask_sides")
        settings["manner"], settings["eyes"] = search, settings.pop("vlm")
        if not self.use_words:  # journals from before there were words have no such setting
            del settings["use_words"]
        if not self.prior:  # nor one of these
            del settings["prior"]
        return settings


@dataclass(frozen=True)
class BatchRequest:
    """Who says which parts of the photos count: a model, or an analyst for all of them."""

    stage: VlmStage | None = None
    asker: Asker | None = None
    """The model's hosts, or what it said in earlier runs; None when none is asked."""
    attention: AttentionMap | None = None


NOBODY = BatchRequest()


def settings_of(
    indexes: Path | Sequence[Path], options: BatchOptions, request: BatchRequest = NOBODY
) -> dict[str, Any]:
    """What decides the results, as a journal keeps it; of several indexes that are asked together each."""
    one = isinstance(indexes, Path)
    prints = [
        fingerprint(index / MANIFEST) for index in ([indexes] if isinstance(indexes, Path) else indexes)
    ]
    settings = {
        "index": prints[0] if one else prints,
        "options": options.as_journal,
        "geoflood": __version__,
    }
    return settings if request.asker is None else {**settings, "model": _model(request.asker)}


def _model(asker: Asker) -> dict[str, str]:
    """Which build of the model answers; the digest is empty when nobody can say."""
    try:
        record = asker.record
    except ModelError as error:
        return {"named": "", "digest": "", "missing": str(error)}
    return {
        "named": record.full_name,
        "digest": record.digest,
        "server": record.version,
        "host": record.host,
    }


def begin(
    journal: Journal, earlier: Mapping[str, Any], read_from: str, settings: Mapping[str, Any], folder: Path
) -> None:
    """Journal the start of a run. Raises UsageError where results of two kinds would get mixed."""
    check_begun(journal.folder, earlier, read_from, settings, folder)
    journal.append("run", settings=settings, folder=str(folder.resolve()), durable=True)


def check_folders(folder: Path, out: Path) -> None:
    """Raises UsageError for a folder of results that holds the posts."""
    if out.resolve() == folder.resolve():
        raise UsageError(f"{out} holds the posts", "name another folder with --out: inputs are never touched")


def check_begun(
    out: Path, earlier: Mapping[str, Any], read_from: str, settings: Mapping[str, Any], folder: Path
) -> None:
    """Raises UsageError where results of two kinds would get mixed.

    All results of a folder have one index, one set of options, one build of the model and one folder of
    posts. `earlier` is the latest run with results, `read_from` the folder that its files were read from. If
    that folder is gone, it was moved, and may be given under its new name.
    """
    here = str(folder.resolve())
    if other := next(_differences(earlier.get("settings", settings), settings), ""):
        raise UsageError(
            f"{out} was begun with {other}",
            "name another folder with --out, or go on as it was begun",
        )
    if read_from not in ("", here) and Path(read_from).exists():
        raise UsageError(
            f"{out} holds results of the posts in {read_from}, not in {here}",
            "name another folder with --out, or put the new posts into the folder that was read",
        )


def _differences(earlier: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    """In words, which settings are not as they were."""
    if differing := "; ".join(_different_options(earlier["options"], settings["options"])):
        yield f"other options: {differing}"
    if earlier["index"] != settings["index"]:
        yield "another index: it was built anew since"
    builds = [run.get("model", {}).get("digest", "") for run in (earlier, settings)]
    if all(builds) and builds[0] != builds[1]:
        yield f"another build of the model: {builds[0]}, not {builds[1]}"


def _different_options(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """Each value that differs: "top k 5, not 3"."""
    if isinstance(before, Mapping) or isinstance(now, Mapping):
        earlier, later = before or {}, now or {}
        for key in sorted({*earlier, *later}):
            yield from _different_options(earlier.get(key), later.get(key), key)
    elif before != now:
        yield f"{name.replace('_', ' ')} {_word(before)}, not {_word(now)}"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)
