"use strict";
// Draws the world and where photos may have been taken. Foreign text is only ever set by textContent.

map.attributionControl.setPrefix("Leaflet");
byId("about").textContent = data.about;

function ringOf(steps) {
  const ring = [];
  let [lat, lon] = [0, 0];
  for (let at = 0; at < steps.length; at += 2) {
    lat += steps[at];
    lon += steps[at + 1];
    ring.push([lat / data.units, lon / data.units]);
  }
  return ring;
}
const rings = data.land.map((steps) => [ringOf(steps)]);
const land = L.layerGroup().addTo(map);
const belief = L.layerGroup().addTo(map);
let chosen = data.photos[0];

function drawLand() {
  land.clearLayers();
  L.polygon(rings, {
    color: theme.colour("off"), weight: 0.6, fillColor: theme.colour("ground-land"), fillOpacity: 1,
    interactive: false, smoothFactor: 0.6,
  }).addTo(land);
}
function drawBelief() {
  belief.clearLayers();
  const likeliest = chosen.cells.length ? chosen.cells[0][4] : 1;
  for (const [south, west, north, east, share, half, words] of [...chosen.cells].reverse()) {
    const fillColor = theme.colour(half ? "half" : "ninety");
    L.rectangle([[south, west], [north, east]], { stroke: false, fillColor, fillOpacity: 0.75, interactive: false }).addTo(belief);
    const radius = 2 + 7 * Math.sqrt(share / likeliest);
    L.circleMarker([(south + north) / 2, (west + east) / 2], {
      radius, color: theme.colour("ring"), weight: radius > 6 ? 1 : 0, fillColor, fillOpacity: half ? 0.8 : 0.4,
    }).bindTooltip(make("span", "", words)).addTo(belief);
  }
}
function row(cells) {
  const line = make("tr");
  for (const words of cells) line.append(make("td", "", words));
  return line;
}
function cellItem([south, west, north, east, , , words]) {
  const middle = `${((south + north) / 2).toFixed(1)}, ${((west + east) / 2).toFixed(1)}`;
  const button = make("button", "", `${words}, at ${middle}`);
  button.onclick = () => map.fitBounds([[south, west], [north, east]], { maxZoom: 8, animate: false });
  const item = make("li");
  item.append(button);
  return item;
}
function show(photo) {
  chosen = photo;
  byId("verdict").textContent = photo.failed ? "failed" : "uncertain";
  byId("picture").src = photo.picture;
  byId("picture").alt = photo.picture ? "The photo" : "";
  byId("name").textContent = photo.name;
  byId("reason").textContent = photo.reason;
  byId("found").hidden = photo.failed;
  byId("countries").replaceChildren(...photo.countries.map(row));
  byId("areas").textContent = photo.areas.join("; ");
  byId("cells").replaceChildren(...photo.cells.slice(0, 10).map(cellItem));
  byId("next").textContent = photo.next;
  drawBelief();
}
for (const [at, photo] of data.photos.entries()) {
  const option = make("option", "", photo.file);
  option.value = at;
  byId("photos").append(option);
}
byId("which").hidden = data.photos.length < 2;
byId("photos").onchange = (event) => show(data.photos[event.target.value]);

drawLand();
show(chosen);
document.addEventListener("theme", () => { drawLand(); drawBelief(); });
function fit() {
  map.invalidateSize({ animate: false });
  map.fitBounds([[-56, -170], [72, 180]], { animate: false });
}
fit();
new ResizeObserver(fit).observe(map.getContainer());
document.documentElement.dataset.ready = "true";
