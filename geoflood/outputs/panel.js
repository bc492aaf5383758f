"use strict";
// Puts the data of the page on the panel and the map. Foreign text is only ever set by textContent.

map.attributionControl.setPrefix("Leaflet");
const evidence = L.layerGroup().addTo(map);
const sharp = L.svg({ padding: 0.5 });
let photo = 0;
let chosen = 0;
let markers = [];
let cones = [];

function fit(frame) {
  map.fitBounds(frame || data.city, { padding: [12, 12], maxZoom: 19, animate: false });
}

// ---- coordinates: a click copies

async function copy(text, button, label) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (refused) {  // older browsers, and pages opened from a disk
    const area = document.body.appendChild(make("textarea"));
    area.value = text;
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const setCopied = (done) => {
    label.textContent = done ? "copied" : "copy";
    button.classList.toggle("copied", done);
  };
  setCopied(true);
  setTimeout(setCopied, 1500, false);
}

function chips(coordinates) {
  return coordinates.map(([name, text]) => {
    const button = make("button");
    const label = button.appendChild(make("small", "", name));
    const state = label.appendChild(make("b", "", "copy"));
    button.append(make("span", "", text));
    button.title = `Copy ${name}`;
    button.onclick = () => copy(text, button, state);
    return button;
  });
}

function showPlace(place, several) {
  const block = make("div", "place");
  const title = block.appendChild(make(several ? "button" : "b", "go", place.title));
  if (several) title.onclick = () => fit(place.frame);
  block.appendChild(make("div", "chips")).append(...chips(place.coordinates));
  return block;
}

// ---- pictures: the photo with its attention, and the match

function showPicture(frame, picture, missing) {
  frame.replaceChildren();
  frame.style.setProperty("--aspect", picture ? picture.width / picture.height : 4 / 3);
  if (!picture) {
    frame.append(make("span", "missing", missing));
    return;
  }
  const image = frame.appendChild(make("img"));
  image.alt = missing ? "" : "picture";
  image.src = picture.src;
}

function showAttention(attention, picture) {
  const something = picture && (attention.grid || attention.waterline !== null);
  byId("switch").hidden = !something;
  byId("note").textContent = attention.note;
  if (!something) return;
  if (attention.grid) byId("photo").append(paintAttention(attention.grid));
  if (attention.waterline) byId("photo").append(waterSpan(attention.waterline));
}

// ---- the map

function drawShapes(shapes) {
  const quiet = { renderer: sharp, interactive: false };
  for (const [share, geometry] of shapes.areas) {
    const style = share === 0.5
      ? { stroke: false, fillColor: theme.colour("half"), fillOpacity: theme.colour("half-share") }
      : { color: theme.colour("half"), weight: 1.5, fillColor: theme.colour("ninety"), fillOpacity: theme.colour("ninety-share") };
    evidence.addLayer(L.geoJSON(geometry, { ...quiet, ...style }));
  }
  for (const [share, radius] of shapes.circles) {
    const dashes = share === 50 ? "2 6" : "9 7";
    evidence.addLayer(L.circle(shapes.position, { ...quiet, radius, fill: false, color: theme.colour("ring"), weight: 2, dashArray: dashes }));
  }
}

// Above its spot, so that the matches there stay in sight.
function drawLetter(place) {
  const icon = L.divIcon({ className: "letter", html: make("span", "", place.letter), iconSize: [26, 26], iconAnchor: [13, 44] });
  L.marker([place.lat, place.lon], { icon, interactive: false, keyboard: false, zIndexOffset: 20000 }).addTo(evidence);
}

