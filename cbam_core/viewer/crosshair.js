// The cross-hair on a block's picture: read by pointer, finger and arrow keys, and pinned by a click or Enter.

/** Cross-hair of a panel, with the picture that it lies on. */
class CrossHair {
  constructor(panel) {
    this.panel = panel;
    this.overlay = make("canvas", "overlay", { role: "img", tabindex: "0" });
    this.across = make("i", "hair across");
    this.down = make("i", "hair down");
    this.cell = make("i", "cell");
    const marks = make("div", "marks", { "aria-hidden": "true" }, this.across, this.down, this.cell);
    this.picture = make("div", "picture", {}, this.overlay, marks);
    this.listen();
  }

  get viewer() {
    return this.panel.viewer;
  }

  get block() {
    return this.panel.block;
  }

  listen() {
    const at = (event) => this.pointAt(event.clientX, event.clientY);
    this.overlay.addEventListener("pointermove", (event) => this.viewer.point(at(event)));
    this.overlay.addEventListener("pointerdown", (event) => this.viewer.point(at(event)));
    this.overlay.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.viewer.point(null);
    });
    this.overlay.addEventListener("click", (event) => this.pin(at(event)));
    this.overlay.addEventListener("keydown", (event) => this.move(event));
    this.overlay.addEventListener("blur", (event) => {
      // A finger on another block's picture takes the focus there, after it has set the cross-hair.
      if (!event.relatedTarget?.matches?.(".overlay")) this.viewer.point(null);
    });
  }

  /** A position on the screen as a point of the picture. */
  pointAt(clientX, clientY) {
    if (!this.viewer.picture) return null; // not painted yet
    const box = this.overlay.getBoundingClientRect();
    const { width, height } = this.viewer.picture;
    const x = ((clientX - box.left) / box.width) * width;
    const y = ((clientY - box.top) / box.height) * height;
    return x >= 0 && y >= 0 && x < width && y < height ? { x, y } : null;
  }

  /** The cell of this block at a point of the picture, with the mask's own value, or null. */
  cellAt(point) {
    const { picture } = this.viewer;
    const cells = picture && this.block.mask?.values && this.block.cells[picture.id];
    if (!cells || !point) return null;
    const [left, top, right, bottom] = picture.seen;
    if (point.x < left || point.x >= right || point.y < top || point.y >= bottom) return null;
    const { width, height, values } = this.block.mask;
    const column = nearestCell(point.x, cells.x0, cells.dx, width);
    const row = nearestCell(point.y, cells.y0, cells.dy, height);
    return { row, column, value: values[row * width + column] };
  }

  move(event) {
    if (isShortcut(event)) return;
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.key === "Escape") {
      this.viewer.point(null);
      this.viewer.pin(null);
    }
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.viewer.pin(this.viewer.pinned ? null : this.viewer.over);
    }
    if (!(event.key in steps) || !this.block.mask?.values) return;
    event.preventDefault();
    const { width, height } = this.block.mask;
    const now = this.cellAt(this.viewer.at);
    const [down, across] = now ? steps[event.key] : [0, 0];
    const from = now ?? { row: Math.floor((height - 1) / 2), column: Math.floor((width - 1) / 2) };
    const row = Math.min(Math.max(from.row + down, 0), height - 1);
    const column = Math.min(Math.max(from.column + across, 0), width - 1);
    const point = this.centreOf(row, column);
    this.viewer.point(point);
    if (this.viewer.pinned) this.viewer.pin(point);
    const reached = this.cellAt(point); // the nearest one on the picture, where padding put the other outside it
    const value = written(reached.value, this.viewer.reading, this.panel.rangeDigits());
    this.viewer.say(fill(this.viewer.words.cell_spoken, { ...reached, block: this.block.name, value }));
  }

  /** Pin a point of the picture; a point in the pinned cell of this block releases it. */
  pin(point) {
    const [now, next] = [this.viewer.pinned, point].map((one) => this.cellAt(one));
    const same = now && next && now.row === next.row && now.column === next.column;
    this.viewer.pin(next && !same ? point : null);
  }

  /** A cell's centre on the picture, held inside what was seen. */
  centreOf(row, column) {
    const { picture } = this.viewer;
    const { x0, y0, dx, dy } = this.block.cells[picture.id];
    const [left, top, right, bottom] = picture.seen;
    const inside = (value, from, to) => Math.min(Math.max(value, from), to - 1e-6);
    return { x: inside(x0 + column * dx, left, right), y: inside(y0 + row * dy, top, bottom) };
  }

  /** Cross-hair, outlined cell and "here", or none of them. */
  paint() {
    const { at, picture, words, reading } = this.viewer;
    const cell = this.cellAt(at);
    this.picture.classList.toggle("pointed", Boolean(at));
    this.picture.classList.toggle("pinned", Boolean(this.viewer.pinned));
    this.cell.hidden = !cell;
    this.panel.here.textContent = "";
    this.panel.here.title = this.viewer.pinned ? words.pinned_hint : "";
    this.panel.trace.point(cell, words);
    if (!at) return;
    this.across.style.top = `${(100 * at.y) / picture.height}%`;
    this.down.style.left = `${(100 * at.x) / picture.width}%`;
    if (!cell) {
      this.panel.here.textContent = this.block.mask?.values && this.block.cells[picture.id] ? words.not_seen : "";
      return;
    }
    this.outline(cell);
    this.panel.here.textContent = fill(words.here, { value: written(cell.value, reading, this.panel.rangeDigits()) });
  }

  outline({ row, column }) {
    const { picture } = this.viewer;
    const { x0, y0, dx, dy } = this.block.cells[picture.id];
    const { width, height } = this.block.mask;
    const [left, top, right, bottom] = picture.seen;
    // The outermost cells reach to the edge of what was seen, as the overlay draws them.
    const x = [column === 0 ? left : x0 + (column - 0.5) * dx, column === width - 1 ? right : x0 + (column + 0.5) * dx];
    const y = [row === 0 ? top : y0 + (row - 0.5) * dy, row === height - 1 ? bottom : y0 + (row + 0.5) * dy];
    const hold = (value, from, to) => Math.min(Math.max(value, from), to);
    const [x1, x2] = x.map((value) => (100 * hold(value, left, right)) / picture.width);
    const [y1, y2] = y.map((value) => (100 * hold(value, top, bottom)) / picture.height);
    Object.assign(this.cell.style, { left: `${x1}%`, top: `${y1}%`, width: `${x2 - x1}%`, height: `${y2 - y1}%` });
  }
}
