"use strict";
// Pins and clusters of all photos; of the one in hand its search area, what else fits, and what speaks against it.

const CELL = 44;
const HUGE = 200;  // photos of one spot that are listed
const CLOSE = 16;
const LIKELY = 0.02;  // matches that are worth going farther away for
map.attributionControl.setPrefix("Leaflet");
const marks = L.layerGroup().addTo(map);
const lit = L.layerGroup().addTo(map);
const canvas = L.canvas({ padding: 0.3 });

function mark(className, sign, size, title) {
  const html = make("span", "", sign);
  return { icon: L.divIcon({ className, html, iconSize: [size, size] }), keyboard: false, title: title || "" };
}

function labelOf(item) {
  const share = item.at && !pinOf(item) ? ` ${percent(item.probability)}` : "";
  return pinOf(item) ? `${item.n} placed by a person` : `${item.n} ${item.outcome}${share}`;
}

// One mark for each square of the screen.
function groups() {
  const inSight = map.getBounds().pad(0.2);
  const found = new Map();
  for (const item of shown) {
    const spot = spotOf(item);
    if (!spot || statusOf(item) === "rejected" || !inSight.contains(spot)) continue;
    const at = map.project(spot);
    const key = `${Math.floor(at.x / CELL)} ${Math.floor(at.y / CELL)}`;
    if (found.has(key)) found.get(key).push(item);
    else found.set(key, [item]);
  }
  return found.values();
}

function drawMap() {
  marks.clearLayers();
  for (const group of groups()) {
    const spot = spotOf(group[0]);
    if (group.length > 1) {
      const sure = group.filter((item) => statusOf(item) === "confirmed").length;
      const told = mark("cluster", sure ? `${group.length} ${SIGNS.confirmed}${sure}` : `${group.length}`, 34,
        `${group.length} photos, ${sure} confirmed`);
      L.marker(spot, told).on("click", () => open(group)).addTo(marks);
    } else {
      const [item] = group;
      const status = statusOf(item);
      L.marker(spot, mark(`pin ${status} ${item.outcome}`, SIGNS[status], 20, `${labelOf(item)}, ${status}`))
        .on("click", () => choose(shown.indexOf(item), false)).addTo(marks);
    }
  }
}

// A cluster is taken apart by going closer; what lies on one spot is a list.
function open(group) {
  const around = L.latLngBounds(group.map(spotOf));
  if (map.getZoom() < 19 && around.getNorthEast().distanceTo(around.getSouthWest()) >= 5) {
    map.fitBounds(around, { padding: [40, 40], maxZoom: 20, animate: false });
    return;
  }
  const list = make("div", "spot");
  list.append(make("b", "", `${group.length} photos here`), ...group.slice(0, HUGE).map((item) => {
    const line = make("button", "", `${SIGNS[statusOf(item)]} ${labelOf(item)}`);
    line.onclick = () => choose(shown.indexOf(item), false);
    return line;
  }));
  L.popup({ autoPan: false }).setLatLng(spotOf(group[0])).setContent(list).openOn(map);
}

function overview() {
  const spots = items.map(spotOf).filter(Boolean);
  map.fitBounds(spots.length ? L.latLngBounds(spots) : data.city, { padding: [20, 20], maxZoom: 17, animate: false });
}

// ---- the photo in hand

function boxesOf(item, at) {
  const told = item.area[at] || [];
  const corners = [];
  for (let i = 0; i < told.length; i += 4) {
    const [south, west, north, east] = told.slice(i, i + 4).map((part) => part / 1e5);
    corners.push([[item.at[0] + south, item.at[1] + west], [item.at[0] + north, item.at[1] + east]]);
  }
  return corners;
}

function drawArea(item) {
  [0, 1].forEach((at) => boxesOf(item, at).forEach((corners) =>
    L.rectangle(corners, { renderer: canvas, stroke: at === 0, color: "#d55e00", weight: 2, fillColor: "#d55e00", fillOpacity: at ? 0.4 : 0.18, interactive: false }).addTo(lit)));
  if (item.radius_m && item.outcome === "located") L.circle(item.at, { radius: item.radius_m, color: "#222", weight: 2, fill: false, interactive: false }).addTo(lit);
}

function line(from, to) {
  L.polyline([from, to], { renderer: canvas, color: "#222", weight: 2, dashArray: "4 5", interactive: false }).addTo(lit);
}

function light(item) {
  lit.clearLayers();
  const [pin, spot] = [pinOf(item), spotOf(item)];
  if (item.at && !pin) drawArea(item);
  if (item.at && pin && !PUBLIC) {
    line(item.at, pin);
    L.marker(item.at, mark("was", "✕", 16, "the machine's proposal, not taken")).addTo(lit);
  }
  if (item.matches.length > 1) item.matches.forEach((match, at) => {
    const told = mark(`match${at === looked ? " looked" : ""}`, String(match.rank), 18, `match ${match.rank}`);
    L.marker(match.at, { ...told, zIndexOffset: at === looked ? 600 : 300 - at }).on("click", () => look(at)).addTo(lit);
  });
  item.witnesses.filter((witness) => witness.at).forEach((witness) => {
    if (spot) line(witness.at, spot);
    L.marker(witness.at, mark("witness", witness.name.startsWith("EXIF") ? "E" : "P", 18, witness.name)).addTo(lit);
  });
  if (spot) L.circleMarker(spot, { radius: 16, color: "#d55e00", weight: 4, fill: false, interactive: false }).addTo(lit);
}

// A place to be checked from near; several that fit are seen together.
function goTo(item) {
  const spot = spotOf(item);
  if (!spot) return;
  const likely = pinOf(item) ? [] : item.matches.filter((match) => match.share >= LIKELY);
  const places = [spot, ...likely.map((match) => match.at)];
  if (likely.length > 1) map.fitBounds(L.latLngBounds(places), { padding: [60, 60], maxZoom: 18, animate: false });
  else if (map.getZoom() < CLOSE || !map.getBounds().pad(-0.05).contains(spot)) map.setView(spot, Math.max(map.getZoom(), CLOSE), { animate: false });
}
