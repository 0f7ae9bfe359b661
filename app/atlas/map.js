// A map of many images: points from afar, thumbnails from near; moved, searched and selected from in the browser.

const BUDGET = 7; // milliseconds of a frame for squares that are not drawn yet
const SETTLE = 90; // milliseconds without a further zoom, after which the map is drawn at its new scale
const TELL_AFTER = 700; // milliseconds of rest, after which the page learns what is in view
const UNITS = 4095; // steps of a selection's corners across the map: an address holds them in 12 bits
const MOST_CORNERS = 60;
const GATHER = 60; // milliseconds in which sheets that come are waited for together
const WIDER = 1.4; // times the box of nearly all images up to which all of them are shown
const GLIDE = 180; // milliseconds of a step by key or button

const maps = new WeakMap(); // by root

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  const tell = { state: setStateValue, event: setTriggerValue };
  const known = maps.get(root);
  if (known?.id === data.id) known.follow(data, tell);
  else {
    known?.end();
    maps.set(root, mapIn(root, data, tell));
  }
  return () => {
    if (!root.isConnected) maps.get(root)?.end(); // Streamlit also calls this before it calls us again
  };
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}

/** The address of a file below the app's own, wherever a proxy publishes that. */
function addressOf(file) {
  return file.startsWith("/") ? (window.__streamlit?.BACKEND_BASE_URL ?? "").replace(/\/$/, "") + file : file;
}

function make(kind, name = "", text = "") {
  const element = document.createElement(kind);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}

/** What the page says of the images, as arrays. */
function imagesOf(data) {
  const steps = new Uint16Array(bytesOf(data.points));
  const count = steps.length / 2;
  return {
    count,
    xs: Float32Array.from({ length: count }, (_, i) => steps[2 * i] / 65535),
    ys: Float32Array.from({ length: count }, (_, i) => steps[2 * i + 1] / 65535),
    numbers: new Uint32Array(bytesOf(data.numbers)),
    labels: new Int16Array(bytesOf(data.labels)),
    answers: new Int16Array(bytesOf(data.answers)),
    confidence: new Uint8Array(bytesOf(data.confidence)),
  };
}

/** The box that nearly all images lie in: left, top, right, bottom. */
function middleOf(xs, ys) {
  const ends = (values) => {
    const sorted = Float32Array.from(values).sort();
    const skip = sorted.length >= 200 ? Math.floor(sorted.length * 0.004) : 0;
    return [sorted[skip] ?? 0, sorted[sorted.length - 1 - skip] ?? 1];
  };
  const whole = (values) => [values.reduce((a, b) => Math.min(a, b), 1), values.reduce((a, b) => Math.max(a, b), 0)];
  const fitting = (values) => {
    const [some, all] = [ends(values), whole(values)];
    return all[1] - all[0] < WIDER * (some[1] - some[0]) ? all : some; // few far ones would make all others small
  };
  const [[left, right], [top, bottom]] = [fitting(xs), fitting(ys)];
  return [left, top, Math.max(right, left + 0.01), Math.max(bottom, top + 0.01)];
}

