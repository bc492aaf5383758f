"use strict";
// Draws the ground under the evidence: streets, rails, water, parks, houses, out of numbers in the page.
// Python's pack_ground.py says how they are packed. Names are only ever drawn on canvas, as text.

const ground = { lines: [], areas: [], spots: [], layers: [] };

const LINE = { MAJOR: 0, MIDDLE: 1, MINOR: 2, SERVICE: 3, PATH: 4, RAIL: 5, STREAM: 6 };
const AREA = { WATER: 0, PARK: 1, SQUARE: 2, BUILDING: 3 };

// Zoom, and how many pixels a line is wide there; before the first it is not drawn.
const WIDTHS = [
  [[8, 1], [11, 1.6], [13, 3.4], [15, 7], [17, 14], [19, 30]],
  [[10, 0.8], [12, 1.4], [13, 2.4], [15, 5.5], [17, 12], [19, 26]],
  [[12.5, 0.6], [14, 1.6], [15, 3.6], [17, 9.5], [19, 22]],
  [[14, 0.6], [15, 1.4], [17, 5], [19, 13]],
  [[15, 0.7], [17, 1.4], [19, 2.6]],
  [[10, 0.6], [14, 0.9], [17, 1.3], [19, 2]],
  [[11, 0.7], [14, 1.6], [17, 5], [19, 12]],
];
const AREAS_FROM = [8, 11, 11, 14.5];
const PATH_POINTS = 300;
const HAIR_PX = 1.7;  // narrower small streets are one line, without edges
const SPECK_PX = 0.7;  // points that are nearer to each other are one

function widthOf(kind, zoom) {
  const stops = WIDTHS[kind];
  if (zoom < stops[0][0]) return 0;
  const next = stops.findIndex(([at]) => at > zoom);
  if (next < 0) return stops[stops.length - 1][1] * 2 ** ((zoom - stops[stops.length - 1][0]) * 0.9);
  const [[low, thin], [high, thick]] = [stops[next - 1], stops[next]];
  return thin * (thick / thin) ** ((zoom - low) / (high - low));
}

// ---- unpacking

