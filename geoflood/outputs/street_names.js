"use strict";
// Names along streets, on water, in parks and at places: the widest streets first, none over another, no name
// twice within sight of itself. Where a name may stand depends on the zoom alone, so names keep still in a drag.

const NAME_FROM = [12, 13, 14.75, 16, 16.25, 99, 14];  // zooms, by kind of line
const NAME_SIZES = [13, 12.5, 12, 11, 11, 11, 11];
const SPOTS_FROM = 17;
const SPOT_MARGIN_PX = 9;  // a place's name keeps away from others: streets come first
const PIN_PX = 13;
const LARGEST_PX = 18;  // of a circle that is taken
const APART_PX = 250;  // between two of one name
const EVERY_PX = 420;  // along one street
const MOST_LETTERS = 80;
const BEND_PX = 2.5;  // a street that strays less from the straight way bears a name in one piece
const TURN = 0.45;  // radians from letter to letter that can still be read
const APART_SCRIPTS = /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Common}\p{Script=Inherited}]*$/u;
const FONT = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

// Taken places as circles, found by squares of 32 px.
function takenPlaces() {
  const squares = new Map();
  const square = (a) => Math.floor(a / 32);
  const key = (a, b) => a * 65536 + b;
  const free = ([x, y, r]) => {
    const reach = r + LARGEST_PX;
    for (let a = square(x - reach); a <= square(x + reach); a++) {
      for (let b = square(y - reach); b <= square(y + reach); b++) {
        for (const [left, top, s] of squares.get(key(a, b)) || []) {
          if ((left - x) ** 2 + (top - y) ** 2 < (r + s) ** 2) return false;
        }
      }
    }
    return true;
  };
  const take = (circle) => {
    const at = key(square(circle[0]), square(circle[1]));
    if (!squares.has(at)) squares.set(at, []);
    squares.get(at).push(circle);
  };
  return { free, take };
}

function nameStyle(size, weight, slant) {
  return `${slant ? "italic " : ""}${weight} ${size}px ${FONT}`;
}

function widthOfText(context, font, text) {
  const known = nameWidths.get(font + text);
  if (known !== undefined) return known;
  context.font = font;
  const width = context.measureText(text).width;
  nameWidths.set(font + text, width);
  return width;
}
const nameWidths = new Map();

// ---- along streets

// A line in pixels of the view, and how far along each point lies.
function measured(line, view) {
  const count = line.x.length;
  const [x, y, far] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    x[i] = line.x[i] * view.scale - view.left;
    y[i] = line.y[i] * view.scale - view.top;
    if (i) far[i] = far[i - 1] + Math.hypot(x[i] - x[i - 1], y[i] - y[i - 1]);
  }
  return { x, y, far, length: far[count - 1] };
}

function pointAt(way, distance) {
  let [low, high] = [0, way.far.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (way.far[middle] <= distance) low = middle;
    else high = middle;
  }
  const share = (distance - way.far[low]) / (way.far[high] - way.far[low] || 1);
  return [way.x[low] + share * (way.x[high] - way.x[low]), way.y[low] + share * (way.y[high] - way.y[low])];
}

// The name around a place on the street, straight or letter by letter; nothing where it cannot be read.
function laid(context, way, middle, name, font, size) {
  const width = widthOfText(context, font, name);
  const from = middle - width / 2;
  const [a, b] = [pointAt(way, from), pointAt(way, from + width)];
  const chord = Math.hypot(b[0] - a[0], b[1] - a[1]);
  if (chord < width * 0.6) return null;
  const turned = b[0] < a[0] - 0.01;
  const steps = Math.max(2, Math.ceil(width / (size * 0.8)));
  const circles = [];
  let stray = 0;
  for (let i = 0; i <= steps; i++) {
    const [x, y] = pointAt(way, from + width * i / steps);
    circles.push([x, y, size * 0.62]);
    stray = Math.max(stray, Math.abs((x - a[0]) * (b[1] - a[1]) - (y - a[1]) * (b[0] - a[0])) / (chord || 1));
  }
  if (stray <= BEND_PX) {
    const angle = Math.atan2(b[1] - a[1], b[0] - a[0]) + (turned ? Math.PI : 0);
    return { circles, font, letters: [{ text: name, x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, angle }] };
  }
  const letters = APART_SCRIPTS.test(name) && letterByLetter(context, way, from, width, name, font, turned);
  return letters ? { circles, font, letters } : null;
}

function letterByLetter(context, way, from, width, name, font, turned) {
  const letters = [];
  let done = 0;
  for (const text of name.normalize("NFC")) {
    const wide = widthOfText(context, font, text);
    const place = (along) => pointAt(way, turned ? from + width - along : from + along);
    const [start, stop] = [place(done), place(done + wide)];
    const angle = Math.atan2(stop[1] - start[1], stop[0] - start[0]);
    const before = letters.length ? letters[letters.length - 1].angle : angle;
    if (Math.abs(Math.atan2(Math.sin(angle - before), Math.cos(angle - before))) > TURN) return null;
    letters.push({ text, x: (start[0] + stop[0]) / 2, y: (start[1] + stop[1]) / 2, angle });
    done += wide;
  }
  return letters;
}

