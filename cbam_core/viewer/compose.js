// From gate values to pixels. The arithmetic is that of cbam_core/render/overlay.py and colours.py, formula by formula
// and in the same order, in float64: both give the same bytes. COLOUR_TABLES, FLAT, THROUGH and MISSING come from Python.

const TABLES = Object.fromEntries(
  Object.entries(COLOUR_TABLES).map(([name, hex]) => [
    name,
    Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16)),
  ]),
);

const DIVERGING = Uint8Array.from(DIVERGING_TABLE.match(/../g), (pair) => parseInt(pair, 16));

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Numbers of the payload: little-endian float32 in base64, or little-endian 16-bit steps from a lowest value. */
function floatsOf(sent) {
  if (typeof sent === "object") return stepsOf(sent);
  const view = new DataView(bytesOf(sent).buffer);
  return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function stepsOf({ low, step, steps }) {
  const view = new DataView(bytesOf(steps).buffer);
  return Float32Array.from({ length: view.byteLength / 2 }, (_, i) => low + step * view.getUint16(2 * i, true));
}

/** {low, high} of values, without those that are not numbers. */
function rangeOf(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? { low, high } : { low: 0, high: 0 };
}

/** A gate of the payload with its numbers unpacked. */
function unpackGate(gate) {
  if (!gate) return null;
  const usual = gate.usual && { ...gate.usual, values: floatsOf(gate.usual.values) };
  const values = floatsOf(gate.values);
  return { ...gate, values, usual, evenness: evennessOf(values) };
}

/** A block of the payload with its numbers unpacked. */
function unpackBlock(block) {
  return { ...block, mask: unpackGate(block.mask), weights: unpackGate(block.weights) };
}

/** "through" for a gate that lets everything pass, "flat" for any other whose values hardly differ, else "". */
function evennessOf(values) {
  const { low, high } = rangeOf(values);
  const known = values.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length);
  if (high !== low && !(high - low < FLAT * mean)) return "";
  return low > THROUGH ? "through" : "flat";
}

/** Pixels of a picture of the payload, RGBA, without colour conversion by the browser. */
function decodePicture(picture) {
  return picture.rgb ? opaque(bytesOf(picture.rgb)) : decodeFile(picture);
}

/** RGBA from RGB. */
function opaque(rgb) {
  const pixels = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) pixels.set(rgb.subarray(from, from + 3), to);
  return pixels;
}

async function decodeFile(picture) {
  const type = picture.png ? "image/png" : "image/jpeg";
  const file = new Blob([bytesOf(picture.png ?? picture.jpeg)], { type });
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, picture.width, picture.height).data;
}

/** Index into a colour table for a value on the scale from 0 to 1; -1 if it is not a number. */
function colourIndex(value) {
  if (Number.isNaN(value)) return -1;
  return Math.floor(Math.min(Math.max(value, 0), 1) * 255 + 0.5);
}

/** Index into the diverging table for a value on the scale from -1 to 1; -1 if it is not a number. */
function signedIndex(value) {
  if (Number.isNaN(value)) return -1;
  return Math.floor(Math.min(Math.max(value, -1), 1) * 127 + 127.5);
}

function onScale(value, scale, range) {
  if (scale === "unit") return value;
  if (range.high > range.low) return (value - range.low) / (range.high - range.low);
  return Number.isNaN(value) ? value : 0.5;
}

/** RGB of a table's colour; index -1 gives MISSING. */
function colourAt(table, index) {
  return index < 0 ? MISSING : table.subarray(3 * index, 3 * index + 3);
}

/** For each drawn pixel of one axis: the cells before and after its centre, the fraction between, and whether it was seen. */
function axisOf(pixels, zoom, origin, step, count, smooth, from, to) {
  const length = pixels * zoom;
  const axis = {
    before: new Int32Array(length),
    after: new Int32Array(length),
    share: new Float64Array(length),
    seen: new Uint8Array(length),
  };
  for (let i = 0; i < length; i += 1) {
    const centre = (i + 0.5) / zoom;
    axis.seen[i] = from <= centre && centre < to ? 1 : 0;
    const place = (centre - origin) / step;
    if (smooth) {
      const held = Math.min(Math.max(place, 0), count - 1);
      axis.before[i] = Math.floor(held);
      axis.after[i] = Math.min(axis.before[i] + 1, count - 1);
      axis.share[i] = held - axis.before[i];
    } else {
      axis.before[i] = nearestCell(centre, origin, step, count);
    }
  }
  return axis;
}

/** The cell whose centre is nearest to a coordinate of the picture. */
function nearestCell(coordinate, origin, step, count) {
  return Math.min(Math.max(Math.floor((coordinate - origin) / step + 0.5), 0), count - 1);
}

function nearestIndices(mask, scale, x, y) {
  const ofCell = Int16Array.from(mask.values, scale.index);
  const indices = new Int16Array(x.before.length * y.before.length);
  let at = 0;
  for (const row of y.before) {
    for (const column of x.before) {
      indices[at] = ofCell[row * mask.width + column];
      at += 1;
    }
  }
  return indices;
}

