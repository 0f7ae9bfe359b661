// The attention viewer: holds payload and settings, paints, and notifies its host after changes of the user.

const MANY = 4; // more blocks than this get a strip to choose from
const KEPT = 4; // decoded pictures
const SETTLED = 400; // milliseconds without a change before the host is notified
const MOUNTED = Symbol.for("cbam-lens.viewer");

/** The same text for the same settings, whatever the order of their keys. */
function canonical(settings) {
  return JSON.stringify(Object.entries(settings).sort());
}

/** The picture that the settings name, or the only one. */
function pictureFor(payload, settings) {
  return payload.images.find((image) => image.id === settings.image) ?? payload.images[0];
}

class Viewer {
  constructor(root, emit) {
    this.root = root;
    this.emit = emit;
    this.panels = [];
    this.recent = []; // indices of blocks, the last chosen at the end
    this.decoded = new Map(); // pixels of a picture by its file
    this.painted = 0;
    this.updates = 0;
    this.over = null; // the place under the pointer
    this.pixels = null;
    this.build();
  }

  build() {
    this.slot = make("div", "slot");
    this.strip = new Strip((index) => this.pickBlock(index));
    this.blocks = make("div", "blocks");
    this.live = make("div", "hidden", { "aria-live": "polite" });
    this.probe = make("i", "probe", { "aria-hidden": "true" });
    this.origins = new Origin(this);
    const parts = [this.slot, this.strip.element, this.blocks, this.origins.element, this.live, this.probe];
    this.element = make("div", "cbam-viewer", { "data-painted": "0" }, ...parts);
    // A change of theme shows as a (very short) transition of the probe's colours; canvases must follow it.
    this.probe.addEventListener("transitionend", () => this.schedule());
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(this.element);
    this.densityChanged = () => this.resized();
    window.addEventListener("resize", this.densityChanged);
    this.root.append(this.element);
  }

  /** Take a payload. The page stays unchanged until the next picture is decoded; then everything changes at once. */
  async update(payload) {
    this.updates += 1;
    const { updates } = this;
    if (this.payload) {
      const settings = this.settingsWith(payload);
      await this.pixelsOf(pictureFor(payload, settings));
      if (this.gone || updates !== this.updates) return;
    }
    this.take(payload);
    await this.loadPicture();
  }

  /** Whether the host itself changed the settings, instead of returning those of an earlier notification or payload. */
  isNews(payload) {
    const asked = canonical(payload.settings);
    return !this.payload || (asked !== this.asked && asked !== this.told);
  }

  /** The user's settings, with changes of the host since its last payload. */
  settingsWith(payload) {
    if (!this.payload) return { ...payload.settings };
    if (!this.isNews(payload)) return this.settings;
    const before = this.payload.settings;
    const changed = Object.entries(payload.settings).filter(([name, value]) => value !== before[name]);
    return { ...this.settings, ...Object.fromEntries(changed) };
  }

  take(payload) {
    const isNews = this.isNews(payload);
    if (isNews) {
      this.settings = this.settingsWith(payload);
      this.told = canonical(payload.settings);
      // Notify a host that stores the user's choices of the result.
      if (this.heard !== undefined) this.settle();
    }
    this.asked = canonical(payload.settings);
    this.payload = payload;
    this.words = payload.words;
    this.all = payload.blocks.map(unpackBlock);
    this.hasUsual = hasUsual(this.all);
    this.trace = unpackTrace(payload.trace);
    this.origin = unpackOrigin(payload.origin);
    this.makeToolbar();
    this.strip.assign(this.all, this.words);
    this.strip.element.hidden = this.all.length <= MANY;
    this.chooseBlocks();
    if (isNews) for (const named of [this.settings.channel, this.settings.origin]) this.bringInNamed(named?.[0]);
    this.assignBlocks();
  }

  makeToolbar() {
    const ids = this.payload.images.map((image) => image.id);
    const made = JSON.stringify([this.words, ids]);
    if (made === this.made) return;
    this.made = made;
    this.toolbar = new Toolbar(this.words, ids, (change) => this.set(change));
    this.slot.replaceChildren(this.toolbar.element);
  }

  /** Reading of gates: that of the settings, but compared with usual values only if there are any. */
  get reading() {
    const { reading } = this.settings;
    return reading === "usual" && !this.hasUsual ? "values" : reading;
  }

  /** Name of the images of the usual values. */
  usualSet({ images, count }) {
    return fill(this.words.usual_set, { images: this.words[images] ?? images, count: count.toLocaleString("en") });
  }

