"""The program: its commands in order, errors as one line and an exit code."""

from __future__ import annotations

from errno import EDQUOT, ENOSPC, EPIPE
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from geoflood import __version__
from geoflood.cli import (
    attend,
    batch,
    batch_results,
    bundle,
    calibrate,
    cities,
    config,
    dataset,
    demo,
    describe,
    doctor,
    evaluate,
    flood,
    index,
    locate,
    merge,
    models,
    remove,
    streets,
    terminal,
    world,
)
from geoflood.core.errors import GeofloodError, InputError
from geoflood.core.settings import fill_environment

__all__ = ["Commands", "app"]


class Commands(TyperGroup):
    """Turns the error tree into one line and an exit code, and Ctrl-C into 130."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GeofloodError as error:
            terminal.error_line(error)
            raise SystemExit(error.exit_code) from error
        except OSError as error:
            full = error.errno in (ENOSPC, EDQUOT)
            if error.errno == EPIPE or (error.filename is None and not full):
                raise
            hint = "make room; the same command continues" if full else "check the path and the disk"
            terminal.error_line(InputError(f"{error.filename or 'the disk'}: {error.strerror}", hint))
            raise SystemExit(InputError.exit_code) from error
        except KeyboardInterrupt:
            terminal.news("interrupted; nothing is lost: run the same command again to continue")
            raise SystemExit(130) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find where a flood photo was taken, on this computer, with the network down.\n\n"
    "Try it: geoflood demo. Then: geoflood index hamburg STREET_IMAGES, and geoflood locate photo.jpg.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"geoflood {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_show_version, is_eager=True, help="Which geoflood this is."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand != "config":  # which must mend a file that nobody can read
        context.call_on_close(fill_environment())


for commands in (
    demo,
    index,
    streets,
    locate,
    world,
    cities,
    merge,
    bundle,
    remove,
    doctor,
    config,
    models,
    describe,
    batch,
    batch_results,
    evaluate,
    calibrate,
    dataset,
    flood,
    attend,
):
    commands.register(app)
