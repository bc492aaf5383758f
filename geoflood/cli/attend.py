"""What the command line knows of vision-language models: their options, and `geoflood attend`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geoflood.cli import terminal
from geoflood.cli.options import MODEL, Json, Quiet, Verbose
from geoflood.core.errors import GeofloodError, PartialError, UsageError

if TYPE_CHECKING:
    from geoflood.core.datatypes import AttentionMap
    from geoflood.vlm.attend import AttentionResult
    from geoflood.vlm.stage import VlmSelection, VlmStage

__all__ = [
    "AllowRemote",
    "Anyway",
    "Compare",
    "Consistency",
    "Grid",
    "Model",
    "OllamaHost",
    "OpenAIHost",
    "PromptForm",
    "Verify",
    "make_stage",
    "register",
    "select_model",
]

Model = Annotated[
    str | None,
    typer.Option(
        envvar="GEOFLOOD_VLM_MODEL",
        help="Vision-language model, such as qwen3-vl:8b-instruct.",
        rich_help_panel=MODEL,
    ),
]
OllamaHost = Annotated[
    list[str] | None,
    typer.Option(
        help="Where Ollama answers; several share the work. Default: OLLAMA_HOST, else here.",
        rich_help_panel=MODEL,
    ),
]
OpenAIHost = Annotated[
    list[str] | None,
    typer.Option(
        help="Instead: llama-server, vLLM, LM Studio ...; a key: GEOFLOOD_VLM_KEY.", rich_help_panel=MODEL
    ),
]
AllowRemote = Annotated[
    list[str] | None,
    typer.Option(
        help="Host or cloud model that may see the photos although elsewhere.", rich_help_panel=MODEL
    ),
]
PromptForm = Annotated[
    str, typer.Option("--prompt", help="cells, or points or grid of VPR-AttLLM.", rich_help_panel=MODEL)
]
Grid = Annotated[
    int, typer.Option(min=2, max=8, help="Cells a side that the model judges.", rich_help_panel=MODEL)
]
Consistency = Annotated[
    int, typer.Option(min=1, max=4, help="Views of the photo asked about; they vote.", rich_help_panel=MODEL)
]
Anyway = Annotated[
    bool,
    typer.Option(
        "--search-anyway", help="Search also where the model sees nothing that lasts.", rich_help_panel=MODEL
    ),
]
Verify = Annotated[
    int,
    typer.Option(
        min=0, max=50, help="Candidates that the model compares with the photo.", rich_help_panel=MODEL
    ),
]
Compare = Annotated[
    int,
    typer.Option(
        min=0,
        max=8,
        help="Different places that the model compares side by side with the photo.",
        rich_help_panel=MODEL,
    ),
]


def register(app: typer.Typer) -> None:
    """Add attend to the program."""
    app.command()(attend)


def select_model(
    model: str | None,
    ollama: Sequence[str] | None = None,
    openai: Sequence[str] | None = None,
    allowed: Sequence[str] | None = None,
    answer_format: str = "cells",
    cells: int = 4,
    consistency: int = 1,
    replay: bool = False,
) -> VlmSelection | None:
    """The model that the options name; None when they name none. Raises UsageError for a contradiction."""
    from geoflood.vlm.stage import VlmSelection

    if ollama and openai:
        raise UsageError("one of --ollama-host and --openai-host", "a model is asked in one way")
    if not model and replay:
        raise UsageError("--replay repeats what a model said, and none is named", "add --model NAME")
    hosts, allow = tuple(openai or ollama or ()), tuple(allowed or ())
    if not model:
        return None
    return VlmSelection(model, hosts, bool(openai), allow, answer_format, cells, consistency, replay)


def make_stage(
    selection: VlmSelection | None, attention: str | None, verify: int, compare: int, index: Path | None
) -> VlmStage:
    """What a command asks of the model, which is told the name of the index's city; None: of several."""
    from geoflood.database.manifest import read_manifest
    from geoflood.vlm.stage import VlmStage

    city = read_manifest(index).city if index else ""
    return VlmStage.of(selection, attention, verify, city, terminal.news, terminal.warning, compare)


