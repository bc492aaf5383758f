"use strict";
// The photo in hand: its pictures, where it was taken and who says so, what else fits, what was posted.

let current = null;
let shownMatch = 0;  // which of its matches is beside it
let moving = false;

// As wording.percent: never quite certain, and rounded down.
function percent(share) {
  if (share < 0.01) return "under 1 %";
  return share > 0.99 ? "over 99 %" : `${Math.floor(share * 100 + 1e-9)} %`;
}

// Its larger picture, which may lie beside the page; none beside a public one.
function largeOf(name) {
  return name && data.large ? `${data.large}/${name.replace(/^.*[/:]|\.jpg$/g, "")}-large.jpg` : "";
}

function image(name) {
  const node = make("img");
  node.alt = "";
  node.loading = "lazy";
  const from = source(name);
  if (from) node.src = from;
  return node;
}

function showPicture(id, name, missing) {
  byId(id).replaceChildren(name ? image(name) : make("span", "", missing));
}

function put(id, nodes) {
  byId(id).replaceChildren(...nodes.filter(Boolean));
}

function distanceText(metres) {
  return metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(1)} km`;
}

function lines(texts) {
  return texts.map((text) => make("li", "", text));
}

// ---- where it was taken

function showPlace(item) {
  const pin = pinOf(item);
  const proposed = [item.street, ...item.coordinates].filter(Boolean);
  if (item.belief && !pin) proposed.push(item.belief);
  if (item.radius_m && !pin) proposed.push(PUBLIC ? `within ${item.radius_m} m` : `90 % within ${item.radius_m} m if it is in ${item.searched}`);
  if (item.gap && !pin) proposed.push(item.gap);
  if (!pin) {
    putPlace(proposed.length ? "Where the machine puts it" : "No place", lines(proposed));
    return;
  }
  if (PUBLIC) {
    putPlace("Placed by a person", lines([...item.coordinates, `within ${item.radius_m} m`]));
    return;
  }
  const decision = decisionOf(item);
  putPlace(`Placed by ${decision.by || "nobody named"}, ${decision.at}`, [...lines(coordinatesOf(pin)),
    make("li", "", "a person's pin: its accuracy is not known"),
    item.at && struck(`${proposed.join(" · ")} · the machine's proposal, ${distanceText(map.distance(item.at, pin))} away`)]);
}

function putPlace(title, told) {
  const list = make("ul");
  list.append(...told.filter(Boolean));
  put("place", [make("b", "", title), told.length && list]);
}

function struck(text) {
  const node = make("li");
  node.append(make("s", "", text));
  return node;
}

// A witness far from the place is said to disagree, not left to be noticed.
function witnessLine(item, witness) {
  const spot = spotOf(item);
  const node = make("li", "", `${witness.name}: ${witness.text}`);
  if (!witness.at || !spot) return node;
  const away = map.distance(witness.at, spot);
  const reach = Math.max(data.disagree_m, pinOf(item) ? 0 : item.radius_m || 0);
  node.append(away > reach ? make("b", "against", ` DISAGREES: ${distanceText(away)} away`) : ` (${distanceText(away)} away)`);
  return node;
}

// ---- what it was matched with

function visitMatch(at) {
  if (!current || !current.matches[at]) return;
  showMatch(at);
  const spot = current.matches[at].at;
  if (spot && !map.getBounds().contains(spot)) map.fitBounds(L.latLngBounds([spot, spotOf(current)]), { padding: [60, 60], maxZoom: map.getZoom(), animate: false });
}

function showMatch(at) {
  shownMatch = at;
  const match = current.matches[at];
  showPicture("match", match.picture, "No picture of this match is in the page.");
  const agree = match.inliers === null ? "" : `, ${match.inliers} details agree`;
  byId("match-name").textContent = `Match ${match.rank} (${match.similarity.toFixed(2)}${agree})`;
  showCredit(byId("credit"), match.credit && `Image: ${match.credit}`, match.links);
  byId("matches").querySelectorAll("li").forEach((line, index) => line.setAttribute("aria-current", index === at));
  byId("confirm").textContent = at ? `Confirm at match ${match.rank} ` : "Confirm ";
  showEvidence(current);
  refreshCompare();
}