// Matches cut from one panorama stand on one spot: their numbers are set side by side.
function drawCandidates(candidates) {
  const taken = {};
  cones = candidates.map((candidate) => candidate.cone && L.geoJSON(candidate.cone, { renderer: sharp, interactive: false }).addTo(evidence));
  markers = candidates.map((candidate, index) => {
    const spot = `${candidate.lat.toFixed(5)} ${candidate.lon.toFixed(5)}`;
    const before = taken[spot] || 0;
    taken[spot] = before + 1;
    const icon = L.divIcon({ className: "rank", html: make("span", "", String(candidate.rank)), iconSize: [26, 26], iconAnchor: [13 - 24 * before, 13] });
    const marker = L.marker([candidate.lat, candidate.lon], { icon, title: `Match ${candidate.rank}`, alt: `Match ${candidate.rank}`, zIndexOffset: -1000 * index });
    return marker.on("click", () => choose(index)).addTo(evidence);
  });
}

function highlight() {
  cones.forEach((layer, index) => {
    if (!layer) return;
    const on = index === chosen;
    layer.setStyle({ color: theme.colour(on ? "cone-chosen" : "cone"), weight: on ? 2.5 : 1, fillColor: on ? "#d55e00" : "#777", fillOpacity: on ? 0.5 : 0.06 });
    if (on) layer.bringToFront();
  });
  markers.forEach((marker, index) => {
    const element = marker.getElement();
    element.classList.toggle("best", index === 0);
    element.classList.toggle("chosen", index === chosen);
    marker.setZIndexOffset(index === chosen ? 10000 : -1000 * index);
  });
}

function drawEvidence(sheet) {
  evidence.clearLayers();
  if (sheet.shapes) drawShapes(sheet.shapes);
  if (sheet.places.length > 1) sheet.places.forEach(drawLetter);
  drawCandidates(sheet.candidates);
}

document.addEventListener("theme", () => {
  if (!data.sheets.length) return;
  drawEvidence(data.sheets[photo]);
  highlight();
});

// ---- choosing a match and a photo

function choose(index) {
  const sheet = data.sheets[photo];
  const candidate = sheet.candidates[index];
  if (!candidate) return;
  chosen = index;
  const kind = sheet.outcome === "not-found" ? "Look-alike, not a match" : index ? "Match" : "Best match";
  byId("match-name").textContent = `${kind} ${candidate.rank} of ${sheet.candidates.length}`;
  const elsewhere = candidate.links.some(([words]) => words === "its page") ? ", its page below has it" : "";
  showPicture(byId("match"), data.pictures[candidate.view], `The picture of this match is not kept here${elsewhere}.`);
  for (const name of ["facts", "source"]) byId(name).textContent = candidate[name];
  showCredit(byId("credit"), candidate.credit, candidate.links);
  byId("spot").replaceChildren("Taken at", ...chips(candidate.coordinates.slice(0, 2)));
  [...byId("ranks").children].forEach((button, at) => button.setAttribute("aria-current", at === index));
  highlight();
  if (compare.isOpen()) compare.show(pairNow());
}

// ---- the pair over the whole screen

function pairNow() {
  const sheet = data.sheets[photo];
  const candidate = sheet.candidates[chosen];
  const side = (picture, name, missing) => ({ src: picture ? picture.src : "", name, missing });
  return {
    title: sheet.headline,
    status: candidate ? candidate.facts : "",
    photo: { ...side(sheet.picture, sheet.photo, "The photo could not be read."), attention: sheet.attention },
    match: candidate
      ? side(data.pictures[candidate.view], byId("match-name").textContent, "The picture of this match is not kept here.")
      : side(null, "No match", "Nothing matches."),
    details: candidate ? candidate.details : "",
    credit: candidate ? candidate.credit : "",
    links: candidate ? candidate.links : [],
  };
}

function compareNow() {
  compare.open(pairNow(), {
    ArrowLeft: ["Match", () => step(-1, chosen, data.sheets[photo].candidates.length, visit)],
    ArrowRight: ["Match", () => step(1, chosen, data.sheets[photo].candidates.length, visit)],
  });
}

function visit(index) {
  choose(index);
  const candidate = data.sheets[photo].candidates[index];
  if (candidate && !map.getBounds().pad(-0.05).contains([candidate.lat, candidate.lon])) map.panTo([candidate.lat, candidate.lon], { animate: false });
}

