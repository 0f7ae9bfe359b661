// The values of a gate, one of which is chosen: channels as rows, the most selective first, with the mean of each class in
// colours; cells of a mask where they lie. The choice lives in the browser, which tells the page; where the page chooses,
// as after Back, its data carry another generation.

const PAUSE = 140; // milliseconds: holding an arrow key asks for the last value, not for each one passed
const SIDE = 320; // pixels of a mask at least, on its longer side

const NO_COLOUR = "color-mix(in srgb, currentColor 5%, transparent)"; // the white of the table would be loud on a dark page

const views = new WeakMap(); // by element: what is drawn in it

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".values");
  const before = views.get(root);
  if (before && before.data.id === data.id) {
    before.tell = setStateValue;
    if (before.data.generation !== data.generation) before.follow(data);
    return () => before.leave();
  }
  before?.leave(true);
  const view = data.grid ? new Grid(root, data) : new Rows(root, data);
  view.tell = setStateValue;
  views.set(root, view);
  return () => view.leave();
}

class View {
  constructor(root, data) {
    Object.assign(this, { root, data, timer: 0 });
    const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
    for (const name of ["mean", "low", "high", "overall", "selectivity"]) this[name] = floats(data[name]);
    this.count = this.overall.length;
  }

  /** Take the page's choice over. */
  follow(data) {
    this.data = data;
    clearTimeout(this.timer);
    this.show(data.chosen, true);
  }

  choose(value, wait = 0) {
    this.show(value, true);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell("chosen", [this.data.generation, value]), wait);
  }

  leave(always = false) {
    if (this.root.isConnected && !always) return; // Streamlit also calls this before it calls us again
    clearTimeout(this.timer);
    this.watcher?.disconnect();
  }

  name(value) {
    const { words, grid, shape } = this.data;
    if (grid) return fill(words.cell, { row: Math.floor(value / grid[1]), column: value % grid[1] });
    const place = shape.length > 1 ? places(value, shape).join(", ") : value;
    return fill(words.channel, { channel: place });
  }

  /** What a value tells apart, in words. */
  said(value) {
    const { words } = this.data;
    const share = this.share(value);
    const name = this.name(value);
    const found = this.ends(value);
    if (!found) return fill(words.varying, { name, deviation: share });
    const [highest, lowest] = found.map((row) => this.meanOf(row, value));
    return fill(words.said, { name, share, highest, lowest });
  }

  /** The rows of the tables with the highest and the lowest mean of a value; null without groups. */
  ends(value) {
    const { groups, ends } = this.data;
    if (!groups.length) return null;
    if (ends) return [0, 1];
    let [highest, lowest] = [0, 0];
    for (let row = 1; row < groups.length; row += 1) {
      const mean = this.mean[row * this.count + value];
      if (mean > this.mean[highest * this.count + value]) highest = row;
      if (mean < this.mean[lowest * this.count + value]) lowest = row;
    }
    return [highest, lowest];
  }

  /** Name of the group that a row of the tables is of. */
  group(row, value) {
    const { groups, ends } = this.data;
    return groups[ends ? ends[row][value] : row];
  }

  meanOf(row, value) {
    const at = row * this.count + value;
    const numbers = { mean: this.mean[at], low: this.low[at], high: this.high[at] };
    const [highest, lowest] = this.ends(value).map((one) => this.mean[one * this.count + value]);
    const digits = digitsFor(highest - lowest);
    const said = Object.fromEntries(Object.entries(numbers).map(([name, found]) => [name, number(found, digits)]));
    return fill(this.data.words.mean, { group: this.group(row, value), ...said });
  }

  /** How selective a value is, or how much it varies where there are no groups. */
  share(value) {
    return this.measured(this.selectivity[value]);
  }

  measured(share) {
    if (!this.data.is_share) return number(share, digitsFor(this.data.largest));
    return fill(this.data.words.percent, { share: (100 * share).toFixed(share < 0.0995 ? 1 : 0) });
  }

  colour(group, value) {
    const at = group * this.count + value;
    const overall = this.overall[value];
    const unsure = !(this.low[at] > overall || this.high[at] < overall);
    return unsure ? NO_COLOUR : diverging((this.mean[at] - overall) / this.data.limit);
  }
}