// Where along a street its name may stand: the middle, or every so often, and a little off where it bends there.
function* placesAlong(length, width) {
  const count = Math.max(1, Math.floor(length / (width + EVERY_PX)));
  const room = length / count;
  for (let n = 0; n < count; n++) {
    const middle = (n + 0.5) * room;
    const play = Math.min(room / 2 - width / 2, 160);
    yield [0, 0.33, -0.33, 0.66, -0.66, 1, -1].map((share) => middle + share * play).filter((at) => at >= width / 2 && at <= length - width / 2);
  }
}

function streetNames(context, view, place) {
  const lines = ground.lines
    .filter((line) => line.name && view.zoom >= NAME_FROM[line.kind] && inView(line, view, 0))
    .map((line) => ({ line, reach: line.east - line.west + line.south - line.north }))
    .sort((a, b) => a.line.kind - b.line.kind || b.reach - a.reach);
  for (const { line, reach } of lines) {
    const name = line.name.slice(0, MOST_LETTERS);
    const size = NAME_SIZES[line.kind] + (view.zoom >= 18 ? 1 : 0);
    const font = nameStyle(size, line.kind <= LINE.MIDDLE ? 600 : 500, line.kind === LINE.STREAM);
    const width = widthOfText(context, font, name);
    if (reach * view.scale < width) continue;
    const way = measured(line, view);
    if (way.length < width) continue;
    for (const choices of placesAlong(way.length, width + 6)) {
      choices.some((at) => place(line.name, pointAt(way, at), line.kind === LINE.STREAM ? "water-name" : "name",
        () => laid(context, way, at, name, font, size)));
    }
  }
}

// ---- upright: water, parks, places

function upright(context, name, x, y, font, size) {
  const width = widthOfText(context, font, name);
  const count = Math.max(1, Math.round(width / size));
  const circles = Array.from({ length: count + 1 }, (_, i) => [x - width / 2 + width * i / count, y, size * 0.62]);
  return { circles, font, letters: [{ text: name, x, y, angle: 0 }] };
}

function areaNames(context, view, place) {
  for (const [ring] of ground.areas) {
    if (!ring.name || ring.kind === AREA.BUILDING || (ring.kind === AREA.SQUARE && view.zoom < 16) || !inView(ring, view, 0)) continue;
    const name = ring.name.slice(0, MOST_LETTERS);
    const font = nameStyle(11.5, 500, true);
    if ((ring.east - ring.west) * view.scale < widthOfText(context, font, name) * 0.8) continue;
    const [x, y] = [(ring.east + ring.west) / 2 * view.scale - view.left, (ring.north + ring.south) / 2 * view.scale - view.top];
    const colour = { [AREA.WATER]: "water-name", [AREA.PARK]: "park-name" }[ring.kind] || "name";
    place(ring.name, [x, y], colour, () => upright(context, name, x, y, font, 11.5));
  }
}

function spotNames(context, view, place) {
  if (view.zoom < SPOTS_FROM) return;
  const font = nameStyle(10.5, 400, false);
  for (const spot of ground.spots) {
    const [x, y] = [spot.x * view.scale - view.left, spot.y * view.scale - view.top];
    place(spot.name, [x, y], "spot", () => {
      const label = upright(context, spot.name.slice(0, MOST_LETTERS), x, y + 10, font, 10.5);
      const circles = label.circles.map(([a, b, r]) => [a, b, r + SPOT_MARGIN_PX]);
      return { ...label, circles: [...circles, [x, y, SPOT_MARGIN_PX]], dot: [x, y] };
    });
  }
}

// ---- all of them

function paintNames(context, view, colours) {
  const places = takenPlaces();
  const known = new Map();
  const labels = [];
  map.eachLayer((layer) => {  // pins hide what is under them
    if (!layer.getIcon) return;
    const { x, y } = map.latLngToLayerPoint(layer.getLatLng()).add(map.getPixelOrigin());
    places.take([x - view.left, y - view.top, PIN_PX]);
  });
  const place = (name, [x, y], colour, lay) => {  // the middle first: most that cannot stand cannot stand there
    if (x < 0 || y < 0 || x > view.width || y > view.height || !places.free([x, y, 6])) return false;
    const same = known.get(name) || [];
    if (same.some(([a, b]) => Math.hypot(a - x, b - y) < APART_PX)) return false;
    const label = lay();
    if (!label || !label.circles.every(places.free)) return false;
    label.circles.forEach(places.take);
    known.set(name, [...same, [x, y]]);
    labels.push({ ...label, colour });
    return true;
  };
  streetNames(context, view, place);
  areaNames(context, view, place);
  spotNames(context, view, place);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const label of labels) paintName(context, label, colours);
}

function paintName(context, label, colours) {
  context.font = label.font;
  context.lineWidth = 3.5;
  context.strokeStyle = colours.halo;
  context.fillStyle = colours[label.colour];
  if (label.dot) {
    context.beginPath();
    context.arc(...label.dot, 2, 0, 2 * Math.PI);
    context.stroke();
    context.fill();
  }
  for (const draw of ["strokeText", "fillText"]) {
    for (const { text, x, y, angle } of label.letters) {
      context.save();
      context.translate(x, y);
      context.rotate(angle);
      context[draw](text, 0, 0);
      context.restore();
    }
  }
}
