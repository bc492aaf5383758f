"use strict";
// Photo and match over the whole screen: side by side, or one over the other, flipped or blinking. Both are zoomed and
// moved as one. Foreign text is only ever set by textContent.

// Weights above 1 (in hundredths) glow, weights below 1 are veiled.
function paintAttention(grid) {
  const canvas = make("canvas");
  canvas.width = grid[0].length;
  canvas.height = grid.length;
  const pixels = grid.flat().flatMap((weight) =>
    weight >= 100 ? [255, 214, 0, (weight - 100) * 0.9] : [0, 0, 0, (100 - weight) * 1.2]);
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels), canvas.width), 0, 0);
  return canvas;
}

function waterSpan(share) {
  const water = make("span", "water", "waterline");
  water.style.height = `${share * 100}%`;
  return water;
}

// Of each line its ends on photo and match, in shares of the pictures: twelve digits, three a share.
function lineEnds(digits) {
  return (digits.match(/\d{12}/g) || []).map((line) => line.match(/\d{3}/g).map((share) => share / 1000));
}

const compare = (() => {
  const BLINK_MS = 500;
  const MOST = 12;  // times
  const REST_MS = 500;  // after the last move
  const STEP = 1.25;  // a key, or a notch of the wheel
  const dialog = document.body.appendChild(make("dialog"));
  const bar = dialog.appendChild(make("header"));
  const title = bar.appendChild(make("b"));
  const status = bar.appendChild(make("span"));
  const tools = bar.appendChild(make("span", "tools"));
  const stage = dialog.appendChild(make("div", "stage"));
  const panes = ["photo", "match"].map((name) => stage.appendChild(make("figure", `pane-${name}`)));
  const drawing = stage.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
  const strokes = ["rim", "core"].map((name) => {
    const path = drawing.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
    path.setAttribute("class", name);
    return path;
  });
  const sizes = new ResizeObserver(() => measure());
  const credit = dialog.appendChild(make("p"));
  const view = { zoom: 1, x: 0, y: 0 };  // of both pictures: times, and how far moved, in hundredths of a pane
  const fingers = new Map();
  let own = {};  // what the page does with keys
  let blinking = 0;
  let ends = [];  // of the lines between agreeing details
  let boxes = [];  // of both panes, pixels from the corner of the stage, with the size of the picture as a whole
  let resting = 0;
  dialog.id = "compare";
  dialog.tabIndex = -1;
  drawing.setAttribute("class", "details");
  drawing.setAttribute("aria-hidden", "true");
  dialog.setAttribute("aria-label", "Compare photo and match");
  status.setAttribute("role", "status");
  dialog.dataset.shown = "photo";

  function place() {
    stage.style.setProperty("--zoom", view.zoom);
    stage.style.setProperty("--x", view.x);
    stage.style.setProperty("--y", view.y);
    drawLines();
  }

  // Where panes and pictures lie, of which lines are then reckoned: asking the browser in every frame takes it long.
  function measure() {
    const origin = stage.getBoundingClientRect();
    boxes = panes.map((pane) => {
      const { left, top, width, height } = pane.getBoundingClientRect();
      const frame = pane.querySelector(".picture:has(img)");
      const wide = frame && Math.min(width, height * aspectOf(frame));
      return { left: left - origin.left, top: top - origin.top, width, height, wide, high: frame && wide / aspectOf(frame) };
    });
    drawLines();
  }

  // The point of the stage that shows the one at (x, y) of a picture, shares of it; nothing where it is out of its pane.
  function spot({ left, top, width, height, wide, high }, x, y) {
    const across = width / 2 + (x - 0.5) * wide * view.zoom + view.x / 100 * width;
    const down = height / 2 + (y - 0.5) * high * view.zoom + view.y / 100 * height;
    return across < 0 || across > width || down < 0 || down > height ? "" : `${(left + across).toFixed(1)} ${(top + down).toFixed(1)}`;
  }

  // From photo to match, over both panes.
  function drawLines() {
    const drawn = boxes.length && boxes.every((box) => box.wide) ? ends : [];
    const pairs = drawn.map(([x, y, otherX, otherY]) => [spot(boxes[0], x, y), spot(boxes[1], otherX, otherY)]);
    const path = pairs.filter(([from, to]) => from && to).map(([from, to]) => `M${from}L${to}`).join("");
    for (const stroke of strokes) stroke.setAttribute("d", path);
  }

  // What moves is a layer of its own meanwhile, which need not be drawn anew; at rest it is drawn sharp.
  function moving() {
    dialog.classList.add("moving");
    clearTimeout(resting);
    resting = setTimeout(() => dialog.classList.remove("moving"), REST_MS);
  }

  // `at`: the point that stays where it is, in hundredths of a pane from its middle.
  function zoom(times, at = [0, 0]) {
    const next = Math.min(MOST, Math.max(1, view.zoom * times));
    const by = next / view.zoom;
    move(at[0] - (at[0] - view.x) * by - view.x, at[1] - (at[1] - view.y) * by - view.y, next);
  }

  // No farther than half a picture out of the middle.
  function move(x, y, next = view.zoom) {
    moving();
    const reach = 50 * next;
    view.zoom = next;
    view.x = next === 1 ? 0 : Math.min(reach, Math.max(-reach, view.x + x));
    view.y = next === 1 ? 0 : Math.min(reach, Math.max(-reach, view.y + y));
    place();
  }

  function whole() {
    Object.assign(view, { zoom: 1, x: 0, y: 0 });
    place();
  }

  function layout(over) {
    dialog.classList.toggle("over", over);
    if (over) return;
    blink(false);
    measure();
  }

  function flip() {
    const over = dialog.classList.contains("over");
    layout(true);
    dialog.dataset.shown = over && dialog.dataset.shown === "match" ? "photo" : "match";
  }

  function blink(on) {
    clearInterval(blinking);
    blinking = on ? setInterval(flip, BLINK_MS) : 0;
    dialog.classList.toggle("blinking", on);
  }

  const turn = (layer) => () => dialog.classList.toggle(`no-${layer}`);
  const OWN = new Map([
    ["f", ["Flip", flip]], ["b", ["Blink", () => blink(!blinking)]], ["s", ["Both", () => layout(false)]],
    ["+", ["Closer", () => zoom(STEP)]], ["-", ["Farther", () => zoom(1 / STEP)]], ["0", ["Whole", whole]],
    ["a", ["Attention", turn("attention")]], ["w", ["Water", turn("water")]], ["d", ["Details", turn("details")]], ["Escape", ["Close", close]],
  ]);

  function button(key, words, act) {
    const node = make("button", "", `${words} `);
    node.dataset.key = key;
    node.append(make("kbd", "", { ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" }[key] || key));
    node.onclick = act;
    return node;
  }

  function shaped(frame, src, name) {
    const picture = make("img");
    picture.alt = name;
    picture.draggable = false;
    picture.onload = () => frame.style.setProperty("--aspect", picture.naturalWidth / picture.naturalHeight);
    picture.src = src;
    return picture;
  }

  // The small picture stands until the larger one, if there is one, can be drawn at once.
  function enlarge(frame, small, side, caption) {
    const large = shaped(frame, side.large, side.name);
    large.decode().then(() => small.replaceWith(large), () => { caption.textContent = `${side.name} · small: no larger picture beside the page`; });
  }

  const aspectOf = (frame) => Number(frame.style.getPropertyValue("--aspect")) || 4 / 3;  // as the style sheet has it

  // Layers lie on the picture itself: it is as wide as the pane allows, by its own shape.
  function draw(pane, side) {
    const frame = make("div", "picture");
    const caption = make("figcaption", "", side.name);
    const picture = shaped(frame, side.src, side.name);
    frame.append(picture);
    if (side.src && side.large) enlarge(frame, picture, side, caption);
    if (side.attention && side.attention.grid) frame.append(paintAttention(side.attention.grid));
    if (side.attention && side.attention.waterline) frame.append(waterSpan(side.attention.waterline));
    const inside = make("div", "view");
    inside.append(side.src ? frame : make("p", "", side.missing));
    pane.replaceChildren(caption, inside);
    sizes.observe(frame);
  }

  // Puts up a pair: `photo` and `match` have src, name, missing, and large and attention where there are.
  // `details` has the ends of lines between them, or is empty.
  function show(pair) {
    title.textContent = pair.title;
    status.textContent = pair.status;
    sizes.disconnect();
    sizes.observe(stage);
    draw(panes[0], pair.photo);
    draw(panes[1], pair.match);
    showCredit(credit, pair.credit, pair.links);
    const layers = pair.photo.attention || {};
    tools.querySelector("[data-key=a]").hidden = !layers.grid;
    tools.querySelector("[data-key=w]").hidden = !layers.waterline;
    ends = lineEnds(pair.details);
    tools.querySelector("[data-key=d]").hidden = !ends.length;
    boxes = [];
    drawLines();
  }

  // `acts`: for a key its words and what the page does.
  function open(pair, acts) {
    own = acts;
    tools.replaceChildren(...[...Object.entries(acts), ...OWN].map(([key, [words, act]]) => button(key, words, act)));
    whole();
    show(pair);
    dialog.showModal();
    dialog.focus();  // not its first button, which Enter or a space would press
  }

  function close() {
    blink(false);
    if (dialog.open) dialog.close();
  }

  const point = (event) => {
    const pane = event.target.closest("figure") || panes[0];
    const { left, top, width, height } = pane.getBoundingClientRect();
    return [(event.clientX - left) / width * 100 - 50, (event.clientY - top) / height * 100 - 50];
  };
  const between = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
  const middle = (points) => [0, 1].map((axis) => points.reduce((sum, one) => sum + one[axis], 0) / points.length);

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? STEP : 1 / STEP, point(event));
  }, { passive: false });
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, point(event));
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()];
    const { width, height } = panes[0].getBoundingClientRect();
    const here = fingers.get(event.pointerId);
    fingers.set(event.pointerId, [here[0] + event.movementX / width * 100, here[1] + event.movementY / height * 100]);
    const now = [...fingers.values()];
    const [from, to] = [middle(before), middle(now)];
    move(to[0] - from[0], to[1] - from[1]);
    if (now.length > 1) zoom(between(now) / between(before), to);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
  dialog.addEventListener("close", () => blink(false));

  // Before the page's own keys; another dialog above it has its own.
  document.addEventListener("keydown", (event) => {
    if (!dialog.open || document.querySelector("dialog[open]:not(#compare)")) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const key = event.key === "=" ? "+" : event.key;
    event.stopImmediatePropagation();
    const found = own[key] || OWN.get(key);
    if (!found) return;
    event.preventDefault();
    if (!event.repeat || "+-".includes(key) || key.startsWith("Arrow")) found[1]();
  }, true);

  return { open, close, show, isOpen: () => dialog.open, say: (words) => { status.textContent = words; } };
})();
