"use strict";
// Pins and clusters of all photos; of the one in hand its search area, what else fits, and what speaks against it.

const CLUSTER_PX = 40;  // photos this close on the screen are one cluster
const MOST_LISTED = 200;  // photos of one spot that are listed
const CLOSE_ZOOM = 16;
const WORTH_GOING = 0.02;  // matches that are worth going farther away for
map.attributionControl.setPrefix("Leaflet");
map.getContainer().setAttribute("role", "region");
map.getContainer().setAttribute("aria-label", "Map of the photos");
const pinClusters = L.markerClusterGroup({
  maxClusterRadius: CLUSTER_PX, iconCreateFunction: clusterIcon, animate: false,
  showCoverageOnHover: false, zoomToBoundsOnClick: false, spiderfyOnMaxZoom: false,
}).addTo(map);
const evidence = L.layerGroup().addTo(map);
const canvas = L.canvas({ padding: 0.3 });
const pinCache = new Map();
const pinIcons = new Map();
let drawnPins = new Set();

function mark(className, sign, size, title) {
  const html = make("span", "", sign);
  return { icon: L.divIcon({ className, html, iconSize: [size, size] }), keyboard: false, title: title || "" };
}

// A tag that points at its place: nothing else on the map does, and a photo's pin stays in sight below it.
function matchMark(match, isChosen) {
  const icon = L.divIcon({ className: `match${isChosen ? " chosen" : ""}`, html: make("span", "", `M${match.rank}`), iconSize: [28, 18], iconAnchor: [14, 34] });
  return { icon, keyboard: false, title: `match ${match.rank}` };
}

function labelOf(item) {
  const share = item.at && !pinOf(item) ? ` ${percent(item.probability)}` : "";
  return pinOf(item) ? `${item.n} placed by a person` : `${item.n} ${item.outcome}${share}`;
}

// One for all pins that look alike: thousands of nodes would be made for the few that are in sight.
function pinIcon(status, outcome) {
  const className = `pin ${status} ${outcome}`;
  if (!pinIcons.has(className)) pinIcons.set(className, L.divIcon({ className, html: `<span>${SIGNS[status]}</span>`, iconSize: [20, 20] }));
  return pinIcons.get(className);
}

// The pin of a photo: a new one when the photo has been decided on or moved since.
function markerOf(item) {
  const [spot, status] = [spotOf(item), statusOf(item)];
  const looks = `${status} ${spot}`;
  const cached = pinCache.get(item);
  if (cached && cached.looks === looks) return cached;
  const pin = L.marker(spot, { icon: pinIcon(status, item.outcome), keyboard: false, title: `${labelOf(item)}, ${status}` });
  Object.assign(pin, { item, looks }).on("click", () => choose(shown.indexOf(item), false));
  pinCache.set(item, pin);
  return pin;
}

// How many photos, and below it how many of them a person has confirmed; the rim fills up with these.
function clusterIcon(cluster) {
  const group = cluster.getAllChildMarkers().map((pin) => pin.item);
  const confirmed = group.filter((item) => statusOf(item) === "confirmed").length;
  const html = make("span", "", String(group.length));
  if (confirmed) html.append(make("small", "", `${SIGNS.confirmed}${confirmed}`));
  html.style.setProperty("--confirmed", `${confirmed / group.length * 360}deg`);
  html.title = `${group.length} photos, ${confirmed} confirmed`;
  return L.divIcon({ className: "cluster", html, iconSize: [38, 38] });
}

function drawPins() {
  const wanted = new Set(shown.filter((item) => spotOf(item) && statusOf(item) !== "rejected").map(markerOf));
  const [gone, come] = [[...drawnPins].filter((pin) => !wanted.has(pin)), [...wanted].filter((pin) => !drawnPins.has(pin))];
  pinClusters.removeLayers(gone).addLayers(come, true);
  drawnPins = wanted;
}

pinClusters.on("clusterclick", (event) => open(event.layer.getAllChildMarkers().map((pin) => pin.item)));

