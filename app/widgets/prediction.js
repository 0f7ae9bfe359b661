// The picture beside what the network made of it. On a photo, the part that the network sees is framed, and where the
// visitor chooses that part, the frame can be dragged, resized, and moved by the arrow keys.

const SIDE = 176; // pixels that the picture fills, as in the style sheet
const PATIENCE = 10_000; // milliseconds in which the answer to a framed square comes

const pictures = new WeakMap(); // by the element around it: what it shows, how its frame is placed anew, and how it is let go

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".prediction");
  const paint = ({ prediction, rgb }) =>
    show(root, { ...prediction, picture: { ...prediction.picture, rgb } }, setStateValue);
  if (paintAhead(root, data.ahead, paint) && root.dataset.shown !== data.id) show(root, data, setStateValue);
  return () => {
    if (root.isConnected) return; // Streamlit also calls this before it calls us again
    leaveAhead(root);
    pictures.get(root)?.stop();
  };
}

function show(root, data, setStateValue) {
  // While its picture stays, the frame does: a hand may be dragging it, or the keyboard's focus be on it.
  const { box, ...picture } = data.picture;
  const shown = JSON.stringify([picture, data.words.alt, data.words.frame]);
  const old = pictures.get(root);
  if (old?.shown === shown) old.settle(box);
  else old?.stop();
  const { figure, settle, stop } = old?.shown === shown ? old : pictureOf(data, setStateValue);
  if (figure.parentElement !== root) root.replaceChildren(figure);
  while (figure.nextSibling) figure.nextSibling.remove();
  root.append(tableOf(data), factsOf(data));
  pictures.set(root, { shown, figure, settle, stop });
  root.dataset.shown = data.id;
}

function pictureOf(data, setStateValue) {
  const figure = make("figure");
  let settle = () => {};
  let stop = () => {};
  const holder = make("div", "picture");
  if (data.picture.pixelated) {
    const canvas = make("canvas");
    canvas.width = data.picture.width;
    canvas.height = data.picture.height;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", data.words.alt);
    const bytes = atob(data.picture.rgb);
    const image = new ImageData(canvas.width, canvas.height);
    for (let i = 0, j = 0; i < bytes.length; i += 1) {
      image.data[j] = bytes.charCodeAt(i);
      j += i % 3 === 2 ? 2 : 1; // past the opacity
      if (i % 3 === 2) image.data[j - 1] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    holder.append(canvas);
  } else {
    const scale = SIDE / Math.max(data.picture.width, data.picture.height);
    const image = make("img");
    image.alt = data.words.alt;
    image.width = Math.round(data.picture.width * scale);
    image.height = Math.round(data.picture.height * scale);
    image.src = data.picture.src;
    const photo = make("div", "photo");
    const framed = frameOn(data, scale, setStateValue);
    photo.append(image, framed.frame);
    holder.append(photo);
    ({ settle, stop } = framed);
  }
  figure.append(holder);
  return { figure, settle, stop };
}

function frameOn(data, scale, setStateValue) {
  const { width, height, movable } = data.picture;
  const frame = make("div", movable ? "frame movable" : "frame");
  let x, y, w, h;
  let held = false; // by a hand, or by keys that were not reported yet
  let reported = null; // the square that was reported, until its own answer comes
  let timer = 0;

  function place() {
    const [x0, y0] = [Math.max(x, 0), Math.max(y, 0)];
    frame.style.left = `${x0 * scale}px`;
    frame.style.top = `${y0 * scale}px`;
    frame.style.width = `${(Math.min(x + w, width) - x0) * scale}px`;
    frame.style.height = `${(Math.min(y + h, height) - y0) * scale}px`;
  }
  const settle = ([left, top, right, bottom]) => {
    if (held || (reported && performance.now() < reported.until && !reported.isAnsweredBy(left, top, right - left))) return;
    reported = null;
    [x, y, w, h] = [left, top, right - left, bottom - top];
    place();
  };
  settle(data.picture.box);
  if (!movable) return { frame, settle, stop: () => {} };

  const smallest = Math.min(8, width, height);
  const move = (toX, toY) => {
    x = clamp(toX, 0, width - w);
    y = clamp(toY, 0, height - h);
    place();
  };
  const resize = (side) => {
    w = h = clamp(side, smallest, Math.min(width - x, height - y));
    place();
  };
  const hold = () => {
    clearTimeout(timer);
    held = true;
  };
  const report = () => {
    held = false;
    const square = [x, y, w];
    const isAnsweredBy = (...box) => box.every((value, i) => Math.abs(value - square[i]) < 0.11); // an answer is rounded
    reported = { until: performance.now() + PATIENCE, isAnsweredBy };
    setStateValue("square", [x, y, w]);
  };

  frame.tabIndex = 0;
  frame.setAttribute("role", "application");
  frame.setAttribute("aria-label", data.words.frame);
  const corner = make("div", "corner");
  frame.append(corner);
  drag(corner, () => (hold(), w), (start, dx, dy) => resize(start + Math.max(dx, dy) / scale), report);
  drag(frame, () => (hold(), [x, y]), (start, dx, dy) => move(start[0] + dx / scale, start[1] + dy / scale), report);
  frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser is meant
    const step = Math.max(1, Math.min(width, height) / 40);
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key in moves) move(x + moves[event.key][0], y + moves[event.key][1]);
    else if (event.key === "+" || event.key === "=") resize(w + step);
    else if (event.key === "-") resize(w - step);
    else return;
    event.preventDefault();
    hold();
    timer = setTimeout(report, 350);
  });
  return { frame, settle, stop: () => clearTimeout(timer) };
}

