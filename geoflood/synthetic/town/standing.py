"""What stands in the street, painted into a view far to near."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw

from geoflood.synthetic.town.camera import Camera
from geoflood.synthetic.town.cars import CAR, VAN, ParkedCar, car_faces, parked_cars
from geoflood.synthetic.town.model import Floats, Prop, Season, Town
from geoflood.synthetic.town.props import sprites

__all__ = ["stand_in_street"]


def stand_in_street(
    picture: Pictures.Image, depth: Floats, town: Town, camera: Camera, season: Season, seed: int
) -> None:
    """Paint cars, trees, lamps and spires into the view, each where no nearer wall hides it."""
    things: list[Prop | ParkedCar] = [*town.props, *parked_cars(town, season, seed, camera)]
    spots = np.array([(t.east, t.north) for t in things]) - (camera.east, camera.north)
    far = np.hypot(*spots.T)
    turn = math.radians(camera.heading_deg)
    ahead = spots @ (math.sin(turn), math.cos(turn))
    for k in np.argsort(-far, kind="stable"):
        thing = things[k]
        reach = 260.0 if isinstance(thing, Prop) and thing.kind == "spire" else 110.0
        if far[k] > reach or far[k] < 2.2 or (camera.fov_deg is not None and ahead[k] < 1.0):
            continue
        if isinstance(thing, ParkedCar):
            paint_car(picture, depth, camera, thing, float(far[k]))
        else:
            paint_prop(picture, depth, camera, thing, season)


def stamp(
    picture: Pictures.Image, depth: Floats, patch: Pictures.Image, left: int, top: int, far: float
) -> None:
    """Paste a patch wherever the view behind it is farther away."""
    wide, high = patch.size
    nearer = depth[top : top + high, left : left + wide] < far
    alpha = np.asarray(patch.getchannel("X")).copy()
    alpha[nearer] = 0
    picture.paste(patch.convert("RGB"), (left, top), Pictures.fromarray(alpha))


def paint_prop(picture: Pictures.Image, depth: Floats, camera: Camera, prop: Prop, season: Season) -> None:
    """One flat picture, cut to the frame before it is scaled."""
    shapes = sprites(season)[prop.kind]
    sprite = shapes[int(abs(prop.east * 7 + prop.north * 13)) % len(shapes)]
    foot, head = camera.project(
        np.array([(prop.east, prop.north, z) for z in (prop.above_m, prop.above_m + prop.height_m)])
    )
    high = foot[1] - head[1]
    wide = high * sprite.width / sprite.height
    if foot[2] < 0 or high < 3:
        return
    left, right = max(round(foot[0] - wide / 2), 0), min(round(foot[0] + wide / 2) + 1, picture.width)
    top, low = max(round(head[1]), 0), min(round(foot[1]) + 1, picture.height)
    if left >= right or top >= low:
        return
    source = np.array([left - foot[0] + wide / 2, top - head[1], right - foot[0] + wide / 2, low - head[1]])
    x0, y0, x1, y1 = source * (sprite.height / high)
    box = (max(x0, 0), max(y0, 0), min(x1, sprite.width), min(y1, sprite.height))
    if box[2] - box[0] < 1 or box[3] - box[1] < 1:
        return
    patch = sprite.resize((right - left, low - top), Pictures.Resampling.BILINEAR, box)
    stamp(picture, depth, patch, left, top, float(foot[2]) - 0.5)


def paint_car(picture: Pictures.Image, depth: Floats, camera: Camera, car: ParkedCar, far: float) -> None:
    """A car as a small solid: far faces first."""
    turn = math.radians(car.heading_deg)
    ahead, right = np.array([math.sin(turn), math.cos(turn)]), np.array([math.cos(turn), -math.sin(turn)])
    rel = np.array([camera.east - car.east, camera.north - car.north])
    faces = []
    for colour, corners in car_faces(car, float(rel @ right)):
        solid = np.array(corners)
        flat = np.array([car.east, car.north]) + solid[:, :1] * ahead + solid[:, 1:2] * right
        faces.append((colour, camera.project(np.column_stack([flat, solid[:, 2]]))))
    if min(f[:, 2].min() for _, f in faces) < 0:
        return
    if rel @ ahead > 0:
        faces = faces[:1] + faces[1:]
    else:
        strips = len(VAN if car.van else CAR) - 1
        faces = faces[:1] + faces[1 : 1 + strips][::-1] + faces[1 + strips :]
    spots = np.concatenate([f[:, :2] for _, f in faces])
    left, top = np.maximum(np.floor(spots.min(0)), 0).astype(int)
    right_, low = np.minimum(np.ceil(spots.max(0)) + 1, picture.size).astype(int)
    if left >= right_ or top >= low:
        return
    patch = Pictures.new("RGBX", (2 * int(right_ - left), 2 * int(low - top)), (*car.colour, 0))
    pen = ImageDraw.Draw(patch)
    for n, (colour, spot) in enumerate(faces):
        points = [((float(c) - left) * 2, (float(r) - top) * 2) for c, r in spot[:, :2]]
        pen.polygon(points, fill=(*colour, 255 if n else 170))
    stamp(picture, depth, patch.reduce(2), int(left), int(top), far - 2.6)
