"""What a user has set for good: config.toml, a flat list of names and values.

Each setting stands in for an environment variable that is not set, so that all that reads one reads the file.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

from geoflood.core.errors import InputError, UsageError
from geoflood.core.files import write_whole
from geoflood.core.paths import config_folder

__all__ = [
    "SETTINGS",
    "Setting",
    "UserSetting",
    "fill_environment",
    "find_setting",
    "parse_setting",
    "put_setting",
    "read_settings",
    "settings_file",
]

Setting: TypeAlias = str | int | bool

MAX_BYTES = 100_000
SECRETS = re.compile(r"token|key|secret|passw|credential", re.IGNORECASE)
"""In a name: what it means is not kept where everybody may read it."""
_LINE = r"(?m)^[ \t]*{name}[ \t]*=.*$\n?"


def _text(value: Setting) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= 1000


def _whole(value: Setting) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000


def _address(value: Setting) -> bool:
    return _text(value) and "@" not in str(value).partition("//")[2].partition("/")[0]


def _truth(value: Setting) -> bool:
    return isinstance(value, bool)


class UserSetting(NamedTuple):
    """What may be set."""

    variable: str
    """That it stands in for."""
    sensible: Callable[[Setting], bool]
    what: str
    """For people: what makes sense."""


SETTINGS: Mapping[str, UserSetting] = {
    "index-dir": UserSetting("GEOFLOOD_INDEX_DIR", _text, "a folder"),
    "models-dir": UserSetting("GEOFLOOD_MODELS_DIR", _text, "a folder"),
    "cache-dir": UserSetting("GEOFLOOD_CACHE_DIR", _text, "a folder"),
    "backbone": UserSetting("GEOFLOOD_BACKBONE", _text, "a name of geoflood models list"),
    "precision": UserSetting("GEOFLOOD_PRECISION", _text, "float32, bfloat16 or auto"),
    "workers": UserSetting("GEOFLOOD_WORKERS", _whole, "a whole number, 1 or more"),
    "model": UserSetting("GEOFLOOD_VLM_MODEL", _text, "a vision-language model"),
    "contact": UserSetting("GEOFLOOD_CONTACT", _text, "an address that servers are told"),
    "offline": UserSetting("GEOFLOOD_OFFLINE", _truth, "true or false"),
    "source-pace": UserSetting("GEOFLOOD_SOURCE_PACE", _whole, "requests a minute"),
    "nominatim-url": UserSetting("GEOFLOOD_NOMINATIM_URL", _address, "a URL without a password"),
    "mapillary-url": UserSetting("GEOFLOOD_MAPILLARY_URL", _address, "a URL without a password"),
    "panoramax-url": UserSetting("GEOFLOOD_PANORAMAX_URL", _address, "a URL without a password"),
    "amsterdam-url": UserSetting("GEOFLOOD_AMSTERDAM_URL", _address, "a URL without a password"),
    "kartaview-url": UserSetting("GEOFLOOD_KARTAVIEW_URL", _address, "a URL without a password"),
}


def settings_file() -> Path:
    """config.toml of the user's configuration folder, whether it is there or not."""
    return config_folder() / "config.toml"


def read_settings() -> dict[str, Setting]:
    """What is set, by name; nothing where there is no file.

    Raises InputError for a file that is no TOML, UsageError for a name or a value that makes no sense.
    """
    return {name: _checked(name, value, settings_file()) for name, value in _parsed(_content()).items()}


def put_setting(name: str, value: Setting | None) -> bool:
    """Set one, or with None take it away; other lines stay as they are. Whether anything changed.

    Raises what `read_settings` raises, but not for what else is in the file.
    """
    find_setting(name)
    if value is not None:
        _checked(name, value)
    content = _content()
    before = _parsed(content)
    wanted = {key: kept for key, kept in before.items() if key != name}
    line = "" if value is None else f"{name} = {_toml(value)}\n"
    kept = re.sub(_LINE.format(name=f'(?:{re.escape(name)}|"{re.escape(name)}")'), "", content)
    head = kept if not kept or kept.endswith("\n") else f"{kept}\n"
    new = line + head if "[" in head else head + line
    if value is not None:
        wanted[name] = value
    if _parsed(new) != wanted:
        raise InputError(
            f"{settings_file()} is written in a way that cannot be changed here", "edit it by hand"
        )
    if wanted == before:
        return False
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    write_whole(settings_file(), new)
    return True


def find_setting(name: str, where: Path | None = None) -> UserSetting:
    """The setting of a name. Raises UsageError, which never shows the value of a secret."""
    place = f"{where}: " if where else ""
    if name not in SETTINGS:
        if SECRETS.search(name):
            raise UsageError(
                f"{place}{name!r} is a secret, and config.toml holds none",
                "keep it in the environment, such as GEOFLOOD_VLM_KEY or MAPILLARY_TOKEN",
            )
        meant = difflib.get_close_matches(name, SETTINGS, n=1)
        ask = f"did you mean {meant[0]}? " if meant else ""
        raise UsageError(f"{place}no setting is called {name!r}", f"{ask}geoflood config list has them all")
    return SETTINGS[name]


def parse_setting(name: str, text: str) -> Setting:
    """A value as it is typed: truth and whole numbers as such where the setting wants them.

    Raises UsageError for one that makes no sense.
    """
    sensible = find_setting(name).sensible
    if text in ("true", "false") and sensible(text == "true"):
        return text == "true"
    if re.fullmatch("[0-9]{1,9}", text) and sensible(int(text)):
        return int(text)
    return _checked(name, text)


def _checked(name: str, value: object, where: Path | None = None) -> Setting:
    setting = find_setting(name, where)
    if not isinstance(value, str | int) or not setting.sensible(value):
        place = f"{where}: " if where else ""
        raise UsageError(f"{place}{name} is to be {setting.what}", f"geoflood config set {name} VALUE")
    return value


def _in_words(value: Setting) -> str:
    """As an environment variable has it."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _content() -> str:
    path = settings_file()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES // 1000} kB", "it holds a few lines only")
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error!s:.100}", "check the file, or remove it") from error


def _parsed(content: str) -> dict[str, object]:
    try:
        return tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(
            f"{settings_file()} is no TOML: {error!s:.100}", "a line each, such as workers = 2"
        ) from error


def _toml(value: Setting) -> str:
    """JSON writes numbers, truth and printable text as TOML does."""
    return json.dumps(value, ensure_ascii=False)


def fill_environment() -> Callable[[], None]:
    """Let the settings stand in for variables that are not set; returns what takes that back.

    Raises what `read_settings` raises.
    """
    filled = {
        SETTINGS[name].variable: _in_words(value)
        for name, value in read_settings().items()
        if not os.environ.get(SETTINGS[name].variable)
    }
    before = {name: os.environ.get(name) for name in filled}
    os.environ.update(filled)

    def take_back() -> None:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    return take_back