  /** Number of blocks side by side if there are too many for all. */
  get places() {
    return this.all.length <= MANY ? this.all.length : this.element.clientWidth >= 1280 ? 4 : 3;
  }

  /** Keep the choice where it still fits; begin with blocks that follow the image, then some spread from the
      first to the last. */
  chooseBlocks() {
    const { places } = this;
    const count = this.all.length;
    const names = this.all.map((block) => block.name).join("\n");
    if (names !== this.names) this.recent = [];
    this.names = names;
    const step = (count - 1) / Math.max(1, places - 1);
    const spread = Array.from({ length: places }, (_, i) => Math.round(i * step));
    const part = (gate) => (gate?.usual?.follows ? gate.usual.shares.pattern : 0);
    const follows = (index) => Math.max(part(this.all[index].mask), part(this.all[index].weights));
    const following = [...this.all.keys()].filter(follows).sort((a, b) => follows(b) - follows(a));
    const others = [...following, ...spread, ...this.all.keys()].filter((index) => !this.recent.includes(index));
    const missing = Math.max(0, places - this.recent.length);
    this.recent = [...[...new Set(others)].slice(0, missing), ...this.recent].slice(-places || count);
    this.bringInNamed(this.settings.block);
  }

  bringInNamed(name) {
    const wanted = this.all.findIndex((block) => block.name === name);
    if (wanted >= 0) this.bringIn(wanted);
  }

  bringIn(index) {
    if (!this.recent.includes(index)) this.recent.shift();
    this.recent = [...this.recent.filter((other) => other !== index), index];
  }

  pickBlock(index) {
    this.bringIn(index);
    this.set({ block: this.all[index].name });
    this.assignBlocks();
    this.strip.buttons[index].focus();
  }

  /** The chosen blocks, in order of execution, each in a panel; panels are kept. */
  assignBlocks() {
    this.shown = [...this.recent].sort((a, b) => a - b);
    while (this.panels.length > this.shown.length) this.panels.pop().destroy();
    while (this.panels.length < this.shown.length) {
      this.panels.push(new Panel(this));
      this.blocks.append(this.panels.at(-1).element);
    }
    this.blocks.style.setProperty("--count", String(Math.max(1, this.shown.length)));
    this.blocks.classList.toggle("many", this.shown.length > 3);
    // The widest picture fills its place; the others get the same height, so that nothing moves between them.
    const flattest = Math.min(...this.payload.images.map((image) => image.height / image.width));
    this.blocks.style.setProperty("--tall", String(Math.min(Math.max(flattest, 0.6), 1.25)));
    this.panels.forEach((panel, i) => panel.assign(this.all[this.shown[i]]));
  }

  /** Decode the chosen picture, then paint. */
  async loadPicture() {
    const picture = pictureFor(this.payload, this.settings);
    const pixels = await this.pixelsOf(picture);
    if (this.gone || pictureFor(this.payload, this.settings) !== picture) return;
    if (this.picture && this.picture.id !== picture.id) this.over = this.carry(this.over, this.picture, picture);
    this.picture = picture;
    this.pixels = pixels;
    this.paint();
  }

  /** Decoded pixels; those of the last few pictures are kept, so that switching back and forth is free. */
  pixelsOf(picture) {
    const file = picture.png ?? picture.jpeg ?? picture.rgb;
    const pixels = this.decoded.get(file) ?? decodePicture(picture);
    this.decoded.delete(file);
    this.decoded.set(file, pixels);
    if (this.decoded.size > KEPT) this.decoded.delete(this.decoded.keys().next().value);
    return pixels;
  }

  /** The same position on another picture, by the cells of any block on both. */
  carry(point, picture, other) {
    const block = this.all.find(({ cells }) => cells[picture.id] && cells[other.id]);
    if (!point || !block) return null;
    const from = block.cells[picture.id];
    const to = block.cells[other.id];
    const x = to.x0 + ((point.x - from.x0) / from.dx) * to.dx;
    const y = to.y0 + ((point.y - from.y0) / from.dy) * to.dy;
    return x >= 0 && y >= 0 && x < other.width && y < other.height ? { x, y } : null;
  }

  /** The network's input, in whose shares places are pinned. */
  get input() {
    return this.payload.images.find((image) => image.id === "input") ?? this.payload.images[0];
  }

  /** The pinned place as a point of the picture, or null. */
  get pinned() {
    const { place } = this.settings;
    if (!place || !this.picture) return null;
    const { input } = this;
    const inside = (percent, size) => Math.min((percent / 100) * size, size - 1e-6);
    const point = { x: inside(place[0], input.width), y: inside(place[1], input.height) };
    return this.carry(point, input, this.picture);
  }

