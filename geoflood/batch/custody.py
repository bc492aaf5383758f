"""What was done to which files by what: run.json, and the check that all of it still stands."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from geoflood import __version__
from geoflood.batch.journal import NAME, read_journal
from geoflood.batch.results import Results
from geoflood.errors import InputError
from geoflood.files import fingerprint, write_whole

__all__ = ["RUN", "Custody", "verify", "write_run"]

RUN = "run.json"
_HINT = "keep the folder as it is for who asks"
LIBRARIES = ("numpy", "torch", "faiss-cpu", "pillow", "ImageHash", "ijson")
"""Whose versions may change a result."""


@dataclass(frozen=True)
class Custody:
    """What a check found. The journal's chain is whole, or there would be none."""

    lines: int
    located: int
    inputs: int
    """Files that are as they were hashed before they were read."""
    changed: tuple[str, ...]
    """Inputs and outputs that are not what was read or written."""
    missing: tuple[str, ...]

    @property
    def stands(self) -> bool:
        """Nothing was changed; what is missing may have been moved."""
        return not self.changed


def write_run(results: Results, written: Iterable[Path]) -> None:
    """Write run.json: settings, versions, counts, the end of the journal, hashes of what was written."""
    out, last = results.folder, results.run
    told = {
        "format": 1,
        **{name: value for name, value in last.get("settings", {}).items() if name != "model"},
        "models": results.models,
        "folder": last.get("folder", ""),
        "begun": results.first.get("at"),
        "versions": {"geoflood": __version__, "python": platform.python_version(), **_versions()},
        "journal": {
            "lines": results.kinds.total(),
            "sha256": f"SHA-256:{results.head}",
            "kinds": dict(results.kinds),
        },
        "outputs": {path.relative_to(out).as_posix(): f"SHA-256:{fingerprint(path)}" for path in written},
    }
    write_whole(out / RUN, json.dumps(told, indent=1, sort_keys=True) + "\n")


def _versions() -> dict[str, str]:
    known: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            known[name] = "not installed"
    return known


def verify(out: Path) -> Custody:
    """Recompute the chain and the hash of every file that is still there.

    Raises InputError when the journal was altered or cut, or run.json cannot be read.
    """
    run = _run(out)
    ended, files, lines, located = "", {}, 0, 0
    for line in read_journal(out):
        lines = line.number
        if lines == run["journal"]["lines"]:
            ended = line.sha256
        if line.kind == "located":
            located += 1
        elif line.kind == "file" and "!/" not in line.content["file"]:
            files[line.content["file"]] = f"SHA-256:{line.content['sha256']}"
    if f"SHA-256:{ended}" != run["journal"]["sha256"]:
        raise InputError(f"{out / NAME} was cut or written anew: it does not end as run.json says", _HINT)
    inputs = _checked(Path(run["folder"]), files)
    outputs = _checked(out, run["outputs"])
    changed, missing = (inputs[part] + outputs[part] for part in (0, 1))
    return Custody(lines, located, len(files) - len(inputs[0]) - len(inputs[1]), changed, missing)


def _checked(root: Path, files: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files below `root` that are not what they were, and those that are not there."""
    changed, missing = [], []
    for name, known in files.items():
        try:
            if f"SHA-256:{fingerprint(root / name)}" != known:
                changed.append(name)
        except OSError:
            missing.append(name)
    return tuple(changed), tuple(missing)


def _run(out: Path) -> dict[str, Any]:
    try:
        told = json.loads((out / RUN).read_bytes())
        if isinstance(told["journal"]["lines"], int) and isinstance(told["outputs"], dict):
            return dict(told)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{out / RUN} cannot be read: {error!s:.100}", "run batch-locate again") from error
    raise InputError(f"{out / RUN} is not what was written", "run batch-locate again")
