"""Synthetic floods: a dry street photo goes in, the same street under water comes out, with its true mask.

What makes water believable is geometry, not colour: a plane in perspective, a mirror image shaken by ripples,
angles that mix mirror and mud. A storm adds rain, drops on the lens and debris, as much as a person needs to
see one. Posting crops, shrinks and compresses. All of it is drawn by code: same seed, same pixels.
"""

from __future__ import annotations

from geoflood.synthetic.flood.effects import POST, PRESETS, STORM, WATER, Effects
from geoflood.synthetic.flood.scene import Scene, flood, scene
from geoflood.synthetic.flood.weather import overcast

__all__ = ["POST", "PRESETS", "STORM", "WATER", "Effects", "Scene", "flood", "overcast", "scene"]
