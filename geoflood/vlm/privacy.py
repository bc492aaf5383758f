"""The photo stays on this machine unless its owner named who else may see it."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from geoflood.core.errors import ModelError
from geoflood.vlm.client import ModelRecord
from geoflood.vlm.transport import is_loopback

__all__ = ["sent_to", "vet_host", "vet_model"]


def vet_host(url: str, allowed: Collection[str]) -> None:
    """Raises ModelError when the host is another machine and not in `allowed` (name, or name:port)."""
    split = urlsplit(url)
    if is_loopback(url) or not {split.hostname, split.netloc}.isdisjoint(allowed):
        return
    raise ModelError(
        f"the photo would be sent to {split.netloc}, which is not this machine",
        f"if that is meant: --allow-remote {split.hostname}",
    )


def vet_model(record: ModelRecord, allowed: Collection[str]) -> None:
    """Raises ModelError when the server hands photos on to a cloud, unless the model is in `allowed`."""
    cloud = record.remote_host or ("ollama.com" if _is_cloud_model(record.model) else "")
    if not cloud or record.model in allowed:
        return
    raise ModelError(
        f"{record.model} runs elsewhere: {record.host} would send the photo to {cloud}",
        f"use a model on this machine, or if that is meant: --allow-remote {record.model}",
    )


def sent_to(record: ModelRecord) -> str:
    """The host that the photos are sent to; "" when they stay on this machine."""
    if record.remote_host or _is_cloud_model(record.model):
        return record.remote_host or "ollama.com"
    return "" if is_loopback(f"http://{record.host}") else record.host


def _is_cloud_model(model: str) -> bool:
    return model.lower().endswith(("-cloud", ":cloud"))
