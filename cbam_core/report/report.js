// The page of a report: the viewer, and for several images the list to choose from. It stands in one module with the
// viewer's source. Everything that needs no script is on the page already.

const report = JSON.parse(document.getElementById("report").textContent);
const { entries, usual, words } = report;
const isFramed = document.body.classList.contains("framed");

/** A picture of the page as the viewer takes it: its kind and base64. */
function pictureOf(number) {
  const [, kind, data] = document.querySelector(`img[data-picture="${number}"]`).src.match(/^data:image\/(\w+);base64,(.*)$/);
  return { [kind]: data };
}

/** Blocks of an entry with the usual values of their gates, which many images share. */
function blocksOf(entry) {
  const whole = (gate) => gate && { ...gate, usual: gate.usual === null ? null : usual[gate.usual] };
  return entry.blocks.map((block) => ({ ...block, mask: whole(block.mask), weights: whole(block.weights) }));
}

/** The viewer's payload for an entry. */
function payloadOf(entry) {
  const [first, ...others] = entry.images;
  const images = [{ ...first, ...pictureOf(entry.number) }, ...others];
  return { ...report.viewer, images, blocks: blocksOf(entry), settings: report.settings };
}

const stage = document.getElementById("viewer");
document.querySelector(".scripts")?.remove(); // it says that none run here
let viewer = null;

function showViewer(entry) {
  stage.hidden = !entry.blocks?.length;
  if (stage.hidden) return;
  if (viewer) viewer.update(payloadOf(entry));
  else viewer = mount(stage, payloadOf(entry), (name, detail) => Object.assign(report.settings, detail));
}

function percent(share) {
  return fill(words.percent, { value: (100 * share).toFixed(1) });
}

/** A bar of a probability as a drawing. */
function bar(share) {
  const svg = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const rect = (name, width) => svg("rect", { class: name, width, height: 8, rx: 2 });
  return svg("svg", { width: 100, height: 8, "aria-hidden": "true" }, rect("empty", 100), rect("full", 100 * share));
}

/** Prediction, true class and notes of an entry. */
function resultOf(entry) {
  const [best] = entry.top;
  const title = best ? [best[0], make("b", "", {}, ` ${percent(best[1])}`)] : [entry.name];
  const said = make("div", "said", {}, make("h2", "", {}, ...title));
  const cell = (name, ...children) => make("td", name, {}, ...children);
  const rows = entry.top.map(([name, share]) =>
    make("tr", "", {}, cell("name", name), cell("bar", bar(share)), cell("number", percent(share))));
  said.append(rows.length ? make("table", "top", {}, ...rows) : make("p", "", {}, entry.without));
  if (entry.truth !== null) {
    const wrong = entry.wrong && entry.share !== null;
    const values = { name: entry.truth, percent: wrong ? percent(entry.share) : "" };
    const truth = fill(wrong ? words.truth_wrong : words.truth, values);
    said.append(make("p", entry.wrong ? "wrong" : "right", {}, `${truth} · ${entry.wrong ? words.is_wrong : words.is_right}`));
  }
  const facts = [entry.source, ...entry.notes].filter(Boolean);
  said.append(make("p", "quiet file", { title: entry.digest }, entry.name));
  said.append(...facts.map((text) => make("p", "quiet", {}, text)));
  if (!entry.blocks) said.append(make("p", "quiet", {}, fill(words.left_out, { limit: report.limit })));
  const large = document.querySelector(`img[data-picture="${entry.number}"]`).cloneNode();
  large.removeAttribute("data-picture");
  large.classList.add("input");
  large.alt = words.input_alt;
  return [large, said];
}

/** A labelled choice among [value, text] pairs. */
function choiceOf(label, pairs) {
  const select = make("select", "", { "aria-label": label }, ...pairs.map(([value, text]) => make("option", "", { value }, text)));
  return { select, element: make("label", "control", { title: label }, select) };
}

