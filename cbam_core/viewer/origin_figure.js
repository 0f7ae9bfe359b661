// Parts of how a gate came about: a map or a row of bars with its caption, an axis, a legend.

/** One map or one row of bars with its caption, the value that is pointed at, and its scale. */
class OriginFigure {
  constructor() {
    this.sign = make("span", "sign", { "aria-hidden": "true" });
    this.name = make("span", "name");
    this.here = make("span", "value");
    this.canvas = make("canvas", "raw", { role: "img" });
    this.cell = make("i", "cell", { "aria-hidden": "true", hidden: "" });
    this.map = make("div", "map", {}, this.canvas, this.cell);
    [this.low, this.ramp, this.high] = [make("span"), make("canvas", "ramp", { "aria-hidden": "true" }), make("span")];
    this.scale = make("div", "own-scale", {}, this.low, this.ramp, this.high);
    const caption = make("figcaption", "", {}, this.sign, this.name, this.here);
    this.element = make("figure", "", {}, caption, this.map, this.scale);
  }

  /** Write the caption: what stands before it, such as a plus, and its words. */
  call(sign, name, hint = "") {
    this.sign.textContent = sign;
    this.sign.hidden = !sign;
    this.name.textContent = name;
    this.element.title = hint;
  }

  /** Draw a map {width, height} of values in colours from `low` to `high`, or in those that `scale` has. */
  draw(grid, values, { low, high, table, index }, label) {
    Object.assign(this, { grid, values });
    this.canvas.style.aspectRatio = `${grid.width} / ${grid.height}`;
    this.canvas.setAttribute("aria-label", label);
    show(this.canvas, composeMask(grid, values, { table, index }));
    show(this.ramp, composeTable(table));
    this.low.textContent = low;
    this.high.textContent = high;
  }

  /** Outline a cell {row, column} and write its value, or nothing. */
  point(at, text) {
    const { grid, values } = this;
    const fits = at && values && at.row < grid.height && at.column < grid.width;
    this.cell.hidden = !fits;
    this.here.textContent = fits && text ? text(values[at.row * grid.width + at.column]) : "";
    if (!fits) return;
    const share = (part, whole) => `${(100 * part) / whole}%`;
    const place = { left: share(at.column, grid.width), top: share(at.row, grid.height) };
    Object.assign(this.cell.style, { ...place, width: share(1, grid.width), height: share(1, grid.height) });
  }
}

/** A share as a percentage, with a decimal where it is small. */
function shareText(share) {
  const percent = 100 * share;
  return percent.toFixed(percent < 9.95 && percent > 0 ? 1 : 0);
}

/** An axis around 0 that ends at one significant digit. */
function signedAxis(reach) {
  const unit = 10 ** Math.floor(Math.log10(reach));
  const end = Number((Math.ceil(reach / unit - 1e-9) * unit).toPrecision(1));
  const text = (value) => {
    const long = String(Number(value.toPrecision(1)));
    return long.length > 4 ? long.replace("0.", ".") : long; // there is little room beside the bars
  };
  return { low: -end, high: end, base: 0, text };
}

function rgbHex(colour) {
  return Array.from(colour, (value) => value.toString(16).padStart(2, "0")).join("");
}

/** A legend: rows of colour, name and number. */
function legendOf(rows) {
  const items = rows.map(([colour, name, count]) => {
    const swatch = make("i", "swatch", { "aria-hidden": "true" });
    swatch.style.background = `#${colour}`;
    return make("li", "", {}, swatch, make("span", "", {}, name), make("span", "count", {}, String(count)));
  });
  return make("ul", "legend", {}, ...items);
}
