"""Every error that ends a command, as one tree; each class carries its exit code.

    GeofloodError            1   our bug when raised bare
    ├── UsageError           2   the command line asks for something that makes no sense
    ├── InputError           3   a photo, a geotag file or a folder cannot be used
    ├── CityError            4   no such city is indexed
    ├── IndexUnusableError   5   the index is damaged, newer, locked, or built with another backbone
    ├── WeightsError         6   weights are missing, damaged or of another network
    ├── NetworkError         7   a server cannot be reached or refuses
    │   └── BlockedError     7   a server refuses this address for a while
    ├── ModelError           8   the vision-language model is down, missing or cannot see
    ├── ExtraMissingError    9   an optional package is not installed
    └── PartialError        10   the work ended, but some of the items failed

An interrupted command ends with 130. One bad image among many is not an error but a value
(`geoflood.core.datatypes.Rejected`): it is counted, shown, and never stops the rest.
"""

from __future__ import annotations

from datetime import datetime

__all__ = [
    "BlockedError",
    "CityError",
    "ExtraMissingError",
    "GeofloodError",
    "IndexUnusableError",
    "InputError",
    "ModelError",
    "NetworkError",
    "PartialError",
    "UsageError",
    "WeightsError",
]


class GeofloodError(Exception):
    """What went wrong, in one line that names the thing; `hint` names what helps."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(GeofloodError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class InputError(GeofloodError):
    """A photo, a geotag file or a folder cannot be used."""

    exit_code = 3


class CityError(GeofloodError):
    """No such city is indexed."""

    exit_code = 4


class IndexUnusableError(GeofloodError):
    """The index is damaged, unfinished, newer, locked, or built with another backbone."""

    exit_code = 5


class WeightsError(GeofloodError):
    """Weights are missing, damaged or of another network."""

    exit_code = 6


class NetworkError(GeofloodError):
    """A server cannot be reached or refuses."""

    exit_code = 7


class BlockedError(NetworkError):
    """A server refuses whatever comes from this address, for a while: nothing more is asked of it."""

    def __init__(self, message: str, hint: str = "", until: datetime | None = None) -> None:
        super().__init__(message, hint)
        self.until = until
        """In UTC, where it is known."""


class ModelError(GeofloodError):
    """The vision-language model is down, missing or cannot see."""

    exit_code = 8


class ExtraMissingError(GeofloodError):
    """An optional package is not installed."""

    exit_code = 9


class PartialError(GeofloodError):
    """The work ended, but some of the items failed."""

    exit_code = 10