function drag(handle, state, follow, done) {
  handle.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    down.preventDefault();
    down.stopPropagation();
    handle.setPointerCapture(down.pointerId);
    const start = state();
    const onMove = (event) => follow(start, event.clientX - down.clientX, event.clientY - down.clientY);
    const onEnd = () => {
      handle.removeEventListener("pointermove", onMove);
      handle.removeEventListener("pointerup", onEnd);
      handle.removeEventListener("pointercancel", onEnd);
      done();
    };
    handle.addEventListener("pointermove", onMove);
    handle.addEventListener("pointerup", onEnd);
    handle.addEventListener("pointercancel", onEnd);
  });
}

function tableOf(data) {
  const part = make("div", "classes");
  const head = make("h2", "", data.words.predicted);
  if (!data.rows.length) {
    part.append(head);
    return part;
  }
  head.append(make("span", "sure", data.words.sure));
  const table = make("table");
  table.append(make("caption", "", data.words.table));
  const body = make("tbody");
  for (const [index, row] of data.rows.entries()) {
    const line = make("tr", index === 0 ? "first" : "");
    const name = make("th", "", row.name);
    name.scope = "row";
    name.title = row.name;
    const fill = make("div", "fill");
    fill.style.width = `${row.probability * 100}%`;
    const track = make("div", "track");
    track.append(fill);
    const bar = make("td", "bar");
    bar.setAttribute("aria-hidden", "true");
    bar.append(track);
    line.append(name, make("td", "number", row.percent), bar);
    body.append(line);
  }
  table.append(body);
  part.append(head, table);
  return part;
}

function factsOf(data) {
  const part = make("div", "facts");
  part.append(make("p", "caption", data.words.caption));
  if (data.words.verdict) part.append(make("p", "verdict", data.words.verdict));
  if (data.notes.length) {
    const list = make("ul");
    list.append(...data.notes.map((note) => make("li", "", note)));
    part.append(list);
  }
  if (data.words.closed) part.append(make("p", "aside", data.words.closed));
  return part;
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

function make(kind, name = "", text = "") {
  const element = document.createElement(kind);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}