class Rows extends View {
  constructor(root, data) {
    super(root, data);
    this.drawsCells = data.groups.length > 0 && !data.ends;
    const head = make("div", "head");
    head.setAttribute("aria-hidden", "true");
    head.append(make("span", "name", data.words.head), make("span", "share", data.is_share ? data.words.share : data.words.varies));
    const cells = make("span", "cells");
    if (this.drawsCells) data.groups.forEach((group) => cells.append(make("span", "", group)));
    head.append(cells);
    this.list = make("div", "list");
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", data.words.list);
    this.rows = new Map(data.order.map((value) => [value, this.row(value)]));
    this.list.append(...this.rows.values());
    root.className = `values rows${this.drawsCells ? "" : " few"}${data.upright ? " upright" : ""}`;
    root.style.setProperty("--names", `${data.width}em`);
    root.replaceChildren(head, this.list);
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) this.choose(Number(row.dataset.value));
    });
    this.list.addEventListener("keydown", (event) => this.move(event));
    this.list.addEventListener("mousemove", (event) => this.tip(event));
    this.show(data.chosen);
  }

  row(value) {
    const row = make("div", "row");
    row.setAttribute("role", "option");
    row.setAttribute("aria-label", this.said(value));
    row.dataset.value = value;
    const share = make("span", "share", this.share(value));
    const whole = this.data.is_share ? 1 : this.data.largest || 1;
    share.style.setProperty("--share", (this.selectivity[value] / whole).toFixed(3));
    const cells = make("span", "cells");
    if (this.drawsCells) cells.style.background = this.stripes(value);
    else cells.textContent = this.brief(value);
    const { shape } = this.data;
    row.append(make("span", "name", shape.length > 1 ? places(value, shape).join(", ") : String(value)), share, cells);
    return row;
  }

  stripes(value) {
    const step = 100 / this.data.groups.length;
    const stops = this.data.groups.map((_, group) => `${this.colour(group, value)} ${group * step}% ${(group + 1) * step}%`);
    return `linear-gradient(to right, ${stops.join(", ")})`;
  }

  brief(value) {
    const found = this.ends(value);
    if (!found) return "";
    const [highest, lowest] = found.map((row) => this.group(row, value));
    return fill(this.data.words.brief, { highest, lowest });
  }

  /** The group under the pointer, with its numbers. */
  tip(event) {
    const cells = event.target.closest(".row .cells");
    if (!cells || !this.drawsCells) return;
    const box = cells.getBoundingClientRect();
    const { length } = this.data.groups;
    const row = Math.min(length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * length)));
    const value = Number(cells.parentElement.dataset.value);
    cells.title = `${this.name(value)}: ${this.meanOf(row, value)}`;
  }

  show(value, scroll = false) {
    const chosen = this.rows.get(value) ?? this.list.firstElementChild;
    this.chosen?.setAttribute("aria-selected", "false");
    if (this.chosen) this.chosen.tabIndex = -1;
    else for (const row of this.rows.values()) { row.setAttribute("aria-selected", "false"); row.tabIndex = -1; }
    this.chosen = chosen;
    if (!chosen) return;
    chosen.setAttribute("aria-selected", String(this.rows.has(value)));
    chosen.tabIndex = 0;
    const top = chosen.offsetTop - this.list.offsetTop;
    const { scrollTop, clientHeight } = this.list;
    if (!scroll || top < scrollTop || top + chosen.offsetHeight > scrollTop + clientHeight) {
      this.list.scrollTop = Math.max(0, top - (scroll ? clientHeight / 2 : 3 * chosen.offsetHeight));
    }
  }

  move(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser is meant
    const all = [...this.rows.keys()];
    const at = all.indexOf(Number(event.target.dataset?.value));
    const page = Math.max(1, Math.floor(this.list.clientHeight / event.target.offsetHeight) - 1);
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page };
    const next = { Home: 0, End: all.length - 1, Enter: at, " ": at }[event.key] ?? at + steps[event.key];
    if (at < 0 || !Number.isFinite(next)) return;
    event.preventDefault();
    this.choose(all[Math.min(Math.max(next, 0), all.length - 1)], PAUSE);
    this.chosen.focus({ preventScroll: true });
  }
}

