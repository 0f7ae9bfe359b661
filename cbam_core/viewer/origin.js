// How a gate came about: its branches before their sum, the squash, who won the maximum, and the channels that it moved.

const PARTS_OF_SUM = ["average", "maximum", "unsquashed", "values"];
const WINNERS = ["e69f00", "56b4e9", "009e73", "f0e442", "0072b2", "d55e00"]; // apart for colour-blind readers too
const OTHERS = "8a8a8a";
const NOBODY = -1;

/** How a gate came about, of the payload, with its numbers unpacked. */
function unpackOrigin(origin) {
  if (!origin?.values) return origin;
  const names = [...PARTS_OF_SUM, "winners", "padding"];
  const numbers = Object.fromEntries(names.map((name) => [name, origin[name] && floatsOf(origin[name])]));
  const maps = ({ before, after }) => ({ before: floatsOf(before), after: after && floatsOf(after) });
  return { ...origin, ...numbers, moved: origin.moved.map((one) => ({ ...one, ...maps(one) })) };
}

/** Who won most often, and how often: [who, times], the most frequent first. */
function winnersOf(winners) {
  const times = new Map();
  for (const who of winners) if (who !== NOBODY) times.set(who, (times.get(who) ?? 0) + 1);
  return [...times].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

/** Standard deviation of numbers. */
function spreadOf(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** How the gates of one block came about; one for the viewer, below its blocks. */
class Origin {
  constructor(viewer) {
    this.viewer = viewer;
    this.title = make("b");
    this.slot = make("div", "slot");
    this.button = make("button", "close", { type: "button" });
    this.button.addEventListener("click", () => this.close());
    this.chain = make("div", "chain");
    this.said = make("p", "said");
    this.rest = make("div", "rest");
    const head = make("div", "origin-head", {}, this.title, this.slot, this.button);
    this.element = make("section", "origin", { role: "group", tabindex: "-1" }, head, this.chain, this.said, this.rest);
    this.element.hidden = true;
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    this.figures = [];
  }

  close() {
    const [name] = this.viewer.settings.origin ?? [];
    this.viewer.showOrigin(null);
    this.viewer.panels.find((panel) => panel.whole.name === name)?.how.focus({ preventScroll: true });
  }

  /** Show what the settings name, or nothing; the host's answer may not be there yet. */
  paint() {
    const { payload, settings, origin, words } = this.viewer;
    const chosen = payload.origins && settings.origin;
    this.element.hidden = !chosen;
    if (!chosen) {
      this.shown = null;
      return;
    }
    const [block, kind] = chosen;
    const answered = origin && origin.block === block && origin.kind === kind ? origin : null;
    this.name(block, kind);
    this.element.classList.toggle("waiting", !answered);
    const before = this.shown;
    this.shown = answered;
    if (!answered) this.said.textContent = words.origin_wait; // the last one stays until then: nothing jumps
    else if (answered.failed) this.fail(answered.failed);
    else this.draw(answered, before);
    this.point();
  }

  /** Name the block, and offer its gates. */
  name(block, kind) {
    const { words } = this.viewer;
    this.title.textContent = fill(words.origin_title, { block });
    this.element.setAttribute("aria-label", this.title.textContent);
    this.button.textContent = words.trace_close;
    const kinds = originKinds(this.viewer.all.find((one) => one.name === block));
    const made = JSON.stringify([block, kinds, words.origin_channel]);
    if (made !== this.made) {
      this.made = made;
      toolbars += 1;
      const choices = kinds.map((value) => ({ value, text: words[`origin_${value}`] }));
      this.choice = new Choice(words.origin_gate, `cbam-origin-${toolbars}`, choices, (value) =>
        this.viewer.showOrigin([block, value]),
      );
      this.slot.replaceChildren(this.choice.element);
    }
    this.choice.element.hidden = kinds.length < 2;
    this.choice.show(kind);
  }

  fail(sentence) {
    this.said.textContent = sentence;
    this.chain.replaceChildren();
    this.rest.replaceChildren();
    this.figures = [];
  }

  draw(origin, before) {
    const { words } = this.viewer;
    this.figures = [];
    this.bars = [];
    const parts = PARTS_OF_SUM.filter((part) => origin[part]);
    const isMask = origin.kind === "spatial";
    this.chain.classList.toggle("of-bars", !isMask);
    this.chain.replaceChildren(...parts.map((part) => (isMask ? this.map(origin, part) : this.row(origin, part)).element));
    this.said.textContent = this.sentences(origin).join(" ").replaceAll("。 ", "。");
    const rest = [this.winners(origin), isMask && this.padding(origin), this.moved(origin)];
    this.rest.replaceChildren(...rest.filter(Boolean));
    this.paintBars();
    if (this.wanted) this.element.scrollIntoView?.({ block: "nearest" });
    this.wanted = false;
    if (before?.gate !== origin.gate) this.viewer.say(fill(words.origin_spoken, { gate: origin.gate }));
  }

  /** What the caption of a step says: a sign, a name, and a hint. */
  step(origin, part) {
    const { words } = this.viewer;
    const sign = { average: "", maximum: "+", unsquashed: origin.average ? "=" : "", values: "→" }[part];
    const squash = origin.squash ?? "";
    const name = part === "unsquashed" && !origin.average ? "origin_given" : `origin_${part}_${origin.kind}`;
    return [sign, fill(words[part === "unsquashed" && origin.average ? "origin_sum" : name], { squash })];
  }

  /** Largest absolute value of the branches and their sum, which share one scale. */
  reach(origin) {
    const ranges = ["average", "maximum", "unsquashed"].filter((part) => origin[part]).map((part) => rangeOf(origin[part]));
    return Math.max(...ranges.map(({ low, high }) => Math.max(-low, high)), 0) || 1;
  }

  label(origin, name, { width, height }, range) {
    const ends = { low: significant(range.low), high: significant(range.high) };
    return fill(this.viewer.words.origin_label, { gate: origin.gate, name, rows: height, columns: width, ...ends });
  }

  map(origin, part) {
    const figure = new OriginFigure();
    const [sign, name] = this.step(origin, part);
    figure.call(sign, name);
    const label = this.label(origin, name, origin, rangeOf(origin[part]));
    if (part === "values") {
      const table = TABLES[this.viewer.settings.colours];
      figure.draw(origin, origin.values, { low: "0", high: "1", table, index: colourIndex }, label);
      this.take(figure, (value) => value.toFixed(this.viewer.payload.digits.short + 1));
    } else {
      const reach = this.reach(origin);
      const ends = { low: significant(-reach), high: `+${significant(reach)}` };
      figure.draw(origin, origin[part], { ...ends, table: DIVERGING, index: (value) => signedIndex(value / reach) }, label);
      this.take(figure, significant);
    }
    return figure;
  }

  /** Keep a figure, whose cells are pointed at as those of the block are. */
  take(figure, text) {
    this.figures.push({ figure, text });
    const at = (event) => this.pointAt(figure, event);
    figure.map.addEventListener("pointermove", (event) => this.viewer.point(at(event)));
    figure.map.addEventListener("pointerleave", () => this.viewer.point(null));
    figure.map.addEventListener("click", (event) => {
      const point = at(event);
      if (point) this.panel?.crossHair.pin(point);
    });
  }

  /** The panel of the block that is shown, if it is on the page. */
  get panel() {
    return this.viewer.panels.find((panel) => panel.whole.name === this.shown?.block);
  }

  /** Centre of the cell of the block under a pointer on a figure, or null. */
  pointAt({ grid, canvas }, event) {
    const { panel, viewer } = this;
    const mask = panel?.block.mask;
    if (!mask?.values || !panel.block.cells[viewer.picture?.id]) return null;
    const box = canvas.getBoundingClientRect();
    const inside = (value, count) => Math.min(Math.max(Math.floor(value * count), 0), count - 1);
    const row = inside((event.clientY - box.top) / box.height, grid.height);
    const column = inside((event.clientX - box.left) / box.width, grid.width);
    return row < mask.height && column < mask.width ? panel.crossHair.centreOf(row, column) : null;
  }

  /** One step of channel weights: a bar for each channel. */
  row(origin, part) {
    const figure = new OriginFigure();
    const [sign, name] = this.step(origin, part);
    figure.call(sign, name);
    figure.scale.remove();
    figure.cell.remove();
    figure.canvas.className = "bars";
    const { low, high } = rangeOf(origin[part]);
    const ends = { low: significant(low), high: significant(high) };
    const said = { gate: origin.gate, name, count: origin[part].length, ...ends };
    figure.canvas.setAttribute("aria-label", fill(this.viewer.words.origin_bars_label, said));
    const reach = this.reach(origin);
    const axis = part === "values" ? { low: 0, high: 1, base: 0 } : signedAxis(reach);
    this.bars.push({ figure, values: origin[part], axis });
    const choose = (event) => this.panel?.choose(barAt(figure.canvas, origin[part].length, event.offsetX), false);
    figure.canvas.addEventListener("pointermove", choose);
    figure.canvas.addEventListener("pointerleave", () => this.panel?.choose(null, false));
    figure.canvas.addEventListener("click", () => this.panel?.follow(this.panel.position));
    return figure;
  }

  /** Draw all bars in the block's order of channels, and the number of the channel that is named. */
  paintBars() {
    if (this.shown?.kind !== "channel") return;
    const { panel, viewer } = this;
    const count = this.shown.values?.length ?? 0;
    const channels = panel?.channels.length === count ? panel.channels : Array.from({ length: count }, (_, i) => i);
    const named = panel?.named ?? null;
    const channel = named === null ? null : channels[named];
    for (const { figure, values, axis } of this.bars) {
      const range = { low: axis.low, high: axis.high };
      const marked = named === null ? [] : [named];
      drawBars(figure.canvas, { weights: values, usual: null, range, axis, channels, marked }, viewer.ink());
      figure.here.textContent =
        channel === null ? "" : fill(viewer.words.channel_here, { channel, value: significant(values[channel]) });
    }
    this.point();
  }

  /** What the numbers say: which branch decides, and where the rest is to be read. */
  sentences(origin) {
    const { words } = this.viewer;
    if (!origin.average) return [origin.why].filter(Boolean);
    const [average, maximum] = [origin.average, origin.maximum].map(spreadOf);
    const values = { average: significant(average), maximum: significant(maximum), bias: significant(origin.bias) };
    const none = origin.maximum.every((value) => value === 0) ? "maximum" : origin.average.every((v) => v === 0) ? "average" : "";
    return [
      words[`origin_how_${origin.kind}`],
      none ? words[`origin_nothing_${none}`] : fill(words[`origin_spread_${origin.kind}`], values),
      origin.bias ? fill(words.origin_bias, values) : "",
    ].filter(Boolean);
  }

  part(title, hint, ...inside) {
    const head = make("h4", "", {}, title);
    const note = make("p", "hint", {}, hint);
    return make("section", "part", {}, head, note, ...inside);
  }

  /** Who has the maximum: for each position a channel, or where the channels have theirs. */
  winners(origin) {
    if (!origin.winners) return null;
    return origin.kind === "spatial" ? this.winningChannels(origin) : this.winningPlaces(origin);
  }

  winningChannels(origin) {
    const { words } = this.viewer;
    const ranked = winnersOf(origin.winners);
    const shown = ranked.slice(0, WINNERS.length);
    const places = new Map(shown.map(([who], place) => [who, place]));
    const table = Uint8Array.from([...WINNERS, OTHERS].join("").match(/../g), (pair) => parseInt(pair, 16));
    const index = (who) => (who === NOBODY ? -1 : (places.get(who) ?? WINNERS.length));
    const figure = new OriginFigure();
    figure.call("", words.origin_winner);
    const label = fill(words.origin_winners_label, { gate: origin.gate, count: ranked.length });
    figure.draw(origin, origin.winners, { low: "", high: "", table, index }, label);
    figure.scale.remove();
    this.take(figure, (who) => (who === NOBODY ? words.origin_nobody : fill(words.origin_channel_number, { channel: who })));
    const cells = origin.winners.length;
    const rows = shown.map(([who, times], place) => [WINNERS[place], fill(words.origin_channel_number, { channel: who }), times]);
    const others = ranked.slice(WINNERS.length).reduce((sum, [, times]) => sum + times, 0);
    if (others) rows.push([OTHERS, fill(words.origin_others, { count: ranked.length - shown.length }), others]);
    const nobody = origin.winners.filter((who) => who === NOBODY).length;
    if (nobody) rows.push([rgbHex(MISSING), words.origin_nobody, nobody]);
    const hint = fill(words.origin_winners_spatial, { count: ranked.length, channels: origin.channels, cells });
    return this.part(words.origin_winners_title_spatial, hint, make("div", "pair", {}, figure.element, legendOf(rows)));
  }

  winningPlaces(origin) {
    const { words } = this.viewer;
    const counts = new Float32Array(origin.width * origin.height);
    for (const where of origin.winners) if (where !== NOBODY) counts[where] += 1;
    const most = Math.max(1, ...counts);
    const figure = new OriginFigure();
    figure.call("", words.origin_places);
    const scale = { low: "0", high: String(most), table: FEATURES, index: (value) => colourIndex(value / most) };
    figure.draw(origin, counts, scale, this.label(origin, words.origin_places, origin, rangeOf(counts)));
    this.take(figure, (count) => String(count));
    this.places = figure;
    const alone = origin.winners.filter((where) => where !== NOBODY).length;
    const hint = fill(words.origin_winners_channel, { count: alone, channels: origin.winners.length });
    return this.part(words.origin_winners_title_channel, hint, figure.element);
  }

  padding(origin) {
    if (!origin.padding) return null;
    const { words } = this.viewer;
    const figure = new OriginFigure();
    figure.call("", words.origin_padding);
    const scale = { low: "0", high: fill(words.percent, { value: 100 }), table: FEATURES, index: colourIndex };
    figure.draw(origin, origin.padding, scale, this.label(origin, words.origin_padding, origin, rangeOf(origin.padding)));
    this.take(figure, (value) => fill(words.percent, { value: shareText(value) }));
    const free = origin.padding.filter((value) => value < 1e-9).length;
    const { high } = rangeOf(origin.padding);
    const values = { count: origin.padding.length - free, cells: origin.padding.length, high: shareText(high) };
    return this.part(words.origin_padding_title, fill(words.origin_padding_said, values), figure.element);
  }

  /** The channels whose share of the map's energy changed most. */
  moved(origin) {
    if (!origin.moved.length) return null;
    const { words } = this.viewer;
    const list = make("div", "moved");
    for (const one of origin.moved) {
      const [before, after] = one.shares.map(shareText);
      const maps = make("div", "maps");
      for (const when of ["before", "after"]) {
        if (!one[when]) continue;
        const figure = new OriginFigure();
        figure.call("", one.after ? words[`trace_${when}`] : "");
        const range = rangeOf(one[when]);
        const ends = { low: significant(range.low), high: significant(range.high) };
        const said = { block: origin.block, channel: one.channel, when: words[`trace_${when}`], rows: origin.height };
        const label = fill(words.trace_label, { ...said, columns: origin.width, ...ends });
        figure.draw(origin, one[when], { ...ends, ...featureScale(range) }, label);
        this.take(figure, significant);
        figure.channel = one.channel;
        maps.append(figure.element);
      }
      const name = make("b", "", {}, fill(words.origin_channel_number, { channel: one.channel }));
      const text = make("span", "shares", {}, fill(words.origin_moved_share, { before, after }));
      list.append(make("div", "one", {}, make("p", "", {}, name, " ", text), maps));
    }
    list.classList.toggle("twice", Boolean(origin.moved[0].after));
    const hint = words[`origin_moved_${origin.kind === "channel" ? "channel" : "spatial"}`];
    const part = this.part(words.origin_moved_title, hint, list);
    part.classList.add("wide");
    return part;
  }

  /** Outline the cell of the cross-hair in every map. Without one, mark where channels have their maximum. */
  point() {
    if (!this.shown || this.element.hidden) return;
    const cell = this.panel?.crossHair.cellAt(this.viewer.at) ?? null;
    for (const { figure, text } of this.figures) figure.point(cell ?? this.maximumOf(figure.channel), text);
    if (this.shown.kind !== "channel" || !this.places || cell) return;
    const { panel } = this;
    const channel = panel?.named == null ? null : panel.channels[panel.named];
    this.places.point(this.maximumOf(channel), () => fill(this.viewer.words.origin_channel_number, { channel }));
  }

  /** The cell {row, column} in which a channel has its maximum, for channel weights; null where it is not alone. */
  maximumOf(channel) {
    const { kind, winners, width } = this.shown;
    const where = kind === "channel" && winners ? (winners[channel] ?? NOBODY) : NOBODY;
    return where === NOBODY ? null : { row: Math.floor(where / width), column: where % width };
  }
}

/** Kinds of gates of a block whose origin can be shown, the mask first. */
function originKinds(block) {
  return [block?.mask && "spatial", block?.weights && "channel"].filter(Boolean);
}
