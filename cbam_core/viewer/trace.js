// What gets through: one channel's feature map before and after the gates, each from its lowest to its highest value.

const FEATURES = TABLES[FEATURE_COLOURS];

/** Three significant digits, without an exponent where that is short. */
function significant(value) {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

/** A channel's maps of the payload with their numbers unpacked. */
function unpackTrace(trace) {
  return trace?.before ? { ...trace, maps: { before: floatsOf(trace.before), after: floatsOf(trace.after) } } : trace;
}

/** Colour scale of a map, from its lowest to its highest value. */
function featureScale(range) {
  const ends = range.low === 0 && range.high === 0 ? { low: 0, high: 1 } : range; // nothing is as dark as elsewhere
  return { table: FEATURES, index: (value) => colourIndex(onScale(value, "stretch", ends)) };
}

/** The chosen channel of a panel. `close` is called by its button. */
class Trace {
  constructor(close) {
    this.title = make("b");
    this.button = make("button", "close", { type: "button" });
    this.button.addEventListener("click", close);
    this.figures = Object.fromEntries(["before", "after"].map((when) => [when, this.makeFigure()]));
    this.said = make("p", "said");
    const head = make("div", "trace-head", {}, this.title, this.button);
    this.body = make("div", "maps", {}, ...Object.values(this.figures).map(({ element }) => element));
    this.element = make("div", "trace", { role: "group" }, head, this.body, this.said);
    this.element.hidden = true;
  }

  makeFigure() {
    const name = make("span", "name");
    const here = make("span", "value");
    const canvas = make("canvas", "raw");
    const cell = make("i", "cell", { "aria-hidden": "true" });
    const map = make("div", "map", {}, canvas, cell);
    const text = make("figcaption", "", {}, name, here);
    const [low, ramp, high] = [make("span"), make("canvas", "ramp", { "aria-hidden": "true" }), make("span")];
    const scale = make("div", "own-scale", {}, low, ramp, high);
    return { element: make("figure", "", {}, text, map, scale), name, here, canvas, cell, low, ramp, high };
  }

  /** Show a channel; `trace` is null until the host has answered. */
  show(block, channel, trace, words) {
    this.element.hidden = false;
    this.trace = trace;
    this.title.textContent = fill(words.trace_title, { block: block.name, channel });
    this.element.setAttribute("aria-label", this.title.textContent);
    this.button.textContent = words.trace_close;
    this.body.classList.toggle("absent", !trace?.maps);
    this.said.textContent = trace ? (trace.failed ?? this.sentence(block, words)) : words.trace_wait;
    // Its place is kept while the maps are computed, so that nothing jumps.
    const grid = trace ?? block.mask ?? { width: 1, height: 1 };
    for (const { canvas } of Object.values(this.figures)) {
      canvas.style.aspectRatio = `${grid.width ?? 1} / ${grid.height ?? 1}`;
    }
    if (trace?.maps) this.draw(words);
  }

  sentence({ mask }, words) {
    const values = { weight: this.trace.weight.toFixed(2) };
    if (this.trace.maps.before.every((value) => value === 0)) return fill(words.trace_empty, values);
    return fill(mask ? words.trace_said : words.trace_said_unmasked, values);
  }

  draw(words) {
    const { block, channel, width, height, maps } = this.trace;
    for (const [when, { canvas, name, low, ramp, high }] of Object.entries(this.figures)) {
      const range = rangeOf(maps[when]);
      name.textContent = words[`trace_${when}`];
      low.textContent = significant(range.low);
      high.textContent = significant(range.high);
      const ends = { low: low.textContent, high: high.textContent };
      const said = { block, channel, when: name.textContent, rows: height, columns: width, ...ends };
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", fill(words.trace_label, said));
      show(canvas, composeMask({ width, height }, maps[when], featureScale(range)));
      show(ramp, composeTable(FEATURES));
    }
  }

  /** Outline a cell {row, column} of the block's grid and say its numbers, or nothing for null. */
  point(at, words) {
    for (const [when, { cell, here }] of Object.entries(this.figures)) {
      const values = this.trace?.maps?.[when];
      const { width, height } = this.trace ?? {};
      const fits = at && values && at.row < height && at.column < width;
      cell.hidden = !fits;
      here.textContent = fits ? fill(words.here, { value: significant(values[at.row * width + at.column]) }) : "";
      if (!fits) continue;
      const share = (part, whole) => `${(100 * part) / whole}%`;
      const place = { left: share(at.column, width), top: share(at.row, height) };
      Object.assign(cell.style, { ...place, width: share(1, width), height: share(1, height) });
    }
  }

  hide() {
    this.element.hidden = true;
    this.trace = null;
  }
}
