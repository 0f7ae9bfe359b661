// What a row opens: every replacement with what follows from it, the strength, bars that can be set, a mask to paint on.


/** Show the further choices of a row; what has the keyboard's focus stays. */
function fillDrawer(table, entry) {
  if (!entry.parts) buildDrawer(table, entry);
  const { parts, row } = entry;
  const edit = table.edit(row.name);
  const outcomes = table.data.outcomes?.gate === row.name ? table.data.outcomes.by : {};
  for (const [source, one] of Object.entries(parts.places)) {
    one.input.checked = edit.source === source;
    const outcome = outcomes[source];
    one.input.disabled = Boolean(outcome?.why);
    one.label.title = outcome?.why ?? "";
    one.label.classList.toggle("changes", Boolean(outcome?.changes));
    one.said.textContent = outcome?.answer ?? "";
  }
  parts.strength.value = String(edit.factor);
  parts.factor.textContent = `×${edit.factor.toFixed(2)}`;
  parts.editor?.fill(edit);
  entry.paint = () => parts.editor?.paint();
}

function buildDrawer(table, entry) {
  const { words } = table.data;
  const parts = { places: {} };
  entry.parts = parts;
  const list = make("fieldset", "places");
  list.append(make("legend", "", words.place));
  for (const source of table.data.sources) {
    const label = make("label");
    const input = make("input");
    input.type = "radio";
    input.name = `place-${entry.name}`;
    input.addEventListener("change", () => table.change(entry.name, { source }));
    const said = make("span", "said");
    label.append(input, make("span", "", words[source]), said);
    parts.places[source] = { label, input, said };
    list.append(label);
  }
  const strength = make("label", "strength");
  parts.strength = slider(0, 2, 0.05);
  parts.factor = make("output", "", "×1.00");
  parts.strength.addEventListener("input", () => {
    const factor = Number(parts.strength.value);
    parts.factor.textContent = `×${factor.toFixed(2)}`;
    table.change(entry.name, { factor }, WAIT);
  });
  strength.append(make("span", "", words.strength), parts.strength, parts.factor);
  const first = make("div", "first");
  first.append(list, strength, make("p", "aside", words.off_is_no_evidence));
  const second = make("div", "second");
  const { row } = entry;
  if (row.one_number) second.append(make("p", "aside", words.one_number));
  else if (row.settable) {
    parts.editor = row.drawn === "map" ? maskEditor(table, entry) : barEditor(table, entry);
    second.append(...parts.editor.elements);
  }
  entry.drawer.replaceChildren(first, second);
}

function slider(least, most, step) {
  const input = make("input");
  input.type = "range";
  Object.assign(input, { min: String(least), max: String(most), step: String(step) });
  return input;
}

function button(text, act, name = "") {
  const made = make("button", name, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

/** Values of a gate with those that are set by hand in the places of others. */
function withSet(entry, edit) {
  const values = Float32Array.from(edit.source === "as_is" && edit.factor === 1 ? entry.values.here : entry.values.now);
  for (const [index, value] of edit.values) if (index < values.length) values[index] = value;
  return values;
}

/** Set some values of a gate by hand, or let go of them (null). */
function set(table, entry, changes, wait = 0) {
  const values = new Map(table.edit(entry.name).values);
  for (const [index, value] of changes) {
    if (value === null) values.delete(index);
    else values.set(index, Math.round(100 * value) / 100);
  }
  table.change(entry.name, { values: [...values].sort((a, b) => a[0] - b[0]) }, wait);
}

/** Bars that can be dragged; by keyboard, a channel's number and its value. */
function barEditor(table, entry) {
  const { words } = table.data;
  const count = entry.row.shape[0];
  const canvas = make("canvas", "bars-editor");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", words.bars_long);
  let chosen = table.edit(entry.name).values[0]?.[0] ?? 0;
  let dragging = false;
  const number = make("input");
  Object.assign(number, { type: "number", min: "0", max: String(count - 1), step: "1", value: String(chosen) });
  const value = slider(0, 1, 0.01);
  const said = make("output");
  const free = button(words.free, () => set(table, entry, [[chosen, null]]), "quiet");
  const paint = () => {
    const values = withSet(entry, table.edit(entry.name));
    drawBars(canvas, values, {
      low: 0, high: 1, base: 0, ...table.ink, marked: chosen, faint: "rgba(128, 128, 128, 0.5)",
    });
  };
  const fill = (edit) => {
    const isSet = edit.values.some(([index]) => index === chosen);
    const now = withSet(entry, edit)[chosen];
    if (!dragging) value.value = String(now);
    said.textContent = now.toFixed(Math.abs(100 * now - Math.round(100 * now)) > 0.01 && isSet ? 3 : 2);
    free.disabled = !isSet;
    paint();
  };
  const choose = (index) => {
    chosen = Math.min(Math.max(Math.round(index) || 0, 0), count - 1);
    number.value = String(chosen);
    fill(table.edit(entry.name));
  };
  const drag = (event) => {
    const box = canvas.getBoundingClientRect();
    choose(Math.floor(((event.clientX - box.left) / box.width) * count));
    const height = 1 - (event.clientY - box.top) / box.height;
    const wanted = Math.min(Math.max(height, 0), 1);
    value.value = String(wanted);
    set(table, entry, [[chosen, wanted]], WAIT);
    fill(table.edit(entry.name));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragging = true;
    canvas.setPointerCapture(event.pointerId);
    drag(event);
  });
  canvas.addEventListener("pointermove", (event) => dragging && drag(event));
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (dragging = false));
  number.addEventListener("change", () => choose(Number(number.value)));
  value.addEventListener("input", () => {
    set(table, entry, [[chosen, Number(value.value)]], WAIT);
    fill(table.edit(entry.name));
  });
  const line = make("div", "line");
  const channel = make("label");
  channel.append(make("span", "", words.channel), number);
  const height = make("label", "value");
  height.append(make("span", "", words.value), value, said);
  line.append(channel, height, free);
  const all = button(words.clear, () => table.change(entry.name, { values: [] }), "quiet");
  line.append(all);
  return { elements: [make("p", "aside", words.drag), canvas, line], fill, paint };
}

