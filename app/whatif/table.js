// The table of gates: here, usual, difference, what follows with the usual one, and a switch for each. The edits live in
// the browser, which tells the page all of them whenever one changes; where the page sets them, as after Back, its data
// carry another generation, and the table follows.

const WAIT = 120; // milliseconds: a slider that moves asks for where it rests
const PLACES = ["as_is", "usual", "other"];

const tables = new WeakMap(); // by element: its table

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".whatif");
  if (!tables.has(root)) tables.set(root, new Table(root, setStateValue, setTriggerValue));
  const table = tables.get(root);
  table.tell = setStateValue;
  table.ask = setTriggerValue;
  table.update(data);
  return () => {
    if (root.isConnected) return; // Streamlit also calls this before it calls us again
    clearTimeout(table.timer);
    table.observer.disconnect();
  };
}

class Table {
  constructor(root, tell, ask) {
    Object.assign(this, { root, tell, ask, timer: 0, rows: new Map(), generation: null, undo: [] });
    this.stage = make("aside", "stage");
    this.brief = make("p", "brief");
    this.brief.setAttribute("aria-hidden", "true"); // the answers say the same
    this.list = make("div", "rows");
    root.replaceChildren(this.stage, this.brief, this.list);
    this.observer = new ResizeObserver(() => this.paintBars());
    this.observer.observe(root);
  }

  update(data) {
    const of = JSON.stringify([data.image.src, data.rows.map((row) => row.name), data.language]);
    const isGiven = data.generation !== this.generation;
    if (isGiven) {
      this.generation = data.generation;
      this.state = { now: data.now, kept: data.kept, opened: data.opened, all: data.all, other: data.lender };
    }
    this.data = data;
    keepFocus(this.root, () => {
      if (of !== this.of) this.build();
      this.of = of;
      this.root.classList.remove("waiting");
      this.fill();
    });
    if (isGiven) this.reveal();
  }

  /** Scroll to the row of the only gate that a link or file edits, where that is below the window. */
  reveal() {
    const [name, ...others] = Object.keys(this.state.now);
    const row = this.rows.get(name)?.element;
    if (!row || others.length) return;
    requestAnimationFrame(() => {
      if (row.getBoundingClientRect().bottom > innerHeight) row.scrollIntoView({ block: "start" });
    });
  }

