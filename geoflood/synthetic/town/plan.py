"""The plan: crossings, widths of streets, blocks between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geoflood.synthetic.town.model import Points, Rng

__all__ = ["PAVEMENT_M", "Plan", "draw_plan"]

PAVEMENT_M = 2.6


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Crossings, with a ring of them around the town, and half of each street's width between the walls."""

    nodes: Points
    half_rows: Points
    half_columns: Points

    def block(self, i: int, j: int, inset_m: float = 0.0) -> Points:
        """Corners of a block [4, 2], anticlockwise from the south-west, `inset_m` inside its house fronts."""
        corners = self.nodes[[i, i + 1, i + 1, i], [j, j, j + 1, j + 1]]
        margins = (self.half_rows[j], self.half_columns[i + 1], self.half_rows[j + 1], self.half_columns[i])
        return inset(corners, [float(m) + inset_m for m in margins])


def inset(corners: Points, margins: Sequence[float]) -> Points:
    """A quadrangle whose sides (side k from corner k to k + 1) have moved inwards."""
    along = np.roll(corners, -1, 0) - corners
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    feet = corners + np.stack([-along[:, 1], along[:, 0]], 1) * np.asarray(margins)[:, None]
    moved = []
    for k in range(4):
        cross = along[k - 1, 0] * along[k, 1] - along[k - 1, 1] * along[k, 0]
        gap = feet[k] - feet[k - 1]
        moved.append(feet[k - 1] + along[k - 1] * (gap[0] * along[k, 1] - gap[1] * along[k, 0]) / cross)
    return np.array(moved)


def draw_plan(blocks: tuple[int, int], rng: Rng) -> Plan:
    """Streets of different lengths and widths that bend a little at every crossing."""
    columns, rows = blocks[0] + 3, blocks[1] + 3
    steps = [rng.uniform(50, 84, columns), rng.uniform(46, 74, rows)]
    for step in steps:
        step[[1, -1]] = 30.0
    east, north = (np.cumsum(step) for step in steps)
    nodes = np.stack(np.meshgrid(east, north, indexing="ij"), -1) + rng.uniform(-4.5, 4.5, (columns, rows, 2))
    nodes[..., 1] += 7.0 * np.sin(east / 70.0 + rng.uniform(0, 6.3))[:, None]
    nodes -= nodes[1:-1, 1:-1].mean((0, 1))
    widths = rng.choice([6.2, 6.8, 7.6, 8.2], columns + rows)
    return Plan(nodes, widths[:rows], widths[rows:])
