"""Where a network runs, in which precision its trunk does, and how many images at once.

GeM, Sinkhorn and every normalisation stay in float32: x^3 of small features leaves the range of half
precision, and they cost next to nothing beside the trunk.

Several threads describe at the same time, each from the file to the descriptor. On the processor every one
computes on a core of its own: as fast as one that computes on all cores (measured: benchmarks/README.md), and
nobody waits for a decoder. A graphics processor takes one batch at a time, while the other threads decode.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from geoflood.core.errors import UsageError

__all__ = ["PRECISIONS", "Compute"]

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Compute:
    """A device, as torch names it, and the precision of the trunk."""

    device: str = "cpu"
    precision: str = "float32"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(f"no precision {self.precision!r}", f"use auto, {' or '.join(PRECISIONS)}")

    @classmethod
    def best(cls, precision: str | None = None, device: str = "auto") -> Compute:
        """CUDA, else MPS, else the processor; bfloat16 where the hardware multiplies in it.

        Without `precision` it is that of GEOFLOOD_PRECISION, else auto.
        """
        device = _fastest_device() if device == "auto" else device
        precision = precision or os.environ.get("GEOFLOOD_PRECISION") or "auto"
        if precision == "auto":
            precision = "bfloat16" if _multiplies_bfloat16(device) else "float32"
        return cls(device, precision)

    @property
    def dtype(self) -> torch.dtype:
        """Of the trunk's weights and activations."""
        return PRECISIONS[self.precision]

    @property
    def batch(self) -> int:
        """Images at once: on a processor more take more memory and no less time."""
        return 4 if self.device == "cpu" else 32

    @property
    def one_at_a_time(self) -> bool:
        """Batches of several threads would only fight for the device's memory."""
        return self.device != "cpu"


def _fastest_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _multiplies_bfloat16(device: str) -> bool:
    """Emulated bfloat16 runs everywhere and is slower than float32, so only native units count."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Older torch cannot tell what the processor has: float32 is then slower but never wrong.
    if device == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        has = torch.cpu.get_capabilities()
        return bool(has.get("avx512_bf16") or has.get("amx_bf16"))
    return False
