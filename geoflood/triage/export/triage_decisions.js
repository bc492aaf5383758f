"use strict";
// The photos, and who decided what of them: kept in the browser until it is saved. Foreign text is only ever set
// by textContent.

const items = data.items;
const PUBLIC = data.sharing === "public";  // a map to look at: nothing in it can be decided
const STORE = `geoflood triage ${data.batch}`;
const STATUSES = ["candidate", "confirmed", "rejected"];
const SIGNS = { candidate: "?", confirmed: "✓", rejected: "✕" };
const own = { by: "", onward: false, decisions: {}, notes: {} };  // notes: of photos that are not decided here yet
let waiting = null;  // what is done once the reviewer has signed

function decisionOf(item) {
  return own.decisions[item.sha256] || item.decision;
}

function statusOf(item) {
  const made = decisionOf(item);
  return made ? made.status : "candidate";
}

// Where a person put it, whatever the machine had proposed.
function pinOf(item) {
  if (PUBLIC) return item.pinned ? item.at : null;
  const made = decisionOf(item);
  return made && made.status === "confirmed" && made.lat !== null ? [made.lat, made.lon] : null;
}

function spotOf(item) {
  return pinOf(item) || item.at;
}

function noteOf(item) {
  if (own.notes[item.sha256] !== undefined) return own.notes[item.sha256];
  const made = decisionOf(item);
  return made ? made.note : "";
}

function remember() {
  try {
    localStorage.setItem(STORE, JSON.stringify(own));
  } catch (refused) { /* a browser that keeps nothing: decisions last as long as the page */ }
}

// What is about other photos, or was decided anew meanwhile and merged, is not taken up again.
function recall() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(STORE));
  } catch (refused) { /* nothing is kept, or what was kept is no JSON */ }
  if (!kept || !kept.decisions || !kept.notes) return;
  own.by = String(kept.by || "");
  own.onward = kept.onward === true;
  for (const item of items) {
    const made = kept.decisions[item.sha256];
    if (made && STATUSES.includes(made.status) && !(item.decision && item.decision.at >= made.at)) own.decisions[item.sha256] = made;
    if (typeof kept.notes[item.sha256] === "string") own.notes[item.sha256] = kept.notes[item.sha256];
  }
}

function tell(words) {
  byId("told").textContent = words;
}

// A decision is signed: without a name it waits until there is one.
function signed(then) {
  own.by = byId("by").value.trim();
  if (own.by) {
    waiting = null;
    tell("");
    then();
    return;
  }
  waiting = then;
  tell("Decisions are signed: type your name, then Enter.");
  byId("by").focus();
}

function decide(item, status, spot) {
  if (status === "confirmed" && !spot && !spotOf(item)) {
    tell("This photo has no place to confirm: move the pin (m) to where it was taken.");
    return;
  }
  signed(() => {
    const at = `${new Date().toISOString().slice(0, 19)}Z`;
    const [lat, lon] = status === "confirmed" && (spot || pinOf(item)) || [null, null];
    const note = noteOf(item);
    delete own.notes[item.sha256];
    own.decisions[item.sha256] = { status, by: own.by, at, lat, lon, note };
    afterDeciding(item, own.onward && status !== "candidate");
  });
}

// Takes back what was decided here; what had been merged before is decided anew, as undecided.
function undo(item) {
  if (own.decisions[item.sha256] === undefined && item.decision) {
    decide(item, "candidate", null);
    return;
  }
  delete own.decisions[item.sha256];
  tell("");
  afterDeciding(item, false);
}

// A note belongs to the decision, be it written before or after it.
function annotate(item, text) {
  const made = own.decisions[item.sha256];
  if (made) made.note = text;
  else own.notes[item.sha256] = text;
  remember();
}

// A note to what was merged before is a decision too: the same again, by who wrote it.
function noted(item) {
  const made = item.decision;
  if (made && own.notes[item.sha256] !== undefined && own.notes[item.sha256] !== made.note) decide(item, made.status, null);
}

function save() {
  const list = Object.entries(own.decisions).map(([sha256, made]) => ({ sha256, ...made }));
  const text = JSON.stringify({ geoflood: "decisions 1", decisions: list }, null, 1);
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "decisions.json";
  link.click();
  URL.revokeObjectURL(link.href);
  document.documentElement.dataset.saved = text;
}
