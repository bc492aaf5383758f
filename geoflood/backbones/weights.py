"""Checkpoints on disk: fetched or imported, checked against their network, recorded, verified at every load.

No torch at import. A checkpoint is data from a stranger: zip archives of torch are read with
`weights_only=True`, safetensors hold nothing but numbers, and everything else is refused.
"""

from __future__ import annotations

import errno
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geoflood.backbones.catalog import CATALOG, Checkpoint
from geoflood.backbones.gallery import read_gallery
from geoflood.core.download import DEFAULT_RETRY, Progress, Retry, bytes_waiting, download
from geoflood.core.errors import NetworkError, WeightsError
from geoflood.core.files import LockedError, fingerprint, locked, replacing, write_whole
from geoflood.core.paths import home

if TYPE_CHECKING:
    import torch

__all__ = [
    "Loaded",
    "WeightsRecord",
    "arrived",
    "check_content",
    "check_state",
    "fetch",
    "import_weights",
    "is_ready",
    "load",
    "part_in",
    "place_of",
    "present",
    "ready",
    "record",
    "verify",
]


@dataclass(frozen=True, slots=True)
class WeightsRecord:
    """What is recorded of a checkpoint when it is stored."""

    name: str
    sha256: str
    size: int
    source: str
    """URL or path that it came from."""
    etag: str = ""
    """The ETag of the server; empty when imported."""
    unverified: bool = False
    """Imported although its checksum is not the published one: the user allowed it."""


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A verified state dict and the checksum of its file."""

    state: dict[str, torch.Tensor]
    sha256: str


def present(row: Checkpoint, models_dir: Path | None = None) -> bool:
    """The checkpoint is in models/ (or the backbone needs none); says nothing about its health."""
    return not row.file or place_of(row, models_dir).is_file()


def arrived(row: Checkpoint, models_dir: Path | None = None) -> int:
    """Bytes of a checkpoint that an earlier, broken off download left; the next one goes on from there."""
    return bytes_waiting(row.url, place_of(row, models_dir))


def ready(models_dir: Path | None = None) -> tuple[str, ...]:
    """Names of the backbones that can be used now: weights present, recorded and of the recorded size.

    Nothing is read or hashed but the records; `verify` does that.
    """
    return tuple(row.name for row in CATALOG if not row.file or is_ready(row, models_dir))


def is_ready(row: Checkpoint, models_dir: Path | None = None) -> bool:
    """Whether a checkpoint is present, recorded and of the recorded size."""
    try:
        return record(row, models_dir).size == place_of(row, models_dir).stat().st_size
    except (WeightsError, OSError):
        return False


def record(row: Checkpoint, models_dir: Path | None = None) -> WeightsRecord:
    """The record of a present checkpoint. Raises WeightsError when there is none."""
    path = place_of(row, models_dir)
    if not path.is_file():
        raise WeightsError(f"the weights of {row.name} are not here", f"geoflood models fetch {row.asked_as}")
    try:
        return WeightsRecord(**json.loads(_record_path(path).read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        hint = f"geoflood models import {row.asked_as} {path}"
        raise WeightsError(f"no checksum is recorded for {path}", hint) from error


def fetch(
    row: Checkpoint,
    models_dir: Path | None = None,
    progress: Progress = lambda done, total: None,
    retry: Retry = DEFAULT_RETRY,
) -> WeightsRecord:
    """Download a checkpoint unless it is here and whole; resumes what an earlier call began.

    Raises NetworkError, or WeightsError when what arrives is not this network or cannot be stored.
    """
    path = place_of(row, models_dir)
    with _sole_writer(path):
        if path.is_file():
            return verify(row, models_dir)
        try:
            got = download(row.url, path, partial(_check_download, row), progress, retry)
        except NetworkError as error:
            other = f"or download {row.url} elsewhere and: geoflood models import {row.asked_as} FILE"
            raise NetworkError(str(error), f"{error.hint}; {other}") from error
        return _write_record(path, WeightsRecord(row.name, got.sha256, got.size, row.url, got.etag))


def import_weights(
    row: Checkpoint, file: Path, models_dir: Path | None = None, *, allow_unverified: bool = False
) -> WeightsRecord:
    """Copy a checkpoint that was downloaded elsewhere into models/. Raises WeightsError if it is unfit.

    A file without the published checksum is unfit unless allowed.
    """
    path = place_of(row, models_dir)
    if not file.is_file():
        raise WeightsError(f"there is no file {file}", f"download it from {row.url}")
    check_content(row, file)
    with _sole_writer(path):
        with replacing(path) as temporary:
            shutil.copyfile(file, temporary)
            sha256, size = fingerprint(temporary), temporary.stat().st_size
            if not allow_unverified:
                _demand_published(row, sha256, file.name)
            unverified = row.sha256 not in (None, sha256)
        return _write_record(path, WeightsRecord(row.name, sha256, size, str(file), unverified=unverified))


def part_in(file: Path, rows: Sequence[Checkpoint]) -> Checkpoint:
    """Which of several files that are fetched together a file is. Raises WeightsError where it is none."""
    if len(rows) == 1 or not file.is_file():
        return rows[0]
    sha256 = fingerprint(file)
    for row in rows:
        if row.sha256 == sha256:
            return row
    for row in rows:
        try:
            check_content(row, file)
        except WeightsError:
            continue
        return row
    names = ", ".join(row.url.rpartition("/")[2] for row in rows)
    raise WeightsError(f"{file.name} is none of the files of {rows[0].asked_as}", f"these are: {names}")


def verify(row: Checkpoint, models_dir: Path | None = None) -> WeightsRecord:
    """Compare the file with its recorded checksum. Raises WeightsError when they differ.

    The same for a recorded checksum that is not the published one, unless the user allowed it at import.
    """
    known = record(row, models_dir)
    path = place_of(row, models_dir)
    if (found := fingerprint(path)) != known.sha256:
        message = f"{path} has changed since it came: sha256 {found[:12]}…, recorded {known.sha256[:12]}…"
        raise WeightsError(message, f"delete it, then: geoflood models fetch {row.asked_as}")
    if not known.unverified:
        _demand_published(row, known.sha256, path.name)
    return known


def load(row: Checkpoint, models_dir: Path | None = None) -> Loaded:
    """The state dict of a checkpoint: checksum, keys and shapes verified, tensors mapped from the file."""
    known = verify(row, models_dir)
    return Loaded(_read_fitting(row, place_of(row, models_dir)), known.sha256)


def check_state(row: Checkpoint, state: Mapping[str, Any], source: str) -> None:
    """Compare keys and shapes with the network. Raises WeightsError naming the first that is wrong."""
    from geoflood.backbones.skeletons import published_shapes

    hint = "was it made for another trunk or dimension? see: geoflood models list"
    expected = published_shapes(row)
    for key, shape in expected.items():
        if key not in state:
            raise WeightsError(f"{source} lacks {key}, so it is not {row.name}", hint)
        found = list(getattr(state[key], "shape", ()))
        if found != shape:
            raise WeightsError(f"{source}: {key} is {found}, {row.name} has {shape}", hint)
    if unknown := [key for key in state if key not in expected]:
        raise WeightsError(f"{source} holds {unknown[0]}, which {row.name} does not have", hint)


def _check_download(row: Checkpoint, path: Path) -> None:
    """Accept what has arrived: the very bytes, where their checksum is published, and this network."""
    if row.sha256:
        _demand_published(row, fingerprint(path), path.name)
    check_content(row, path)


def check_content(row: Checkpoint, path: Path) -> None:
    """Raises WeightsError unless a file holds what a row names; its checksum is not looked at."""
    if row.family == "gallery":
        read_gallery(path)
    else:
        _read_fitting(row, path)


def _demand_published(row: Checkpoint, sha256: str, called: str) -> None:
    """Raises WeightsError when a checksum is published and another one was found."""
    if row.sha256 and sha256 != row.sha256:
        vouch = f"or vouch for yours: geoflood models import {row.asked_as} FILE --allow-unverified"
        raise WeightsError(
            f"{called} is not the published file: its sha256 differs", f"{_fetch_hint(row)}; {vouch}"
        )


def _fetch_hint(row: Checkpoint) -> str:
    return f"download it again: geoflood models fetch {row.asked_as}"


def _read_fitting(row: Checkpoint, path: Path) -> dict[str, torch.Tensor]:
    """Read a file and make sure that it holds this network."""
    again = _fetch_hint(row)
    try:
        state = _read(row, path)
    except pickle.UnpicklingError as error:
        raise WeightsError(f"{path.name} holds more than tensors and is not opened", again) from error
    except _UnreadableError as error:
        raise WeightsError(f"{path.name} {error}", again) from error
    check_state(row, state, path.name)
    return state


class _UnreadableError(Exception):
    """A file is no checkpoint; says what it is instead, as the end of a sentence."""


def _read(row: Checkpoint, path: Path) -> dict[str, torch.Tensor]:
    """The state dict of a torch or safetensors file, told apart by content, as the row's network names it."""
    from geoflood.backbones.skeletons import published_state

    with path.open("rb") as file:
        head = file.read(512)
    if not (reader := _reader(head)):
        raise _UnreadableError(_what_it_is(head))
    if _holds_code(path):
        raise _UnreadableError("is a TorchScript archive, which holds code and is never opened")
    try:
        content = reader(path)
    except (pickle.UnpicklingError, OSError):
        raise
    except Exception as error:  # over broken files, torch trips in a dozen ways, assertions among them
        raise _UnreadableError("is truncated or damaged") from error
    if (state := published_state(row, content)) is None:
        raise _UnreadableError("holds no state dict")
    return state


