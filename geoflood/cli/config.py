"""`geoflood config`: what is set for good, so that it need not be said in every command."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from geoflood.cli import terminal
from geoflood.core.errors import InputError
from geoflood.core.settings import (
    SETTINGS,
    find_setting,
    parse_setting,
    put_setting,
    read_settings,
    settings_file,
)

__all__ = ["register"]

Name = Annotated[str, typer.Argument(help="A setting, such as workers.")]

config = typer.Typer(
    no_args_is_help=True,
    help="geoflood config list: what is set for good; an option or a variable stands over it.",
)


def register(app: typer.Typer) -> None:
    """Add config to the program."""
    app.add_typer(config, name="config")


@config.command()
def path() -> None:
    """geoflood config path: where config.toml is, or would be."""
    terminal.show_line(str(settings_file()))


@config.command("list")
def list_() -> None:
    """geoflood config list: every setting, what it is, and who says so."""
    rows = [(name, *_told(name), setting.variable) for name, setting in SETTINGS.items()]
    terminal.show_table(str(settings_file()), ("setting", "value", "from", "variable"), rows)


@config.command()
def get(name: Name) -> None:
    """geoflood config get workers: what it is now; exit 3 where nobody has set it."""
    find_setting(name)
    value, source = _told(name)
    if not source:
        raise InputError(f"{name} is not set", f"geoflood config set {name} VALUE")
    terminal.show_line(value)


@config.command("set")
def set_(name: Name, value: Annotated[str, typer.Argument(help="What it is to be, such as 2.")]) -> None:
    """geoflood config set workers 2: from now on, unless an option or a variable says otherwise."""
    put_setting(name, parse_setting(name, value))
    variable = SETTINGS[name].variable
    if os.environ.get(variable):
        terminal.warning(f"{variable} is set, and stands over it")


@config.command()
def unset(name: Name) -> None:
    """geoflood config unset workers: as if it had never been set."""
    if not put_setting(name, None):
        terminal.news(f"{name} was not set")


def _told(name: str) -> tuple[str, str]:
    """What a setting is, and who says so; two times nothing where nobody does."""
    variable = SETTINGS[name].variable
    if said := os.environ.get(variable):
        return said, "environment"
    value = read_settings().get(name)
    if value is None:
        return "", ""
    return str(value).lower() if isinstance(value, bool) else str(value), "file"
