"""Ray: started on this computer, joined where this computer is part of a cluster, or reached at its head.

The only home of ray. Functions that others run on it live beside the threads that do the same work.
Nothing leaves the computer unless a head is named, or its owner made it part of a cluster.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from geoflood.core.errors import ExtraMissingError, GeofloodError, NetworkError, UsageError
from geoflood.core.parallel import cores

__all__ = ["RayCluster", "Ref", "WorkerLostError", "check_address", "connected"]

LOCAL = "ray"
HEAD = "ray://"
CLIENT_PORT = 10001
"""Where a head takes drivers from outside, unless it was started otherwise."""
REACHED_WITHIN_S = 10.0
STORE_BYTES = 80 << 20
"""Ray's own memory for values between processes: ours are small, for pictures and shards go by files."""

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # it would report to its makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else it warns of a change to come
    "RAY_worker_niceness": "0",  # workers come as soon as threads would
}
"""What ray reads when it is loaded; whoever has set something else keeps it."""

Ref: TypeAlias = Any
"""A result that is to come."""


class WorkerLostError(Exception):
    """The process of a task died as often as it was tried."""


def check_address(where: str) -> str:
    """The address with its port. Raises UsageError for what is neither `ray` nor `ray://HOST[:PORT]`."""
    if where == LOCAL:
        return where
    try:
        parts = urlsplit(where)
        host, port = parts.hostname, parts.port or CLIENT_PORT
    except ValueError:
        host, port = None, 0
    if not where.startswith(HEAD) or not host or parts.path.strip("/") or parts.query or parts.username:
        raise UsageError(f"{where!r} names no Ray cluster", "ray, or ray://HOST:10001")
    return f"{HEAD}{f'[{host}]' if ':' in host else host}:{port}"


class RayCluster:
    """A cluster that is there until its block ends."""

    def __init__(self, ray: ModuleType, name: str) -> None:
        self._ray, self.name = ray, name

    def cores(self) -> int:
        """Of all nodes that are there now."""
        with self._reached():
            return max(int(self._ray.cluster_resources().get("CPU", 1)), 1)

    def task(self, work: Callable[..., Any], retries: int) -> Callable[..., Ref]:
        """`work` on one core of any node; where its process dies, it is begun again so many times."""
        with self._reached():
            remote = self._ray.remote(num_cpus=1, max_retries=retries)(work)
        return lambda *given: self._sent(remote.remote, *given)

    def actor(self, kind: type, *given: Any, cores: float) -> Any:
        """An object on some node; where its process dies, it is made again and asked again."""
        options = {"num_cpus": cores, "max_restarts": -1, "max_task_retries": -1}
        with self._reached():
            made = self._ray.remote(**options, scheduling_strategy="SPREAD")(kind)
            return made.remote(*given)

    def ask(self, actor: Any, method: str, *given: Any) -> Ref:
        """What a method of an actor gives."""
        return self._sent(getattr(actor, method).remote, *given)

    def _sent(self, send: Callable[..., Ref], *given: Any) -> Ref:
        with self._reached():
            return send(*given)

    def ended(self, refs: Sequence[Ref], seconds: float, count: int = 1) -> tuple[list[Ref], list[Ref]]:
        """Waits for `count`, `seconds` at the most; returns those that ended and the others."""
        with self._reached():
            ready, rest = self._ray.wait(list(refs), num_returns=count, timeout=seconds)
        return list(ready), list(rest)

    def result(self, ref: Ref) -> Any:
        """Of a task that ended. Raises WorkerLostError, and ExtraMissingError where a node lacks geoflood."""
        broken = self._ray.exceptions
        lost = (
            broken.WorkerCrashedError,
            broken.NodeDiedError,
            broken.OutOfMemoryError,
            broken.RayActorError,
        )
        try:
            with self._reached():
                return self._ray.get(ref)
        except lost as error:
            said = _last_line(error)  # of an object that could not be made: why
            raise WorkerLostError(said if "Error" in said else _first_line(error)) from error
        except broken.RayTaskError as error:
            raise _task_error(error) from error

    def drop(self, refs: Sequence[Ref]) -> None:
        """Nobody waits for these any more."""
        for ref in refs:
            with suppress(Exception):
                self._ray.cancel(ref, force=True)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Raises NetworkError where the cluster is gone."""
        try:
            yield
        except (ConnectionError, self._ray.exceptions.RaySystemError) as error:
            raise NetworkError(
                f"{self.name} cannot be reached any more: {_first_line(error)}",
                "nothing is lost: once it is back, the same command goes on",
            ) from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]


def _task_error(error: Any) -> GeofloodError:
    """What a worker could not even begin, or our bug on it."""
    said = _last_line(error)
    cause = getattr(error, "cause", None)
    if isinstance(cause, ImportError) or "ModuleNotFoundError" in said or "ImportError" in said:
        return ExtraMissingError(
            f"a worker cannot load geoflood: {said}", "every node needs the same geoflood[ray]"
        )
    return GeofloodError(f"a worker failed: {said}")


_joining = threading.Lock()
_joined: dict[str, int] = {}
"""Address -> blocks that use it: a process has one cluster at a time, and the last block leaves it."""


@contextmanager
def connected(where: str) -> Iterator[RayCluster]:
    """The cluster at `ray://HOST:PORT`; `ray`: the one this computer belongs to, else one of its own.

    A cluster of its own takes all cores and ends with the block.

    Raises UsageError for another address, ExtraMissingError without ray, NetworkError where no head answers.
    """
    address = check_address(where)
    ray = _ray()
    with _joining:
        if _joined and address not in _joined:
            raise UsageError(f"this process works with {next(iter(_joined))} already", "use one Ray cluster")
        if not _joined:
            _join(ray, address)
        _joined[address] = _joined.get(address, 0) + 1
    try:
        yield RayCluster(ray, address)
    finally:
        with _joining:
            _joined[address] -= 1
            if not _joined[address]:
                del _joined[address]
                with suppress(Exception):
                    ray.shutdown()


def _join(ray: ModuleType, address: str) -> None:
    """Start or reach the cluster, which leaves the process's handling of signals as it was."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        if address == LOCAL:
            _start(ray)
        else:
            _knock(address)
            _reach(ray, address)
    finally:
        if main:
            signal.signal(signal.SIGTERM, handler)


