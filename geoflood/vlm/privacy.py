"""The photo stays on this machine unless its owner named who else may see it."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from geoflood.core.errors import ModelError
from geoflood.vlm.client import ModelRecord
from geoflood.vlm.transport import is_loopback

__all__ = ["away", "vet_host", "vet_model"]


def vet_host(url: str, allowed: Collection[str]) -> None:
    """Raises ModelError when the host is another machine and not in `allowed` (name, or name:port)."""
    split = urlsplit(url)
    if is_loopback(url) or not {split.hostname, split.netloc}.isdisjoint(allowed):
        return
    raise ModelError(
        f"the photo would be sent to {split.netloc}, which is not this machine",
        f"if that is meant: --allow-remote {split.hostname}",
    )


def vet_model(standing: ModelRecord, allowed: Collection[str]) -> None:
    """Raises ModelError when the server hands photos on to a cloud, unless the model is in `allowed`."""
    cloud = standing.remote_host or ("ollama.com" if _cloudy(standing.model) else "")
    if not cloud or standing.model in allowed:
        return
    raise ModelError(
        f"{standing.model} runs elsewhere: {standing.host} would send the photo to {cloud}",
        f"use a model on this machine, or if that is meant: --allow-remote {standing.model}",
    )


def away(standing: ModelRecord) -> str:
    """Where photos go, for the output to say; "" when they stay here."""
    if standing.remote_host or _cloudy(standing.model):
        return standing.remote_host or "ollama.com"
    return "" if is_loopback(f"http://{standing.host}") else standing.host


def _cloudy(model: str) -> bool:
    return model.lower().endswith(("-cloud", ":cloud"))
