"""Which effects a synthetic flood photo has, and how much of each."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["POST", "PRESETS", "STORM", "WATER", "Effects"]


@dataclass(frozen=True, slots=True)
class Effects:
    """How much of each effect, 0 (none) to 1; what exactly is then drawn by the seed.

    Raises ValueError for amounts outside.
    """

    overcast: float = 1.0
    """The light of a day of rain; only where there is water."""
    rain: float = 0.0
    """A greyer day, streaks before the camera and a veil over the scene."""
    drops: float = 0.0
    """Out-of-focus drops on the lens."""
    debris: float = 0.0
    """Cars, bins, bags and planks afloat."""
    crop: float = 0.0
    """What a poster cuts off the sides; never the waterline."""
    shrink: float = 0.0
    """Fewer pixels, as platforms make them."""
    compression: float = 0.0
    """JPEG, twice, at a low quality."""

    def __post_init__(self) -> None:
        for field in fields(self):
            amount = getattr(self, field.name)
            if not 0.0 <= amount <= 1.0:
                raise ValueError(f"an effect is an amount from 0 to 1, not {field.name} = {amount}")

    def __or__(self, other: Effects) -> Effects:
        """Both: the larger amount of each effect."""
        return Effects(*(max(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)))


WATER = Effects()
"""Water, and the light that goes with it."""
STORM = Effects(rain=1.0, drops=1.0, debris=1.0)
"""What a flood and its weather put before the camera, as far as a person must see it."""
POST = Effects(crop=1.0, shrink=1.0, compression=1.0)
"""Water, and what happens to a picture on its way through social media."""
PRESETS = {"water": WATER, "storm": STORM, "post": POST}
"""By the names of the command line."""
