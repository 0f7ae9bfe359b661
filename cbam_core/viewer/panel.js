// One block on the page: picture with overlay and cross-hair, mask alone, colour scale, bars, table of numbers.

/** Make an element: tag, class, attributes, children; strings become text nodes, never HTML. */
function make(tag, name, attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Whether a key belongs to the browser or the system, as Ctrl and plus, or Alt and an arrow. */
function isShortcut(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}

/** Shares as whole percentages. */
function percentages(shares) {
  return Object.fromEntries(Object.entries(shares).map(([part, share]) => [part, (100 * share).toFixed(0)]));
}

/** What multiplies the map where that is not the gate g itself. */
function factor({ scale, shift }) {
  const scaled = scale === 1 ? "g" : `${+scale.toPrecision(3)} × g`;
  return shift ? `${+shift.toPrecision(3)} + ${scaled}` : scaled;
}

/** Fill the {placeholders} of a sentence. */
function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

/**
 * The panel of a block. It is made once and reused for other blocks, so that the page does not jump.
 * `viewer` gives it {payload, settings, picture, pixels, point} and takes {point(value), setOrder, say}.
 */
class Panel {
  constructor(viewer) {
    this.viewer = viewer;
    this.position = null; // chosen bar, in display order
    this.build();
    this.listen();
  }

  build() {
    this.title = make("h3", "title");
    this.how = make("button", "how", { type: "button" });
    this.how.addEventListener("click", () => this.viewer.toggleOrigin(this.whole));
    this.crossHair = new CrossHair(this);
    this.overlay = this.crossHair.overlay;
    this.picture = this.crossHair.picture;
    this.note = make("p", "note");
    this.stage = make("div", "stage", {}, this.picture, this.note);
    this.raw = make("canvas", "raw", { role: "img" });
    this.rawName = make("figcaption");
    this.usual = make("canvas", "raw usual");
    this.usualName = make("figcaption");
    const alone = make("figure", "", {}, this.raw, this.rawName);
    this.usually = make("figure", "", {}, this.usual, this.usualName);
    this.rail = make("div", "rail", {}, alone, this.usually);
    this.range = make("span", "range");
    this.here = make("span", "here");
    this.flat = make("span", "flat");
    this.gain = make("span", "gain");
    this.placed = make("span", "placed");
    this.facts = make("p", "facts", {}, this.range, this.gain, this.flat, this.placed, this.here);
    this.maskHabit = make("p", "habit");
    this.weightsHabit = make("p", "habit");
    this.caption = make("span", "caption");
    this.spread = make("span", "spread");
    this.channel = make("span", "channel", { "aria-hidden": "true" });
    const orders = ["index", "sorted", "unusual"].map((order) => make("option", "", { value: order }));
    this.order = make("select", "plain", {}, ...orders);
    this.bars = make("canvas", "bars", { role: "img", tabindex: "0" });
    this.trace = new Trace(() => this.closeTrace());
    this.numbers = make("div", "hidden numbers");
    const view = make("div", "view", {}, this.stage, this.rail);
    const head = make("div", "bars-head", {}, this.caption, this.spread, this.channel, this.order);
    const gates = [this.facts, head, this.bars, this.weightsHabit, this.trace.element];
    // What a mask usually does comes first: it is what tells blocks apart at a glance.
    const title = make("div", "block-head", {}, this.title, this.how);
    this.element = make("section", "block", {}, title, this.maskHabit, view, ...gates, this.numbers);
  }

  listen() {
    const bar = (event) => this.choose(barAt(this.bars, this.channels.length, event.offsetX), false);
    this.bars.addEventListener("pointermove", bar);
    this.bars.addEventListener("pointerdown", bar);
    this.bars.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.choose(null, false);
    });
    this.bars.addEventListener("click", (event) => this.follow(barAt(this.bars, this.channels.length, event.offsetX)));
    this.bars.addEventListener("keydown", (event) => this.moveBar(event));
    this.bars.addEventListener("blur", () => this.choose(null, false));
    this.order.addEventListener("change", () => this.viewer.set({ order: this.order.value }));
  }

  /** Show another block, or the same one with other numbers. */
  assign(block) {
    this.whole = block;
    this.block = readBlock(block, this.viewer.reading);
    const { words } = this.viewer;
    const { mask, weights } = block;
    const facts = [];
    if (weights) facts.push(fill(words.channels, { count: weights.values.length }));
    if (mask) facts.push(fill(words.resolution, { columns: mask.width, rows: mask.height }));
    const used = [weights, mask].map((gate) => gate?.use && fill(words.used, { by: factor(gate.use) })).filter(Boolean);
    this.title.replaceChildren(
      make("b", "", { title: block.name }, block.name),
      make("span", "", {}, facts.join(" · ")),
      make("span", "used", { title: words.used_hint }, [...new Set(used)].join(" · ")),
    );
    this.element.setAttribute("aria-label", block.name);
    this.writeHow(block);
    this.rail.classList.toggle("absent", !mask);
    for (const canvas of [this.raw, this.usual]) {
      canvas.style.aspectRatio = mask ? `${mask.width} / ${mask.height}` : "1";
    }
    this.rawName.textContent = words.this_image;
    this.usualName.textContent = words.usually;
    this.usually.classList.toggle("absent", !mask?.usual);
    this.order.hidden = !weights;
    this.bars.classList.toggle("absent", !weights);
    this.order.setAttribute("aria-label", words.order);
    for (const option of this.order.options) option.textContent = words[option.value];
    for (const option of this.order.options) option.hidden = option.value === "unusual" && !this.viewer.hasUsual;
    if (this.channels?.length !== weights?.values.length) this.position = null;
    this.channels = [];
    this.writePlace(block);
    this.writeHabit(this.maskHabit, mask);
    this.writeHabit(this.weightsHabit, weights, this.gainText(this.block.weights));
    this.scheduleNumbers();
  }

  /** The button that opens how the gates came about, where the host answers it. */
  writeHow(block) {
    const { payload, words } = this.viewer;
    this.how.hidden = !payload.origins || !originKinds(block).length;
    this.how.textContent = words.origin;
    this.how.title = words.origin_hint;
    this.how.setAttribute("aria-label", `${block.name}: ${words.origin}`);
  }

  /** Description of a gate's usual values; an empty line if they are unknown. */
  writeHabit(line, gate, ...gains) {
    const { words } = this.viewer;
    const usual = gate?.usual;
    line.hidden = !this.viewer.hasUsual;
    line.classList.toggle("follows", Boolean(usual?.follows));
    const sentence = usual && fill(words.habit, { sentence: fill(words[usual.sentence.code], usual.sentence.values) });
    line.textContent = [sentence, ...gains].filter(Boolean).join(" · ");
    line.title = usual ? [fill(words.shares, percentages(usual.shares)), this.viewer.usualSet(usual)].join("\n") : "";
  }

  writeLabels() {
    const { words } = this.viewer;
    const { mask, weights, name } = this.block;
    this.raw.title = fill(words.mask_label, { block: name });
    this.raw.setAttribute("aria-label", this.raw.title);
    this.usual.toggleAttribute("role", Boolean(mask?.usual));
    if (mask?.usual) {
      this.usual.setAttribute("role", "img");
      this.usual.title = `${fill(words.usual_label, { block: name })}. ${this.viewer.usualSet(mask.usual)}`;
      this.usual.setAttribute("aria-label", this.usual.title);
    }
    const read = weights?.values;
    if (read) {
      const values = { block: name, count: read.length, ...this.rangeText(weights.range, false) };
      this.bars.setAttribute("aria-label", fill(words.bars_label, values));
      const { evenness } = this.whole.weights;
      this.spread.textContent = [fill(words.range, values), words[evenness]].filter(Boolean).join(" · ");
    }
    this.bars.tabIndex = read ? 0 : -1;
    this.bars.setAttribute("role", read ? "application" : "img"); // arrow keys do not reach images
  }

  /** Strength of a gate compared with the usual; "" if that is unknown. */
  gainText(gate) {
    const known = gate && gate.gain !== null;
    return known ? fill(this.viewer.words.gain, { value: gate.gain.toFixed(this.viewer.payload.digits.short) }) : "";
  }

  /** {low, high} of a range in the number format of the reading. */
  rangeText({ low, high }, ofMask) {
    const { reading, payload } = this.viewer;
    const digits = ofMask ? this.rangeDigits() : payload.digits.short;
    return { low: written(low, reading, digits), high: written(high, reading, digits) };
  }

  /** Everything that depends on settings, picture or size. */
  paint() {
    this.block = readBlock(this.whole, this.viewer.reading);
    this.writeLabels();
    this.fit();
    this.paintOverlay();
    this.paintFacts();
    this.channels = channelOrder(this.whole.weights, this.viewer.settings.order);
    this.order.value = this.viewer.settings.order;
    this.paintBars();
    this.paintTrace();
    this.how.setAttribute("aria-expanded", String(this.viewer.settings.origin?.[0] === this.whole.name));
    this.crossHair.paint();
  }

  /** The picture's size on the page: whole screen pixels for square pixels, else as large as fits. */
  fit() {
    const { picture } = this.viewer;
    const ratio = window.devicePixelRatio || 1;
    const room = { width: this.stage.clientWidth, height: this.stage.clientHeight };
    const scale = Math.min(room.width / picture.width, room.height / picture.height);
    let width = picture.width * scale;
    const whole = Math.floor(scale * ratio + 1e-6);
    if (picture.pixelated && whole >= 1) width = (picture.width * whole) / ratio;
    this.picture.style.width = `${width}px`;
    this.picture.style.aspectRatio = `${picture.width} / ${picture.height}`;
    this.zoom = picture.pixelated ? Math.max(1, Math.round((width * ratio) / picture.width)) : 1;
  }

  /** Why no mask is drawn over the picture. */
  whyNoMask({ mask, cells }) {
    const { picture, words } = this.viewer;
    if (!mask) return this.withoutMask();
    if (!mask.values) return whyUnread(mask, words);
    return cells[picture.id] ? "" : words.no_place;
  }

  withoutMask() {
    const { words } = this.viewer;
    const sizes = (this.block.undrawn ?? []).map((shape) => shape.join(" × ")).join(", ");
    return sizes ? fill(words.not_drawn, { sizes }) : words.no_mask;
  }

  paintOverlay() {
    const { picture, pixels, settings, words } = this.viewer;
    const { mask, name, cells } = this.block;
    const placed = mask?.values && cells[picture.id];
    this.note.textContent = this.whyNoMask(this.block);
    const values = { block: name, picture: words[picture.id] };
    if (placed) Object.assign(values, { rows: mask.height, columns: mask.width, ...this.rangeText(mask.range, true) });
    this.overlay.setAttribute("aria-label", fill(placed ? words.overlay_label : words.image_label, values));
    this.overlay.tabIndex = placed ? 0 : -1;
    this.overlay.setAttribute("role", placed ? "application" : "img");
    const drawn = { ...settings, reading: this.viewer.reading };
    if (pixels) show(this.overlay, composeOverlay(picture, pixels, this.block, drawn, this.zoom));
    if (!mask) return;
    showMask(this.raw, mask, mask.values, drawn);
    // Compared with itself the usual mask would be empty: it is shown as the shape to compare with.
    const reading = drawn.reading === "usual" ? "relative" : drawn.reading;
    showMask(this.usual, mask, readUsual(mask, reading), { ...drawn, reading });
  }

  /** Two decimals would hide the range of a flat mask. */
  rangeDigits() {
    const { digits } = this.viewer.payload;
    return this.viewer.reading === "values" && this.block.mask.evenness ? digits.table : digits.short;
  }

  paintFacts() {
    const { words, settings, reading } = this.viewer;
    const { mask } = this.block;
    this.facts.classList.toggle("absent", !mask?.values);
    if (!mask?.values) return;
    const digits = this.rangeDigits();
    const evenness = reading === "usual" ? "" : mask.evenness;
    this.range.textContent = fill(words.range, this.rangeText(mask.range, true));
    this.range.title = fill(words.range_hint, { digits });
    this.gain.textContent = this.gainText(mask);
    this.gain.title = words.gain_hint;
    this.flat.hidden = !evenness;
    const stretched = reading === "values" && settings.scale === "stretch";
    this.flat.textContent = (stretched ? words.flat_stretched : words[evenness]) ?? "";
    const facts = { percent: Math.round(100 * FLAT), least: THROUGH };
    this.flat.title = evenness ? fill(words[`${evenness}_hint`], facts) : "";
  }

  /** How far the cells may lie from where they are drawn; nothing where they lie there. */
  writePlace({ place, mask }) {
    const { words } = this.viewer;
    this.placed.hidden = !place || !mask;
    const bound = place?.bound?.toFixed(1);
    this.placed.textContent = place ? fill(words[`place_${place.status}`], { bound }) : "";
    this.placed.title = place ? fill(words[`place_${place.status}_hint`], { bound }) : "";
  }

  paintBars() {
    const { weights } = this.block;
    const read = weights?.values;
    const { words } = this.viewer;
    this.caption.textContent = read ? words.weights : weights ? whyUnread(weights, words) : words.no_weights;
    this.channel.textContent = "";
    this.spread.hidden = !read || this.named !== null;
    this.bars.classList.toggle("absent", !read);
    if (!read) return;
    const { reading } = this.viewer;
    const usual = reading === "usual" ? null : weights.usualValues;
    const data = { weights: read, usual, reading, range: weights.range, channels: this.channels };
    const marked = [this.position, this.followed].filter((position) => position !== null);
    drawBars(this.bars, { ...data, marked }, this.viewer.ink());
    if (this.named !== null) this.channel.textContent = this.channelText();
    if (this.viewer.origin?.block === this.whole.name) this.viewer.origins.paintBars();
  }

  /** Position of the chosen channel in display order; null if it is of another block. */
  get followed() {
    const [name, channel] = this.viewer.settings.channel ?? [];
    const position = name === this.whole.name ? this.channels.indexOf(channel) : -1;
    return position < 0 ? null : position;
  }

  /** Position of the channel that is named: the one under the pointer, else the chosen one. */
  get named() {
    return this.position ?? this.followed;
  }

  /** Choose the channel at a position, or close it if it is chosen already. */
  follow(position) {
    if (position === null || !this.block.weights?.values) return;
    const channel = position === this.followed ? null : [this.whole.name, this.channels[position]];
    this.viewer.follow(channel);
    if (channel) this.trace.element.scrollIntoView?.({ block: "nearest" });
  }

  closeTrace() {
    this.viewer.follow(null);
    this.bars.focus({ preventScroll: true });
  }

  paintTrace() {
    const { payload, settings, trace, words } = this.viewer;
    if (!payload.traces || this.followed === null) return this.trace.hide();
    const [name, channel] = settings.channel;
    const answered = trace && trace.block === name && trace.channel === channel;
    return this.trace.show(this.whole, channel, answered ? trace : null, words);
  }

  channelText() {
    const { words, reading, payload } = this.viewer;
    const channel = this.channels[this.named];
    const { values, usualValues } = this.block.weights;
    const text = (numbers) => written(numbers[channel], reading, payload.digits.short);
    if (!usualValues || reading === "usual") return fill(words.channel_here, { channel, value: text(values) });
    return fill(words.channel_and_usual, { channel, value: text(values), usual: text(usualValues) });
  }

  choose(position, spoken) {
    if (position === this.position || !this.block.weights?.values) return;
    this.position = position;
    this.paintBars();
    if (spoken && position !== null) this.viewer.say(`${this.block.name}, ${this.channelText()}`);
  }

  moveBar(event) {
    if (isShortcut(event)) return;
    const last = this.channels.length - 1;
    const now = this.named ?? (event.key === "ArrowLeft" ? last + 1 : -1);
    const targets = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last };
    if (event.key === "Escape") {
      this.choose(null, false);
      if (this.followed !== null) this.viewer.follow(null);
    } else if (event.key === "Enter" || event.key === " ") this.follow(this.named);
    else if (event.key in targets) this.choose(Math.min(Math.max(targets[event.key], 0), last), true);
    else return;
    event.preventDefault();
  }

  /** The tables wait until the page is painted: they are invisible, and a large mask has thousands of cells. */
  scheduleNumbers() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.writeNumbers(), 60);
  }

  writeNumbers() {
    const { words, payload } = this.viewer;
    const { mask, weights, name } = this.whole;
    const digits = payload.digits.table;
    const tables = [];
    if (mask) {
      const rows = Array.from({ length: mask.height }, (_, row) => [
        fill(words.row, { row }),
        ...Array.from(mask.values.subarray(row * mask.width, (row + 1) * mask.width), (v) => v.toFixed(digits)),
      ]);
      const head = ["", ...Array.from({ length: mask.width }, (_, column) => fill(words.column, { column }))];
      tables.push(tableOf(fill(words.mask_table, { block: name, digits }), head, rows));
    }
    if (weights) {
      const columns = weights.usual ? [weights.values, weights.usual.values] : [weights.values];
      const row = (channel) => [String(channel), ...columns.map((values) => values[channel].toFixed(digits))];
      const caption = fill(words.weights_table, { block: name, digits });
      const head = [words.channel, words.weight, words.usually].slice(0, 1 + columns.length);
      tables.push(tableOf(caption, head, Array.from(weights.values, (_, channel) => row(channel))));
    }
    this.numbers.replaceChildren(...tables);
  }

  destroy() {
    clearTimeout(this.later);
    this.element.remove();
  }
}

function tableOf(caption, head, rows) {
  // The corner above the row headings is empty, so it is not a heading.
  const headed = head.map((text) => (text ? make("th", "", { scope: "col" }, text) : make("td")));
  const top = make("tr", "", {}, ...headed);
  const body = rows.map(([first, ...rest]) =>
    make("tr", "", {}, make("th", "", { scope: "row" }, first), ...rest.map((text) => make("td", "", {}, text))),
  );
  return make(
    "table",
    "",
    {},
    make("caption", "", {}, caption),
    make("thead", "", {}, top),
    make("tbody", "", {}, ...body),
  );
}