class Grid extends View {
  constructor(root, data) {
    super(root, data);
    const [rows, columns] = data.grid;
    this.canvas = make("canvas", "cells");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", data.words.grid);
    this.zoom = Math.max(1, Math.ceil(SIDE / Math.max(rows, columns)));
    this.canvas.width = columns * this.zoom;
    this.canvas.height = rows * this.zoom;
    this.status = make("p", "said");
    this.status.setAttribute("role", "status");
    const key = make("div", "key");
    key.append(make("span", "", data.words.least), make("i"), make("span", "", this.measured(data.largest)));
    root.className = "values grid";
    root.replaceChildren(this.canvas, key, this.status);
    key.querySelector("i").style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map(sequential).join(", ")})`;
    this.canvas.addEventListener("click", (event) => this.choose(this.at(event)));
    this.canvas.addEventListener("mousemove", (event) => { this.canvas.title = this.said(this.at(event)); });
    this.canvas.addEventListener("keydown", (event) => this.move(event));
    this.show(data.chosen);
  }

  at(event) {
    const [rows, columns] = this.data.grid;
    const box = this.canvas.getBoundingClientRect();
    const place = (offset, length, count) => Math.min(count - 1, Math.max(0, Math.floor((offset / length) * count)));
    return place(event.clientY - box.top, box.height, rows) * columns + place(event.clientX - box.left, box.width, columns);
  }

  show(value) {
    const [, columns] = this.data.grid;
    const context = this.canvas.getContext("2d");
    const { zoom } = this;
    const largest = this.data.largest || 1;
    for (let cell = 0; cell < this.count; cell += 1) {
      context.fillStyle = sequential(this.selectivity[cell] / largest);
      context.fillRect((cell % columns) * zoom, Math.floor(cell / columns) * zoom, zoom, zoom);
    }
    this.value = value;
    const [x, y] = [(value % columns) * zoom, Math.floor(value / columns) * zoom];
    for (const [inset, colour] of [[0, "#fff"], [2, "#111"]]) {
      context.strokeStyle = colour;
      context.lineWidth = 2;
      context.strokeRect(x + inset + 1, y + inset + 1, zoom - 2 * inset - 2, zoom - 2 * inset - 2);
    }
    this.status.textContent = this.said(value);
  }

  move(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser is meant
    const [rows, columns] = this.data.grid;
    const [row, column] = [Math.floor(this.value / columns), this.value % columns];
    const next = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, columns - 1],
    }[event.key];
    if (!next) return;
    event.preventDefault();
    const inside = (place, count) => Math.min(Math.max(place, 0), count - 1);
    this.choose(inside(next[0], rows) * columns + inside(next[1], columns), PAUSE);
  }
}

/** A colour of the table of signed values; the table is filled in by the page. */
function diverging(share) {
  return colourAt(DIVERGING, (Math.min(Math.max(share, -1), 1) + 1) / 2);
}

function sequential(share) {
  return colourAt(SEQUENTIAL, Math.min(Math.max(share, 0), 1));
}

function colourAt(table, share) {
  const at = Math.round(share * (table.length / 6 - 1)) * 6;
  return `#${table.slice(at, at + 6)}`;
}

function places(value, shape) {
  const found = [];
  for (const side of [...shape].reverse()) {
    found.unshift(value % side);
    value = Math.floor(value / side);
  }
  return found;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Digits after the point that tell numbers apart which lie within a span, as the page has them. */
function digitsFor(span) {
  return span > 0 ? Math.min(Math.max(3, 1 - Math.floor(Math.log10(span))), 7) : 3;
}

function number(value, digits = 3) {
  return Math.abs(value) < 10 ? value.toFixed(digits) : value.toPrecision(4);
}

function make(kind, name = "", text = "") {
  const element = document.createElement(kind);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}
