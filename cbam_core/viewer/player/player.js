// The film of a training run: one image at several epochs. The attention viewer shows its gates, scene after scene; the
// accuracy is above the slider, on the same scale, and the class probabilities are beside it.

const PACE = 1000; // milliseconds of each scene while the film plays
const ROWS = 10; // number of classes that are listed
const PLAYER = Symbol.for("cbam-lens.player");
const SVG = "http://www.w3.org/2000/svg";

let players = 0; // radio groups of two players in one document need different names

/** A drawing of one path that stretches with its container. */
function drawing(name, viewBox, d) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("class", name);
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}

/** Position of an epoch among the scenes: 2.5 is midway between the third and the fourth. */
function placeAmong(epochs, epoch) {
  const next = epochs.findIndex((other) => other >= epoch);
  if (next <= 0) return Math.max(next, 0);
  return next - 1 + (epoch - epochs[next - 1]) / (epochs[next] - epochs[next - 1]);
}

function percentOf(share) {
  return (100 * share).toFixed(1);
}

class Player {
  constructor(root, emit) {
    players += 1;
    this.number = players;
    this.root = root;
    this.emit = emit;
    this.scene = 0;
    this.image = 0;
    this.build();
    this.listen();
  }

  build() {
    this.pictures = make("div", "pictures", { role: "radiogroup" });
    this.playing = make("button", "play", { type: "button" });
    this.playing.append(
      drawing("to-play", "0 0 16 16", "M4 2 L14 8 L4 14 Z"),
      drawing("to-pause", "0 0 16 16", "M3 2 H6.5 V14 H3 Z M9.5 2 H13 V14 H9.5 Z"),
    );
    this.epoch = make("b", "epoch");
    this.untrained = make("span", "quiet");
    this.accuracy = make("span", "accuracy");
    const head = make("div", "head", {}, this.playing, this.epoch, this.untrained, this.accuracy);
    this.plot = make("div", "plot", { role: "img" });
    this.slider = make("input", "slider", { type: "range", min: "0", step: "1" });
    this.ticks = make("div", "ticks", { "aria-hidden": "true" });
    const time = make("div", "time", {}, head, this.plot, this.slider, this.ticks);
    this.classes = make("table", "classes");
    const desk = make("div", "desk", {}, time, this.classes);
    this.screen = make("div", "screen");
    this.element = make("div", "cbam-player", {}, this.pictures, desk, this.screen);
    this.root.append(this.element);
  }

