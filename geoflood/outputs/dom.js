"use strict";
// What every page begins with: its data, its map, and nodes. Foreign text is only ever set by textContent.

const data = JSON.parse(document.getElementById("data").textContent);
const map = window[data.map];
const byId = (id) => document.getElementById(id);

// Who made a picture, with links to its page and its licence; Python has let web addresses through, no others.
function showCredit(node, credit, links) {
  node.textContent = credit;
  for (const [words, address] of links) {
    const link = make("a", "", words);
    link.href = address;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    node.append(" · ", link);
  }
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className || "";
  node.textContent = text || "";
  if (tag === "button") node.type = "button";
  return node;
}

// The button for day and night, on every map.
const nightButton = L.control({ position: "topright" });
nightButton.onAdd = () => {
  const bar = make("div", "leaflet-bar");
  const button = bar.appendChild(make("button", "night", "◐"));
  const say = () => { button.title = theme.isNight() ? "Day colours" : "Night colours"; button.setAttribute("aria-label", button.title); };
  say();
  document.addEventListener("theme", say);
  button.onclick = theme.toggle;
  L.DomEvent.disableClickPropagation(bar);
  return bar;
};
nightButton.addTo(map);
