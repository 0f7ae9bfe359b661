// A strip of thumbnails cut from one sheet. Class, chance and arrow keys choose in the browser; the page gets the index.
// The choice is kept here alone. Where the page chooses, as after Back, its data carry another generation, and the
// strip follows once; what a visitor chooses is sent with the generation that it was chosen in.

const SIDE = 44; // pixels of one thumbnail, as in the style sheet
const PAUSE = 140; // milliseconds: holding an arrow key asks for the last thumbnail, not for each one passed

const timers = new WeakMap(); // by strip: what waits to send a choice

export default function ({ data, parentElement, setStateValue }) {
  const strip = parentElement.querySelector(".strip");
  const gone = () => {
    if (!strip.isConnected) clearTimeout(timers.get(strip)); // Streamlit also calls this before it calls us again
  };
  // Streamlit calls this again whenever data comes; what the visitor chose since then stays.
  strip.dataset.of = data.of;
  const chosenAnew = strip.dataset.generation !== String(data.generation);
  strip.dataset.generation = data.generation;
  if (chosenAnew) clearTimeout(timers.get(strip));
  if (strip.dataset.sheet === data.id) {
    if (chosenAnew) follow(strip, data.chosen);
    return gone;
  }
  const same = strip.dataset.pictures === data.pictures; // perhaps with words in another language
  const kept = same && !chosenAnew ? strip.querySelector(".tile[aria-selected=true]")?.dataset.index : undefined;
  const wanted = (same && strip.querySelector("select")?.value) || "";
  if (!same) clearTimeout(timers.get(strip));
  strip.dataset.sheet = data.id;
  strip.dataset.pictures = data.pictures;
  strip.replaceChildren();

  const tiles = data.tiles.map((tile, position) => thumbnail(data, tile, position));
  const filter = classFilter(data);
  const count = make("span", "count");
  const random = make("button", "random", data.words.random);
  random.type = "button";
  const bar = make("div", "bar");
  bar.append(filter.label, random, count);
  bar.hidden = !data.tools;
  filter.label.hidden = data.classes.length < 2;
  const list = make("div", "tiles");
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", data.words.list);
  list.setAttribute("aria-orientation", "horizontal");
  list.append(...tiles);
  strip.append(sheetRule(data), bar, list);

  const shown = () => tiles.filter((tile) => !tile.hidden);

  function choose(tile, { wait = 0, focus = false } = {}) {
    select(tiles, tile);
    tile.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focus) tile.focus({ preventScroll: true });
    announce(data.channel, strip.dataset.of, Number(tile.dataset.index));
    clearTimeout(timers.get(strip));
    const choice = [Number(strip.dataset.generation), Number(tile.dataset.index)];
    timers.set(strip, setTimeout(() => setStateValue("chosen", choice), wait));
  }

  function narrow() {
    for (const tile of tiles) tile.hidden = filter.select.value !== "" && tile.dataset.class !== filter.select.value;
    const left = shown();
    fade(list);
    count.textContent = data.words.count.replace("{count}", left.length);
    if (!left.some((tile) => tile.tabIndex === 0)) left[0].tabIndex = 0;
  }

  filter.select.addEventListener("change", () => {
    narrow();
    const chosen = tiles.find((tile) => tile.getAttribute("aria-selected") === "true");
    if (!chosen || chosen.hidden) choose(shown()[0]);
  });
  random.addEventListener("click", () => {
    const others = shown().filter((tile) => tile.getAttribute("aria-selected") !== "true");
    if (others.length) choose(others[Math.floor(Math.random() * others.length)]);
  });
  list.addEventListener("scroll", () => fade(list), { passive: true });
  new ResizeObserver(() => {
    bringIntoView(list);
    fade(list);
  }).observe(list);
  list.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) choose(tile, { focus: true });
  });
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser is meant
    const row = shown();
    const at = row.indexOf(event.target);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: row.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(row[Math.min(Math.max(next, 0), row.length - 1)], { wait: PAUSE, focus: true });
  });

  const start = tiles.find((tile) => Number(tile.dataset.index) === Number(kept ?? data.chosen)) ?? tiles[0];
  select(tiles, start);
  filter.select.value = wanted;
  narrow();
  if (start.hidden) showAll(filter.select);
  return gone;
}

/** Select what the page chose; a filter that hides it goes. */
function follow(strip, index) {
  const tiles = [...strip.querySelectorAll(".tile")];
  const tile = tiles.find((one) => Number(one.dataset.index) === index) ?? tiles[0];
  select(tiles, tile);
  if (tile.hidden) showAll(strip.querySelector("select"));
  const list = strip.querySelector(".tiles");
  delete list.dataset.placed;
  bringIntoView(list);
}

function select(tiles, chosen) {
  for (const tile of tiles) {
    tile.setAttribute("aria-selected", String(tile === chosen));
    tile.tabIndex = tile === chosen ? 0 : -1;
  }
}

function showAll(filter) {
  filter.value = "";
  filter.dispatchEvent(new Event("change"));
}

/** Scroll the row, once, to the chosen thumbnail and what comes before it; a strip that is hidden has no layout yet. */
function bringIntoView(list) {
  if (!list.clientWidth || "placed" in list.dataset) return;
  list.dataset.placed = "";
  const chosen = list.querySelector(".tile[aria-selected=true]");
  list.scrollLeft = chosen.offsetLeft - list.offsetLeft - 3 * SIDE;
}

/** Notify the parts of the page that show the chosen image, if its result was sent ahead. */
function announce(channel, of, index) {
  const kept = window.cbamLensAhead?.get(channel);
  const result = kept?.of === of ? kept.results[index] : undefined;
  if (!result) return;
  document.dispatchEvent(new CustomEvent("cbam-lens-ahead", { detail: { channel, of, index, result } }));
}

/** Where more thumbnails follow, the row's end fades out. */
function fade(list) {
  list.classList.toggle("before", list.scrollLeft > 4);
  list.classList.toggle("after", list.scrollLeft + list.clientWidth < list.scrollWidth - 4);
}

/** The sheet, as the background of all thumbnails: one rule, or the browser would read its text for each of them. */
function sheetRule(data) {
  const rule = make("style");
  const image = `url(data:image/png;base64,${data.sheet})`;
  rule.textContent = `.tile { background-image: ${image}; background-size: ${data.columns * SIDE}px auto; }`;
  return rule;
}

function thumbnail(data, tile, position) {
  const button = make("button", "tile");
  button.type = "button";
  button.setAttribute("role", "option");
  button.setAttribute("aria-label", tile.label);
  button.title = tile.label;
  button.dataset.index = tile.index;
  button.dataset.class = tile.class;
  const column = position % data.columns;
  button.style.backgroundPosition = `${-column * SIDE}px ${-Math.floor(position / data.columns) * SIDE}px`;
  return button;
}

function classFilter(data) {
  const label = make("label", "class", data.words.class);
  const select = make("select");
  select.append(new Option(data.words.all, ""), ...data.classes.map((name, index) => new Option(data.names[index], name)));
  label.append(select);
  return { label, select };
}

function make(kind, name = "", text = "") {
  const element = document.createElement(kind);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}