function smoothIndices(mask, scale, x, y) {
  const { values, width } = mask;
  const indices = new Int16Array(x.before.length * y.before.length);
  let at = 0;
  for (let j = 0; j < y.before.length; j += 1) {
    const above = y.before[j] * width;
    const below = y.after[j] * width;
    const v = y.share[j];
    for (let i = 0; i < x.before.length; i += 1) {
      const left = x.before[i];
      const right = x.after[i];
      const u = x.share[i];
      const first = (1 - u) * values[above + left] + u * values[above + right];
      const second = (1 - u) * values[below + left] + u * values[below + right];
      indices[at] = scale.index((1 - v) * first + v * second);
      at += 1;
    }
  }
  return indices;
}

/** What every 8-bit value contributes to a pixel when it is weighted by `share`. */
function weighted(share) {
  return Float64Array.from({ length: 256 }, (_, value) => share * value);
}

/** The picture with the mask in colours over it, as ImageData; a block without cells on it gives the picture alone.
    The block is one that `readBlock` gave. */
function composeOverlay(picture, pixels, block, settings, zoom) {
  const { width, height, seen } = picture;
  const cells = block.mask?.values && block.cells[picture.id];
  const scale = block.mask?.values && scaleOf(settings, block.mask.range);
  const at = cells ?? { x0: 0, y0: 0, dx: 1, dy: 1 };
  const smooth = settings.smooth;
  const x = axisOf(width, zoom, at.x0, at.dx, block.mask ? block.mask.width : 1, smooth, seen[0], seen[2]);
  const y = axisOf(height, zoom, at.y0, at.dy, block.mask ? block.mask.height : 1, smooth, seen[1], seen[3]);
  const indices =
    cells && (smooth ? smoothIndices : nearestIndices)(block.mask, scale, x, y);
  const table = scale?.table;
  const ofImage = weighted(1 - settings.opacity);
  const ofColour = weighted(settings.opacity);
  const out = new ImageData(width * zoom, height * zoom);
  const drawn = out.data; // reading the property for every pixel would take longer than the arithmetic
  const columns = Int32Array.from({ length: width * zoom }, (_, i) => 4 * Math.floor(i / zoom));
  for (let j = 0, to = 0; j < height * zoom; j += 1) {
    const line = 4 * width * Math.floor(j / zoom);
    for (let i = 0; i < columns.length; i += 1, to += 4) {
      const from = line + columns[i];
      drawn[to + 3] = 255;
      if (!(x.seen[i] && y.seen[j])) {
        const luma = (77 * pixels[from] + 150 * pixels[from + 1] + 29 * pixels[from + 2]) / 256;
        const grey = Math.floor((luma + 128) / 2 + 0.5);
        for (let c = 0; c < 3; c += 1) drawn[to + c] = grey;
      } else if (!indices) {
        for (let c = 0; c < 3; c += 1) drawn[to + c] = pixels[from + c];
      } else {
        const index = indices[to / 4];
        for (let c = 0; c < 3; c += 1) {
          const colour = index < 0 ? MISSING[c] : table[3 * index + c];
          drawn[to + c] = Math.floor(ofImage[pixels[from + c]] + ofColour[colour] + 0.5);
        }
      }
    }
  }
  return out;
}

/** A mask alone, one pixel for each cell, as ImageData. */
function composeMask({ width, height }, values, scale) {
  const out = new ImageData(width, height);
  const drawn = out.data;
  for (let i = 0; i < values.length; i += 1) {
    drawn.set([...colourAt(scale.table, scale.index(values[i])), 255], 4 * i);
  }
  return out;
}

const masksShown = new WeakMap(); // values and look on each canvas

/** Show values on the grid of a mask on a canvas of their own; opacity does not change them, so most paints find them
    there. Where there are none, the canvas is empty. */
function showMask(canvas, mask, values, { colours, scale, reading }) {
  const now = { values, colours, scale, reading };
  const before = masksShown.get(canvas);
  if (before && Object.keys(now).every((name) => before[name] === now[name])) return;
  masksShown.set(canvas, now);
  if (values) show(canvas, composeMask(mask, values, scaleOf({ colours, scale, reading }, rangeOf(values))));
  else show(canvas, new ImageData(1, 1));
}

/** A colour table as a picture, one pixel for each colour, from left to right. */
function composeTable(table) {
  const out = new ImageData(table.length / 3, 1);
  for (let i = 0; i < out.width; i += 1) out.data.set([...colourAt(table, i), 255], 4 * i);
  return out;
}

/** Show pixels on a canvas of exactly their size, without an intermediate state. */
function show(canvas, image) {
  if (canvas.width !== image.width) canvas.width = image.width;
  if (canvas.height !== image.height) canvas.height = image.height;
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
}