// A cluster is taken apart by going closer; what lies on one spot is a list.
function open(group) {
  const around = L.latLngBounds(group.map(spotOf));
  if (map.getZoom() < 19 && around.getNorthEast().distanceTo(around.getSouthWest()) >= 5) {
    map.fitBounds(around, { padding: [40, 40], maxZoom: 20, animate: false });
    return;
  }
  const list = make("div", "spot");
  list.append(make("b", "", `${group.length} photos here`), ...group.slice(0, MOST_LISTED).map((item) => {
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

function ringsOf(item, at) {
  return (item.area[at] || []).map((steps) => {
    const ring = [];
    for (let i = 0; i < steps.length; i += 2) ring.push([item.at[0] + steps[i] / 1e5, item.at[1] + steps[i + 1] / 1e5]);
    return ring;
  });
}

// The search area as on the map of one photo: a thin line around nine tenths of the belief, half of it filled.
function drawArea(item) {
  const quiet = { renderer: canvas, interactive: false };
  const half = theme.colour("half");
  L.polygon(ringsOf(item, 0), { ...quiet, color: half, weight: 1.5, fillColor: theme.colour("ninety"), fillOpacity: theme.colour("ninety-share") }).addTo(evidence);
  L.polygon(ringsOf(item, 1), { ...quiet, stroke: false, fillColor: half, fillOpacity: theme.colour("half-share") }).addTo(evidence);
  if (item.radius_m && item.outcome === "located") L.circle(item.at, { radius: item.radius_m, color: theme.colour("ring"), weight: 2, fill: false, interactive: false }).addTo(evidence);
}

function line(from, to) {
  L.polyline([from, to], { renderer: canvas, color: theme.colour("ring"), weight: 2, dashArray: "4 5", interactive: false }).addTo(evidence);
}

// Who speaks: the EXIF, words, or a post's own position.
function letterOf(witness) {
  if (witness.name.startsWith("EXIF")) return "E";
  return witness.name.endsWith("words") ? "W" : "P";
}

function showEvidence(item) {
  evidence.clearLayers();
  const [pin, spot] = [pinOf(item), spotOf(item)];
  if (item.at && !pin) drawArea(item);
  if (item.at && pin && !PUBLIC) {
    line(item.at, pin);
    L.marker(item.at, { ...mark("was", "✕", 16, "the machine's proposal, not taken"), zIndexOffset: -100 }).addTo(evidence);
  }
  if (item.matches.length > 1) item.matches.forEach((match, at) => {
    L.marker(match.at, { ...matchMark(match, at === shownMatch), zIndexOffset: at === shownMatch ? 600 : 300 - at }).on("click", () => visitMatch(at)).addTo(evidence);
  });
  item.witnesses.filter((witness) => witness.at).forEach((witness) => {
    if (spot) line(witness.at, spot);
    L.marker(witness.at, { ...mark("witness", letterOf(witness), 18, witness.name), zIndexOffset: -100 }).addTo(evidence);
  });
  if (spot) L.marker(spot, { ...mark(`pin chosen ${statusOf(item)} ${item.outcome}`, SIGNS[statusOf(item)], 20), interactive: false, zIndexOffset: 10000 }).addTo(evidence);
}

document.addEventListener("theme", () => current && showEvidence(current));

// A place to be checked from near; several that fit are seen together.
function goTo(item) {
  const spot = spotOf(item);
  if (!spot) return;
  const others = pinOf(item) ? [] : item.matches.filter((match) => match.share >= WORTH_GOING);
  const places = [spot, ...others.map((match) => match.at)];
  if (others.length > 1) map.fitBounds(L.latLngBounds(places), { padding: [60, 60], maxZoom: 18, animate: false });
  else if (map.getZoom() < CLOSE_ZOOM || !map.getBounds().pad(-0.05).contains(spot)) map.setView(spot, Math.max(map.getZoom(), CLOSE_ZOOM), { animate: false });
}
