"use strict";
// What is told of each photo beyond the list, and its pictures. They lie in parts, and the browser goes on reading
// parts while the page is in use.

const parts = new Map();
let unread = false;  // whether something was wanted that had not been read yet

// A block that was read to its end; undefined before. Something follows it, or the whole page was read.
function blockOf(name) {
  if (!parts.has(name)) {
    const block = byId(name);
    if (!block || (!block.nextElementSibling && document.readyState === "loading")) {
      unread = true;
      return undefined;
    }
    parts.set(name, JSON.parse(block.textContent));
  }
  return parts.get(name);
}

// Whether all is known of a photo, which takes it up when it is first wanted.
function known(item) {
  if (item.posts) return true;
  const part = blockOf(`part-${Math.floor(item.place / data.part)}`);
  if (part) Object.assign(item, part.items[item.place % data.part]);
  return part !== undefined;
}

// A picture in the page is named with its part, one beside it by its path.
function source(name) {
  if (!name || name.includes("/")) return name || "";
  const [part, key] = name.split(":");
  return blockOf(`pictures-${part}`)[key] || "";
}