function showBelief(belief) {
  byId("certainty").hidden = !belief;
  const looks = ["here", "elsewhere", "outside", "other-index"];
  byId("belief").replaceChildren(...(belief || []).map((part, index) => {
    const bar = make("span", looks[index]);
    bar.style.width = `${part.share * 100}%`;
    return bar;
  }));
  byId("parts").replaceChildren(...(belief || []).map((part, index) => {
    const label = make("span");
    label.append(make("i", looks[index]), `${part.percent} ${part.label}`);
    return label;
  }));
}

function show(index) {
  const sheet = data.sheets[index];
  photo = index;
  document.body.dataset.outcome = sheet.outcome;
  for (const name of ["headline", "street", "gap", "reason", "status", "area", "streets", "signs"]) byId(name).textContent = sheet[name];
  byId("photo-name").textContent = sheet.photo;
  byId("photo-name").title = sheet.path;
  showPicture(byId("photo"), sheet.picture, "The photo could not be read.");
  showAttention(sheet.attention, sheet.picture);
  byId("places").className = sheet.places.length > 1 ? "several" : "";
  byId("places").replaceChildren(...sheet.places.map((place) => showPlace(place, sheet.places.length > 1)), make("p", "rest", sheet.rest));
  byId("ranks").replaceChildren(...sheet.candidates.map((candidate, at) => {
    const button = make("button", "", String(candidate.rank));
    button.title = `Match ${candidate.rank}`;
    button.onclick = () => visit(at);
    return button;
  }));
  byId("matches").hidden = byId("match").parentNode.hidden = !sheet.candidates.length;
  showBelief(sheet.belief);
  document.querySelectorAll("#legend .evidence").forEach((node) => { node.hidden = !sheet.shapes; });
  document.querySelector("#legend .circled").hidden = !sheet.shapes || !sheet.shapes.circles.length;
  document.querySelector("#legend .matched").hidden = !sheet.candidates.length;
  document.querySelectorAll("[data-frame]").forEach((node) => {
    node.disabled = node.dataset.frame !== "city" && !sheet.frames[node.dataset.frame];
  });
  [...byId("photos").children].forEach((button, at) => button.setAttribute("aria-current", at === index));
  drawEvidence(sheet);
  choose(0);
  map.invalidateSize({ animate: false });  // the legend may have taken or given a line
  fit(sheet.frames.answer);
}

function step(amount, now, count, go) {
  const next = now + amount;
  if (next >= 0 && next < count) go(next);
}

document.addEventListener("keydown", (event) => {
  const several = data.sheets.length > 1;
  const moves = {
    ArrowRight: () => step(1, chosen, data.sheets[photo].candidates.length, visit),
    ArrowLeft: () => step(-1, chosen, data.sheets[photo].candidates.length, visit),
    ...(several && { ArrowDown: () => step(1, photo, data.sheets.length, show), ArrowUp: () => step(-1, photo, data.sheets.length, show) }),
    e: compareNow,
  };
  if (!moves[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  moves[event.key]();
});

for (const id of ["photo", "match"]) byId(id).onclick = compareNow;
byId("overlay").onchange = (event) => document.body.classList.toggle("plain", !event.target.checked);
document.querySelectorAll("[data-frame]").forEach((node) => {
  node.onclick = () => fit(data.sheets[photo].frames[node.dataset.frame]);
});
byId("photos").hidden = data.sheets.length < 2;
byId("photos").append(...data.sheets.map((sheet, index) => {
  const button = make("button", "", sheet.photo);
  button.append(make("small", "", sheet.headline));
  button.onclick = () => show(index);
  return button;
}));
byId("about").textContent = data.about;
new ResizeObserver(() => {
  if (matchMedia("print").matches) return;
  map.invalidateSize({ animate: false });
  map.getContainer().style.setProperty("--wide", `${map.getSize().x}px`);
  map.getContainer().style.setProperty("--high", `${map.getSize().y}px`);
}).observe(map.getContainer());
if (data.sheets.length) show(0);
else fit(null);
document.documentElement.dataset.ready = "true";
