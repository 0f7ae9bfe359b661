// The row of controls above the blocks, and the strip of small masks of a network with many blocks.

/** A small set of choices of which one holds, as joined buttons (radio inputs underneath). */
class Choice {
  constructor(legend, name, choices, take) {
    this.inputs = choices.map(({ value }) => make("input", "", { type: "radio", name, value }));
    const labels = choices.map(({ text, hint }, i) => {
      const label = make("label", "", {}, this.inputs[i], make("span", "", {}, text));
      if (hint) label.title = hint;
      return label;
    });
    this.element = make("fieldset", "choice", {}, make("legend", "hidden", {}, legend), ...labels);
    for (const input of this.inputs) input.addEventListener("change", () => take(input.value));
  }

  show(value) {
    for (const input of this.inputs) input.checked = input.value === value;
  }
}

function makeSelect(text, names, words, take) {
  const select = make("select", "", { "aria-label": text }, ...names.map((name) => make("option", "", { value: name }, words[name])));
  select.addEventListener("change", () => take(select.value));
  return { select, label: make("label", "control", {}, make("span", "", {}, text), select) };
}

let toolbars = 0; // radio groups of two viewers in one document need names of their own

/** Controls of everything that all blocks share. `set` takes what the reader changed. */
class Toolbar {
  constructor(words, pictures, set) {
    toolbars += 1;
    this.words = words;
    this.slider = make("input", "", { type: "range", min: "0", max: "100", step: "1" });
    this.percent = make("span", "percent", { "aria-hidden": "true" }); // the slider says it itself
    this.slider.addEventListener("input", () => set({ opacity: Number(this.slider.value) / 100 }));
    const opacity = make("label", "control", {}, make("span", "", {}, words.opacity), this.slider, this.percent);
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
    const controls = [opacity, this.colours.label, this.scale.label, this.drawing.element, this.picture.element];
    this.element = make("div", "toolbar", { role: "group", "aria-label": words.viewer }, ...controls, this.bar);
  }

  paint(settings) {
    const { words } = this;
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
    const unit = settings.scale === "unit";
    this.low.textContent = unit ? "0" : words.lowest;
    this.high.textContent = unit ? "1" : words.highest;
    const ends = { low: this.low.textContent, high: this.high.textContent };
    this.ramp.setAttribute("aria-label", fill(words.colour_bar, ends));
    show(this.ramp, composeScale(settings.colours, false));
  }
}

/** Small masks of all blocks, one button each; `pick` takes the index of the one that was pressed. */
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
    if (names === this.names) return; // the buttons stay, and with them the reader's focus
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
      if (this.blocks[index].mask) showMask(canvas, this.blocks[index], settings);
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