function matchLine(item, match, at) {
  const line = make("li");
  const choice = line.appendChild(make("button"));
  const away = at ? ` · ${distanceText(map.distance(match.at, item.matches[0].at))} from ${item.matches[0].rank}` : "";
  choice.append(make("b", "", `${match.rank}`),
    make("span", "", `${match.street ? `${match.street} · ` : ""}${percent(match.share)} within 25 m · similarity ${match.similarity.toFixed(2)}\n${usng(...match.at)}${away}`));
  choice.onclick = () => visitMatch(at);
  return line;
}

// ---- what was posted

// Every second part of a marked text names a place, or calls for help.
function postLine(post, tag) {
  const node = make(tag, "post", `${[post.at, post.author, post.source && `(${post.source})`].filter(Boolean).join(" ")}\n`);
  const parts = post.marked && post.marked.length ? post.marked : [post.text];
  node.append(...parts.map((part, at) => (at % 2 ? make("mark", post.marks[(at - 1) / 2] === "c" ? "call" : "", part) : part)));
  return node;
}

// ---- all of it

function show(item) {
  current = item;
  shownMatch = 0;
  const decision = decisionOf(item);
  byId("title").textContent = [item.n, pinOf(item) ? "placed by a person" : item.outcome, item.file].filter(Boolean).join(" · ");
  byId("verdict").textContent = `${SIGNS[statusOf(item)]} `
    + (decision ? `${decision.status} by ${decision.by || "nobody named"}${decision.at && ", "}${decision.at}` : "candidate: not confirmed by a person");
  byId("verdict").className = statusOf(item);
  byId("reason").textContent = `${pinOf(item) && !PUBLIC ? "The machine had said: " : ""}${item.reason}`
    + (item.narrowed ? `. The search was narrowed: ${item.narrowed}.` : "");
  showPicture("photo", item.photo, "The photo could not be read.");
  showPicture("match", null, "Nothing matches.");
  byId("match-name").textContent = "No match";
  byId("credit").textContent = "";
  byId("note").value = noteOf(item);
  byId("confirm").textContent = "Confirm ";
  showPlace(item);
  byId("several").hidden = item.matches.length < 2;
  put("matches", item.matches.length > 1 ? item.matches.map((match, at) => matchLine(item, match, at)) : []);
  put("witnesses", item.witnesses.map((witness) => witnessLine(item, witness)));
  byId("calls").textContent = item.calls.length ? `Calls for help: ${item.calls.join(" · ")}` : "";
  put("said", item.posts.slice(0, 1).map((post) => postLine(post, "p")));
  put("posts", [...item.posts.slice(1).map((post) => postLine(post, "li")),
    ...lines(item.count > item.posts.length ? [`and ${item.count - item.posts.length} more posts; ${item.copies} files`] : [])]);
  if (item.matches.length) showMatch(0);
  else showEvidence(item);
  refreshCompare();
}

// ---- the pair over the whole screen

function pairNow() {
  const match = current.matches[shownMatch];
  const side = (name, title, missing) => ({ src: source(name), large: largeOf(name), name: title, missing });
  return {
    title: `${byId("decided").textContent} · ${byId("title").textContent}`,
    status: byId("notice").textContent || byId("verdict").textContent,
    photo: { ...side(current.photo, "Photo", "The photo could not be read."), attention: current.attention },
    match: match ? side(match.picture, `${byId("match-name").textContent}${match.street ? ` · ${match.street}` : ""}`, "No picture of this match is in the page.")
      : side(null, "No match", "Nothing matches."),
    credit: byId("credit").firstChild ? byId("credit").firstChild.textContent : "",
    details: match ? match.details : "",
    links: match ? match.links : [],
  };
}

function refreshCompare() {
  if (compare.isOpen()) compare.show(pairNow());
}