function mapIn(root, given, givenTell) {
  let [data, tell] = [given, givenTell];
  const images = imagesOf(data);
  const { xs, ys, count } = images;
  const grid = gridOf(xs, ys);
  const middle = middleOf(xs, ys);
  const spread = Math.sqrt((middle[2] - middle[0]) * (middle[3] - middle[1]));
  const sheets = sheetsOf({ ...data, sheets: data.sheets.map(addressOf) }, () => {
    clearTimeout(timers.sheets);
    timers.sheets = setTimeout(arrived, GATHER);
  });
  const parts = build(root, data);
  const { canvas } = parts;
  const context = canvas.getContext("2d", { alpha: false });
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const view = { x: 0.5, y: 0.5, scale: 100, isFit: true };
  const state = { colours: data.colours, draw: data.draw, lasso: false, only: -1, drawn: null, hovered: -1, selected: -1 };
  const timers = {};
  let layers = []; // what is shown; the last one has the scale of the view, once that rests
  let [width, height, ratio] = [0, 0, 1];
  let colours, ground, mask, painter;
  let [asked, glide, lately] = [0, null, 0];
  let placeOf = null;

  // What is drawn

  function restyle() {
    const style = getComputedStyle(root);
    ground = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
    const [red, green, blue] = rgbOf(context, ground);
    const kind = 0.3 * red + 0.59 * green + 0.11 * blue < 128 ? "dark" : "light";
    colours = colouring(state.colours, { ...images, classes: data.classes, ground: kind });
    root.dataset.ground = kind;
    painter = painterOf({ xs, ys, grid, sheets, ratio, look, isSmooth });
    legend(parts, data, state, colours, counts(), toggle);
  }

  const look = () => ({ colours, ground, layerOf: layerOfImage, sizes: sizesNow });
  const sizesNow = (scale) => sizesAt(scale, { spread, count, draw: state.draw, side: data.side });
  const isSmooth = (pixels) => data.side > 48 || pixels < 2 * data.side; // large pixels of a small image are squares
  const isIn = (i) => !mask || mask[i >> 3] & (1 << (i & 7));

  function layerOfImage(i) {
    if (!isIn(i) || (state.only >= 0 && colours.of[i] !== state.only)) return 0;
    return colours.of[i] === colours.above ? 2 : 1;
  }

  function counts() {
    const found = new Array(colours.table.length).fill(0);
    for (let i = 0; i < count; i += 1) if (isIn(i)) found[colours.of[i]] += 1;
    return found;
  }

  function toggle(place) {
    state.only = state.only === place ? -1 : place;
    redraw();
    legend(parts, data, state, colours, counts(), toggle);
  }

  /** Sheets have come: what lacked their thumbnails is drawn anew. */
  function arrived() {
    if (state.hovered >= 0) fillCard(parts, data, images, sheets, state.hovered);
    fillPinned(parts, data, images, sheets, state.selected);
    if (sizesNow(view.scale).thumbnail) redraw();
  }

  /** Draw everything anew; what stands there stays until then. */
  function redraw() {
    layers.forEach((layer) => layer.age());
    ask();
  }

  function renew() {
    layers = [];
    restyle();
    ask();
  }

  // The view

  const margin = count < 2000 ? 44 : 24; // few images have large thumbnails from afar too
  const fitScale = () => {
    const across = (width - 2 * margin) / (middle[2] - middle[0]);
    return Math.max(20, Math.min(across, (height - 2 * margin) / (middle[3] - middle[1])));
  };
  const edges = () => [snap(view.x * view.scale - width / 2), snap(view.y * view.scale - height / 2)];
  const snap = (value) => Math.round(value * ratio) / ratio;
  const toMap = ([x, y]) => {
    const [left, top] = edges();
    return [(x + left) / view.scale, (y + top) / view.scale];
  };
  const toWindow = ([x, y]) => {
    const [left, top] = edges();
    return [x * view.scale - left, y * view.scale - top];
  };

  function show({ x, y, scale }) {
    const least = fitScale() * 0.6;
    view.scale = Math.min(Math.max(scale, least), Math.max(least, fitScale() * 300));
    view.x = Math.min(Math.max(x, middle[0] - 0.05), middle[2] + 0.05);
    view.y = Math.min(Math.max(y, middle[1] - 0.05), middle[3] + 0.05);
    lately = performance.now();
    ask();
  }

  /** Go to a view, in a short glide where that was one step. */
  function go(to, glides) {
    view.isFit = Boolean(to.isFit);
    clearTimeout(timers.tell);
    timers.tell = setTimeout(tellView, TELL_AFTER);
    if (!glides || calm.matches) {
      glide = null;
      return show(to);
    }
    glide = { from: { ...view }, to, start: performance.now() };
    ask();
  }

  function advance() {
    const share = Math.min(1, (performance.now() - glide.start) / GLIDE);
    const eased = 1 - (1 - share) ** 3;
    const { from, to } = glide;
    const between = (a, b) => a + (b - a) * eased;
    show({
      x: between(from.x, to.x), y: between(from.y, to.y),
      scale: Math.exp(between(Math.log(from.scale), Math.log(to.scale))),
    });
    if (share === 1) glide = null;
  }

  const goal = () => glide?.to ?? view;

  function fit(glides) {
    const [x, y] = [(middle[0] + middle[2]) / 2, (middle[1] + middle[3]) / 2];
    go({ x, y, scale: fitScale(), isFit: true }, glides);
  }

  const act = {
    isLasso: () => state.lasso,
    pan(dx, dy, glides) {
      const { x, y, scale } = goal();
      go({ x: x - dx / scale, y: y - dy / scale, scale }, glides);
      if (glides) keyed();
    },
    zoom(factor, at, glides) {
      const from = goal();
      const scale = Math.min(Math.max(from.scale * factor, fitScale() * 0.6), fitScale() * 300);
      const [dx, dy] = at ? [at[0] - width / 2, at[1] - height / 2] : [0, 0];
      const [x, y] = [from.x + dx / from.scale - dx / scale, from.y + dy / from.scale - dy / scale];
      go({ x, y, scale }, glides);
      if (glides) keyed();
    },
    fit,
    point: (at) => hover(found(at), at),
    leave: () => hover(-1),
    pick(at) {
      const i = at ? found(at, 16) : centred();
      if (i < 0) return;
      select(i);
      hover(-1);
      tell.event("picked", images.numbers[i]);
    },
    line(path, isDone) {
      state.drawn = path.map(toMap);
      if (isDone) choose(state.drawn);
      ask();
    },
    box(from, to, isDone) {
      const [[x0, y0], [x1, y1]] = [toMap(from), toMap(to)];
      state.drawn = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
      if (isDone) choose(state.drawn);
      ask();
    },
    cancel() {
      if (!state.drawn) letGo();
      state.drawn = null;
      hover(-1);
      ask();
    },
    rest: () => ask(),
  };

  function tellView() {
    const { x, y, scale, isFit } = goal();
    const rounded = (value, digits) => Number(value.toFixed(digits));
    tell.state("view", isFit ? "all" : [rounded(x, 4), rounded(y, 4), rounded(scale / fitScale(), 3)]);
  }

  // What is found and selected

  /** The image that is drawn at a place of the window; of several, the uppermost. */
  function found(at, distance = 9) {
    const { thumbnail, point } = sizesNow(view.scale);
    const [x, y] = toMap(at);
    if (!thumbnail) return nearestSeen(x, y, Math.max(distance, point + 3) / view.scale);
    const half = thumbnail / 2 / view.scale;
    let best = -1;
    const rank = (i) => layerOfImage(i) * count + i;
    grid.inBox(x - half, y - half, x + half, y + half, (i) => {
      if (layerOfImage(i) && (best < 0 || rank(i) > rank(best))) best = i; // what is faded is a point
    });
    return best >= 0 ? best : nearestSeen(x, y, distance / view.scale);
  }

  function nearestSeen(x, y, distance) {
    let [best, least] = [-1, Infinity];
    grid.inBox(x - distance, y - distance, x + distance, y + distance, (i) => {
      const away = Math.hypot(xs[i] - x, ys[i] - y) + (layerOfImage(i) ? 0 : distance); // what is faded comes last
      if (away <= least && Math.hypot(xs[i] - x, ys[i] - y) <= distance) [best, least] = [i, away];
    });
    return best;
  }

  const centred = () => grid.nearest(goal().x, goal().y, 120 / goal().scale);

  function keyed() {
    if (canvas.matches(":focus-visible")) hover(centred(), [width / 2, height / 2]);
  }

  function hover(i, at) {
    if (i !== state.hovered) {
      state.hovered = i;
      if (i >= 0) fillCard(parts, data, images, sheets, i);
      canvas.style.cursor = i >= 0 && !state.lasso ? "pointer" : state.lasso ? "crosshair" : "grab";
      ask();
    }
    parts.card.hidden = i < 0;
    if (i >= 0 && at) placeCard(parts.card, at, width, height);
  }

  function select(i) {
    state.selected = i;
    fillPinned(parts, data, images, sheets, i);
    parts.said.textContent = i >= 0 ? describe(data, images, i).join(" · ") : "";
    ask();
  }

  function letGo() {
    if (state.selected < 0) return;
    select(-1);
    tell.event("picked", -1);
  }

  /** Tell the page of a line around images; nothing where none lies inside. */
  function choose(line) {
    const steps = (value) => Math.round(Math.min(Math.max(value, 0), 1) * UNITS);
    const corners = simplified(line, MOST_CORNERS, 1.5 / view.scale).map(([x, y]) => [steps(x), steps(y)]);
    const inside = insideOf(corners.map(([x, y]) => [x / UNITS, y / UNITS]), xs, ys, grid);
    state.drawn = null;
    if (corners.length < 3 || !inside.length) {
      parts.said.textContent = data.words.nothing;
      return;
    }
    parts.said.textContent = data.words.chosen.replace("{count}", inside.length.toLocaleString("en"));
    tell.event("line", corners.flat());
  }

  function chooseView() {
    const [[x0, y0], [x1, y1]] = [toMap([0, 0]), toMap([width, height])];
    choose([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]);
  }

  // Frames

  function ask() {
    if (!asked) asked = requestAnimationFrame(frame);
  }

  function frame() {
    asked = 0;
    if (!width || !root.isConnected) return;
    const until = performance.now() + BUDGET;
    if (glide) advance();
    const isWhole = drawLayers(until);
    drawMarks();
    root.dataset.drawn = isWhole && !glide ? `${sizesNow(view.scale).thumbnail ? "images" : "points"}` : "";
    if (!isWhole || glide) ask();
  }

  /** Draw the squares; returns whether all are there at the view's own scale. */
  function drawLayers(until) {
    let top = layers[layers.length - 1];
    const jump = top ? view.scale / top.scale : Infinity;
    const rests = performance.now() - lately > SETTLE;
    if (jump !== 1 && (rests || jump > 2.2 || jump < 0.5)) {
      top = layerOf(view.scale, ratio, (...place) => painter(...place));
      layers = [...layers.slice(-1), top]; // the one before stands in for it until it is whole
    }
    const windowOf = (layer) => {
      const zoom = view.scale / layer.scale;
      const [left, topEdge] = edges();
      return [left / zoom, topEdge / zoom, width / zoom, height / zoom];
    };
    const isWhole = top.prepare(windowOf(top), until);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height);
    if (isWhole) layers = [top];
    for (const layer of layers) layer.copy(context, windowOf(layer), view.scale / layer.scale);
    return isWhole && top.scale === view.scale;
  }

  function drawMarks() {
    const ink = root.dataset.ground === "dark" ? "#ffffff" : "#0a161a";
    outline(state.drawn ?? lineOf(data.line), ink, !state.drawn);
    if (state.hovered >= 0) ring(state.hovered, ink, 1.5);
    for (const number of data.near ?? []) if (place(number) >= 0) ring(place(number), ink, 1.25, true);
    if (state.selected >= 0) ring(state.selected, ink, 3);
    if (canvas.matches(":focus-visible")) cross(ink);
  }

  function ring(i, ink, thickness, isDashed = false) {
    const { thumbnail, point } = sizesNow(view.scale);
    const [x, y] = toWindow([xs[i], ys[i]]);
    const half = (thumbnail ? thumbnail / 2 + 2.5 : point + 3) + thickness / 2;
    context.imageSmoothingEnabled = isSmooth(thumbnail * ratio);
    if (thumbnail) sheets.draw(context, i, x - thumbnail / 2, y - thumbnail / 2, thumbnail, thumbnail * ratio);
    context.setLineDash(isDashed ? [3, 2] : []);
    context.beginPath();
    if (thumbnail) context.rect(x - half, y - half, 2 * half, 2 * half);
    else context.arc(x, y, half, 0, 2 * Math.PI);
    for (const [colour, line] of [[ground, thickness + 2], [ink, thickness]]) {
      context.strokeStyle = colour;
      context.lineWidth = line;
      context.stroke();
    }
    context.setLineDash([]);
  }

  function outline(line, ink, isClosed) {
    if (!line || line.length < 2) return;
    context.beginPath();
    for (const corner of line) context.lineTo(...toWindow(corner));
    context.closePath();
    context.fillStyle = ink;
    context.globalAlpha = 0.06;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = ink;
    context.lineWidth = 1.5;
    context.setLineDash(isClosed ? [] : [5, 4]);
    context.stroke();
    context.setLineDash([]);
  }

  function cross(ink) {
    context.fillStyle = ink;
    context.fillRect(width / 2 - 8, height / 2 - 0.5, 16, 1);
    context.fillRect(width / 2 - 0.5, height / 2 - 8, 1, 16);
  }

  const lineOf = (steps) =>
    steps && Array.from({ length: steps.length / 2 }, (_, i) => [steps[2 * i] / UNITS, steps[2 * i + 1] / UNITS]);

  function place(number) {
    placeOf ??= new Map(Array.from(images.numbers, (image, i) => [image, i]));
    return placeOf.get(number) ?? -1;
  }

  // What the page says, and what is around the canvas

  function resize() {
    const box = parts.stage.getBoundingClientRect();
    const [wide, high, dense] = [Math.round(box.width), Math.round(box.height), devicePixelRatio || 1];
    if (!wide || (wide === width && high === height && dense === ratio)) return;
    const [isFirst, zoom] = [!width, width ? view.scale / fitScale() : 1];
    [width, height, ratio] = [wide, high, dense];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    renew();
    if (isFirst && data.view) open(data.view);
    else if (isFirst || view.isFit) fit(false);
    else show({ ...view, scale: zoom * fitScale() });
    if (isFirst) clearTimeout(timers.tell); // the page knows
    lately = 0;
    cancelAnimationFrame(asked);
    asked = 0;
    frame(); // at once: a canvas of another size is empty
  }

  function open([x, y, zoom]) {
    view.isFit = false;
    show({ x, y, scale: zoom * fitScale() });
  }

  function follow(next, nextTell) {
    const before = data;
    [data, tell] = [next, nextTell];
    parts.offer(data);
    mask = data.mask ? new Uint8Array(bytesOf(data.mask)) : null;
    if (before.generation !== data.generation) {
      Object.assign(state, { colours: data.colours, draw: data.draw });
      if (width && data.view) open(data.view);
      else if (width) fit(false);
      clearTimeout(timers.tell);
      parts.sync(state);
    }
    select(data.selected === null ? -1 : place(data.selected));
    restyle();
    redraw();
  }

  parts.listen(state, {
    lasso(isOn) {
      state.lasso = isOn;
      canvas.style.cursor = isOn ? "crosshair" : "grab";
    },
    colours(kind) {
      Object.assign(state, { colours: kind, only: -1 });
      restyle();
      redraw();
      tell.state("colours", kind);
    },
    layout: (method) => tell.state("layout", method),
    draw(kind) {
      state.draw = kind;
      redraw();
      tell.state("draw", kind);
    },
    zoom: (isIn) => act.zoom(isIn ? FACTOR : 1 / FACTOR, null, true),
    fit: () => fit(true),
    view: chooseView,
    leave() {
      letGo();
      canvas.focus({ preventScroll: true });
    },
    open: (where) => tell.event("opened", [where, images.numbers[state.selected]]),
  });
  listen(canvas, act);
  canvas.addEventListener("focus", keyed);
  canvas.addEventListener("blur", () => hover(-1));
  const sized = new ResizeObserver(resize);
  sized.observe(parts.stage);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => setTimeout(renew, 50); // once the page's own style has followed
  scheme.addEventListener("change", recolour);

  mask = data.mask ? new Uint8Array(bytesOf(data.mask)) : null;
  select(data.selected === null ? -1 : place(data.selected));
  restyle();
  resize();

  return {
    id: data.id,
    follow,
    end() {
      sized.disconnect();
      scheme.removeEventListener("change", recolour);
      cancelAnimationFrame(asked);
      for (const timer of Object.values(timers)) clearTimeout(timer);
    },
  };
}

function rgbOf(context, colour) {
  context.fillStyle = colour;
  const text = context.fillStyle; // as #rrggbb
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}