async function unzipped(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function reader(bytes, start) {
  let at = start;
  const next = () => {
    let [value, scale, byte] = [0, 1, 0];
    do {
      byte = bytes[at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  };
  const signed = () => {
    const value = next();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  };
  const column = (count, one) => Array.from({ length: count }, one);
  const summed = (count) => {
    let sum = 0;
    return column(count, () => { sum += signed(); return sum; });
  };
  return { next, signed, column, summed };
}

// Degrees to the pixels of zoom 0, which are what every zoom's are a multiple of.
const worldX = (lon) => (lon + 180) / 360 * 256;
const worldY = (lat) => {
  const [most, radians] = [85.05, Math.PI / 180];
  const north = Math.max(-most, Math.min(most, lat)) * radians;
  return (0.5 - Math.log(Math.tan(Math.PI / 4 + north / 2)) / (2 * Math.PI)) * 256;
};

function unpackShapes(read, count, header) {
  const kinds = read.column(count, read.next);
  const names = read.summed(count);
  const counts = read.column(count, read.next);
  let [firstLat, firstLon] = [0, 0];
  return kinds.map((kind, n) => {
    const shape = { kind, name: header.names[names[n]] || "", x: new Float64Array(counts[n]), y: new Float64Array(counts[n]) };
    let [lat, lon] = [firstLat += read.signed(), firstLon += read.signed()];
    for (let i = 0; i < counts[n]; i++) {
      if (i) [lat, lon] = [lat + read.signed(), lon + read.signed()];
      shape.x[i] = worldX(lon * header.unit);
      shape.y[i] = worldY(lat * header.unit);
    }
    return Object.assign(shape, boxOf(shape));
  });
}

function boxOf({ x, y }) {
  let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < x.length; i++) {
    west = Math.min(west, x[i]);
    east = Math.max(east, x[i]);
    north = Math.min(north, y[i]);
    south = Math.max(south, y[i]);
  }
  return { west, north, east, south };
}

function unpack(bytes) {
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const read = reader(bytes, 4 + length);
  const [lines, rings, spots] = header.counts;
  ground.lines = unpackShapes(read, lines, header);
  const areas = unpackShapes(read, rings, header);
  ground.areas = areas.reduce((all, ring) => {
    if (read.next() === 1) all[all.length - 1].push(ring);
    else all.push([ring]);
    return all;
  }, []);
  const names = read.summed(spots);
  let [lat, lon] = [0, 0];
  ground.spots = names.map((name) => {
    [lat, lon] = [lat + read.signed(), lon + read.signed()];
    return { name: header.names[name], x: worldX(lon * header.unit), y: worldY(lat * header.unit) };
  });
}

// ---- a canvas over the view and some way around it, that Leaflet moves and scales with the map

const GroundLayer = L.Renderer.extend({
  initialize(pane, paint) {
    L.Renderer.prototype.initialize.call(this, { pane, padding: 0.35 });
    this.paint = paint;
  },
  getEvents() {
    return { ...L.Renderer.prototype.getEvents.call(this), move: this._follow };
  },
  _initContainer() {
    this._container = make("canvas");
  },
  _destroyContainer() {
    this._container.remove();
    delete this._container;
  },
  _follow() {  // a long drag comes to the end of what is drawn
    const seen = L.bounds(this._map.containerPointToLayerPoint([0, 0]), this._map.containerPointToLayerPoint(this._map.getSize()));
    if (this._zoom === this._map.getZoom() && !this._bounds.contains(seen)) this._update();
  },
  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize();
    const fine = Math.min(window.devicePixelRatio || 1, 2);
    const canvas = this._container;
    canvas.width = size.x * fine;
    canvas.height = size.y * fine;
    canvas.style.width = `${size.x}px`;
    canvas.style.height = `${size.y}px`;
    L.DomUtil.setPosition(canvas, this._bounds.min);
    const scale = 2 ** this._zoom;
    const corner = this._map.getPixelOrigin().add(this._bounds.min);
    const context = canvas.getContext("2d");
    context.scale(fine, fine);
    const view = { zoom: this._zoom, scale, left: corner.x, top: corner.y, width: size.x, height: size.y };
    this.paint(context, view, coloursOf());
  },
  redraw() {
    if (this._map) this._update();
  },
});

const GROUND_COLOURS = ["land", "water", "park", "square", "building", "building-edge", "major", "major-edge", "street", "street-edge",
  "path", "rail", "name", "halo", "water-name", "park-name", "spot"];

function coloursOf() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(GROUND_COLOURS.map((name) => [name, style.getPropertyValue(`--ground-${name}`).trim()]));
}

const inView = (shape, view, margin) =>
  shape.east * view.scale > view.left - margin && shape.west * view.scale < view.left + view.width + margin
  && shape.south * view.scale > view.top - margin && shape.north * view.scale < view.top + view.height + margin;

function trace(path, shape, view) {
  let [lastX, lastY] = [Infinity, Infinity];
  const end = shape.x.length - 1;
  for (let i = 0; i <= end; i++) {
    const [x, y] = [shape.x[i] * view.scale - view.left, shape.y[i] * view.scale - view.top];
    if (i && i < end && Math.abs(x - lastX) + Math.abs(y - lastY) < SPECK_PX) continue;
    if (i) path.lineTo(x, y);
    else path.moveTo(x, y);
    [lastX, lastY] = [x, y];
  }
}

