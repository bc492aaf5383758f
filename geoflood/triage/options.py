"""What decides the results of a batch, and that a folder of results has one of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from geoflood import __version__
from geoflood.core.datatypes import DEFAULTS, AttentionMap, SearchOptions
from geoflood.core.errors import ModelError, UsageError
from geoflood.core.files import fingerprint
from geoflood.database.manifest import NAME
from geoflood.triage.journal import Journal
from geoflood.vlm.client import Asker
from geoflood.vlm.stage import VlmStage

__all__ = ["NOBODY", "BatchOptions", "BatchRequest", "begin", "settings_of"]


@dataclass(frozen=True)
class BatchOptions:
    """What decides the results, besides the photos and the index: a folder of results has one of it."""

    city: str
    manner: SearchOptions = DEFAULTS
    waterline: float | None = None
    use_post_geo: bool = False
    search_anyway: bool = False
    vlm: Mapping[str, Any] = field(default_factory=dict)
    """What a model is asked, or the hash of the analyst's map; see `VlmStage.settings`."""

    @property
    def as_journal(self) -> dict[str, Any]:
        """Under the names that journals have."""
        settings = asdict(self)
        settings["eyes"] = settings.pop("vlm")
        return settings


@dataclass(frozen=True)
class BatchRequest:
    """Who says which parts of the photos count: a model, or an analyst for all of them."""

    stage: VlmStage | None = None
    asker: Asker | None = None
    """The model's hosts, or what it said in earlier runs; None when none is asked."""
    attention: AttentionMap | None = None


NOBODY = BatchRequest()


def settings_of(index: Path, options: BatchOptions, asked: BatchRequest) -> dict[str, Any]:
    """What decides the results, as a journal keeps it."""
    told = {"index": fingerprint(index / NAME), "options": options.as_journal, "geoflood": __version__}
    return told if asked.asker is None else {**told, "model": _model(asked.asker)}


def _model(asker: Asker) -> dict[str, str]:
    """Which build of the model answers; the digest is empty when nobody can say."""
    try:
        found = asker.record
    except ModelError as error:
        return {"named": "", "digest": "", "missing": str(error)}
    return {"named": found.full_name, "digest": found.digest, "server": found.version, "host": found.host}


def begin(
    journal: Journal, known: Mapping[str, Any], read: str, settings: Mapping[str, Any], folder: Path
) -> None:
    """Journal the run; results of two indexes, settings, models or folders in one would be no result.

    `known` is the latest run with results, `read` the folder that files were read from; files are known by
    their names in it. One that is gone was moved, and may be given under its new name. Raises UsageError.
    """
    here = str(folder.resolve())
    if other := next(_others(known.get("settings", settings), settings), ""):
        raise UsageError(
            f"{journal.folder} was begun with {other}",
            "name another folder with --out, or go on as it was begun",
        )
    if read not in ("", here) and Path(read).exists():
        raise UsageError(
            f"{journal.folder} holds results of the posts in {read}, not in {here}",
            "name another folder with --out, or put the new posts into the folder that was read",
        )
    journal.append("run", settings=settings, folder=here, durable=True)


def _others(earlier: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    """In words what of the settings is not as it was."""
    if differing := "; ".join(_differing(earlier["options"], settings["options"])):
        yield f"other options: {differing}"
    if earlier["index"] != settings["index"]:
        yield "another index: it was built anew since"
    builds = [told.get("model", {}).get("digest", "") for told in (earlier, settings)]
    if all(builds) and builds[0] != builds[1]:
        yield f"another build of the model: {builds[0]}, not {builds[1]}"


def _differing(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """Each value that differs: "top k 5, not 3"."""
    if isinstance(before, Mapping) or isinstance(now, Mapping):
        one, other = before or {}, now or {}
        for key in sorted({*one, *other}):
            yield from _differing(one.get(key), other.get(key), key)
    elif before != now:
        yield f"{name.replace('_', ' ')} {_word(before)}, not {_word(now)}"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)
