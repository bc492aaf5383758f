"use strict";
// Goes through thousands of photos. Foreign text is only ever set by textContent.

const data = JSON.parse(document.getElementById("data").textContent);
const map = window[data.map];
map.attributionControl.setPrefix("Leaflet");
const byId = (id) => document.getElementById(id);
const items = data.items;
const ROW = 58;
const CELL = 44;
const PUBLIC = data.sharing === "public";  // a map to look at: nothing in it can be decided
const STORE = `geoflood triage ${location.pathname}`;
const COLOURS = { located: "#00478f", uncertain: "#f0b400", "not-found": "#3a3a3a", failed: "#8c1d00" };
const OUTCOMES = Object.keys(COLOURS);
const STATUSES = ["candidate", "confirmed", "rejected"];
let pictures = null;  // parsed when the first one is shown: most of the page's bytes
let decisions = {};
let shown = [];
let chosen = -1;
let moving = false;

function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className || "";
  node.textContent = text || "";
  if (tag === "button") node.type = "button";
  return node;
}

// ---- decisions

function decisionOf(item) {
  const own = decisions[item.sha256];
  return own === undefined ? item.decision : own;
}

function statusOf(item) {
  const made = decisionOf(item);
  return made ? made.status : "candidate";
}

function spotOf(item) {
  const made = decisionOf(item);
  return made && made.lat !== null ? [made.lat, made.lon] : item.at;
}

function remember() {
  try {
    localStorage.setItem(STORE, JSON.stringify(decisions));
  } catch (refused) { /* a browser that keeps nothing: decisions last as long as the page */ }
}

function decide(item, status, spot) {
  const before = decisionOf(item);
  const kept = before && before.lat !== null ? [before.lat, before.lon] : null;
  const [lat, lon] = spot || kept || [null, null];
  const at = `${new Date().toISOString().slice(0, 19)}Z`;
  decisions[item.sha256] = { status, by: byId("by").value.trim(), at, lat, lon, note: byId("note").value };
  afterDeciding(item);
}

// Takes back what was decided here; what had been merged before is decided anew, as undecided.
function undo(item) {
  if (decisions[item.sha256] === undefined && item.decision) {
    decide(item, "candidate", null);
    return;
  }
  delete decisions[item.sha256];
  afterDeciding(item);
}

function afterDeciding(item) {
  remember();
  filter(false);
  show(item);
}

function save() {
  const list = Object.entries(decisions).map(([sha256, made]) => ({ sha256, ...made }));
  const text = JSON.stringify({ geoflood: "decisions 1", decisions: list }, null, 1);
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "decisions.json";
  link.click();
  URL.revokeObjectURL(link.href);
  document.documentElement.dataset.saved = text;
}

// ---- filters

const times = items.map((item) => item.time).filter((time) => time !== null);
const first = times.reduce((a, b) => Math.min(a, b), Infinity);
const last = times.reduce((a, b) => Math.max(a, b), -Infinity);
const haystacks = items.map((item) =>
  [item.n, item.file, ...item.posts.flatMap((post) => [post.text, post.author, post.id])].join(" ").toLowerCase());
const moment = (slider) => first + (last - first) * slider.value / 1000;
const said = (seconds) => times.length ? new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") : "any time";

function checked(names, container) {
  const boxes = names.map((name) => {
    const label = container.appendChild(make("label"));
    const box = label.appendChild(make("input"));
    box.type = "checkbox";
    box.checked = true;
    label.append(` ${name}`);
    return [name, box];
  });
  return () => new Set(boxes.filter(([, box]) => box.checked).map(([name]) => name));
}

const wantedOutcomes = checked(OUTCOMES, byId("outcomes"));
const wantedStatuses = checked(STATUSES, byId("statuses"));