  listen() {
    this.playing.addEventListener("click", () => this.toggle());
    this.slider.addEventListener("input", () => this.jump(Number(this.slider.value)));
    this.slider.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      this.toggle();
    });
    const nearest = (event) => {
      const box = this.plot.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      this.jump(Math.min(Math.max(Math.round(share * this.last), 0), this.last));
    };
    this.plot.addEventListener("pointerdown", (event) => {
      this.plot.setPointerCapture(event.pointerId);
      nearest(event);
    });
    this.plot.addEventListener("pointermove", (event) => event.buttons & 1 && nearest(event));
  }

  get last() {
    return this.data.epochs.length - 1;
  }

  /** Take a film. A longer film of the same run keeps the scene; that of another run starts at its last scene. */
  update(data) {
    if (data.id === this.data?.id) return;
    const other = data.name !== this.data?.name;
    if (!this.data) this.image = data.image;
    const atEnd = other || this.scene === this.last;
    this.data = data;
    this.words = data.words;
    if (other) this.stop();
    if (atEnd && !this.timer) this.scene = this.last;
    this.scene = Math.min(this.scene, this.last);
    this.image = Math.min(this.image, data.pictures.length - 1);
    this.probabilities = data.probabilities.map(floatsOf);
    this.makePictures();
    this.makePlot();
    this.makeClasses();
    this.paint();
  }

  makePictures() {
    const { pictures, labels, classes } = this.data;
    const made = JSON.stringify([pictures.map((picture) => picture.png), labels, this.words]);
    if (made === this.made) return;
    this.made = made;
    this.pictures.setAttribute("aria-label", this.words.images);
    this.inputs = pictures.map((_, i) => make("input", "", { type: "radio", name: `cbam-film-${this.number}`, value: i }));
    const labelled = pictures.map((picture, i) => {
      const said = { truth: classes[labels[i]], number: i + 1, count: pictures.length };
      const alt = fill(this.words.image, said);
      this.inputs[i].setAttribute("aria-label", alt);
      this.inputs[i].addEventListener("change", () => this.choose(i));
      const image = make("img", "", { src: `data:image/png;base64,${picture.png}`, alt: "" });
      return make("label", "", { title: alt }, this.inputs[i], image);
    });
    this.pictures.replaceChildren(...labelled);
  }

  /** Accuracy from 0 to 1 over the slider: a dot for each scene, a line through all known epochs. */
  makePlot() {
    const { epochs, accuracy, curve } = this.data;
    const wide = Math.max(this.last, 1);
    const within = curve.filter(([epoch]) => epoch >= epochs[0] && epoch <= epochs[this.last]);
    const points = within.map(([epoch, value]) => `${1000 * (placeAmong(epochs, epoch) / wide)} ${100 * (1 - value)}`);
    const line = drawing("line", "0 0 1000 100", points.length ? `M${points.join(" L")}` : "");
    const levels = [0, 50, 100].map((level) => {
      const mark = make("i", "level", {}, make("span", "", {}, fill(this.words.class_percent, { percent: level })));
      mark.style.bottom = `${level}%`;
      return mark;
    });
    this.dots = accuracy.map((value, scene) => {
      const dot = make("i", "dot");
      dot.style.left = `${(100 * scene) / wide}%`;
      dot.style.bottom = `${100 * (value ?? 0)}%`;
      dot.hidden = value === null;
      return dot;
    });
    this.head = make("i", "playhead");
    this.plot.setAttribute("aria-label", this.words.chart);
    this.plot.replaceChildren(...levels, line, this.head, ...this.dots);
    this.slider.max = String(this.last);
    this.slider.setAttribute("aria-label", this.words.slider);
    this.numbers = epochs.map((epoch, scene) => {
      const tick = make("span", "", {}, String(epoch));
      tick.style.left = `${(100 * scene) / wide}%`;
      return tick;
    });
    this.ticks.replaceChildren(...this.numbers);
  }

  /** Rows that stay while the film plays: the classes that are likely in any scene, in their own order, and the truth. */
  makeClasses() {
    const { classes, labels } = this.data;
    const truth = labels[this.image];
    const highest = classes.map((_, k) => Math.max(...this.probabilities.map((_, scene) => this.likely(scene, k))));
    const ranked = classes.map((_, k) => k).sort((a, b) => (b === truth) - (a === truth) || highest[b] - highest[a]);
    this.rows = ranked.slice(0, ROWS).sort((a, b) => a - b).map((k) => {
      const name = make("th", "", { scope: "row", title: classes[k] }, classes[k]);
      if (k === truth) name.append(" ", make("span", "truth", {}, this.words.truth));
      const number = make("td", "number");
      const bar = make("i", "fill");
      const track = make("td", "bar", { "aria-hidden": "true" }, make("div", "track", {}, bar));
      return { k, number, bar, row: make("tr", k === truth ? "true" : "", {}, name, number, track) };
    });
    const body = make("tbody", "", {}, ...this.rows.map(({ row }) => row));
    this.classes.replaceChildren(make("caption", "", {}, this.words.classes), body);
  }

  /** Probability of a class for the chosen image. */
  likely(scene, k) {
    return this.probabilities[scene][this.image * this.data.classes.length + k];
  }

  choose(image) {
    this.image = image;
    this.makeClasses();
    this.paint();
    this.emit("image", image);
  }

  jump(scene) {
    this.pause();
    this.scene = scene;
    this.paint();
  }

  toggle() {
    if (this.timer) this.pause();
    else this.play();
  }

  play() {
    if (this.last === 0) return;
    if (this.scene === this.last) this.scene = 0;
    this.timer = setTimeout(() => this.next(), PACE);
    this.paint();
  }

  next() {
    this.scene = Math.min(this.scene + 1, this.last);
    this.timer = this.scene < this.last ? setTimeout(() => this.next(), PACE) : undefined;
    this.paint();
  }

  pause() {
    this.stop();
    this.paintControls();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  paint() {
    this.paintControls();
    this.paintClasses();
    this.paintScreen();
    this.element.dataset.scene = String(this.scene);
    this.element.dataset.image = String(this.image);
  }

  paintControls() {
    const { words } = this;
    const { epochs, accuracy, classes } = this.data;
    const epoch = epochs[this.scene];
    const known = accuracy[this.scene];
    this.playing.classList.toggle("on", Boolean(this.timer));
    this.playing.setAttribute("aria-label", this.timer ? words.pause : words.play);
    this.playing.title = this.timer ? words.pause : words.play;
    this.playing.disabled = this.last === 0;
    this.epoch.textContent = fill(words.epoch, { epoch });
    this.untrained.textContent = epoch === 0 ? words.untrained : "";
    this.accuracy.textContent = known === null ? words.unknown : fill(words.accuracy, { percent: percentOf(known) });
    this.accuracy.classList.toggle("quiet", known === null);
    this.slider.value = String(this.scene);
    const share = this.scene / Math.max(this.last, 1);
    this.slider.style.setProperty("--filled", `${100 * share}%`);
    const best = classes.reduce((most, _, k) => (this.likely(this.scene, k) > this.likely(this.scene, most) ? k : most), 0);
    const percent = percentOf(this.likely(this.scene, best));
    const said = { epoch: this.epoch.textContent, accuracy: this.accuracy.textContent, predicted: classes[best], percent };
    this.slider.setAttribute("aria-valuetext", fill(words.spoken, said));
    this.head.style.left = `${100 * share}%`;
    this.dots.forEach((dot, scene) => dot.classList.toggle("past", scene <= this.scene));
    this.numbers.forEach((tick, scene) => tick.classList.toggle("now", scene === this.scene));
  }

  paintClasses() {
    const highest = Math.max(...this.rows.map(({ k }) => this.likely(this.scene, k)));
    for (const { k, number, bar, row } of this.rows) {
      const share = this.likely(this.scene, k);
      number.textContent = fill(this.words.class_percent, { percent: percentOf(share) });
      bar.style.width = `${100 * share}%`;
      row.classList.toggle("first", share === highest);
    }
  }

  /** Give this scene to the viewer like a new result. */
  paintScreen() {
    const { viewer, pictures, blocks } = this.data;
    const at = (values) => values && values[this.scene][this.image];
    const shown = blocks.map(({ name, cells, place, size, masks, weights }) => ({
      name,
      cells,
      place,
      mask: size && { ...size, ...at(masks) },
      weights: at(weights),
    }));
    const words = { ...viewer.words, no_usual: this.words.no_usual };
    const payload = { ...viewer, words, images: [pictures[this.image]], blocks: shown };
    this.viewer = mount(this.screen, payload, (name, detail) => this.emit(name, detail));
    this.inputs.forEach((input, i) => {
      input.checked = i === this.image;
    });
  }

  destroy() {
    this.stop();
    this.viewer?.destroy();
    this.element.remove();
    delete this.root[PLAYER];
  }
}

/**
 * Show a film in an element or shadow root; mounting again in the same root continues it.
 * @param {Element|ShadowRoot} root where to append; the host adds the style sheets
 * @param {object} data see cbam_core/viewer/player/__init__.py
 * @param {(name: string, detail: any) => void} emit called with "image" after a choice, and with the events of the viewer
 * @returns {{update: (data: object) => void, destroy: () => void}}
 */
export function mountPlayer(root, data, emit = () => {}) {
  const player = root[PLAYER] ?? new Player(root, emit);
  root[PLAYER] = player;
  player.emit = emit;
  if (!root.contains(player.element)) root.append(player.element);
  player.update(data);
  return { update: (next) => player.update(next), destroy: () => player.destroy() };
}