  /** Tell the page what was chosen. */
  report(wait = 0) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.root.classList.add("waiting");
      this.tell("told", { generation: this.generation, ...this.state });
    }, wait);
  }

  edit(name) {
    return { source: "as_is", factor: 1, values: [], ...this.state.now[name] };
  }

  change(name, changes, wait = 0) {
    const edit = { ...this.edit(name), ...changes };
    const now = { ...this.state.now };
    if (edit.source === "as_is" && edit.factor === 1 && !edit.values.length) delete now[name];
    else now[name] = edit;
    this.state = { ...this.state, now };
    keepFocus(this.root, () => this.fillSwitches());
    this.report(wait);
  }

  build() {
    const { words } = this.data;
    const head = make("div", "row head");
    head.setAttribute("aria-hidden", "true");
    const names = ["gate", "here", "usually", "difference", "with_usual", "share", "place", "now"];
    head.append(...names.map((name) => make("span", name, words[name])));
    this.rows.clear();
    const parts = [head];
    for (const row of this.data.rows) parts.push(...this.buildRow(row));
    if (this.data.hidden) parts.push(this.buildAll());
    for (const row of this.data.groups) parts.push(...this.buildRow({ ...row, group: true }));
    this.list.replaceChildren(...parts);
    this.buildStage();
  }

  buildAll() {
    const line = make("div", "everything");
    const button = make("button", "quiet", this.data.words.show_all);
    button.type = "button";
    button.addEventListener("click", () => {
      this.state = { ...this.state, all: true };
      this.report();
    });
    line.append(make("span", "", this.data.words.some), button);
    return line;
  }

  buildRow(row) {
    const { words } = this.data;
    const element = make("section", row.group ? "row group" : "row");
    const title = row.label ?? row.name;
    element.setAttribute("aria-label", title);
    const name = make("div", "name");
    const heading = make("b");
    for (const [i, part] of title.split(".").entries()) heading.append(...(i ? [make("wbr"), `.${part}`] : [part]));
    name.append(heading);
    const pictures = {};
    const under = make("div", "under");
    const share = make("div", "share");
    share.dataset.head = words.share;
    const entry = { element, under, share, pictures, name: row.name, group: row.group, members: row.members };
    if (row.group) {
      element.append(name, make("span", "here"), make("span", "usual"), make("span", "difference"));
    } else {
      name.append(make("small", "", `${row.kind} · ${row.size}`), make("small", "habit", row.habit));
      const more = make("button", "quiet more", words.more);
      more.type = "button";
      more.setAttribute("aria-label", `${words.more}: ${row.name}`);
      more.addEventListener("click", () => this.open(row.name));
      entry.more = more;
      element.append(name);
      for (const what of ["here", "usual", "difference"]) element.append(pictureOf(what, pictures, words));
    }
    entry.switch = this.buildSwitch(row);
    if (entry.more) entry.switch.set.append(entry.more);
    element.append(under, share, entry.switch.set);
    if (row.group) element.append(make("span", "now"));
    else element.append(pictureOf("now", pictures, words));
    this.rows.set(row.name, entry);
    if (row.group) return [element];
    entry.drawer = make("div", "drawer");
    entry.drawer.hidden = true;
    entry.drawer.id = `drawer-${row.name}`;
    entry.more.setAttribute("aria-controls", entry.drawer.id);
    return [element, entry.drawer];
  }

  buildSwitch(row) {
    const set = make("fieldset", "switch");
    set.append(make("legend", "", `${this.data.words.place}: ${row.label ?? row.name}`));
    const inputs = {};
    for (const place of PLACES) {
      const label = make("label");
      const input = make("input");
      input.type = "radio";
      input.name = `switch-${row.name}`;
      input.value = place;
      input.addEventListener("change", () => this.choose(row, place));
      inputs[place] = input;
      label.append(input, make("span", "", this.data.words[place]));
      set.append(label);
    }
    return { set, inputs };
  }

  choose(row, place) {
    if (!row.group) {
      this.change(row.name, { source: place });
      return;
    }
    const now = { ...this.state.now };
    for (const member of row.members) {
      if (place === "as_is") delete now[member];
      else now[member] = { ...this.edit(member), source: place };
    }
    this.state = { ...this.state, now };
    this.fillSwitches();
    this.report();
  }

  buildStage() {
    const { words } = this.data;
    const first = make("figure", "first");
    const second = make("figure", "second");
    this.pictures = { first, second };
    const answers = make("div", "answers");
    this.asIs = make("div", "bars");
    this.edited = make("div", "bars edited");
    this.verdict = make("p", "verdict");
    this.verdict.setAttribute("role", "status");
    const buttons = make("div", "buttons");
    this.keep = make("button", "", words.keep);
    this.reset = make("button", "", words.reset);
    for (const button of [this.keep, this.reset]) button.type = "button";
    this.keep.addEventListener("click", () => {
      this.state = { ...this.state, kept: [...this.state.kept, this.state.now] };
      this.report();
    });
    this.reset.addEventListener("click", () => {
      this.state = { ...this.state, now: {} };
      this.undo = [];
      keepFocus(this.root, () => this.fill());
      this.report();
    });
    buttons.append(this.keep, this.reset);
    this.kept = make("ol", "kept");
    answers.append(make("h3", "", words.as_it_is), this.asIs, make("h3", "", words.edited), this.verdict, this.edited, buttons);
    this.stage.replaceChildren(first, answers, this.kept, second);
    this.buildOther(second);
  }

  /** The image that lends its gates, and the way to another one: by class, by chance, by its number in the test set. */
  buildOther(figure) {
    const { words, samples, test_count: count } = this.data;
    const choice = make("div", "choice");
    const select = make("select");
    select.setAttribute("aria-label", words.other_class);
    select.append(...samples.map((one) => new Option(one.name, one.class)));
    const inClass = () => samples.find((one) => one.class === select.value)?.indices ?? [];
    const another = make("button", "quiet", words.another);
    another.type = "button";
    select.addEventListener("change", () => this.lend("sample", inClass()[0]));
    another.addEventListener("click", () => {
      const others = inClass().filter((index) => index !== this.data.lends?.[1] || this.data.lends[0] !== "sample");
      if (others.length) this.lend("sample", others[Math.floor(Math.random() * others.length)]);
    });
    choice.append(select, another);
    if (count) {
      const label = make("label");
      const number = make("input");
      Object.assign(number, { type: "number", min: "0", max: String(count - 1), step: "1" });
      number.addEventListener("change", () => {
        const index = Math.round(Number(number.value));
        if (number.value !== "" && index >= 0 && index < count) this.lend("test", index);
      });
      label.append(make("span", "", words.number), number);
      choice.append(label);
      this.number = number;
    }
    this.lender = select;
    figure.append(make("img"), make("figcaption"), choice);
  }

  lend(source, index) {
    if (index === undefined) return;
    this.state = { ...this.state, other: [source, index] };
    this.report();
  }

  fill() {
    const { data } = this;
    show(this.pictures.first, data.image);
    show(this.pictures.second, data.other);
    if (data.other) {
      this.lender.value = data.other.class;
      if (this.number) this.number.value = data.lends?.[0] === "test" ? String(data.lends[1]) : "";
    }
    this.asIs.replaceChildren(...barsOf(data.answers.as_is));
    this.fillKept();
    for (const row of data.rows) this.fillRow(row);
    for (const row of data.groups) this.fillConsequence(row);
    this.fillSwitches();
    this.fillDrawer();
    requestAnimationFrame(() => this.paintBars());
  }

  fillRow(row) {
    const entry = this.rows.get(row.name);
    entry.values = { here: floatsOf(row.here), usual: floatsOf(row.usual), now: floatsOf(row.now) };
    entry.values.difference = against(entry.values.here, entry.values.usual);
    entry.values.now ??= entry.values.here;
    entry.row = row;
    caption(entry.pictures.here, row.mean);
    caption(entry.pictures.usual, row.usual_mean);
    caption(entry.pictures.difference, row.strength);
    caption(entry.pictures.now, row.now_mean || row.mean);
    for (const [what, figure] of Object.entries(entry.pictures)) {
      const canvas = figure.querySelector("canvas");
      canvas.setAttribute("aria-label", `${row.name}, ${this.data.words[what]}: ${figure.querySelector("figcaption").textContent}`);
    }
    this.fillConsequence(row);
  }

  fillConsequence(row) {
    const { words } = this.data;
    const entry = this.rows.get(row.name);
    entry.element.classList.toggle("changes", row.changes);
    if (row.under) entry.under.replaceChildren(make("p", "verdict", words[row.changes ? "changes" : "same"]), ...barsOf(row.under));
    else entry.under.replaceChildren(make("p", "none", this.data.why));
    const share = make("b", "", row.share);
    share.title = row.of;
    entry.share.replaceChildren(share);
    if (row.shows) {
      const button = make("button", "quiet", words.show);
      button.type = "button";
      button.setAttribute("aria-label", `${words.show_long}: ${row.label ?? row.name}`);
      button.title = words.show_long;
      button.addEventListener("click", () => this.ask("show", row.name));
      entry.share.append(button);
    }
  }

  fillSwitches() {
    const { data } = this;
    for (const [name, entry] of this.rows) {
      const sources = (entry.members ?? [name]).map((one) => this.edit(one).source);
      for (const place of PLACES) {
        entry.switch.inputs[place].checked = sources.every((source) => source === place);
        entry.switch.inputs[place].disabled = (place === "other" && !data.other) || (place === "usual" && !data.has_usual);
      }
      const edited = (entry.members ?? [name]).some((one) => one in this.state.now);
      entry.element.classList.toggle("edited", edited && !entry.group);
    }
    const any = Object.keys(this.state.now).length > 0;
    if (this.state.opened && this.rows.get(this.state.opened)?.row) this.fillDrawer();
    this.root.classList.toggle("altered", any);
    this.keep.disabled = !any || this.state.kept.length >= data.most_kept;
    this.reset.disabled = !any;
    const edited = any && data.answers.edited;
    this.edited.replaceChildren(...barsOf(edited || data.answers.as_is));
    this.edited.classList.toggle("idle", !edited);
    const verdict = data.answers.changes ? "changes" : "same";
    this.verdict.textContent = any && !edited ? "" : data.words[any ? verdict : "no_edits"];
    const loud = Boolean(edited && data.answers.changes);
    this.verdict.classList.toggle("loud", loud);
    const [first] = edited || [];
    const [before] = data.answers.as_is;
    if (first) {
      const answer = make("b", loud ? "loud" : "", `${first.name} ${first.percent}`);
      this.brief.replaceChildren(`${data.words.edited} · `, answer, ` (${before.name} ${before.percent})`);
    } else this.brief.textContent = `${data.words.edited}${any ? "" : ` · ${data.words.no_edits}`}`;
  }

  fillKept() {
    const { words } = this.data;
    const lines = this.data.kept_said.map((one, place) => {
      const line = make("li", one.changes ? "changes" : "");
      const again = make("button", "quiet", one.letter);
      again.type = "button";
      again.title = words.again;
      again.setAttribute("aria-label", `${words.again}: ${one.letter}`);
      again.addEventListener("click", () => {
        this.state = { ...this.state, now: this.state.kept[place] };
        this.fill();
        this.report();
      });
      const drop = make("button", "quiet drop", "×");
      drop.type = "button";
      drop.title = words.drop;
      drop.setAttribute("aria-label", `${words.drop}: ${one.letter}`);
      drop.addEventListener("click", () => {
        this.state = { ...this.state, kept: this.state.kept.filter((_, i) => i !== place) };
        this.report();
      });
      const said = make("span", "said", one.said);
      said.title = one.said;
      line.append(again, make("b", "", one.answer), said, drop);
      return line;
    });
    this.kept.replaceChildren(...lines);
  }

  open(name) {
    const opened = this.state.opened === name ? "" : name;
    this.state = { ...this.state, opened };
    this.undo = [];
    this.fillDrawer();
    this.report();
  }

  fillDrawer() {
    for (const [name, entry] of this.rows) {
      if (entry.group) continue;
      const isOpen = name === this.state.opened;
      entry.more.setAttribute("aria-expanded", String(isOpen));
      entry.drawer.hidden = !isOpen;
      if (isOpen) fillDrawer(this, entry);
    }
  }

  paintBars() {
    const style = getComputedStyle(this.root);
    const ink = style.getPropertyValue("--ink").trim() || "#0b6e82";
    const mark = style.getPropertyValue("--loud").trim() || "#b45309";
    this.ink = { ink, mark };
    for (const entry of this.rows.values()) {
      if (!entry.values) continue;
      const { drawn, shape } = entry.row;
      for (const what of Object.keys(entry.pictures)) {
        drawGate(entry.pictures[what].querySelector("canvas"), entry.values[what], { drawn, shape, what, ink, mark });
      }
      if (!entry.drawer.hidden) entry.paint?.();
    }
  }
}

