"""`geoflood doctor`: what is installed, present and usable, and what to do about the rest."""

from __future__ import annotations

from typing import Annotated

import typer

from geoflood.cli import attend as vlm
from geoflood.cli import terminal
from geoflood.cli.options import IndexDir, Json, Quiet
from geoflood.core.errors import UsageError
from geoflood.core.paths import home

__all__ = ["register"]


Source = Annotated[
    str | None,
    typer.Option(help="Ask mapillary, panoramax, amsterdam or kartaview for one cell and one picture."),
]
SourceURL = Annotated[
    str | None, typer.Option(help="The source's address, for a mirror or an instance of one's own.")
]


def register(app: typer.Typer) -> None:
    """Add doctor to the program."""
    app.command()(doctor)


def doctor(
    model: vlm.Model = None,
    ollama_host: vlm.OllamaHost = None,
    openai_host: vlm.OpenAIHost = None,
    allow_remote: vlm.AllowRemote = None,
    source: Source = None,
    source_url: SourceURL = None,
    index_dir: IndexDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """geoflood doctor: what is installed, present and usable, and what to do about the rest.

    With --source only that source of street images is tried: geoflood doctor --source amsterdam
    """
    from geoflood.cli import checks

    if source is not None:
        from geoflood.cli.source_check import examine_source

        findings = list(examine_source(source, source_url))
    elif source_url is not None:
        raise UsageError(
            "--source-url is for --source", "geoflood doctor --source panoramax --source-url URL"
        )
    else:
        hosts = openai_host or ollama_host or []
        findings = [
            *checks.examine(home("index", index_dir), home("models")),
            *checks.examine_model(model, hosts, bool(openai_host), allow_remote or []),
        ]
    if as_json:
        terminal.emit(
            {check.what: {"ok": check.ok, "found": check.found, "advice": check.advice} for check in findings}
        )
    else:
        rows = [["yes" if check.ok else "NO", check.what, check.found, check.advice] for check in findings]
        terminal.show_table("geoflood doctor", ["ok", "what", "found", "what to do"], rows)
    if not all(check.ok for check in findings):
        raise typer.Exit(1)
