"""A small city drawn by code: streets to index, photos to locate, and the truth about them.

The town stands on the Dogger Bank, in the open North Sea: land until a flood some 8,000 years ago, so
that its positions are real ones where no street can be. It is a 2.5-D model: upright walls, each with a
facade that is drawn once, on a painted ground; a view paints them from far to near.

*Convention*: metres (east, north) around the town's origin, heights above the street; headings clockwise from
north.
"""

from geoflood.synthetic.town.building import build_town
from geoflood.synthetic.town.folders import write_city, write_queries
from geoflood.synthetic.town.model import Season, Town
from geoflood.synthetic.town.render import panorama, view
from geoflood.synthetic.town.shots import Truth
from geoflood.synthetic.town.street_map import write_street_map

__all__ = [
    "Season",
    "Town",
    "Truth",
    "build_town",
    "panorama",
    "view",
    "write_city",
    "write_queries",
    "write_street_map",
]
