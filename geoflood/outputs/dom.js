"use strict";
// What every page begins with: its data, its map, and nodes. Foreign text is only ever set by textContent.

const data = JSON.parse(document.getElementById("data").textContent);
const map = window[data.map];
const byId = (id) => document.getElementById(id);

function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className || "";
  node.textContent = text || "";
  if (tag === "button") node.type = "button";
  return node;
}
