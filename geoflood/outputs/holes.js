"use strict";
// Draws the streets that no street image shows. Foreign text is only ever set by textContent.

map.attributionControl.setPrefix("Leaflet");
byId("title").textContent = data.title;
byId("about").textContent = data.about;
for (const [name, value] of data.rows) byId("rows").append(make("dt", "", name), make("dd", "", value));
const sign = make("i");
sign.style.background = "#d55e00";
const indexed = make("i");
indexed.style.background = "#8a8a8a";
const [hole, dot] = [make("span"), make("span")];
hole.append(sign, "street without a street image");
dot.append(indexed, "street image");
byId("legend").replaceChildren(hole, dot);

for (const [words, lines] of data.holes) {
  L.polyline(lines, { color: "#d55e00", weight: 5, opacity: 0.85 })
    .bindTooltip(make("span", "", words), { sticky: true }).addTo(map);
}
function fit() {
  map.invalidateSize({ animate: false });
  map.fitBounds(data.box, { padding: [20, 20], maxZoom: 17, animate: false });
}
fit();
new ResizeObserver(fit).observe(map.getContainer());
document.documentElement.dataset.ready = "true";
