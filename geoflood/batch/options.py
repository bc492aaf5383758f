"""What decides the results of a batch, and that a folder of results has one of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from geoflood import __version__
from geoflood.batch.journal import Journal
from geoflood.errors import ModelError, UsageError
from geoflood.eyes import Eyes
from geoflood.files import fingerprint
from geoflood.reference.manifest import NAME
from geoflood.terms import USUAL, AttentionMap, Manner
from geoflood.vlm.client import Asker

__all__ = ["NOBODY", "Asked", "Options", "begin", "settings_of"]


@dataclass(frozen=True)
class Options:
    """What decides the results, besides the photos and the index: a folder of results has one of it."""

    city: str
    manner: Manner = USUAL
    waterline: float | None = None
    use_post_geo: bool = False
    search_anyway: bool = False
    eyes: Mapping[str, Any] = field(default_factory=dict)
    """What a model is asked, or the analyst's map; see `Eyes.settings`."""


@dataclass(frozen=True)
class Asked:
    """Who says which parts of the photos count: a model, or an analyst for all of them."""

    eyes: Eyes | None = None
    asker: Asker | None = None
    """The model's hosts, or what it said in earlier runs; None when none is asked."""
    attention: AttentionMap | None = None


NOBODY = Asked()


def settings_of(index: Path, options: Options, asked: Asked) -> dict[str, Any]:
    """What decides the results, as a journal keeps it."""
    told = {"index": fingerprint(index / NAME), "options": asdict(options), "geoflood": __version__}
    return told if asked.asker is None else {**told, "model": _model(asked.asker)}


def _model(asker: Asker) -> dict[str, str]:
    """Which build of the model answers; the digest is empty when nobody can say."""
    try:
        found = asker.standing
    except ModelError as error:
        return {"named": "", "digest": "", "missing": str(error)}
    return {"named": found.named, "digest": found.digest, "server": found.version, "host": found.host}


def begin(journal: Journal, known: dict[str, Any], settings: dict[str, Any], folder: Path) -> None:
    """Journal the run; results of two indexes, settings or models in one folder would be no result."""
    earlier = known["settings"] if known else settings
    builds = [told.get("model", {}).get("digest", "") for told in (earlier, settings)]
    parts = {name: (earlier[name], settings[name]) for name in ("index", "options")}
    parts |= {"build of the model": (builds[0], builds[1])} if all(builds) else {}
    for name, (before, now) in parts.items():
        if before != now:
            raise UsageError(
                f"{journal.folder} holds results of another {name}: {before}, not {now}",
                "name another folder with --out, or go on as it was begun",
            )
    journal.append("run", settings=settings, folder=str(folder.resolve()), durable=True)
