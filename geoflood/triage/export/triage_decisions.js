"use strict";
// The photos, and the decisions on them, which the browser keeps until they are saved. Foreign text is only ever
// set by textContent.

const items = data.items;
items.forEach((item, at) => { item.place = at; });
const PUBLIC = data.sharing === "public";  // a map to look at: nothing in it can be decided
const STORE = `geoflood triage ${data.batch}`;
const STATUSES = ["candidate", "confirmed", "rejected"];
const SIGNS = { candidate: "?", confirmed: "✓", rejected: "✕" };
const draft = { by: "", onward: false, decisions: {}, notes: {} };  // notes: of photos that are not decided here yet
const DOING = { candidate: "leave undecided", confirmed: "confirm", rejected: "reject" };
let waiting = null;  // what is done once the reviewer has signed

function decisionOf(item) {
  return draft.decisions[item.sha256] || item.decision;
}

function statusOf(item) {
  const decision = decisionOf(item);
  return decision ? decision.status : "candidate";
}

// Where a person put it, whatever the machine had proposed.
function pinOf(item) {
  if (PUBLIC) return item.pinned ? item.at : null;
  const decision = decisionOf(item);
  return decision && decision.status === "confirmed" && decision.lat !== null ? [decision.lat, decision.lon] : null;
}

function spotOf(item) {
  return pinOf(item) || item.at;
}

function noteOf(item) {
  if (draft.notes[item.sha256] !== undefined) return draft.notes[item.sha256];
  const decision = decisionOf(item);
  return decision ? decision.note : "";
}

function remember() {
  try {
    localStorage.setItem(STORE, JSON.stringify(draft));
  } catch (refused) { /* a browser that keeps nothing: decisions last as long as the page */ }
}

// Takes up what the browser kept; not what is about other photos, nor what a newer merged decision replaces.
function recall() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(STORE));
  } catch (refused) { /* nothing is kept, or what was kept is no JSON */ }
  if (!kept || !kept.decisions || !kept.notes) return;
  draft.by = String(kept.by || "");
  draft.onward = kept.onward === true;
  for (const item of items) {
    const decision = kept.decisions[item.sha256];
    if (decision && STATUSES.includes(decision.status) && !(item.decision && item.decision.at >= decision.at)) draft.decisions[item.sha256] = whereSeen(item, decision);
    if (typeof kept.notes[item.sha256] === "string") draft.notes[item.sha256] = kept.notes[item.sha256];
  }
}

// A confirmation is of the place that was shown: its pin, if the machine puts the photo elsewhere now.
function whereSeen(item, decision) {
  const moved = Array.isArray(decision.seen) && String(decision.seen) !== String(item.at);
  if (!moved || decision.status !== "confirmed" || decision.lat !== null) return decision;
  return { ...decision, lat: decision.seen[0], lon: decision.seen[1] };
}

function notify(text) {
  byId("notice").textContent = text;
  if (text) compare.say(text);
}

// Asks for the reviewer's name, in a dialog that keeps every shortcut out of the box.
function askName(words, leave) {
  byId("asked").textContent = words;
  byId("unsigned").replaceChildren(`${leave} `, make("kbd", "", "Esc"));
  byId("by").value = draft.by;
  byId("sign").showModal();
  byId("by").select();
}

// A decision is signed: without a name it waits until there is one. Enter alone signs.
function whenSigned(words, then) {
  if (draft.by) {
    notify("");
    then();
    return;
  }
  waiting = then;
  askName(`To ${words}, sign with your name.`, "Leave it undecided");
}

// Its box gives up the focus at once: until the next frame it would still take what is typed.
function closeSigning() {
  byId("sign").close();
  byId("by").blur();
}

function sign() {
  const name = byId("by").value.trim();
  if (!name) return;
  const then = waiting;
  waiting = null;
  draft.by = name;
  remember();
  showReviewer();
  closeSigning();
  notify("");
  if (then) then();
}

function leaveUnsigned() {
  if (waiting) notify("Not signed: nothing was decided.");
  waiting = null;
  closeSigning();
}

function showReviewer() {
  byId("reviewer").textContent = draft.by ? `Signed by ${draft.by}` : "Nobody signs: only looking";
}

function decide(item, status, spot) {
  if (status === "confirmed" && !spot && !spotOf(item)) {
    notify("This photo has no place to confirm: move the pin (m) to where it was taken.");
    return;
  }
  whenSigned(`${DOING[status]} photo ${item.n}`, () => {
    const at = `${new Date().toISOString().slice(0, 19)}Z`;
    const [lat, lon] = status === "confirmed" && (spot || pinOf(item)) || [null, null];
    const note = noteOf(item);
    delete draft.notes[item.sha256];
    draft.decisions[item.sha256] = { status, by: draft.by, at, lat, lon, note, seen: item.at };
    afterDeciding(item, draft.onward && status !== "candidate");
  });
}

// Takes back what was decided here; what had been merged before is decided anew, as undecided.
function undo(item) {
  if (draft.decisions[item.sha256] === undefined && item.decision) {
    decide(item, "candidate", null);
    return;
  }
  delete draft.decisions[item.sha256];
  notify("");
  afterDeciding(item, false);
}

// A note belongs to the decision, be it written before or after it.
function annotate(item, text) {
  const decision = draft.decisions[item.sha256];
  if (decision) decision.note = text;
  else draft.notes[item.sha256] = text;
  remember();
}

// A note to what was merged before is a decision too: the same again, by who wrote it.
function decideNote(item) {
  const decision = item.decision;
  if (decision && draft.notes[item.sha256] !== undefined && draft.notes[item.sha256] !== decision.note) decide(item, decision.status, null);
}

function save() {
  const list = Object.entries(draft.decisions).map(([sha256, decision]) => ({ sha256, ...decision }));
  const text = JSON.stringify({ geoflood: "decisions 1", decisions: list }, null, 1);
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "decisions.json";
  link.click();
  URL.revokeObjectURL(link.href);
  document.documentElement.dataset.saved = text;
}