function paintAreas(context, view, colours) {
  const paths = [[], [], [], []];  // a path an area: two that overlap must not make a hole of each other
  for (const rings of ground.areas) {
    const { kind } = rings[0];
    if (view.zoom < AREAS_FROM[kind] || !rings.some((ring) => inView(ring, view, 2))) continue;
    const path = new Path2D();
    rings.forEach((ring) => { trace(path, ring, view); path.closePath(); });
    paths[kind].push(path);
  }
  for (const kind of [AREA.PARK, AREA.SQUARE, AREA.WATER, AREA.BUILDING]) {
    context.fillStyle = colours[["water", "park", "square", "building"][kind]];
    paths[kind].forEach((path) => context.fill(path, "evenodd"));
  }
  if (view.zoom < 16) return;
  context.lineWidth = 0.8;
  context.strokeStyle = colours["building-edge"];
  paths[AREA.BUILDING].forEach((path) => context.stroke(path));
}

// By kind, and a few hundred points each: one path of a whole city takes a browser seconds to stroke.
function pathsOf(lines, view) {
  const paths = WIDTHS.map(() => []);
  const points = WIDTHS.map(() => PATH_POINTS);
  for (const line of lines) {
    if (points[line.kind] >= PATH_POINTS) {
      paths[line.kind].push(new Path2D());
      points[line.kind] = 0;
    }
    trace(paths[line.kind][paths[line.kind].length - 1], line, view);
    points[line.kind] += line.x.length;
  }
  return paths;
}

function paintLines(context, view, colours) {
  const widths = WIDTHS.map((_, kind) => widthOf(kind, view.zoom));
  const paths = pathsOf(ground.lines.filter((line) => widths[line.kind] && inView(line, view, widths[line.kind])), view);
  const stroke = (kind, width, colour, dash, cap) => {
    if (!widths[kind]) return;
    context.lineJoin = width > 2.5 ? "round" : "bevel";
    context.lineCap = width > 2.5 ? cap || "round" : "butt";
    context.setLineDash(dash || []);
    context.lineWidth = width;
    context.strokeStyle = colour;
    paths[kind].forEach((path) => context.stroke(path));
  };
  const streets = [LINE.SERVICE, LINE.MINOR, LINE.MIDDLE, LINE.MAJOR];
  stroke(LINE.STREAM, widths[LINE.STREAM], colours.water);
  stroke(LINE.PATH, widths[LINE.PATH], colours.path, [widths[LINE.PATH] * 2.2, widths[LINE.PATH] * 1.8], "butt");
  const hair = (kind) => widths[kind] < HAIR_PX && kind >= LINE.MINOR;
  for (const kind of streets) {
    const edge = kind === LINE.MAJOR ? colours["major-edge"] : colours["street-edge"];
    stroke(kind, hair(kind) ? widths[kind] : widths[kind] + (widths[kind] > 3 ? 2 : 1.2), edge, null, kind === LINE.SERVICE ? "butt" : "round");
  }
  for (const kind of streets.filter((kind) => !hair(kind))) stroke(kind, widths[kind], kind === LINE.MAJOR ? colours.major : colours.street);
  stroke(LINE.RAIL, widths[LINE.RAIL], colours.rail, null, "butt");
  if (view.zoom >= 15) stroke(LINE.RAIL, widths[LINE.RAIL] * 3, colours.rail, [1, 13], "butt");
}

// ---- begins here

async function drawGround() {
  const block = document.getElementById("ground");
  if (!block) return;
  const { packed, credit } = JSON.parse(block.textContent);
  map.attributionControl.addAttribution(make("span", "", credit).innerHTML);
  if (!window.DecompressionStream) throw new Error("This browser is too old to unpack the streets.");
  const begun = performance.now();
  unpack(await unzipped(packed));
  map.createPane("ground").style.zIndex = 150;
  const names = map.createPane("names");
  names.style.zIndex = 450;
  names.style.pointerEvents = "none";
  ground.layers = [
    new GroundLayer("ground", (context, view, colours) => { paintAreas(context, view, colours); paintLines(context, view, colours); }),
    new GroundLayer("names", paintNames),
  ];
  ground.layers.forEach((layer) => layer.addTo(map));
  const done = performance.now();
  document.documentElement.dataset.ground = String(Math.round(done - begun));
  document.documentElement.dataset.groundAfter = String(Math.round(done));
}
drawGround();
