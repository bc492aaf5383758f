"""What the program says of itself: short options, groups of help, names that were mistyped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from geoflood import __version__
from geoflood.cli.app import app

FIRST = {
    "index": {"--from", "--plan", "--update", "--backbone", "--streets"},
    "locate": {"--city", "--waterline", "--attention", "--top-k", "--out"},
    "batch-locate": {"--city", "--waterline", "--attention", "--top-k", "--out"},
}
"""The options that a first try needs; all others stand in groups below them."""


def commands(group: Any) -> Iterator[Any]:
    for command in group.commands.values():
        yield from commands(command) if hasattr(command, "commands") else (command,)


COMMANDS = list(commands(typer.main.get_command(app)))


def options(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "option" and not one.hidden]


@pytest.mark.parametrize("name", FIRST)
def test_the_options_that_matter_stand_first(name: str) -> None:
    (command,) = (one for one in COMMANDS if one.name == name)
    first = {option.opts[0] for option in options(command) if option.rich_help_panel is None}
    assert first == FIRST[name]


def test_the_same_short_letters_everywhere() -> None:
    letters = {"--out": "-o", "--yes": "-y", "--quiet": "-q", "--verbose": "-v"}
    seen = set()
    for command in COMMANDS:
        for option in options(command):
            if letter := letters.get(option.opts[0]):
                seen.add(option.opts[0])
                assert letter in option.opts, f"{command.name} {option.opts[0]}"
    assert seen == letters.keys()


def test_the_version_is_short_too() -> None:
    assert CliRunner().invoke(app, ["-V"]).stdout == f"geoflood {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("lokate", "a.jpg"), "Did you mean 'locate'?"),
        (("models", "lst"), "Did you mean 'list'?"),
        (("locate", "a.jpg", "--waterlin", "0.3"), "--waterline"),
    ],
)
def test_what_may_have_been_meant(arguments: tuple[str, ...], meant: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert meant in result.stderr


def test_help_loses_no_words_to_markup() -> None:
    for command in COMMANDS:
        for text in (command.help, *(option.help for option in options(command))):
            assert "[/" not in (text or "")
            assert "[geoflood" not in (text or ""), "square brackets after a word are taken for markup"
