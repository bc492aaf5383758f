"""`geoflood config`: an option stands over a variable, a variable over the file, and no secret is in it."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from geoflood.cli.app import app
from geoflood.core import settings
from geoflood.core.errors import GeofloodError
from tests.support.commands import Result, error_line

Call = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where config.toml is to be."""
    for name in [name for name in os.environ if name.startswith("GEOFLOOD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GEOFLOOD_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config" / "config.toml"


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_set_get_list_unset(file: Path) -> None:
    assert call("config", "path").stdout.strip() == str(file)
    assert "not set" in error_line(call("config", "get", "workers"), 3)
    assert call("config", "set", "workers", "2").exit_code == 0
    assert call("config", "set", "offline", "true").exit_code == 0
    assert tomllib.loads(file.read_text("utf-8")) == {"workers": 2, "offline": True}
    assert call("config", "get", "workers").stdout == "2\n"
    rows = [line.split() for line in call("config", "list").stdout.splitlines()]
    assert ["workers", "2", "file", "GEOFLOOD_WORKERS"] in rows
    assert ["precision", "GEOFLOOD_PRECISION"] in rows
    assert call("config", "unset", "workers").exit_code == 0
    assert tomllib.loads(file.read_text("utf-8")) == {"offline": True}
    assert "was not set" in call("config", "unset", "workers").stderr


def test_an_option_over_a_variable_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def where(*options: str) -> str:
        return str(json.dumps(call("cities", *options).stderr))

    assert "of-the-file" not in where()
    call("config", "set", "index-dir", "of-the-file")
    assert "nothing is indexed in of-the-file" in where()
    assert "GEOFLOOD_INDEX_DIR" not in os.environ, "a run leaves nothing behind"
    monkeypatch.setenv("GEOFLOOD_INDEX_DIR", "of-the-variable")
    assert "nothing is indexed in of-the-variable" in where()
    assert "nothing is indexed in of-the-option" in where("--index-dir", "of-the-option")
    assert "stands over it" in call("config", "set", "index-dir", "again").stderr


@pytest.mark.parametrize("name", ["mapillary-token", "vlm-key", "password", "API_KEY"])
def test_secrets_are_refused_and_never_shown(file: Path, name: str) -> None:
    refused = call("config", "set", name, "abc123")
    assert "holds none" in error_line(refused, 2)
    assert not file.exists()
    file.parent.mkdir()
    file.write_text(f'"{name}" = "abc123"\n', "utf-8")
    refused = call("cities")
    assert "holds none" in error_line(refused, 2)
    assert "abc123" not in refused.output
    assert "a URL without a password" in error_line(
        call("config", "set", "panoramax-url", "https://me:abc123@example.org"), 2
    )


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("workers = ", 3, "is no TOML"),
        ("workers = 0", 2, "a whole number"),
        ("workers = true", 2, "a whole number"),
        ("[workers]\na = 1", 2, "a whole number"),
        ("wokers = 2", 2, "no setting is called"),
        ("contact = 'a\\u0007'\n" + "#" * 200_000, 3, "larger than"),
        ('model = "\\u0007"', 2, "vision-language model"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_can_be_mended(
    file: Path, content: str, code: int, said: str
) -> None:
    file.parent.mkdir()
    file.write_text(content, "utf-8")
    assert said in error_line(call("cities"), code)
    assert call("config", "path").exit_code == 0
    if content == "wokers = 2":
        assert "did you mean workers?" in call("cities").stderr
        assert call("config", "set", "workers", "3").exit_code == 0


def test_what_people_wrote_stays(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("# mine\nworkers = 4 # cores\n\ncontact = 'a@example.org'", "utf-8")
    call("config", "set", "workers", "8")
    text = file.read_text("utf-8")
    assert "# mine" in text
    assert tomllib.loads(text) == {"workers": 8, "contact": "a@example.org"}
    file.write_text('contact = """\nworkers = 1\n"""\n', "utf-8")
    before = file.read_bytes()
    assert "cannot be changed here" in error_line(call("config", "set", "workers", "8"), 3)
    assert file.read_bytes() == before


@given(text=st.text(min_size=1, max_size=50))
def test_any_text_comes_back_or_is_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("config")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOFLOOD_CONFIG_DIR", str(folder))
        try:
            settings.put_setting("model", settings.parse_setting("model", text))
        except GeofloodError:
            assert not text.isprintable()
        else:
            assert settings.read_settings() == {"model": text}