def attend(
    photos: Annotated[list[Path], typer.Argument(help="Photos.")],
    city: Annotated[str, typer.Option(help="Told to the model: what is common there says little.")] = "",
    model: Model = None,
    ollama_host: OllamaHost = None,
    openai_host: OpenAIHost = None,
    allow_remote: AllowRemote = None,
    prompt: PromptForm = "cells",
    grid: Grid = 4,
    consistency: Consistency = 1,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the pictures.")] = None,
    edit: Annotated[
        Path | None, typer.Option(help="Write the map as JSON, to be corrected and given to --attention.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an --edit file.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """geoflood attend photo.jpg --model qwen3-vl:8b-instruct: what the model makes of a photo, and why.

    Pictures are written to ./attended; with --json only where --out says.
    """
    selection = select_model(model, ollama_host, openai_host, allow_remote, prompt, grid, consistency)
    from geoflood.vlm.attend import attend as attend_photos
    from geoflood.vlm.stage import MODEL_HINT, open_asker

    if selection is None:
        raise UsageError("geoflood attend needs a model", MODEL_HINT)
    if edit is not None:
        _check_edit(edit, photos, overwrite)
    with open_asker(selection, terminal.news) as asker, terminal.progress() as progress:
        _ = asker.record
        attention_asker = selection.attention_asker(asker, city)
        results = attend_photos(photos, attention_asker, selection.full_name, progress)
    folder = out or (None if as_json else Path("attended"))
    for number, result in enumerate(results, 1):
        picture = _write_overlay(result, folder, number) if folder else None
        _show(result, picture, as_json)
    if edit is not None and results[0].reading:
        _write_edit(edit, results[0])
    _raise_first([result.error for result in results if result.error], len(results))


def _check_edit(edit: Path, photos: Sequence[Path], overwrite: bool) -> None:
    if len(photos) != 1:
        raise UsageError("--edit takes the map of one photo", "give one photo")
    if edit.suffix.lower() != ".json":
        raise UsageError(f"{edit} is read again by its suffix", "name it .json")
    if edit.exists() and not overwrite:
        raise UsageError(f"{edit} is there already", "add --overwrite, or name another file")


def _write_edit(edit: Path, result: AttentionResult) -> None:
    from geoflood.core.files import write_whole
    from geoflood.localize.attention import editable

    write_whole(edit, editable(result.attention))
    terminal.news(f"{edit}: correct it, then geoflood locate {result.path} --attention {edit}")


def _write_overlay(result: AttentionResult, folder: Path, number: int) -> Path | None:
    """The photo under its map; None for a photo without a reading."""
    from geoflood.core.files import write_whole
    from geoflood.core.images import jpeg, read_image
    from geoflood.localize.attention import overlay

    if result.reading is None:
        return None
    path = folder / f"{number:03d}-{result.path.stem}.jpg"
    write_whole(path, jpeg(overlay(read_image(result.path, 1024), result.attention)))
    return path


def _show(result: AttentionResult, picture: Path | None, as_json: bool) -> None:
    if as_json:
        terminal.emit(_record(result, picture))
        return
    if result.reading is None:
        terminal.warning(f"{result.path}: {result.error}")
        return
    attention, reading = result.attention, result.reading
    rows = {
        "photo": str(result.path),
        "model": result.provider,
        "scene": reading.scene + ("" if reading.localizable else ", not localizable"),
        "water": "unknown" if attention.waterline is None else f"{attention.waterline:.0%} of the height",
        "legible": ", ".join(reading.texts) or "nothing",
        "took": f"{reading.seconds:.1f} s" + (", remembered" if reading.cached else ""),
    }
    rows |= {f"reason {number}": reason for number, reason in enumerate(attention.reasons, 1)}
    terminal.show_rows(rows | ({"picture": str(picture)} if picture else {}))
    _show_map(attention)
    for reply in reading.replies:
        fault = f", not used: {reply.fault}" if reply.fault else ""
        terminal.show_rows({f"answer ({reply.view}{fault})": reply.content or reply.thinking})


def _show_map(attention: AttentionMap) -> None:
    """At most nine cells a side: what is finer, the picture shows."""
    import numpy as np

    from geoflood.localize.attention import sample

    rows, columns = (min(size, 9) for size in attention.weights.shape)
    x, y = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    weights = sample(attention, np.stack([x, y], axis=2).reshape(-1, 2)).reshape(rows, columns)
    lines = [
        [letter, *(f"{weight:.1f}" for weight in row)]
        for letter, row in zip("ABCDEFGHI", weights, strict=False)
    ]
    names = ["", *(str(column + 1) for column in range(columns))]
    terminal.show_table("map: 1 counts as usual, 0 not at all, 2 twice", names, lines)


def _record(result: AttentionResult, picture: Path | None) -> dict[str, Any]:
    """The object of `attend --json`."""
    from geoflood.outputs.record import utf8

    attention, reading = result.attention, result.reading
    head = {
        "photo": utf8(str(result.path)),
        "provider": utf8(result.provider),
        "error": utf8(str(result.error)) if result.error else None,
        "waterline": attention.waterline,
        "reasons": [utf8(reason) for reason in attention.reasons],
        "weights": [[round(float(weight), 3) for weight in row] for row in attention.weights],
        "picture": utf8(str(picture)) if picture else None,
    }
    if reading is None:
        return head
    replies = [
        {"view": reply.view, "content": utf8(reply.content), "thinking": utf8(reply.thinking)}
        | {"fault": utf8(reply.fault), "remembered": reply.cached}
        for reply in reading.replies
    ]
    return head | {
        "scene": reading.scene,
        "localizable": reading.localizable,
        "texts": [utf8(text) for text in reading.texts],
        "seconds": round(reading.seconds, 3),
        "remembered": reading.cached,
        "replies": replies,
    }


def _raise_first(errors: Sequence[GeofloodError], photos: int) -> None:
    """All failed: the first one's exit code; some: exit 10."""
    if errors and len(errors) == photos:
        raise errors[0]
    if errors:
        raise PartialError(f"{len(errors)} of {photos} photos failed", f"the first: {errors[0]}")
