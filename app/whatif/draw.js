// Gates as small pictures: masks in colours relative to their mean, channel weights as bars. DIVERGING comes from Python.

const COLOURS = Uint8Array.from(DIVERGING.match(/../g), (pair) => parseInt(pair, 16));

/** Float32 values of base64; null stays null. */
function floatsOf(text) {
  if (!text) return null;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function meanOf(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / Math.max(1, values.length);
}

/** Values as multiples of their mean; null where that is not above 0. */
function relative(values) {
  const mean = values && meanOf(values);
  return values && mean > 0 && mean < Infinity ? values.map((value) => value / mean) : null;
}

/** How the shape of a gate differs from the usual one. */
function against(values, usual) {
  const [here, there] = [relative(values), relative(usual)];
  return here && there ? here.map((value, i) => value - there[i]) : null;
}

/** Draw signed values, -1 to 1, as the cells of a map. */
function drawMap(canvas, values, [height, width]) {
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height);
  values.forEach((value, i) => {
    const at = 3 * Math.floor(Math.min(Math.max(value, -1), 1) * 127 + 127.5);
    picture.data.set([COLOURS[at], COLOURS[at + 1], COLOURS[at + 2], 255], 4 * i);
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** Draw values as bars from a base line; several share a column where there is no room. */
function drawBars(canvas, values, { low, high, base, ink, faint, marked = -1, mark }) {
  const ratio = window.devicePixelRatio || 1;
  const width = (canvas.width = Math.max(1, Math.round((canvas.clientWidth || 72) * ratio)));
  const height = (canvas.height = Math.max(1, Math.round((canvas.clientHeight || 72) * ratio)));
  const context = canvas.getContext("2d");
  const y = (value) => Math.round((1 - (Math.min(Math.max(value, low), high) - low) / (high - low)) * (height - 1));
  context.fillStyle = faint;
  context.fillRect(0, y(base), width, Math.max(1, Math.round(ratio)));
  const columns = Math.min(width, values.length);
  for (let column = 0; column < columns; column += 1) {
    const first = Math.floor((column * values.length) / columns);
    const end = Math.max(first + 1, Math.floor(((column + 1) * values.length) / columns));
    let least = base;
    let most = base;
    for (let i = first; i < end; i += 1) {
      least = Math.min(least, values[i]);
      most = Math.max(most, values[i]);
    }
    const left = Math.round((column * width) / columns);
    const wide = Math.max(1, Math.round(((column + 1) * width) / columns) - left - (width / columns >= 3 * ratio ? ratio : 0));
    context.fillStyle = marked >= first && marked < end ? mark : ink;
    context.fillRect(left, y(most), wide, Math.max(1, y(least) - y(most)));
  }
}

/** Draw a gate, or its difference to the usual one, in the way of its kind. */
function drawGate(canvas, values, { drawn, shape, what, ink, mark, marked }) {
  canvas.classList.toggle("empty", !values);
  if (!values) return;
  if (drawn === "map") {
    const signed = what === "difference" ? values : relative(values)?.map((value) => value - 1);
    if (signed) drawMap(canvas, signed, shape);
    else canvas.classList.add("empty");
    return;
  }
  const top = what === "difference" ? 1 : Math.max(1, ...values);
  const low = what === "difference" ? -1 : Math.min(0, ...values);
  drawBars(canvas, values, { low, high: top, base: 0, ink, mark, marked, faint: "rgba(128, 128, 128, 0.5)" });
}
