"""From what the command line says to an asker: hosts, a model, and who may see the photo."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from geoflood.vlm.cache import AnswerCache
from geoflood.vlm.client import Asker, Backend
from geoflood.vlm.pool import Pool

__all__ = ["backends", "connect"]

OLLAMA, OPENAI = "127.0.0.1:11434", "127.0.0.1:8080"
"""Where Ollama and llama-server listen by default."""


def backends(
    model: str,
    hosts: Sequence[str] = (),
    *,
    openai: bool = False,
    allowed: Collection[str] = (),
    key: str = "",
) -> list[Backend]:
    """The model on each of the hosts; without hosts those of OLLAMA_HOST, else this machine.

    Raises ModelError for a host that is not this machine and not in `allowed`.
    """
    # Loaded here: without a model nobody should wait for the clients of its servers.
    from geoflood.vlm.ollama_backend import OllamaBackend
    from geoflood.vlm.openai_backend import OpenAIBackend

    if openai:
        return [OpenAIBackend(host, model, allowed, key) for host in hosts or [OPENAI]]
    environment = [host for host in os.environ.get("OLLAMA_HOST", "").split(",") if host.strip()]
    return [OllamaBackend(host, model, allowed) for host in dict.fromkeys(hosts or environment or [OLLAMA])]


def connect(
    model: str,
    hosts: Sequence[str] = (),
    *,
    openai: bool = False,
    allowed: Collection[str] = (),
    key: str = "",
    cache: Path | None = None,
    news: Callable[[str], None] = lambda line: None,
) -> Asker:
    """What answers for a model: all its hosts as one, their answers kept in the folder `cache`.

    Nothing is sent yet: `record` is the first to ask, and raises ModelError when no host is well.
    """
    pool = Pool(backends(model, hosts, openai=openai, allowed=allowed, key=key), news=news)
    return AnswerCache(pool, cache) if cache else pool
