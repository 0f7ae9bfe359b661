// Channel weights as bars on one canvas: axis, sorting, the channel under the pointer.

const GUTTER = 28; // CSS pixels left of the bars for the axis' numbers
const HEADROOM = 6; // above the axis' end and below its start, so that its numbers are not cut

/** Channels in display order, highest first if they are sorted; equal ones in the order of their indices. */
function channelOrder(weights, order) {
  if (!weights) return [];
  const channels = Array.from(weights.values, (_, channel) => channel);
  const by = order === "unusual" ? readGate(weights, "usual") : weights.values;
  return order === "index" || !by ? channels : channels.sort((a, b) => by[b] - by[a] || a - b);
}

/** The scale of masks in the same reading, or a wider one for weights outside of it. */
function axisRange({ range, reading }) {
  const neutral = NEUTRAL[reading];
  const [low, high] = neutral === undefined ? [0, 1] : [neutral - 1, neutral + 1];
  return { low: Math.min(low, range.low), high: Math.max(high, range.high), base: neutral ?? 0 };
}

/** The position in display order under a CSS x coordinate of the canvas, or null beside the bars. */
function barAt(canvas, count, x) {
  const width = canvas.clientWidth - GUTTER;
  const position = Math.floor(((x - GUTTER) / width) * count);
  return position >= 0 && position < count ? position : null;
}

/** Lowest and highest weight in each column of device pixels, where there are more channels than columns. */
function envelope(weights, channels, columns) {
  return Array.from({ length: columns }, (_, column) => {
    const first = Math.floor((column * channels.length) / columns);
    const end = Math.max(first + 1, Math.floor(((column + 1) * channels.length) / columns));
    return rangeOf(channels.slice(first, end).map((channel) => weights[channel]));
  });
}

/**
 * Draw the bars.
 * @param {HTMLCanvasElement} canvas its CSS size is kept
 * @param {object} data {weights, usual (or null), reading, range, channels (display order), marked (positions), and
 *   an axis {low, high, base, text} instead of that of the reading}
 * @param {object} ink CSS colours {bar, pale, mark, axis, text} and a font
 */
function drawBars(canvas, data, ink) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true }); // small: not worth the GPU
  context.clearRect(0, 0, width, height);
  const axis = data.axis ?? axisRange(data);
  const left = Math.round(GUTTER * ratio);
  const pad = Math.round(HEADROOM * ratio);
  const plot = { left, width: width - left, top: pad, height: height - 2 * pad };
  const yOf = (value) =>
    plot.top + Math.round((1 - (value - axis.low) / (axis.high - axis.low)) * plot.height);
  drawAxis(context, axis, plot, yOf, ink, ratio);
  const columns = Math.min(plot.width, data.channels.length);
  const base = yOf(axis.base);
  if (columns < data.channels.length) drawEnvelope(context, data, plot, yOf, { ...ink, base, zero: axis.base });
  else drawEach(context, data, plot, yOf, { ...ink, base, ratio });
}

function drawAxis(context, axis, plot, yOf, ink, ratio) {
  context.font = `${10 * ratio}px ${ink.font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const line = axis.base > axis.low ? axis.base : (axis.low + axis.high) / 2;
  for (const value of [axis.low, line, axis.high]) {
    context.fillStyle = ink.axis;
    context.fillRect(plot.left, yOf(value), plot.width, Math.max(1, Math.round(ratio)));
    if (value === line && value !== axis.base) continue;
    context.fillStyle = ink.text;
    const text = (axis.text?.(value) ?? (Number.isInteger(value) ? String(value) : value.toFixed(1))).replace("-", "−");
    context.fillText(text, plot.left - 6 * ratio, yOf(value));
  }
}

function drawEach(context, data, plot, yOf, { base, ratio, ...ink }) {
  const count = data.channels.length;
  const wide = plot.width / count;
  const gap = wide >= 3 * ratio ? Math.round(ratio) : 0;
  data.channels.forEach((channel, position) => {
    const from = plot.left + Math.round(position * wide);
    const to = plot.left + Math.round((position + 1) * wide) - gap;
    const chosen = data.marked.includes(position);
    if (chosen) {
      context.fillStyle = ink.axis;
      context.fillRect(from, plot.top, to - from, plot.height);
    }
    context.fillStyle = chosen ? ink.mark : ink.bar;
    const top = yOf(data.weights[channel]);
    context.fillRect(from, Math.min(top, base), to - from, Math.max(1, Math.abs(base - top)));
    if (!data.usual) return;
    context.fillStyle = ink.mark;
    context.fillRect(from, yOf(data.usual[channel]) - Math.round(ratio / 2), to - from, Math.max(1, Math.round(ratio)));
  });
}

function drawEnvelope(context, data, plot, yOf, { base, zero, ...ink }) {
  envelope(data.weights, data.channels, plot.width).forEach(({ low, high }, column) => {
    // Full up to where every weight of the column reaches, pale up to where any does, on both sides of the base.
    const [far, near] = high <= zero ? [low, high] : [high, low];
    for (const [value, colour] of [[far, ink.pale], [near, ink.bar]]) {
      const y = yOf(value);
      context.fillStyle = colour;
      context.fillRect(plot.left + column, Math.min(y, base), 1, Math.max(1, Math.abs(base - y)));
    }
  });
  for (const position of data.marked) {
    const column = Math.floor((position / data.channels.length) * plot.width);
    context.fillStyle = ink.mark;
    context.fillRect(plot.left + column, plot.top, 2, plot.height);
  }
}
