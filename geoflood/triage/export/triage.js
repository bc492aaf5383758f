"use strict";
// Goes through thousands of photos: filters, the list, keys; runs last.

const ROW = 58;
const OUTCOMES = ["located", "likely", "uncertain", "not-found", "failed"];
let shown = [];
const NOTHING = 0.1;  // a post that calls for nothing, and a photo without a place, still have their turn
let chosen = -1;
let boxBefore = "";  // what the box in hand held before

// ---- the order: laid down once, so that nothing moves while one decides

const decided = (item) => statusOf(item) !== "candidate";
const score = (item) => decided(item) ? -1 : (NOTHING + item.urgency) * (NOTHING + (item.at ? item.probability : 0));
const ORDERS = { urgency: (item) => -score(item), time: (item) => item.time ?? Number.MAX_VALUE, number: (item) => item.n };
let ordered = items;
let placeOf = new Map();

function sort(name) {
  const keys = new Map(items.map((item) => [item, ORDERS[name](item)]));
  ordered = [...items].sort((a, b) => keys.get(a) - keys.get(b) || a.n - b.n);
  placeOf = new Map(ordered.map((item, at) => [item, at]));
}

// ---- filters

const times = items.map((item) => item.time).filter((time) => time !== null);
const first = times.reduce((a, b) => Math.min(a, b), Infinity);
const last = times.reduce((a, b) => Math.max(a, b), -Infinity);
const haystacks = new Map();  // made when somebody searches

function haystackOf(item) {
  if (!known(item)) return "";
  if (!haystacks.has(item)) {
    const posted = item.posts.flatMap((post) => [post.text, post.author, post.source]);
    haystacks.set(item, [item.n, item.file, item.street, ...posted].join(" ").toLowerCase());
  }
  return haystacks.get(item);
}

const moment = (slider) => first + (last - first) * slider.value / 1000;
const timeText = (seconds) => times.length ? new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") : "any time";

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
  shown = ordered.filter((item) =>
    outcomes.has(item.outcome) && statuses.has(statusOf(item)) && item.probability >= sure
    && (!timed || (item.time !== null && item.time >= from && item.time <= until))
    && (!twice || item.count > 1) && words.every((word) => haystackOf(item).includes(word)));
  byId("sure-value").textContent = `${Math.round(sure * 100)} %`;
  byId("from-value").textContent = timeText(from);
  byId("until-value").textContent = timeText(until);
  const counted = OUTCOMES.map((name) => `${shown.filter((item) => item.outcome === name).length} ${name}`);
  byId("counts").textContent = `${shown.length} of ${items.length} photos: ${counted.join(", ")}`
    + (data.limit ? `; only the first ${data.limit} are here, the table has all` : "");
  const unsaved = Object.keys(draft.decisions).length;
  byId("decided").textContent = `${items.filter(decided).length} of ${items.length} decided`;
  byId("save").textContent = unsaved ? `Save ${unsaved} decision${unsaved === 1 ? "" : "s"}` : "Nothing to save";
  chosen = shown.indexOf(current);
  byId("outside").hidden = !current || chosen >= 0;
  if (toTop) byId("list").scrollTop = 0;
  if (toTop && chosen >= 0) scrollTo(chosen);
  drawList();
  drawPins();
}

// ---- the list: only rows in sight exist

function row(item, index) {
  const node = make("button", `row ${item.outcome}`);
  const status = statusOf(item);
  node.style.top = `${index * ROW}px`;
  node.setAttribute("aria-current", index === chosen);
  const words = make("span");
  node.append(image(known(item) ? item.photo : null), words);
  words.append(make("b", "", labelOf(item)),
    make("small", status, `${item.calls && item.calls.length ? "‼ help · " : ""}${SIGNS[status]} ${status} · ${item.count} post${item.count === 1 ? "" : "s"}${item.local ? " · local time" : ""}`),
    make("small", "", [!pinOf(item) && item.street, (item.posts && item.posts[0] && item.posts[0].text) || item.file].filter(Boolean).join(" · ")));
  node.onclick = () => choose(index, true);
  return node;
}

function drawList() {
  const list = byId("list");
  const from = Math.max(0, Math.floor(list.scrollTop / ROW) - 3);
  const until = Math.min(shown.length, from + Math.ceil(list.clientHeight / ROW) + 6);
  byId("rows").style.height = `${shown.length * ROW}px`;
  byId("rows").replaceChildren(...shown.slice(from, until).map((item, at) => row(item, from + at)));
}

// ---- going through

function scrollTo(index) {
  const [list, top] = [byId("list"), index * ROW];
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
}

function choose(index, going) {
  if (index < 0 || index >= shown.length) return;
  if (!known(shown[index])) {
    notify("The rest of the page is still being read. Try again in a moment.");
    return;
  }
  chosen = index;
  byId("outside").hidden = true;
  scrollTo(index);
  if (moving) move();
  notify("");
  map.closePopup();
  if (going) goTo(shown[index]);
  show(shown[index]);
  drawList();
}

// The next one that is shown, from the place in the order of the one in hand, be that one still shown or not.
function step(amount) {
  const here = current ? placeOf.get(current) : -1;
  const after = shown.findIndex((item) => placeOf.get(item) > here);
  const before = shown.filter((item) => placeOf.get(item) < here).length - 1;
  choose(amount > 0 ? after : before, true);
}

