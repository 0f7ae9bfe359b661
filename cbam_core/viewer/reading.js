// Readings of a gate: as it is, as multiples of its own mean, or compared with its usual values. The arithmetic is that of
// cbam_core/results/explanation.py and render/readings.py, in the same order, so that both give the same numbers and
// colours. READINGS, COLOUR_TABLES and DIVERGING_TABLE come from Python.

const NEUTRAL = { relative: 1, usual: 0 }; // centre of the diverging colours, which extend by 1 to each side

/** Values divided by a mean, as float32 numbers. */
function shapeOf(values, mean) {
  return Float32Array.from(values, (value) => value / mean);
}

/** Values of a gate of the payload in a reading; null if the gate does not have this reading. */
function readGate(gate, reading) {
  if (reading === "values") return gate.values;
  if (!(gate.level > 0)) return null;
  const shape = shapeOf(gate.values, gate.level);
  if (reading === "relative") return shape;
  const { usual } = gate;
  if (!usual || !(usual.level > 0) || usual.values.length !== shape.length) return null;
  const usually = shapeOf(usual.values, usual.level);
  return shape.map((value, i) => value - usually[i]);
}

/** The words that say why a gate does not have a reading. */
function whyUnread({ level }, words) {
  if (level > 0) return words.no_reading;
  return level === null ? words.not_finite : words.not_positive;
}

/** Usual values of a gate in a reading, to show beside it; null if they are unknown. */
function readUsual(gate, reading) {
  const { usual } = gate;
  if (!usual) return null;
  if (reading === "values") return usual.values;
  return usual.level > 0 ? shapeOf(usual.values, usual.level) : null;
}

/** Strength of a gate for this image, as a multiple of the usual; null if that is unknown. */
function gainOf({ level, usual }) {
  return usual && usual.level > 0 && level > 0 ? level / usual.level : null;
}

/** Mask or weights of a block in a reading: the values to draw, their range, and the usual values beside them. */
function readPart(part, reading) {
  if (!part) return null;
  const values = readGate(part, reading);
  const usual = readUsual(part, reading);
  return { ...part, values, range: values && rangeOf(values), usualValues: usual, gain: gainOf(part) };
}

const readBlocks = new WeakMap(); // results of each reading, by block

/** A block in a reading; computed once. */
function readBlock(block, reading) {
  if (!readBlocks.has(block)) readBlocks.set(block, {});
  const known = readBlocks.get(block);
  known[reading] ??= { ...block, mask: readPart(block.mask, reading), weights: readPart(block.weights, reading) };
  return known[reading];
}

/** Whether any gate of these blocks has usual values. */
function hasUsual(blocks) {
  return blocks.some((block) => [block.mask, block.weights].some((part) => part && readGate(part, "usual")));
}

/** Colour scale of masks: its ends, its table, the position of a value on it, and the colour of a value. */
function scaleOf({ reading, scale, colours }, range) {
  const neutral = NEUTRAL[reading];
  if (neutral !== undefined) {
    return {
      low: neutral - 1,
      high: neutral + 1,
      table: DIVERGING,
      place: (value) => (value - neutral + 1) / 2,
      index: (value) => signedIndex(value - neutral),
    };
  }
  const { low, high } = scale === "unit" ? { low: 0, high: 1 } : range;
  const place = (value) => onScale(value, scale, range);
  return { low, high, table: TABLES[colours], place, index: (value) => colourIndex(place(value)) };
}

/** Format a number for a reading. */
function written(value, reading, digits) {
  const text = Math.abs(value).toFixed(digits);
  const sign = value < 0 && Number(text) > 0 ? "−" : "";
  if (reading === "relative") return `×${sign}${text}`;
  if (reading === "usual") return `${sign || (Number(text) > 0 ? "+" : "")}${text}`;
  return `${value < 0 && Number(text) > 0 ? "-" : ""}${text}`;
}