/** The list of images: search, filters, order, small masks, and the chosen one. */
class Index {
  constructor(list) {
    this.list = list;
    this.links = [...list.querySelectorAll("a")];
    this.items = this.links.map((link) => link.parentElement);
    this.status = document.querySelector(".shown");
    this.result = document.querySelector(".detail .result");
    this.makeControls();
    this.apply();
    this.drawWhenSeen();
    list.addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link) return;
      event.preventDefault();
      this.choose(Number(link.dataset.place));
    });
    document.addEventListener("keydown", (event) => this.move(event));
    window.addEventListener("hashchange", () => this.chooseNamed());
    if (!this.chooseNamed()) this.choose(this.seen[0] ?? 0);
  }

  makeControls() {
    const isLabelled = entries.some((entry) => entry.truth !== null);
    const classes = new Set(entries.flatMap((entry) => [entry.top[0]?.[0], entry.truth]).filter(Boolean));
    this.search = make("input", "", { type: "search", placeholder: words.search, "aria-label": words.search });
    this.which = choiceOf(words.which, ["all", "wrong", "right"].map((value) => [value, words[value]]));
    const named = [...classes].sort((a, b) => a.localeCompare(b)).map((name) => [`=${name}`, name]);
    this.kind = choiceOf(words.class, [["", words.any_class], ...named]);
    const orders = [...(isLabelled ? ["worst"] : []), "given", "unsure", "names"];
    this.order = choiceOf(words.order, orders.map((value) => [value, words[value]]));
    this.which.element.hidden = !isLabelled;
    this.kind.element.hidden = classes.size < 2;
    const parts = [this.search, this.which.element, this.kind.element, this.order.element];
    document.querySelector(".controls").append(...parts);
    document.querySelector(".controls").addEventListener("input", () => this.apply());
  }

  /** Whether an entry has what the search and the filters ask for. */
  fits(entry) {
    const text = this.search.value.trim().toLocaleLowerCase();
    const best = entry.top[0]?.[0] ?? "";
    const which = this.which.select.value;
    const name = this.kind.select.value;
    const said = [entry.name, best, entry.truth ?? ""].join("\n").toLocaleLowerCase();
    if (text && !said.includes(text)) return false;
    if (which !== "all" && (entry.truth === null || entry.wrong !== (which === "wrong"))) return false;
    return !name || [best, entry.truth].includes(name.slice(1));
  }

  /** Show the images that fit, in the chosen order. */
  apply() {
    const certainty = (place) => entries[place].top[0]?.[1] ?? 0;
    const compare = {
      worst: (a, b) => a - b, // the order of the page
      given: (a, b) => entries[a].number - entries[b].number,
      unsure: (a, b) => certainty(a) - certainty(b),
      names: (a, b) => entries[a].name.localeCompare(entries[b].name, undefined, { numeric: true }),
    }[this.order.select.value];
    this.seen = [...entries.keys()].filter((place) => this.fits(entries[place])).sort(compare);
    this.list.replaceChildren(...this.seen.map((place) => this.items[place]));
    const counts = { shown: this.seen.length, count: entries.length };
    this.status.textContent = this.seen.length ? fill(words.shown, counts) : words.nothing;
  }

  /** Choose the image that the address names; false if it names none. */
  chooseNamed() {
    const number = Number(location.hash.slice(1)) - 1;
    const place = entries.findIndex((entry) => entry.number === number);
    if (place >= 0) this.choose(place);
    return place >= 0;
  }

  choose(place) {
    const entry = entries[place];
    this.place = place;
    for (const link of this.links) link.removeAttribute("aria-current");
    this.links[place].setAttribute("aria-current", "true");
    this.reveal(this.items[place]);
    this.result.replaceChildren(...resultOf(entry));
    showViewer(entry);
    if (!isFramed) history.replaceState(null, "", `#${entry.number + 1}`);
  }

  /** Scroll the list alone, not the page, to an item. */
  reveal(item) {
    const [box, own] = [this.list.getBoundingClientRect(), item.getBoundingClientRect()];
    if (own.top < box.top) this.list.scrollTop -= box.top - own.top;
    if (own.bottom > box.bottom) this.list.scrollTop += own.bottom - box.bottom;
    if (own.left < box.left) this.list.scrollLeft -= box.left - own.left;
    if (own.right > box.right) this.list.scrollLeft += own.right - box.right;
  }

  /** Arrow keys go from image to image, except where they belong to what has the focus. */
  move(event) {
    if (isShortcut(event) || event.defaultPrevented) return;
    if (event.target.closest?.("input, select, textarea, canvas, .strip, summary")) return;
    const now = this.seen.indexOf(this.place);
    const steps = { ArrowUp: now - 1, ArrowLeft: now - 1, ArrowDown: now + 1, ArrowRight: now + 1, Home: 0, End: this.seen.length - 1 };
    const next = this.seen[steps[event.key]];
    if (next === undefined) return;
    event.preventDefault();
    this.choose(next);
    if (this.list.contains(document.activeElement)) this.links[next].focus({ preventScroll: true });
  }

  /** Draw the small masks of images that come into view. */
  drawWhenSeen() {
    const drawn = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        if (!isIntersecting) continue;
        drawn.unobserve(target);
        this.drawMasks(target);
      }
    });
    for (const item of this.items) drawn.observe(item);
    window.addEventListener("beforeprint", () => {
      drawn.disconnect();
      for (const item of this.items) this.drawMasks(item);
    });
  }

  drawMasks(item) {
    const link = item.firstChild;
    const entry = entries[Number(link.dataset.place)];
    const masked = blocksOf({ blocks: (entry.blocks ?? []).filter((block) => block.mask) }).map(unpackBlock);
    if (!masked.length || link.querySelector(".masks")) return;
    const uneven = masked.filter((block) => !block.mask.evenness); // the others show nothing
    const shown = uneven.length ? uneven : masked;
    const count = Math.min(MANY, shown.length);
    const step = (shown.length - 1) / Math.max(1, count - 1);
    const row = make("span", "masks", { "aria-hidden": "true" });
    for (const block of Array.from({ length: count }, (_, i) => shown[Math.round(i * step)])) {
      const canvas = make("canvas", "raw", { title: block.name });
      const { reading } = report.settings;
      const { mask } = readBlock(block, reading === "usual" && !hasUsual([block]) ? "values" : reading);
      showMask(canvas, mask, mask.values, report.settings);
      row.append(canvas);
    }
    link.querySelector(".words").append(row);
  }
}

