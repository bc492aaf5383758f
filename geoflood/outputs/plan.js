"use strict";
// Draws the ground of a plan. Foreign text is only ever set by textContent.

map.attributionControl.setPrefix("Leaflet");
if (data.credit) map.attributionControl.addAttribution(make("span", "", data.credit).innerHTML);
byId("title").textContent = data.title;
byId("about").textContent = data.about;
for (const [name, value] of data.rows) byId("rows").append(make("dt", "", name), make("dd", "", value));

const plan = L.layerGroup().addTo(map);
function drawPlan() {
  plan.clearLayers();
  L.polyline(data.outline, { color: theme.colour("cone"), weight: 2, dashArray: "6 5", interactive: false }).addTo(plan);
  const fills = [0, 1, 2, 3, 4].map((seen) => theme.colour(`q${seen}`));
  for (const [lat, lon, seen] of data.squares) {
    const up = data.size_m / 2 / 111195;
    const aside = up / Math.cos(lat * Math.PI / 180);
    const style = seen < 0
      ? { color: "#999", weight: 0.7, fill: false }
      : { stroke: false, fillColor: fills[seen], fillOpacity: 0.9 };
    L.rectangle([[lat - up, lon - aside], [lat + up, lon + aside]], { ...style, interactive: false }).addTo(plan);
  }
}
drawPlan();
document.addEventListener("theme", drawPlan);
function fit() {
  map.invalidateSize({ animate: false });
  map.fitBounds(data.box, { padding: [20, 20], maxZoom: 17, animate: false });
}
fit();
new ResizeObserver(fit).observe(map.getContainer());
document.documentElement.dataset.ready = "true";
