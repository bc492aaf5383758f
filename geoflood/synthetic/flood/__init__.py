"""Synthetic floods: a dry street photo goes in, the same street under water comes out, with its true mask.

What makes water believable is geometry, not colour: a plane in perspective, a mirror image shaken by ripples,
angles that mix mirror and mud. On it float cars and debris, before it fall rain and the drops on the lens,
and a phone and a platform have had the picture last. All of it is drawn by code from a seed: the same seed
gives the same pixels.
"""

from __future__ import annotations

from geoflood.synthetic.flood.effects import POST, PRESETS, STORM, WATER, Effects
from geoflood.synthetic.flood.scene import Scene, flood, scene
from geoflood.synthetic.flood.weather import overcast

__all__ = ["POST", "PRESETS", "STORM", "WATER", "Effects", "Scene", "flood", "overcast", "scene"]
