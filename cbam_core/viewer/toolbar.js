// The row of controls above the blocks, and the strip of small masks of a network with many blocks.

/** A small set of choices of which one holds, as joined buttons (radio inputs underneath). */
class Choice {
  constructor(legend, name, choices, take) {
    this.inputs = choices.map(({ value }) => make("input", "", { type: "radio", name, value }));
    this.labels = choices.map(({ text, hint }, i) => {
      const label = make("label", "", {}, this.inputs[i], make("span", "", {}, text));
      if (hint) label.title = hint;
      return label;
    });
    this.element = make("fieldset", "choice", {}, make("legend", "hidden", {}, legend), ...this.labels);
    for (const input of this.inputs) input.addEventListener("change", () => take(input.value));
  }

  /** Enable or disable one of the choices, with the reason. */
  allow(value, possible, hint) {
    const at = this.inputs.findIndex((input) => input.value === value);
    this.inputs[at].disabled = !possible;
    this.labels[at].title = hint;
  }

  show(value) {
    for (const input of this.inputs) input.checked = input.value === value;
  }
}

function makeSelect(text, names, words, take) {
  const select = make("select", "", { "aria-label": text }, ...names.map((name) => make("option", "", { value: name }, words[name])));
  select.addEventListener("change", () => take(select.value));
  return { select, label: make("label", "control", {}, make("span", "hidden", {}, text), select) };
}

let toolbars = 0; // radio groups of two viewers in one document need different names

/** Controls of the settings that all blocks share. `set` is called with changed settings. */
class Toolbar {
  constructor(words, pictures, set) {
    toolbars += 1;
    this.words = words;
    this.slider = make("input", "", { type: "range", min: "0", max: "100", step: "1" });
    this.percent = make("span", "percent", { "aria-hidden": "true" }); // the slider announces it
    this.slider.addEventListener("input", () => set({ opacity: Number(this.slider.value) / 100 }));
    const opacity = make("label", "control", {}, make("span", "", {}, words.opacity), this.slider, this.percent);
    this.reading = new Choice(
      words.reading,
      `cbam-reading-${toolbars}`,
      ["values", "relative", "usual"].map((value) => ({ value, text: words[value], hint: words[`${value}_hint`] })),
      (reading) => set({ reading }),
    );
    this.colours = makeSelect(words.colours, Object.keys(TABLES), words, (colours) => set({ colours }));
    this.scale = makeSelect(words.scale, ["unit", "stretch"], words, (scale) => set({ scale }));
    this.drawing = new Choice(
      words.drawing,
      `cbam-drawing-${toolbars}`,
      ["cells", "smooth"].map((value) => ({ value, text: words[value], hint: words[`${value}_hint`] })),
      (value) => set({ smooth: value === "smooth" }),
    );
    this.picture = new Choice(
      words.picture,
      `cbam-picture-${toolbars}`,
      pictures.map((value) => ({ value, text: words[value] })),
      (image) => set({ image }),
    );
    this.picture.element.hidden = pictures.length < 2;
    this.low = make("span", "low");
    this.high = make("span", "high");
    this.ramp = make("canvas", "ramp", { role: "img" });
    this.bar = make("div", "colour-bar", {}, this.low, this.ramp, this.high);
    const controls = [this.reading.element, opacity, this.colours.label, this.scale.label, this.drawing.element, this.picture.element];
    this.element = make("div", "toolbar", { role: "group", "aria-label": words.viewer }, ...controls, this.bar);
  }

  paint(settings, hasUsual) {
    const { words } = this;
    this.reading.show(settings.reading);
    this.reading.allow("usual", hasUsual, hasUsual ? words.usual_hint : words.no_usual);
    const own = settings.reading === "values";
    for (const { label } of [this.colours, this.scale]) label.hidden = !own;
    this.bar.title = own ? "" : words.own_scale;
    const percent = Math.round(settings.opacity * 100);
    this.slider.value = String(percent);
    this.slider.style.setProperty("--filled", `${percent}%`);
    this.percent.textContent = fill(words.percent, { value: percent });
    this.slider.setAttribute("aria-valuetext", this.percent.textContent);
    this.colours.select.value = settings.colours;
    this.scale.select.value = settings.scale;
    this.scale.label.title = settings.scale === "stretch" ? words.stretch_hint : "";
    this.drawing.show(settings.smooth ? "smooth" : "cells");
    this.picture.show(settings.image);
    const scale = scaleOf(settings, { low: NaN, high: NaN });
    const text = (value) => (own ? String(value) : written(value, settings.reading, 0));
    const stretched = own && settings.scale === "stretch";
    this.low.textContent = stretched ? words.lowest : text(scale.low);
    this.high.textContent = stretched ? words.highest : text(scale.high);
    if (!own) this.high.textContent = `≥ ${this.high.textContent}`; // what lies beyond has the colour of the end
    if (settings.reading === "usual") this.low.textContent = `≤ ${this.low.textContent}`;
    const ends = { low: this.low.textContent, high: this.high.textContent };
    this.ramp.setAttribute("aria-label", fill(words.colour_bar, ends));
    show(this.ramp, composeTable(scale.table));
  }
}

/** Small masks of all blocks, one button each; `pick` is called with the index of the pressed one. */
class Strip {
  constructor(pick) {
    this.pick = pick;
    this.element = make("div", "strip", { role: "group" });
    this.element.addEventListener("keydown", (event) => this.move(event));
  }

  assign(blocks, words) {
    this.blocks = blocks;
    const names = blocks.map((block) => block.name).join("\n");
    this.element.setAttribute("aria-label", words.blocks);
    if (names === this.names) return; // keep the buttons, and so the focus
    this.names = names;
    this.buttons = blocks.map((block, index) => {
      const canvas = make("canvas", "raw", { "aria-hidden": "true" });
      const button = make("button", "", { type: "button" }, canvas, make("span", "", {}, block.name));
      button.addEventListener("click", () => this.pick(index));
      return button;
    });
    this.element.replaceChildren(...this.buttons);
  }

  paint(settings, shown) {
    this.buttons.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(shown.includes(index)));
      button.tabIndex = index === shown[0] ? 0 : -1;
      const canvas = button.firstChild;
      const { mask } = readBlock(this.blocks[index], settings.reading);
      if (mask) showMask(canvas, mask, mask.values, settings);
      else show(canvas, new ImageData(1, 1));
    });
  }

  move(event) {
    if (isShortcut(event)) return;
    const now = this.buttons.indexOf(event.target.closest("button"));
    const targets = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: this.buttons.length - 1 };
    const next = this.buttons[targets[event.key]];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}
