"""`geoflood models` and `geoflood describe`, as a shell sees them."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image as Pictures
from typer.testing import CliRunner

from geoflood.backbones.catalog import find
from geoflood.backbones.published import Published
from geoflood.backbones.selftest import draw_field, draw_street
from geoflood.backbones.untrained import untrained
from geoflood.backbones.weights import import_weights
from geoflood.cli import describe
from geoflood.cli import models as commands
from geoflood.cli.app import Commands
from geoflood.core.files import fingerprint
from geoflood.core.images import resize

NAME = "cosplace-resnet18-32"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("published") / "ResNet18_32_cosplace.pth"
    torch.save(untrained(find(NAME)), path)
    return path


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models/, no network, and pictures smaller than published: that size has its own test."""
    monkeypatch.setenv("GEOFLOOD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("GEOFLOOD_OFFLINE", "1")
    monkeypatch.setattr(Published, "prepare", lambda self, image: resize(image, 128, 96))
    return tmp_path / "models"


def run(*arguments: object) -> Any:
    app = typer.Typer(cls=Commands, pretty_exceptions_enable=False)
    commands.register(app)
    describe.register(app)
    return CliRunner().invoke(app, [str(one) for one in arguments])


def answers(*arguments: object) -> list[dict[str, Any]]:
    """What --json says, one object a line, whatever the exit code."""
    return [json.loads(line) for line in run(*arguments, "--json").stdout.splitlines()]


def test_list(models: Path, checkpoint: Path) -> None:
    rows = {row["name"]: row for row in answers("models", "list")}
    assert rows["megaloc"]["megabytes"] == 915
    assert rows["salad"]["licence"] == "GPL-3.0-only"
    assert rows["salad"]["from"] == "github.com"
    assert [name for name, row in rows.items() if row["ready"]] == ["rootsift"]
    import_weights(find(NAME), checkpoint)
    lines = run("models").stdout.splitlines()
    assert max(map(len, lines)) <= 80, "no name is folded"
    assert [line.split()[0] for line in lines if line.rstrip().endswith("yes")] == ["rootsift", NAME]
    (models / f"{NAME}.pth").write_bytes(b"")
    row = next(row for row in answers("models", "list") if row["name"] == NAME)
    assert (row["present"], row["ready"]) == (True, False)


def test_the_licence_is_shown_and_asked_for_before_anything_is_downloaded(models: Path) -> None:
    for command in (("fetch",), ("verify", "--self-test")):
        result = run("models", command[0], "salad", *command[1:])
        assert result.exit_code == 2
        assert "352 MB from github.com, licence GPL-3.0-only; trained on GSV-Cities" in result.stderr
        assert "--yes" in result.stderr
    result = run("models", "fetch", "salad", "--yes")
    assert result.exit_code == 7, "GEOFLOOD_OFFLINE"
    assert "licence GPL-3.0-only" in result.stderr
    assert "geoflood models import salad FILE" in result.stderr
    assert run("models", "fetch", "rootsift", "--yes").exit_code == 6
    assert run("models", "fetch", "resnet", "--yes").exit_code == 2


def test_networks_of_the_world_prior_are_listed_and_their_terms_shown(models: Path) -> None:
    rows = {row["name"]: row for row in answers("models", "list")}
    assert (rows["geoclip"]["megabytes"], rows["clip-vit-l14"]["megabytes"]) == (44, 1711)
    assert max(map(len, run("models", "list").stdout.splitlines()[-4:])) <= 80
    for name, says in (
        ("geoclip", "44 MB from raw.githubusercontent.com, licence MIT; trained on geotagged photos"),
        ("clip-vit-l14", "any deployed use, commercial or not, is out of scope"),
    ):
        result = run("models", "fetch", name, "clip-vit-l14")
        assert (result.exit_code, "--yes" in result.stderr) == (2, True)
        assert says in " ".join(result.stderr.split())
    result = run("models", "fetch", "geoclip", "--yes")
    assert result.exit_code == 7, "GEOFLOOD_OFFLINE"
    assert "geoflood models import geoclip FILE" in result.stderr
    assert "did you mean geoclip" in run("models", "fetch", "geoclyp").stderr
    assert "name the whole: geoclip" in run("models", "fetch", "geoclip-gallery").stderr
    assert run("describe", "x.jpg", "--backbone", "geoclip").exit_code == 2, "no backbone of an index"


def test_a_part_of_geoclip_is_told_by_its_content(models: Path, tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("LAT,LON\n1,2\n")
    result = run("models", "import", "geoclip", table)
    assert result.exit_code == 6
    assert "is not the published file" in result.stderr
    [came] = answers("models", "import", "geoclip", table, "--allow-unverified")
    assert came["name"] == "geoclip-gallery"
    scale = tmp_path / "scale.pth"
    torch.save(torch.tensor(3.7), scale)
    [came] = answers("models", "import", "geoclip", scale, "--allow-unverified")
    assert came["name"] == "geoclip-logit-scale"
    scale.write_bytes(b"no checkpoint")
    result = run("models", "import", "geoclip", scale)
    assert result.exit_code == 6
    assert "is none of the files of geoclip" in result.stderr
    result = run("models", "verify", "geoclip")
    assert result.exit_code == 6
    assert "geoflood models fetch geoclip" in result.stderr


def test_import_then_verify(models: Path, checkpoint: Path, tmp_path: Path) -> None:
    [came] = answers("models", "import", NAME, checkpoint)
    assert came["sha256"] == fingerprint(checkpoint)
    assert came["licence"] == "MIT"
    elsewhere = tmp_path / "elsewhere"
    assert run("models", "import", NAME, checkpoint, "--models-dir", elsewhere).exit_code == 0
    assert (elsewhere / f"{NAME}.pth").is_file()
    assert [one["ok"] for one in answers("models", "verify")] == [True]
    assert "as it came" in run("models", "verify", NAME).stdout
    file = models / f"{NAME}.pth"
    file.write_bytes(file.read_bytes()[:-9])
    result = run("models", "verify", "--json")
    assert result.exit_code == 6
    assert "has changed since it came" in json.loads(result.stdout)["reason"]
    assert f"geoflood models fetch {NAME}" in result.stderr


def test_verify_with_nothing_there(models: Path) -> None:
    assert "no weights in" in run("models", "verify").stderr
    assert run("models", "verify", NAME).exit_code == 6


def test_self_test_says_that_random_weights_are_untrained(models: Path, checkpoint: Path) -> None:
    import_weights(find(NAME), checkpoint)
    result = run("models", "verify", NAME, "--self-test", "--precision", "float32", "--json")
    assert result.exit_code == 6
    report = json.loads(result.stdout.splitlines()[1])
    assert (report["name"], report["passed"], report["precision"]) == (NAME, False, "float32")
    assert {"length of a descriptor differs from 1 by": True}.items() <= {
        check["what"]: check["holds"] for check in report["checks"]
    }.items()
    assert "NO" in run("models", "verify", NAME, "--self-test").stdout
    assert run("models", "verify", NAME, "--self-test", "--precision", "half").exit_code == 2


class Payload:
    """What a pickle of a stranger may do on opening."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('the payload ran')",))


@pytest.mark.parametrize("kind", ["truncated", "web page", "payload", "pickle", "dimension", "absent"])
def test_unfit_files(kind: str, models: Path, checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.pth"
    match kind:
        case "truncated":
            path.write_bytes(checkpoint.read_bytes()[:-4000])
        case "web page":
            path.write_text("<!DOCTYPE html><title>Sign in</title>")
        case "payload":
            torch.save({"state_dict": Payload()}, path)
        case "pickle":
            path.write_bytes(pickle.dumps(Payload()))
        case "dimension":
            torch.save(untrained(find("cosplace-resnet18-64")), path)
    result = run("models", "import", NAME, path)
    assert result.exit_code == 6
    error, helps = result.stderr.strip().splitlines()
    assert error.startswith("error: ")
    assert helps.startswith("what helps: ")
    assert not list(models.glob("*")), "nothing half-written"


def test_a_models_folder_that_cannot_be_written(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run("models", "import", NAME, checkpoint, "--models-dir", tmp_path / "file" / "models")
    assert result.exit_code == 6
    assert "GEOFLOOD_MODELS_DIR" in result.stderr


def test_a_known_checksum_is_demanded_unless_allowed(
    models: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = dataclasses.replace(find(NAME), sha256="0" * 64)
    monkeypatch.setattr(commands, "model_of", lambda name: known)
    result = run("models", "import", NAME, checkpoint)
    assert result.exit_code == 6
    assert "--allow-unverified" in result.stderr
    assert not list(models.glob("*.pth"))
    result = run("models", "import", NAME, checkpoint, "--allow-unverified")
    assert result.exit_code == 0
    assert "you vouch for it" in result.stderr
    assert run("models", "verify", NAME).exit_code == 0


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Pictures.fromarray(draw_street()).save(folder / "a.jpg", quality=95)
    Pictures.fromarray(draw_field()).save(folder / "b.jpg", quality=95)
    return folder


def test_describe(models: Path, checkpoint: Path, photos: Path, tmp_path: Path) -> None:
    import_weights(find(NAME), checkpoint)
    out = tmp_path / "out.npz"
    [answer] = answers("describe", photos, "--backbone", NAME, "--out", out, "--precision", "float32")
    assert (answer["images"], answer["dimension"], answer["failed"]) == (2, 32, [])
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["names"].tolist() == [str(photos / "a.jpg"), str(photos / "b.jpg")]
        assert arrays["descriptors"].dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(arrays["descriptors"], axis=1), 1, atol=1e-5)
        assert str(arrays["version"]) == answer["version"] == f"1:{fingerprint(checkpoint)[:16]}"
    (photos / "c.jpg").write_bytes(b"no picture")
    result = run("describe", photos, "--backbone", NAME, "--out", out, "--json")
    assert result.exit_code == 10
    assert len(json.loads(result.stdout)["failed"]) == 1
    assert run("describe", photos / "c.jpg", "--backbone", NAME, "--out", out).exit_code == 3


def test_describe_without_what_it_takes(models: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    for given, code, says in (
        ((), 2, "--city CITY"),
        (("--backbone", "megaloc"), 6, "geoflood models fetch megaloc"),
        (("--backbone", "megalok"), 2, "did you mean megaloc"),
        (("--city", "atlantis", "--index-dir", tmp_path), 4, "no index"),
    ):
        result = run("describe", photos, "--out", out, *given)
        assert result.exit_code == code, result.stderr
        assert says in result.stderr
    assert not out.exists()


def test_a_dry_run_of_fetch_says_what_would_come_and_fetches_nothing(models: Path, checkpoint: Path) -> None:
    (told,) = answers("models", "fetch", NAME, "--dry-run")
    row = find(NAME)
    assert (told["url"], told["bytes"], told["licence"]) == (row.url, round(row.megabytes * 1e6), row.licence)
    assert (told["here"], told["file"]) == (0, str(models / f"{NAME}.pth"))
    assert not models.exists()
    part = models / f".{NAME}.pth.part"
    models.mkdir()
    part.write_bytes(b"begun")
    part.with_name(f"{part.name}.json").write_text(json.dumps({"url": row.url, "validator": '"a"'}))
    assert answers("models", "fetch", NAME, "--dry-run")[0]["here"] == 5
    assert "5 of them are here" in run("models", "fetch", NAME, "--dry-run").stdout
    assert part.read_bytes() == b"begun"
    run("models", "import", NAME, checkpoint, "--allow-unverified")
    shown = " ".join(run("models", "fetch", NAME, "--dry-run").stdout.split())
    assert "is here: nothing would be fetched" in shown
