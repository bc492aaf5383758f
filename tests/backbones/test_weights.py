"""Checkpoints in models/: fetched, imported, verified, and every way in which they can be unfit."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import pickle
import shutil
import threading
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from geoflood.backbones import weights as module
from geoflood.backbones.catalog import Checkpoint, find
from geoflood.backbones.compute import Compute
from geoflood.backbones.published import build
from geoflood.backbones.untrained import untrained
from geoflood.backbones.weights import fetch, import_weights, load, present, record, verify
from geoflood.core.download import Retry
from geoflood.core.errors import NetworkError, WeightsError
from geoflood.core.files import fingerprint, locked

ROW = find("cosplace-resnet18-32")
STATE = untrained(ROW)
HURRIED = Retry(attempts=2, pause_s=0.01)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("published") / "ResNet18_32_cosplace.pth"
    torch.save(STATE, path)
    return path


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which its files are served."""
    for name in ("GEOFLOOD_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "served"
    folder.mkdir()
    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


class Silent(SimpleHTTPRequestHandler):
    """Serves .pth as what it is."""

    def log_message(self, *args: Any) -> None:
        """Silence."""


def at(url: str, name: str = "w.pth", **changes: Any) -> Checkpoint:
    return dataclasses.replace(ROW, url=f"{url}/{name}", **changes)


def left(models: Path) -> list[str]:
    """What an aborted attempt has left, locks aside."""
    return (
        [path.name for path in models.glob("*") if not path.name.endswith(".lock")] if models.exists() else []
    )


def test_fetch_then_load(checkpoint: Path, server: tuple[Path, str], models: Path) -> None:
    folder, url = server
    shutil.copy(checkpoint, folder / "w.pth")
    row = at(url)
    assert not present(row, models)
    known = fetch(row, models, retry=HURRIED)
    assert present(row, models)
    assert (known.name, known.sha256, known.size) == (
        ROW.name,
        fingerprint(checkpoint),
        checkpoint.stat().st_size,
    )
    assert known.source == row.url
    assert record(row, models) == verify(row, models) == known
    assert sorted(left(models)) == ["cosplace-resnet18-32.pth", "cosplace-resnet18-32.pth.json"]
    loaded = load(row, models)
    assert loaded.sha256 == known.sha256
    assert all(torch.equal(loaded.state[key], value) for key, value in STATE.items())
    (folder / "w.pth").unlink()
    assert fetch(row, models) == known, "present and whole: nobody is asked"


def test_import_then_build(checkpoint: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFLOOD_MODELS_DIR", str(models))
    known = import_weights(ROW, checkpoint)
    assert known.source == str(checkpoint)
    backbone = build(ROW.name, Compute())
    assert backbone.version == f"1:{known.sha256[:16]}"
    images = torch.rand(1, 3, 64, 64)
    given = build(ROW.name, Compute(), STATE)
    assert torch.equal(backbone.aggregate(backbone.features(images)), given.aggregate(given.features(images)))
    import_weights(ROW, models / ROW.file)
    assert verify(ROW) == dataclasses.replace(known, source=str(models / ROW.file))


@pytest.mark.parametrize("form", ["safetensors", "legacy", "half"])
def test_other_forms_of_the_same_numbers(form: str, models: Path, tmp_path: Path) -> None:
    path = tmp_path / "any.bin"
    if form == "safetensors":
        safetensors.torch.save_file(STATE, path)
    elif form == "legacy":
        torch.save(STATE, path, _use_new_zipfile_serialization=False)
    else:
        torch.save({k: v.half() if v.is_floating_point() else v for k, v in STATE.items()}, path)
    import_weights(ROW, path, models)
    state = load(ROW, models).state
    tolerance = 1e-3 if form == "half" else 0
    torch.testing.assert_close(
        state["backbone.0.weight"].float(), STATE["backbone.0.weight"], atol=tolerance, rtol=0
    )
    backbone = build(ROW.name, Compute(), state)
    assert backbone.aggregate(backbone.features(torch.rand(1, 3, 40, 40))).dtype == torch.float32


class Payload:
    """What a pickle of a stranger may do on opening."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('the payload ran')",))


def written(kind: str, good: Path, path: Path) -> Path:
    """A checkpoint that is unfit in one way."""
    data = good.read_bytes()
    if kind == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "payload":
        torch.save({"state_dict": Payload()}, path)
    elif kind == "bare pickle":
        path.write_bytes(pickle.dumps(Payload()))
    elif kind == "legacy truncated":
        torch.save(STATE, path, _use_new_zipfile_serialization=False)
        path.write_bytes(path.read_bytes()[:100_000])
    elif kind == "other zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "hello")
    elif kind == "short safetensors":
        path.write_bytes(safetensors.torch.save(STATE)[:1_000_000])
    elif kind == "list":
        torch.save([torch.zeros(3)], path)
    elif kind == "no tensors":
        torch.save({"backbone.0.weight": 3}, path)
    elif kind == "dimension":
        torch.save(untrained(find("cosplace-resnet18-64")), path)
    else:
        path.write_bytes(CONTENTS[kind])
    return path


CONTENTS = {
    "web page": b"\n<!DOCTYPE html><title>Sign in</title>",
    "empty": b"",
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "noise": bytes(range(256)) * 9,
}
UNFIT = {
    "truncated": "is truncated or damaged",
    "payload": "holds more than tensors and is not opened",
    "bare pickle": "is a Python pickle, which is never opened",
    "legacy truncated": "is truncated or damaged|holds more than tensors",
    "other zip": "is truncated or damaged",
    "short safetensors": "is truncated or damaged",
    "list": "holds no state dict",
    "no tensors": r"backbone\.0\.weight is \[\]",
    "dimension": r"aggregation\.3\.weight is \[64, 512\], cosplace-resnet18-32 has \[32, 512\]",
    "web page": "is a web page, not weights",
    "empty": "is empty",
    "lfs": "is a pointer of Git LFS",
    "noise": "is no checkpoint of torch or safetensors",
}


@pytest.mark.parametrize("kind", UNFIT)
def test_unfit_files_are_one_line_and_leave_nothing(
    kind: str, checkpoint: Path, server: tuple[Path, str], models: Path, tmp_path: Path
) -> None:
    path = written(kind, checkpoint, tmp_path / "bad.pth")
    folder, url = server
    shutil.copy(path, folder / "w.pth")
    for attempt in (lambda: import_weights(ROW, path, models), lambda: fetch(at(url), models, retry=HURRIED)):
        with pytest.raises(WeightsError, match=UNFIT[kind]) as error:
            attempt()
        assert "\n" not in str(error.value)
        assert error.value.hint
        assert left(models) == []


def test_a_published_checksum_is_demanded(checkpoint: Path, models: Path) -> None:
    good = dataclasses.replace(ROW, sha256=fingerprint(checkpoint))
    import_weights(good, checkpoint, models)
    with pytest.raises(WeightsError, match="is not the published file"):
        import_weights(dataclasses.replace(ROW, sha256="0" * 64), checkpoint, models)


def test_a_file_that_changed_is_not_loaded(checkpoint: Path, models: Path) -> None:
    import_weights(ROW, checkpoint, models)
    path = models / ROW.file
    data = bytearray(path.read_bytes())
    data[-5000] ^= 1
    path.write_bytes(data)
    for use in (load, verify, fetch):
        with pytest.raises(WeightsError, match="has changed since it came") as error:
            use(ROW, models)
        assert f"geoflood models fetch {ROW.name}" in error.value.hint


def test_what_is_not_here_or_unknown(checkpoint: Path, models: Path) -> None:
    with pytest.raises(WeightsError, match="are not here") as error:
        load(ROW, models)
    assert error.value.hint == f"geoflood models fetch {ROW.name}"
    models.mkdir()
    shutil.copy(checkpoint, models / ROW.file)
    for note in (None, "{}", "no json", json.dumps({"name": 1})):
        if note is not None:
            (models / f"{ROW.file}.json").write_text(note)
        with pytest.raises(WeightsError, match="no checksum is recorded") as error:
            load(ROW, models)
        assert "geoflood models import" in error.value.hint
    with pytest.raises(WeightsError, match="there is no file"):
        import_weights(ROW, models / "none.pth", models)
    rootsift = find("rootsift")
    assert present(rootsift, models)
    with pytest.raises(WeightsError, match="rootsift has no weights"):
        fetch(rootsift, models)


def test_no_network_names_the_way_without(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOFLOOD_OFFLINE", "1")
    with pytest.raises(NetworkError, match="GEOFLOOD_OFFLINE") as error:
        fetch(ROW, models)
    assert f"geoflood models import {ROW.name} FILE" in error.value.hint
    assert left(models) == []


@pytest.mark.parametrize(
    ("number", "line"),
    [(errno.ENOSPC, "No space left"), (errno.EROFS, "Read-only"), (errno.EACCES, "denied")],
)
def test_a_disk_that_refuses(
    number: int, line: str, checkpoint: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(number, f"{line} of the disk")

    monkeypatch.setattr(module.shutil, "copyfile", refuse)
    with pytest.raises(WeightsError, match=f"cannot store weights in .*: {line}") as error:
        import_weights(ROW, checkpoint, models)
    assert ("free some space" in error.value.hint) == (number == errno.ENOSPC)
    assert left(models) == []


def test_a_models_folder_that_cannot_be(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="cannot store weights") as error:
        import_weights(ROW, checkpoint, tmp_path / "file" / "models")
    assert "GEOFLOOD_MODELS_DIR" in error.value.hint


def test_two_at_once(checkpoint: Path, models: Path) -> None:
    models.mkdir()
    with (
        locked(models / f".{ROW.file}.lock"),
        pytest.raises(WeightsError, match="another process is storing"),
    ):
        import_weights(ROW, checkpoint, models)


def test_no_warning_of_torch_gets_out(checkpoint: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(STATE, buffer, _use_new_zipfile_serialization=False)
    (tmp_path / "old.pth").write_bytes(buffer.getvalue())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import_weights(ROW, tmp_path / "old.pth", tmp_path / "models")
