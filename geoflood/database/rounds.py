"""Images in rounds: as many at a time as the disk need hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from geoflood.core.datatypes import Rejected, StreetImage

__all__ = ["rounds"]


def rounds(
    images: Iterable[StreetImage | Rejected], at_once: int | None, whole: bool = False
) -> Iterator[Iterable[StreetImage | Rejected]]:
    """Lists with `at_once` images each, the last one shorter, and the rejected ones between them.

    Without `at_once` all are one round, which is not held in memory; with `whole` they are one list. There is
    one round at the least.
    """
    if at_once is None or whole:
        yield images if at_once is None else list(images)
        return
    part: list[StreetImage | Rejected] = []
    usable = 0
    for image in images:
        part.append(image)
        usable += isinstance(image, StreetImage)
        if usable == at_once:
            yield part
            part, usable = [], 0
    yield part