def _holds_code(path: Path) -> bool:
    """Whether a file is a zip archive as torch.jit saves them, such as OpenAI's own CLIP."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False  # torch says what is wrong with it


def _reader(head: bytes) -> Callable[[Path], Any] | None:
    """What opens a file that begins like this; none of these runs code out of it."""
    import safetensors.torch
    import torch

    if _looks_like_safetensors(head):
        return safetensors.torch.load_file
    if head.startswith(b"PK\x03\x04"):  # the only form that can be mapped instead of read
        return partial(torch.load, map_location="cpu", weights_only=True, mmap=True)
    if head.startswith(b"\x80\x02"):
        return partial(torch.load, map_location="cpu", weights_only=True)
    return None


def _looks_like_safetensors(head: bytes) -> bool:
    """Eight bytes of length, then a JSON header of that length."""
    return head[8:9] == b"{" and 0 < int.from_bytes(head[:8], "little") < 1 << 27


def _what_it_is(head: bytes) -> str:
    """What a file is whose first bytes are not those of a checkpoint."""
    if not head:
        return "is empty"
    if head.lstrip()[:1] == b"<":
        return "is a web page, not weights"
    if head[0] == 0x80:
        return "is a Python pickle, which is never opened"
    if head.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the weights"
    return "is no checkpoint of torch or safetensors"


def place_of(row: Checkpoint, models_dir: Path | None) -> Path:
    """Where a checkpoint lies, or would. Raises WeightsError for a backbone without weights."""
    if not row.file:
        raise WeightsError(f"{row.name} has no weights", "it is ready as it is")
    return home("models", models_dir) / row.file


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _write_record(path: Path, known: WeightsRecord) -> WeightsRecord:
    write_whole(_record_path(path), json.dumps(asdict(known), indent=2) + "\n")
    return known


@contextmanager
def _sole_writer(path: Path) -> Iterator[None]:
    """The lock of a checkpoint's file. What the disk refuses is raised as WeightsError, in one line."""
    try:
        with locked(path.with_name(f".{path.name}.lock")):
            yield
    except LockedError as error:
        raise WeightsError(f"another process is storing {path.name}", "wait until it is done") from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = "free some space" if full else "make it writable or set GEOFLOOD_MODELS_DIR"
        raise WeightsError(
            f"cannot store weights in {path.parent}: {error.strerror or error}", hint
        ) from error
