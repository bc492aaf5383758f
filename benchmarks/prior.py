"""What calibrations of several indexes share: the numbers of `geoflood.localize.calibration.prior`.

    python benchmarks/prior.py INDEX INDEX ...

INDEXes are folders of finished indexes, whose pictures are there. Each is calibrated by its own trials, under
the prior of today made four times as wide, so that they decide. Nothing is written but its outsiders.npy.
Printed are the numbers of each index, their means, and their standard deviations between indexes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from geoflood.backbones.learned import load_learned
from geoflood.core.parallel import cores
from geoflood.database.calibration import MODELS, CalibrationKey, CalibrationParams, Coefficients
from geoflood.database.manifest import read_manifest
from geoflood.localize.calibration.calibrate import self_calibrate
from geoflood.localize.calibration.prior import PRIOR, RERANKED_PRIOR, Prior
from geoflood.localize.calibration.rehearsal_plan import RehearsalPlan

WIDER = 4.0
NAMES = ("temperature", "kernel_m", "inliers", "usual")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("indexes", nargs="+", type=Path)
    plan = RehearsalPlan(prior=wider(PRIOR), reranked_prior=wider(RERANKED_PRIOR))
    found: dict[bool, list[list[float]]] = {False: [], True: []}
    for folder in parser.parse_args().indexes:
        settings = read_manifest(folder).settings
        describer = load_learned(folder / "learned.npz", settings.backbone)
        calibration = self_calibrate(folder, describer, settings, None, cores(), plan=plan)
        for reranked, rows in found.items():
            entry = calibration[CalibrationKey(None, reranked)]
            rows.append(numbers(entry.params))
            show(f"{folder.name}, {entry.places} places{', re-ranked' * reranked}", rows[-1])
    for reranked, rows in found.items():
        if len(rows) > 1:
            show(f"mean{', re-ranked' * reranked}", np.mean(rows, axis=0).tolist())
            show(f"standard deviation{', re-ranked' * reranked}", np.std(rows, axis=0, ddof=1).tolist())


def wider(prior: Prior) -> Prior:
    """The same means, and WIDER times the spread."""
    models: dict[str, Any] = {
        name: Coefficients(*(WIDER * spread for spread in getattr(prior, name))) for name in MODELS
    }
    return replace(
        prior, **models, log_temperature=WIDER * prior.log_temperature, inliers=WIDER * prior.inliers
    )


def numbers(params: CalibrationParams) -> list[float]:
    models = [number for name in MODELS for number in getattr(params, name)]
    return [*(getattr(params, name) for name in NAMES), *models]


def show(name: str, values: list[float]) -> None:
    own, models = np.split(np.round(values, 3), [len(NAMES)])
    print(name)
    shown: list[tuple[str, Sequence[str], Any]] = [("", NAMES, own)]
    shown += [
        (model, Coefficients._fields, row)
        for model, row in zip(MODELS, models.reshape(len(MODELS), -1), strict=True)
    ]
    for part, fields, row in shown:
        pairs = zip(fields, row.tolist(), strict=True)
        print(f"  {part:7}", "  ".join(f"{field} {value:g}" for field, value in pairs), flush=True)


if __name__ == "__main__":
    main()