function filter(toTop) {
  const outcomes = wantedOutcomes();
  const statuses = wantedStatuses();
  const sure = byId("sure").value / 100;
  const [from, until] = [moment(byId("from")), moment(byId("until"))];
  const timed = byId("from").value > 0 || byId("until").value < 1000;
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const twice = byId("twice").checked;
  shown = items.filter((item, index) =>
    outcomes.has(item.outcome) && statuses.has(statusOf(item)) && item.probability >= sure
    && (!timed || (item.time !== null && item.time >= from && item.time <= until))
    && (!twice || item.count > 1) && words.every((word) => haystacks[index].includes(word)));
  byId("sure-told").textContent = `${Math.round(sure * 100)} %`;
  byId("from-told").textContent = said(from);
  byId("until-told").textContent = said(until);
  const counted = OUTCOMES.map((name) => `${shown.filter((item) => item.outcome === name).length} ${name}`);
  byId("counts").textContent = `${shown.length} of ${items.length} photos: ${counted.join(", ")}`
    + (data.limit ? `; only the first ${data.limit} are here, the table has all` : "");
  byId("decided").textContent = `${Object.keys(decisions).length} decisions to save`;
  if (toTop) byId("list").scrollTop = 0;
  chosen = shown.indexOf(items.find((item) => item === current));
  drawList();
  drawMap();
}

// ---- pictures and the list: only rows in sight exist

function source(name) {
  if (!name) return "";
  if (name.includes("/")) return name;
  if (!pictures) pictures = JSON.parse(byId("pictures").textContent);
  return pictures[name] || "";
}

function image(name) {
  const node = make("img");
  node.alt = "";
  node.loading = "lazy";
  const from = source(name);
  if (from) node.src = from;
  return node;
}

function row(item, index) {
  const node = make("button", `row ${item.outcome}`);
  node.style.top = `${index * ROW}px`;
  node.setAttribute("aria-current", index === chosen);
  const words = make("span");
  const share = item.at ? ` ${Math.round(item.probability * 100)} %` : "";
  words.append(make("b", "", `${item.n} ${item.outcome}${share}`), make("small", "", `${statusOf(item)} · ${item.count} post${item.count === 1 ? "" : "s"}`),
    make("small", "", (item.posts[0] && item.posts[0].text) || item.file));
  node.append(image(item.photo), words);
  node.onclick = () => choose(index);
  return node;
}

function drawList() {
  const list = byId("list");
  const from = Math.max(0, Math.floor(list.scrollTop / ROW) - 3);
  const until = Math.min(shown.length, from + Math.ceil(list.clientHeight / ROW) + 6);
  byId("rows").style.height = `${shown.length * ROW}px`;
  byId("rows").replaceChildren(...shown.slice(from, until).map((item, at) => row(item, from + at)));
}

// ---- the map: one mark for each square of the screen

const marks = L.layerGroup().addTo(map);
const pin = L.layerGroup().addTo(map);
const canvas = L.canvas({ padding: 0.3 });

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
      const icon = L.divIcon({ className: "cluster", html: make("span", "", String(group.length)), iconSize: [32, 32] });
      L.marker(spot, { icon, keyboard: false }).on("click", () => open(group)).addTo(marks);
    } else {
      const style = { renderer: canvas, radius: 8, weight: 2, color: "#fff", fillOpacity: 0.95, fillColor: COLOURS[group[0].outcome] };
      L.circleMarker(spot, style).on("click", () => choose(shown.indexOf(group[0]))).addTo(marks);
    }
  }
}

function open(group) {
  const around = L.latLngBounds(group.map(spotOf));
  if (map.getZoom() >= 19 || around.getNorthEast().distanceTo(around.getSouthWest()) < 5) choose(shown.indexOf(group[0]));
  else map.fitBounds(around, { padding: [40, 40], maxZoom: 20, animate: false });
}

// ---- one photo

let current = null;

function choose(index) {
  if (index < 0 || index >= shown.length) return;
  chosen = index;
  const list = byId("list");
  const top = index * ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
  moving = false;
  document.body.classList.remove("moving");
  show(shown[index]);
  drawList();
}

function frame(id, name, missing) {
  byId(id).replaceChildren(name ? image(name) : make("span", "", missing));
}