/** Red, green, blue and opacity of a CSS colour that a browser computed. */
function partsOf(colour) {
  const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g)?.map(Number) ?? [];
  return { red, green, blue, alpha };
}

/** Colour of the page behind an element, if it has one. */
function behind(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (/^rgb/.test(colour) && partsOf(colour).alpha === 1) return colour;
  }
  return null;
}

/** The element of the frame that this document stands in; null where it may not be seen. */
function hostFrame() {
  try {
    return window.frameElement;
  } catch {
    return null;
  }
}

/** Take light or dark from the text around the frame, and the colour behind it. */
function followTheme(frame) {
  const { red, green, blue } = partsOf(getComputedStyle(frame).color);
  const isDark = 0.299 * red + 0.587 * green + 0.114 * blue > 140; // light text
  const { classList, style } = document.documentElement;
  classList.toggle("dark", isDark);
  classList.toggle("light", !isDark);
  const page = behind(frame);
  if (page) style.setProperty("--st-background-color", page);
  else style.removeProperty("--st-background-color");
}

/** Fit into the host: its theme, the height of this document, and no summary twice. */
function followHost(frame) {
  followTheme(frame);
  const themes = new MutationObserver(() => followTheme(frame));
  const { body, documentElement } = frame.ownerDocument;
  for (const element of [body, documentElement]) themes.observe(element, { attributes: true });
  const replaced = frame.parentElement.querySelector("[data-replaced]");
  if (replaced) replaced.style.display = "none";
  const fit = () => {
    frame.style.height = `${Math.ceil(document.body.getBoundingClientRect().height)}px`;
  };
  new ResizeObserver(fit).observe(document.body);
}

if (isFramed && hostFrame()) followHost(hostFrame());
const list = document.querySelector(".index");
if (list) new Index(list);
else showViewer(entries[0]);
