// Channel weights as bars on one canvas: axis, sorting, the channel under the pointer.

const GUTTER = 22; // CSS pixels left of the bars for the axis' numbers
const HEADROOM = 6; // above the axis' end and below its start, so that its numbers are not cut

/** Channels in the order of display; equal weights keep the order of their numbers. */
function channelOrder(weights, order) {
  const channels = Array.from(weights, (_, channel) => channel);
  return order === "sorted" ? channels.sort((a, b) => weights[b] - weights[a] || a - b) : channels;
}

/** 0 to 1, or wider where a gate of another kind leaves that range. */
function axisRange(range) {
  return { low: Math.min(0, range.low), high: Math.max(1, range.high) };
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
 * @param {object} data {weights, range, channels (display order), chosen (position or null)}
 * @param {object} ink CSS colours {bar, pale, mark, axis, text} and a font
 */
function drawBars(canvas, data, ink) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true }); // small: no business of the GPU
  context.clearRect(0, 0, width, height);
  const axis = axisRange(data.range);
  const left = Math.round(GUTTER * ratio);
  const pad = Math.round(HEADROOM * ratio);
  const plot = { left, width: width - left, top: pad, height: height - 2 * pad };
  const yOf = (value) =>
    plot.top + Math.round((1 - (value - axis.low) / (axis.high - axis.low)) * plot.height);
  drawAxis(context, axis, plot, yOf, ink, ratio);
  const columns = Math.min(plot.width, data.channels.length);
  if (columns < data.channels.length) drawEnvelope(context, data, plot, yOf, ink);
  else drawEach(context, data, plot, yOf, ink, ratio);
}

function drawAxis(context, axis, plot, yOf, ink, ratio) {
  context.font = `${10 * ratio}px ${ink.font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const middle = (axis.low + axis.high) / 2;
  for (const value of [axis.low, middle, axis.high]) {
    context.fillStyle = ink.axis;
    context.fillRect(plot.left, yOf(value), plot.width, Math.max(1, Math.round(ratio)));
    if (value === middle) continue;
    context.fillStyle = ink.text;
    const text = Number.isInteger(value) ? String(value) : value.toFixed(1);
    context.fillText(text, plot.left - 6 * ratio, yOf(value));
  }
}

function drawEach(context, data, plot, yOf, ink, ratio) {
  const count = data.channels.length;
  const wide = plot.width / count;
  const gap = wide >= 3 * ratio ? Math.round(ratio) : 0;
  const zero = yOf(Math.max(0, axisRange(data.range).low));
  data.channels.forEach((channel, position) => {
    const from = plot.left + Math.round(position * wide);
    const to = plot.left + Math.round((position + 1) * wide) - gap;
    const chosen = position === data.chosen;
    if (chosen) {
      context.fillStyle = ink.axis;
      context.fillRect(from, plot.top, to - from, plot.height);
    }
    context.fillStyle = chosen ? ink.mark : ink.bar;
    const top = yOf(data.weights[channel]);
    context.fillRect(from, Math.min(top, zero), to - from, Math.max(1, Math.abs(zero - top)));
  });
}

function drawEnvelope(context, data, plot, yOf, ink) {
  const zero = yOf(0);
  envelope(data.weights, data.channels, plot.width).forEach(({ low, high }, column) => {
    // Full as far as every weight of the column reaches, pale as far as one does, to either side of 0.
    const [far, near] = high <= 0 ? [low, high] : [high, low];
    for (const [value, colour] of [[far, ink.pale], [near, ink.bar]]) {
      const y = yOf(value);
      context.fillStyle = colour;
      context.fillRect(plot.left + column, Math.min(y, zero), 1, Math.max(1, Math.abs(zero - y)));
    }
  });
  if (data.chosen !== null) {
    const column = Math.floor((data.chosen / data.channels.length) * plot.width);
    context.fillStyle = ink.mark;
    context.fillRect(plot.left + column, plot.top, 2, plot.height);
  }
}