function lines(id, texts) {
  byId(id).replaceChildren(...texts.filter(Boolean).map((text) => make("li", "", text)));
}

function show(item) {
  current = item;
  const made = decisionOf(item);
  byId("title").textContent = [item.n, item.outcome, item.file].filter(Boolean).join(" · ");
  byId("reason").textContent = item.narrowed ? `${item.reason}. The search was narrowed: ${item.narrowed}.` : item.reason;
  frame("photo", item.photo, "The photo could not be read.");
  frame("match", item.match, "No picture of a match is at hand.");
  byId("match-name").textContent = item.similarity === null ? "No match" : `Best match, similarity ${item.similarity}`;
  byId("credit").textContent = item.credit ? `Image: ${item.credit}` : "";
  byId("note").value = made ? made.note : "";
  byId("verdict").textContent = made ? `${made.status} by ${made.by || "nobody named"}${made.at && ", "}${made.at}` : "candidate: not confirmed by a person";
  lines("coordinates", [...item.coordinates, item.radius_m && `90 % within ${item.radius_m} m if it is in this index`]);
  lines("witnesses", item.witnesses.map(([name, told]) => `${name}: ${told}`));
  lines("posts", [...item.posts.map((post) => `${post.at} ${post.author} (${post.layout} ${post.id}): ${post.text}`),
    item.count > item.posts.length && `and ${item.count - item.posts.length} more posts; ${item.copies} files`]);
  pin.clearLayers();
  const spot = spotOf(item);
  if (!spot) return;
  if (item.radius_m && spot === item.at) L.circle(spot, { radius: item.radius_m, color: "#222", weight: 2, fill: false, interactive: false }).addTo(pin);
  L.circleMarker(spot, { radius: 12, color: "#d55e00", weight: 4, fill: false, interactive: false }).addTo(pin);
  if (!map.getBounds().pad(-0.05).contains(spot)) map.setView(spot, Math.max(map.getZoom(), 16), { animate: false });
}

function step(amount) {
  choose(Math.min(Math.max(chosen + amount, 0), shown.length - 1));
}

function move() {
  moving = !moving;
  document.body.classList.toggle("moving", moving);
}

function act(name) {
  if (!current || PUBLIC) return;
  if (name === "move") move();
  else if (name === "undo") undo(current);
  else decide(current, name, null);
}

map.on("moveend", drawMap);
map.on("click", (event) => {
  if (!moving || !current) return;
  move();
  const { lat, lng } = event.latlng.wrap();
  decide(current, "confirmed", [Math.round(lat * 1e6) / 1e6, Math.round(lng * 1e6) / 1e6]);
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input") || event.ctrlKey || event.altKey || event.metaKey) return;
  const keys = {
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
    c: () => act("confirmed"), r: () => act("rejected"), m: () => act("move"), u: () => act("undo"),
    "/": () => byId("search").focus(),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
byId("list").addEventListener("scroll", drawList, { passive: true });
byId("filters").addEventListener("input", () => filter(true));
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("save").onclick = save;
document.querySelectorAll("[data-do]").forEach((node) => { node.onclick = () => act(node.dataset.do); });
byId("about").textContent = data.about;
byId("sharing").textContent = data.sharing;
document.body.classList.toggle("public", PUBLIC);
if (!PUBLIC) try {
  decisions = JSON.parse(localStorage.getItem(STORE)) || {};
} catch (refused) { /* nothing is kept, or what was kept is no JSON */ }
const placed = items.filter((item) => item.at).map((item) => item.at);
map.fitBounds(placed.length ? L.latLngBounds(placed) : data.city, { padding: [20, 20], maxZoom: 17, animate: false });
filter(true);
if (shown.length) choose(0);
new ResizeObserver(() => { map.invalidateSize({ animate: false }); drawList(); }).observe(map.getContainer());
document.documentElement.dataset.readyAfter = String(Math.round(performance.now()));
document.documentElement.dataset.ready = "true";