/** Draw something anew; what has the keyboard's focus keeps it, or the nearest thing takes it that still can be used. */
function keepFocus(root, draw) {
  const focused = root.getRootNode().activeElement;
  if (!focused || !root.contains(focused)) {
    draw();
    return;
  }
  const usable = () => [...root.querySelectorAll("button, input, select, canvas[tabindex]")];
  const place = usable().indexOf(focused);
  const name = nameOf(focused);
  draw();
  if (focused.isConnected && !focused.disabled) return;
  const all = usable();
  const found = all.filter((one) => !one.disabled && one.getClientRects().length);
  const far = (one) => Math.abs(all.indexOf(one) - place + 0.1); // of two, the one before it
  const near = found.toSorted((one, other) => far(one) - far(other));
  (found.find((one) => nameOf(one) === name) ?? near[0])?.focus({ preventScroll: true });
}

/** What an element is called, by which it is found once it is drawn anew. */
function nameOf(element) {
  return [element.tagName, element.name, element.value, element.getAttribute("aria-label"), element.textContent].join();
}

function pictureOf(what, pictures, words) {
  const figure = make("figure", what);
  figure.dataset.head = words[what === "usual" ? "usually" : what];
  const canvas = make("canvas");
  canvas.setAttribute("role", "img");
  figure.append(canvas, make("figcaption"));
  pictures[what] = figure;
  return figure;
}

function caption(figure, text) {
  figure.querySelector("figcaption").textContent = text;
}

/** A picture with what it is. */
function show(figure, image) {
  figure.hidden = !image;
  if (!image) return;
  if (!figure.firstChild) figure.append(make("img"), make("figcaption"));
  const [picture, text] = figure.children;
  if (picture.getAttribute("src") !== image.src) picture.src = image.src;
  picture.alt = image.caption;
  picture.classList.toggle("pixelated", image.pixelated);
  text.replaceChildren(...image.lines.map((line) => make("span", "", line)));
}

function barsOf(bars) {
  return bars.map((bar) => {
    const line = make("div", `bar ${bar.mark}`);
    const track = make("span", "track");
    const fill = make("span", "fill");
    fill.style.width = `${100 * bar.share}%`;
    track.append(fill);
    const name = make("span", "class", bar.name);
    name.title = bar.name;
    line.append(name, track, make("span", "percent", bar.percent));
    return line;
  });
}

function make(kind, name = "", text = "") {
  const element = document.createElement(kind);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}