  /** Where the cross-hair is: at the pinned place, else under the pointer. */
  get at() {
    return this.pinned ?? this.over;
  }

  /** Pin a point of the picture, or release what is pinned. */
  pin(point) {
    const { input } = this;
    const found = point && this.carry(point, this.picture, input);
    const percent = (value, size) => Math.min(Math.round((1000 * value) / size) / 10, 99.9);
    const place = found ? [percent(found.x, input.width), percent(found.y, input.height)] : null;
    if (JSON.stringify(place) === JSON.stringify(this.settings.place)) return;
    this.set({ place });
    this.paintPoints();
    this.say(place ? this.words.pinned_spoken : this.words.released_spoken);
  }

  /** Choose a channel of a block, [name, index], or none; the host answers with its feature maps. */
  follow(channel) {
    this.set({ channel });
    this.paint();
    clearTimeout(this.settling);
    this.tell();
  }

  /** Open how the gates of a block came about, or close it if it is open. */
  toggleOrigin(block) {
    const isOpen = this.settings.origin?.[0] === block.name;
    this.origins.wanted = !isOpen; // brought into view once it is drawn
    this.showOrigin(isOpen ? null : [block.name, originKinds(block)[0]]);
  }

  /** Choose a gate, [name of its block, kind], or none; the host answers with how it came about. */
  showOrigin(origin) {
    this.set({ origin });
    this.paint();
    clearTimeout(this.settling);
    this.tell();
  }

  /** Called after a change by the user. */
  set(change) {
    const before = this.settings;
    this.settings = { ...before, ...change };
    if (this.settings.image !== before.image) this.loadPicture();
    this.schedule();
    this.settle();
  }

  settle() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.tell(), SETTLED);
  }

  tell() {
    const now = canonical(this.settings);
    if (now === (this.heard ?? this.told)) return;
    this.told = now;
    this.heard = now;
    this.emit("settings", { ...this.settings });
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  /** Called when the viewer's size or the screen's density may have changed. */
  resized() {
    const size = `${this.element.clientWidth} ${window.devicePixelRatio}`;
    if (!this.pixels || size === this.size) return;
    if (this.places !== this.recent.length) {
      this.chooseBlocks();
      this.assignBlocks();
    }
    this.paint();
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    if (!this.pixels || this.gone) return;
    this.colours = null;
    this.size = `${this.element.clientWidth} ${window.devicePixelRatio}`;
    const settings = { ...this.settings, reading: this.reading };
    this.toolbar.paint({ ...settings, image: pictureFor(this.payload, settings).id }, this.hasUsual);
    if (!this.strip.element.hidden) this.strip.paint(settings, this.shown);
    for (const panel of this.panels) panel.paint();
    this.origins.paint();
    this.painted += 1;
    this.element.dataset.painted = String(this.painted);
  }

  /** CSS colours for canvases, as the page's theme resolves them now. */
  ink() {
    if (!this.colours) {
      const style = getComputedStyle(this.probe);
      this.colours = {
        bar: style.color,
        pale: style.outlineColor,
        mark: style.borderTopColor,
        axis: style.borderLeftColor,
        text: style.borderRightColor,
        font: style.fontFamily,
      };
    }
    return this.colours;
  }

  /** Move the cross-hair of all blocks to a point of the picture, or remove it; a pinned one stays. */
  point(point) {
    this.over = point;
    this.paintPoints();
  }

  paintPoints() {
    for (const panel of this.panels) panel.crossHair.paint();
    this.origins.point();
  }

  say(text) {
    this.live.textContent = text;
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.settling);
    cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    window.removeEventListener("resize", this.densityChanged);
    for (const panel of this.panels) panel.destroy();
    this.element.remove();
    delete this.root[MOUNTED];
  }
}

/**
 * Show a payload in an element or shadow root; mounting again in the same root repaints it.
 * @param {Element|ShadowRoot} root where to append; the host adds the style sheet
 * @param {object} payload see cbam_core/viewer/payload.py
 * @param {(name: string, detail: object) => void} emit called with "settings" after changes of the user
 * @returns {{update: (payload: object) => void, destroy: () => void}}
 */
export function mount(root, payload, emit = () => {}) {
  const viewer = root[MOUNTED] ?? new Viewer(root, emit);
  root[MOUNTED] = viewer;
  viewer.emit = emit;
  if (!root.contains(viewer.element)) root.append(viewer.element);
  viewer.update(payload);
  return { update: (next) => viewer.update(next), destroy: () => viewer.destroy() };
}
