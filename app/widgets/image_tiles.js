// Images of a set, cut from one sheet. Each is a link: a click goes to its page within the visit, and a click that asks
// for a new tab is the browser's. Tab reaches one image of the list, arrow keys the others.

const asks = new WeakMap(); // by list: tells the page which image was chosen

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".images");
  asks.set(list, setTriggerValue);
  if (list.dataset.id === data.id) return;
  const known = "id" in list.dataset;
  list.dataset.id = data.id;
  list.setAttribute("aria-label", data.list);
  list.style.setProperty("--columns", data.columns);
  if (data.side) list.style.setProperty("--side", `${data.side}px`);
  const rule = parentElement.querySelector(".sheet");
  rule.textContent = `.picture { background-image: url(data:image/png;base64,${data.sheet}); }`;
  const items = data.tiles.map((tile, place) => item(data, tile, place));
  list.replaceChildren(...items);
  rove(items.map((one) => one.firstChild).filter((one) => one.matches("a")));
  if (known) return;
  list.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    asks.get(list)("opened", link.dataset.link);
  });
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser is meant
    const all = [...list.querySelectorAll("a")];
    const at = all.indexOf(event.target);
    const across = inRow(all);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    const next = step === undefined ? { Home: 0, End: all.length - 1 }[event.key] : at + step;
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    const chosen = all[Math.min(Math.max(next, 0), all.length - 1)];
    rove(all, chosen);
    chosen.focus();
  });
}

/** How many images stand in the first row. */
function inRow(all) {
  const first = all[0]?.getBoundingClientRect().top;
  return Math.max(1, all.filter((one) => one.getBoundingClientRect().top === first).length);
}

/** Let Tab stop at one of them. */
function rove(all, chosen = all[0]) {
  for (const one of all) one.tabIndex = one === chosen ? 0 : -1;
}

function item(data, tile, place) {
  const frame = make(tile.link === null ? "span" : "a", "tile");
  frame.title = tile.name;
  if (tile.link === null) {
    frame.setAttribute("role", "img");
  } else {
    const address = window.__streamlit?.BACKEND_BASE_URL ?? "";
    frame.href = address + tile.query;
    frame.dataset.link = tile.link;
  }
  frame.setAttribute("aria-label", tile.name);
  const picture = make("span", "picture");
  picture.style.aspectRatio = data.shape;
  const share = (number, of) => (of > 1 ? (100 * number) / (of - 1) : 0);
  const column = place % data.columns;
  // A pixel more for each thumbnail: the edge of one whose size is no whole number would show its neighbour.
  const size = (count) => `calc(${100 * count}% + ${count}px)`;
  picture.style.backgroundSize = `${size(data.columns)} ${size(data.rows)}`;
  picture.style.backgroundPosition = `${share(column, data.columns)}% ${share((place - column) / data.columns, data.rows)}%`;
  frame.append(picture);
  tile.lines.forEach((line, number) => frame.append(make("span", number ? (tile.wrong ? "more wrong" : "more") : "first", line)));
  const entry = make("li");
  entry.append(frame);
  return entry;
}

function make(kind, name = "", text = "") {
  const element = document.createElement(kind);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}
