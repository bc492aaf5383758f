"""What was done to which files by what: run.json, and the check that all of it still stands.

run.json is the seal: it holds the journal's end and the hash of every output, and is written anew whenever a
command ends. What stands in the journal behind that end came in some other way: a run that was killed, or
somebody. Who may write to the folder can write all of it anew: only a seal noted elsewhere tells.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from geoflood import __version__
from geoflood.core.errors import InputError
from geoflood.core.files import fingerprint, write_whole
from geoflood.triage.export.thumbnails import pictures_of
from geoflood.triage.file_hashes import COPIES
from geoflood.triage.journal import NAME, JournalLine, read_journal
from geoflood.triage.results import Results

__all__ = ["RUN", "Custody", "unsealed", "verify", "write_run"]

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
    """Inputs, working copies and outputs that are not what was read or written."""
    missing: tuple[str, ...]
    after: tuple[str, ...]
    """Lines of the journal that came after run.json was written, and what they say."""
    seal: str
    """The end of the journal that run.json speaks of: noted elsewhere, it tells a folder made anew."""

    @property
    def stands(self) -> bool:
        """All that was read and written is there, unchanged, and nothing else was done."""
        return not (self.changed or self.missing or self.after)


def write_run(results: Results, written: Iterable[Path]) -> None:
    """Write run.json: settings, versions, counts, the end of the journal, hashes of what was written."""
    out, last = results.folder, results.run
    files = [path for one in written for path in (one, *_files(pictures_of(one)))]
    content = {
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
        "provisional": len(results.waiting),
        "outputs": {path.relative_to(out).as_posix(): f"SHA-256:{fingerprint(path)}" for path in files},
    }
    write_whole(out / RUN, json.dumps(content, indent=1, sort_keys=True) + "\n")


def _versions() -> dict[str, str]:
    known: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            known[name] = "not installed"
    return known


def verify(out: Path) -> Custody:
    """Recompute the chain and the hash of every input, working copy, output and picture beside the map.

    Raises InputError when the journal was altered or cut, or run.json cannot be read.
    """
    run = _run(out)
    known = _Known.of(out, run["journal"]["lines"])
    if known.seal != run["journal"]["sha256"]:
        raise InputError(f"{out / NAME} was cut or written anew: it does not end as run.json says", _HINT)
    inputs = _checked(Path(run["folder"]), known.files)
    copies = _copies(out, known.members)
    outputs = _checked(out, run["outputs"])
    changed, missing = (inputs[part] + copies[part] + outputs[part] for part in (0, 1))
    unchanged = len(known.files) - len(inputs[0]) - len(inputs[1])
    return Custody(
        known.lines, len(known.located), unchanged, changed, missing, tuple(known.after), known.seal
    )


def unsealed(results: Results) -> tuple[str, ...]:
    """Decisions that came after run.json was written; none where there is no run.json that says so."""
    try:
        sealed = _run(results.folder)["journal"]["lines"]
    except InputError:
        return ()
    return tuple(_line_text(line) for line in results.decision_lines if line.number > sealed)


@dataclass
class _Known:
    """What a journal says was read, up to its end and beyond the line that was its end."""

    sealed: int
    lines: int = 0
    located: set[str] = field(default_factory=set)
    seal: str = ""
    files: dict[str, str] = field(default_factory=dict)
    members: dict[str, str] = field(default_factory=dict)
    after: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, out: Path, sealed: int) -> _Known:
        """Raises InputError when the journal was altered."""
        known = cls(sealed)
        for line in read_journal(out):
            try:
                known.take(line)
            except (KeyError, TypeError, AttributeError) as error:
                raise InputError(f"{out / NAME}: line {line.number} lacks {error}", _HINT) from error
        return known

    def take(self, line: JournalLine) -> None:
        """Raises KeyError, TypeError or AttributeError for a line that was not written here."""
        self.lines = line.number
        if line.number == self.sealed:
            self.seal = f"SHA-256:{line.sha256}"
        if line.number > self.sealed:
            self.after.append(_line_text(line))
        if line.kind == "located":
            self.located.add(line.content["sha256"])
        elif line.kind == "file":
            name = line.content["file"]
            member = line.content.get("archive", "!/" in name)  # which journals of 2026 do not tell
            files = self.members if member else self.files
            files[name] = f"SHA-256:{line.content['sha256']}"


def _line_text(line: JournalLine) -> str:
    """A line for people: its kind; of a decision about which photo, what and whose."""
    text = f"line {line.number}: {line.kind}"
    if line.kind != "decision":
        return text
    made = line.content["decision"]
    return f"{text}, {line.content['sha256'][:12]} {made['status']} by {made['by'] or 'nobody'}"


def _checked(root: Path, files: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files below `root` that are not what they were, and those that are not there."""
    changed, missing = [], []
    for name, known in files.items():
        now = _hash(root, name)
        if now is None:
            missing.append(name)
        elif now != known:
            changed.append(name)
    return tuple(changed), tuple(missing)


def _hash(root: Path, name: str) -> str | None:
    """Of a file below `root`; None when there is none, whatever path its name spells."""
    try:
        path = (root / name).resolve()
        inside = path.is_relative_to(root.resolve()) and path.is_file()
        return f"SHA-256:{fingerprint(path)}" if inside else None
    except (OSError, ValueError):
        return None


def _copies(out: Path, members: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """As `_checked`, of the working copies: each is named by its content, and each member has one."""
    there = {f"{COPIES}/{path.name}": f"SHA-256:{path.stem}" for path in _files(out / COPIES)}
    changed, gone = _checked(out, there)
    copied = set(there.values())
    return changed, gone + tuple(name for name, known in members.items() if known not in copied)


def _files(folder: Path) -> Iterator[Path]:
    """The files in a folder, but for what a kill left half written; none when there is no such folder."""
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")


def _run(out: Path) -> dict[str, Any]:
    try:
        content = json.loads((out / RUN).read_bytes())
        lines, ended, outputs = content["journal"]["lines"], content["journal"]["sha256"], content["outputs"]
        texts = [content["folder"], ended, *outputs, *outputs.values()]
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{out / RUN} cannot be read: {error!s:.100}", "run batch-locate again") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{out / RUN} is not what was written, it lacks {error!s:.100}", _HINT) from error
    if isinstance(lines, int) and all(isinstance(text, str) for text in texts):
        return dict(content)
    raise InputError(f"{out / RUN} is not what was written", _HINT)