// The next undecided one that is shown, after the last one again from the first.
function nextUndecided() {
  const here = current ? placeOf.get(current) : -1;
  const open = shown.filter((item) => !decided(item) && item !== current);
  const next = open.find((item) => placeOf.get(item) > here) || open[0];
  if (next) choose(shown.indexOf(next), true);
  else notify(shown.length < items.length ? "No other photo that is shown is undecided." : "No other photo is undecided.");
}

function afterDeciding(item, onward) {
  remember();
  filter(false);
  if (item === current) show(item);
  if (onward) nextUndecided();
}

function move() {
  moving = !moving;
  document.body.classList.toggle("moving", moving);
  notify(moving ? "Click on the map where the photo was taken; m again leaves the pin." : "");
}

function act(name) {
  if (!current || PUBLIC) return;
  if (name === "move") move();
  else if (name === "undo") undo(current);
  else decide(current, name, name === "confirmed" && shownMatch ? current.matches[shownMatch].at : null);
}

// Everything but the map's pin is decided here, too.
function compareNow() {
  if (!current || PUBLIC) return;
  compare.open(pairNow(), {
    c: ["Confirm", () => act("confirmed")], r: ["Reject", () => act("rejected")], u: ["Undo", () => act("undo")],
    q: ["Undecided", nextUndecided], j: ["Next", () => step(1)], k: ["Before", () => step(-1)],
    ArrowLeft: ["Match", () => visitMatch(shownMatch - 1)], ArrowRight: ["Match", () => visitMatch(shownMatch + 1)],
  });
}

map.on("click", (event) => {
  if (!moving || !current) return;
  move();
  const { lat, lng } = event.latlng.wrap();
  decide(current, "confirmed", [Math.round(lat * 1e6) / 1e6, Math.round(lng * 1e6) / 1e6]);
});

const KEYS = {
  j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
  c: () => act("confirmed"), r: () => act("rejected"), m: () => act("move"), u: () => act("undo"),
  q: nextUndecided, e: compareNow, o: overview, n: () => byId("note").focus(), "/": () => byId("search").focus(),
};
const GOING = ["j", "k", "ArrowDown", "ArrowUp"];  // a key that is held goes on, and never decides
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || byId("sign").open) return;
  if (event.target.matches("input[type=text], input[type=search]")) {
    if (event.key === "Enter" || event.key === "Escape") leaveBox(event.target, event.key === "Enter");
    return;
  }
  if (event.target.matches("select")) return;
  if (event.target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
  const match = current ? current.matches.findIndex((one) => String(one.rank) === event.key) : -1;
  const act = KEYS[event.key] || (match >= 0 && (() => visitMatch(match)));
  if (!act) return;
  event.preventDefault();
  if (!event.repeat || GOING.includes(event.key)) act();
});

// Enter takes what was written, Escape puts back what had been there; leaving a box signs nothing.
function leaveBox(box, taken) {
  const isNote = box === byId("note") && current;
  if (!taken) box.value = boxBefore;
  if (!taken && isNote) annotate(current, boxBefore);
  if (!taken && box === byId("search")) filter(true);
  box.blur();
  if (taken && isNote) decideNote(current);
}

document.addEventListener("focusin", (event) => { boxBefore = event.target.value; });
byId("signing").addEventListener("submit", (event) => { event.preventDefault(); sign(); });
byId("sign").addEventListener("cancel", (event) => { event.preventDefault(); leaveUnsigned(); });
byId("sign").addEventListener("close", () => { if (!byId("sign").open && waiting) leaveUnsigned(); });
byId("unsigned").onclick = leaveUnsigned;
byId("reviewer").onclick = () => askName("Whose decisions are these?", "Leave it as it is");
byId("onward").addEventListener("change", () => { draft.onward = byId("onward").checked; remember(); });
byId("note").addEventListener("input", () => current && annotate(current, byId("note").value));
byId("list").addEventListener("scroll", drawList, { passive: true });
byId("sort").addEventListener("change", () => { sort(byId("sort").value); filter(true); byId("sort").blur(); });
byId("filters").addEventListener("input", () => filter(true));
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("save").onclick = save;
byId("photo").onclick = compareNow;
byId("match").onclick = compareNow;
byId("overview").onclick = overview;
byId("next").onclick = nextUndecided;
document.querySelectorAll("[data-do]").forEach((node) => { node.onclick = () => act(node.dataset.do); });
byId("about").textContent = data.about;
byId("sharing").textContent = data.sharing;
byId("waiting").textContent = data.waiting;
byId("waiting").hidden = !data.waiting;
byId("zoned").hidden = !items.some((item) => item.local);
document.body.classList.toggle("public", PUBLIC);
if (!PUBLIC) recall();
showReviewer();
byId("onward").checked = draft.onward;
sort(PUBLIC ? "number" : "urgency");
overview();
filter(true);
new ResizeObserver(() => { map.invalidateSize({ animate: false }); drawList(); }).observe(map.getContainer());
// With the first photo in sight; where kept decisions changed the order, its part may come late.
function begin() {
  choose(0, false);
  document.documentElement.dataset.readyAfter = String(Math.round(performance.now()));
  if (!PUBLIC && !draft.by) askName("Decisions are signed. Who goes through these photos?", "Only look");
  document.documentElement.dataset.ready = "true";
}
if (!shown.length || known(shown[0])) begin();
else document.addEventListener("DOMContentLoaded", begin);

// What could not be listed or searched before.
document.addEventListener("DOMContentLoaded", () => {
  if (unread) filter(false);
  document.documentElement.dataset.wholeAfter = String(Math.round(performance.now()));
});