def _ray() -> ModuleType:
    if importlib.util.find_spec("ray") is None:
        raise ExtraMissingError(
            "several machines need ray, which is not installed", "pip install 'geoflood[ray]'"
        )
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    ray = importlib.import_module("ray")
    # What workers print, and that one of them died, would break into the progress: what counts is told by us.
    vars(importlib.import_module("ray._private.worker"))["_worker_logs_enabled"] = False
    logging.getLogger("ray").setLevel(logging.CRITICAL + 1)
    return ray


def _start(ray: ModuleType) -> None:
    """Join the cluster that `ray start` made this computer part of, or start one here."""
    how: Mapping[str, Any] = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False}
    own = {"num_cpus": cores(), "object_store_memory": STORE_BYTES}
    try:
        try:
            ray.init(**own, **how)
        except ValueError:  # there is a cluster already, whose cores and memory are not ours to choose
            ray.init(**how)
    except Exception as error:
        ray.shutdown()
        raise NetworkError(
            f"Ray can be neither joined nor started on this computer: {_first_line(error)}",
            "try again when it is less busy; ray stop --force ends what is left of a cluster",
        ) from error


def _knock(address: str) -> None:
    """Whether anybody listens there: ray itself would try for half a minute."""
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), REACHED_WITHIN_S).close()
    except OSError as error:
        raise _unreachable(address, error) from error


def _reach(ray: ModuleType, address: str) -> None:
    if importlib.util.find_spec("grpc") is None:
        raise ExtraMissingError(
            "a Ray head is reached by grpcio, which is not installed", "pip install 'geoflood[ray]'"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is told below
            ray.init(address, log_to_driver=False, configure_logging=False)
    except Exception as error:
        raise _unreachable(address, error) from error


def _unreachable(name: str, error: Exception) -> NetworkError:
    said = error.strerror if isinstance(error, OSError) and error.strerror else _first_line(error)
    return NetworkError(
        f"no Ray head answers at {name}: {said}",
        "is one started there, with the same ray and Python? where it asks for a token: RAY_AUTH_MODE=token",
    )
