"use strict";
// The photo in hand: its pictures, where it was taken and who says so, what else fits, what was posted.

let pictures = null;  // parsed when the first one is shown: most of the page's bytes
let current = null;
let looked = 0;  // which of its matches is beside it
let moving = false;

// Never quite certain, as wording.percent.
function percent(share) {
  if (share < 0.01) return "under 1 %";
  return share > 0.99 ? "over 99 %" : `${Math.round(share * 100)} %`;
}

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

function frame(id, name, missing) {
  byId(id).replaceChildren(name ? image(name) : make("span", "", missing));
}

function put(id, nodes) {
  byId(id).replaceChildren(...nodes.filter(Boolean));
}

function far(metres) {
  return metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(1)} km`;
}

function lines(texts) {
  return texts.map((text) => make("li", "", text));
}

// ---- where it was taken

function place(item) {
  const pin = pinOf(item);
  const proposed = [...item.coordinates];
  if (item.radius_m && !pin) proposed.push(PUBLIC ? `within ${item.radius_m} m` : `90 % within ${item.radius_m} m if it is in this index`);
  if (!pin) {
    put("place", [make("b", "", proposed.length ? "Where the machine puts it" : "No place"), ...lines(proposed)]);
    return;
  }
  if (PUBLIC) {
    put("place", [make("b", "", "Placed by a person"), ...lines([...item.coordinates, `within ${item.radius_m} m`])]);
    return;
  }
  const made = decisionOf(item);
  put("place", [make("b", "", `Placed by ${made.by || "nobody named"}, ${made.at}`), ...lines(coordinatesOf(pin)),
    make("li", "", "a person's pin: its accuracy is not known"),
    item.at && struck(`${proposed.join(" · ")} · the machine's proposal, ${far(map.distance(item.at, pin))} away`)]);
}

function struck(text) {
  const node = make("li");
  node.append(make("s", "", text));
  return node;
}

// A witness far from the place is said to disagree, not left to be noticed.
function witness(item, told) {
  const spot = spotOf(item);
  const node = make("li", "", `${told.name}: ${told.told}`);
  if (!told.at || !spot) return node;
  const away = map.distance(told.at, spot);
  const reach = Math.max(data.disagree_m, pinOf(item) ? 0 : item.radius_m || 0);
  node.append(away > reach ? make("b", "against", ` DISAGREES: ${far(away)} away`) : ` (${far(away)} away)`);
  return node;
}

// ---- what it was matched with

function look(at) {
  if (!current || !current.matches[at]) return;
  beside(at);
  const spot = current.matches[at].at;
  if (spot && !map.getBounds().contains(spot)) map.panTo(spot, { animate: false });
}

function beside(at) {
  looked = at;
  const match = current.matches[at];
  frame("match", match.picture, "No picture of this match is in the page.");
  byId("match-name").textContent = `Match ${match.rank} (${match.similarity.toFixed(2)})`;
  byId("credit").textContent = match.credit && `Image: ${match.credit}`;
  byId("matches").querySelectorAll("li").forEach((line, index) => line.setAttribute("aria-current", index === at));
  byId("confirm").textContent = at ? `Confirm at match ${match.rank} ` : "Confirm ";
  light(current);
}

function matchLine(item, match, at) {
  const line = make("li");
  const choice = line.appendChild(make("button"));
  const away = at ? ` · ${far(map.distance(match.at, item.matches[0].at))} from 1` : "";
  choice.append(make("b", "", `${match.rank}`),
    make("span", "", `${percent(match.share)} · similarity ${match.similarity.toFixed(2)}\n${usng(...match.at)}${away}`));
  choice.onclick = () => look(at);
  return line;
}

// ---- all of it

function show(item) {
  current = item;
  looked = 0;
  const made = decisionOf(item);
  byId("title").textContent = [item.n, pinOf(item) ? "placed by a person" : item.outcome, item.file].filter(Boolean).join(" · ");
  byId("verdict").textContent = `${SIGNS[statusOf(item)]} `
    + (made ? `${made.status} by ${made.by || "nobody named"}${made.at && ", "}${made.at}` : "candidate: not confirmed by a person");
  byId("verdict").className = statusOf(item);
  byId("reason").textContent = `${pinOf(item) && !PUBLIC ? "The machine had said: " : ""}${item.reason}`
    + (item.narrowed ? `. The search was narrowed: ${item.narrowed}.` : "");
  frame("photo", item.photo, "The photo could not be read.");
  frame("match", null, "Nothing matches.");
  byId("match-name").textContent = "No match";
  byId("credit").textContent = "";
  byId("note").value = noteOf(item);
  byId("confirm").textContent = "Confirm ";
  place(item);
  byId("several").hidden = item.matches.length < 2;
  put("matches", item.matches.length > 1 ? item.matches.map((match, at) => matchLine(item, match, at)) : []);
  put("witnesses", item.witnesses.map((told) => witness(item, told)));
  put("posts", lines([...item.posts.map((post) => `${[post.at, post.author, post.source && `(${post.source})`].filter(Boolean).join(" ")}\n${post.text}`),
    ...item.count > item.posts.length ? [`and ${item.count - item.posts.length} more posts; ${item.copies} files`] : []]));
  if (item.matches.length) beside(0);
  else light(item);
}

function enlarge() {
  if (!current || PUBLIC) return;
  put("large-pair", [current.photo, current.matches[looked] && current.matches[looked].picture].map((name) => name && image(name)));
  byId("large").showModal();
}