/** A mask to paint on, cell by cell; by keyboard with the arrow keys and the space bar. */
function maskEditor(table, entry) {
  const { words } = table.data;
  const [rows, columns] = entry.row.shape;
  const canvas = make("canvas", "mask-editor");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", words.paint_long);
  const cursor = { row: Math.floor(rows / 2), column: Math.floor(columns / 2) };
  let stroke = null;
  let tool = "brush";
  const size = make("select");
  for (const cells of [1, 2, 3, 5]) if (cells <= Math.min(rows, columns)) size.append(new Option(`${cells}×${cells}`, String(cells)));
  const value = slider(0, 1, 0.05);
  value.value = "1";
  const said = make("output", "", "1.00");
  value.addEventListener("input", () => (said.textContent = Number(value.value).toFixed(2)));
  const undo = button(words.undo, () => {
    const before = table.undo.pop();
    if (before) table.change(entry.name, { values: before });
    keepFocus(table.root, () => fill(table.edit(entry.name)));
  });
  const paint = () => {
    const edit = table.edit(entry.name);
    const values = withSet(entry, edit);
    const byHand = new Set(edit.values.map(([index]) => index));
    const mean = meanOf(values.filter((_, index) => !byHand.has(index))) || 1; // what is painted does not move the colours
    drawMap(canvas, values.map((one) => one / mean - 1), entry.row.shape);
    canvas.style.aspectRatio = `${columns} / ${rows}`;
    place.style.left = `${(100 * cursor.column) / columns}%`;
    place.style.top = `${(100 * cursor.row) / rows}%`;
    place.style.width = `${100 / columns}%`;
    place.style.height = `${100 / rows}%`;
  };
  const fill = () => {
    undo.disabled = !table.undo.length;
    paint();
  };
  const touch = (row, column) => {
    const cells = Number(size.value);
    const first = -Math.floor((cells - 1) / 2);
    const changes = [];
    for (let down = first; down < first + cells; down += 1) {
      for (let across = first; across < first + cells; across += 1) {
        const [y, x] = [row + down, column + across];
        const inside = y >= 0 && y < rows && x >= 0 && x < columns;
        if (inside) changes.push([y * columns + x, tool === "brush" ? Number(value.value) : null]);
      }
    }
    Object.assign(cursor, { row, column });
    set(table, entry, changes, WAIT);
    paint();
  };
  const remember = () => table.undo.push(table.edit(entry.name).values);
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    return [Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(column, 0), columns - 1)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    remember();
    stroke = true;
    touch(...at(event));
  });
  canvas.addEventListener("pointermove", (event) => stroke && touch(...at(event)));
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      stroke = null;
      fill();
    });
  }
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser is meant
    if (event.key in moves) {
      cursor.row = Math.min(Math.max(cursor.row + moves[event.key][0], 0), rows - 1);
      cursor.column = Math.min(Math.max(cursor.column + moves[event.key][1], 0), columns - 1);
      paint();
    } else if (event.key === " " || event.key === "Enter") {
      remember();
      touch(cursor.row, cursor.column);
      fill();
    } else return;
    event.preventDefault();
  });
  const tools = make("fieldset", "tools");
  tools.append(make("legend", "", words.paint));
  for (const name of ["brush", "erase"]) {
    const label = make("label");
    const input = make("input");
    Object.assign(input, { type: "radio", name: `tool-${entry.name}`, checked: name === tool });
    input.addEventListener("change", () => (tool = name));
    label.append(input, make("span", "", words[name]));
    tools.append(label);
  }
  const sizes = make("label");
  sizes.append(make("span", "", words.size), size);
  const heights = make("label", "value");
  heights.append(make("span", "", words.value), value, said);
  const clear = button(words.clear, () => {
    remember();
    table.change(entry.name, { values: [] });
    fill();
  });
  const buttons = make("div", "buttons");
  buttons.append(undo, clear);
  const controls = make("div", "controls");
  controls.append(tools, sizes, heights, buttons);
  const place = make("i", "cursor");
  const holder = make("div", "holder");
  holder.append(canvas, place);
  const editor = make("div", "painting");
  editor.append(holder, controls);
  return { elements: [make("p", "aside", words.paint_said), editor], fill, paint };
}
