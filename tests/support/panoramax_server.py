"""A real Panoramax instance on this machine, for the tests that want one: GeoVisio over PostGIS.

Opt-in: GEOFLOOD_GEOVISIO names the Python of an environment that has geovisio. PostgreSQL is Debian's
`postgresql-postgis`. Everything lies in one folder and ends with the test.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

__all__ = ["PanoramaxServer", "UploadedPicture", "panoramax_server"]

PYTHON = os.environ.get("GEOFLOOD_GEOVISIO", "")
LICENCE = {
    "API_PICTURES_LICENSE_SPDX_ID": "CC-BY-SA-4.0",
    "API_PICTURES_LICENSE_URL": "https://creativecommons.org/licenses/by-sa/4.0/",
}
POSTGRES_SETTINGS = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "jit=off",
    "shared_buffers=64MB",
]
PATIENCE_S = 300.0
"""Until a server that does not get ready has failed."""


@dataclass(frozen=True)
class UploadedPicture:
    """A JPEG, and what is told of it beside its EXIF."""

    path: Path
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PanoramaxServer:
    """The API of an instance that runs."""

    api: str
    token: str
    """Of the account that owns the pictures."""

    def upload(self, title: str, pictures: Sequence[UploadedPicture]) -> None:
        """Make one collection of the pictures, and wait until it is ready."""
        wish = {
            "title": title,
            "estimated_nb_files": len(pictures),
            "no_split": True,
            "no_deduplication": True,
        }
        upload = self._ask("POST", "upload_sets", json=wish).json()["id"]
        for one in pictures:
            file = (one.path.name, one.path.read_bytes(), "image/jpeg")
            self._ask("POST", f"upload_sets/{upload}/files", data=dict(one.fields), files={"file": file})
        self._ask("POST", f"upload_sets/{upload}/complete")
        deadline = time.monotonic() + PATIENCE_S
        while not ready(state := self._ask("GET", f"upload_sets/{upload}").json()):
            assert time.monotonic() < deadline, f"the pictures do not get ready: {state}"
            time.sleep(0.3)

    def pictures(self) -> list[Any]:
        """Every picture that is listed, as STAC items, oldest first."""
        found = self._ask("GET", "search", params={"limit": 10000}).json()["features"]
        return sorted(found, key=lambda one: (one["properties"]["datetime"], one["id"]))

    def hide(self, picture: Any) -> None:
        """Only its owner sees it from now on."""
        self._ask("PATCH", item_path(picture), json={"visibility": "owner-only"}, headers=self._owner)

    def delete(self, picture: Any) -> None:
        """Gone for good."""
        self._ask("DELETE", item_path(picture), headers=self._owner)

    @property
    def _owner(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = httpx.request(method, f"{self.api}/{path}", timeout=120, trust_env=False, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer


def ready(state: Mapping[str, Any]) -> bool:
    """Whether all pictures of an upload can be seen."""
    items = state.get("items_status") or {}
    collections = state["associated_collections"]
    assert not items.get("broken"), state
    done = state["dispatched"] and not items.get("not_processed") and not items.get("preparing")
    return bool(done and collections and all(one.get("ready") for one in collections))


def item_path(picture: Any) -> str:
    return f"collections/{picture['collection']}/items/{picture['id']}"


@contextlib.contextmanager
def panoramax_server(home: Path) -> Iterator[PanoramaxServer]:
    """An empty instance in a folder that the user `postgres` can reach, while the block lasts."""
    with contextlib.ExitStack() as stack:
        environment = settings(home, stack.enter_context(postgres(home / "postgres")))
        backend = str(Path(PYTHON).with_name("panoramax_backend"))
        subprocess.run([backend, "db", "upgrade"], env=environment, check=True, capture_output=True)
        port = free_port()
        api = [PYTHON, "-m", "gunicorn", "geovisio:create_api()", "--bind", f"127.0.0.1:{port}"]
        log = home / "api.log"
        stack.enter_context(running([*api, "--threads", "8", "--timeout", "120"], environment, log))
        stack.enter_context(running([backend, "picture-worker"], environment, home / "worker.log"))
        address = f"http://127.0.0.1:{port}/api"
        wait_for(address, log)
        tokens = [backend, "default-account-tokens", "get"]
        told = subprocess.run(tokens, env=environment, check=True, capture_output=True, text=True)
        yield PanoramaxServer(address, told.stdout.split()[-1])


def settings(home: Path, database: str) -> dict[str, str]:
    """GeoVisio's own, by its documentation: pictures are handled by a worker beside the API."""
    return os.environ | LICENCE | {
        "DB_URL": database,
        "FS_URL": str(home / "pictures"),
        "FLASK_SECRET_KEY": secrets.token_hex(32),
        "API_FORCE_AUTH_ON_UPLOAD": "false",
        "PICTURE_PROCESS_THREADS_LIMIT": "0",
    }  # fmt: skip


@contextlib.contextmanager
def postgres(home: Path) -> Iterator[str]:
    """The URL of an empty database, while the block lasts. PostgreSQL refuses to run as root."""
    data, password, port = home / "data", secrets.token_hex(16), free_port()
    home.mkdir(parents=True)
    (home / "password").write_text(password)
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (home, home / "password"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    programs = newest_programs()
    init: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "panoramax",
        "-A",
        "scram-sha-256",
        f"--pwfile={home}/password",
        "-E",
        "UTF8",
    ]
    as_postgres([*init, "--locale=C.UTF-8", "--no-sync"])
    options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC", *POSTGRES_SETTINGS]
    told = " ".join(["-p", str(port), *(f"-c {option}" for option in options)])
    control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-w", "-t", "60"]
    as_postgres([*control, "-l", home / "log", "-o", told, "start"])
    try:
        url = f"postgres://panoramax:{password}@127.0.0.1:{port}"
        create = f"import psycopg; psycopg.connect({url + '/postgres'!r}, autocommit=True).execute"
        subprocess.run([PYTHON, "-c", f"{create}('CREATE DATABASE panoramax')"], check=True)
        yield f"{url}/panoramax"
    finally:
        as_postgres([*control, "-m", "immediate", "stop"])


def newest_programs() -> Path:
    """The folder of PostgreSQL's programs, of the newest one on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "install Debian's postgresql-postgis"
    return found[-1]


def as_postgres(command: Sequence[str | Path]) -> None:
    """Run a program of PostgreSQL, output and all; the server that it may start goes on by itself."""
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*user, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextlib.contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """A process, and what it starts, while the block lasts."""
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, env=environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL
        ) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(address: str, log: Path) -> None:
    """Until the API answers."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/", timeout=10, trust_env=False).is_success:
                return
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.5)
