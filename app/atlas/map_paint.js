// How the images of a map are drawn: as points in colours, or as thumbnails with an edge in them.

const CLASS_COLOURS = {
  light: ["#0b6e82", "#d1610a", "#6a4fb3", "#7d8a00", "#c02a72", "#8a5a2b", "#2f7fd0", "#1d9a5b", "#b8860b", "#5c6b73"],
  dark: ["#45b6c8", "#f59a4c", "#ab98f0", "#c5d651", "#f07fb0", "#cfa377", "#6fb1f5", "#5fd39a", "#f2cf5b", "#a9b7bf"],
};
const ANSWER_COLOURS = { light: ["#5c8f9b", "#d1610a", "#9aa5aa"], dark: ["#5b8f9c", "#ff9d4a", "#66747a"] };
const SHARE_COLOURS = [
  "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
];
const NOTHING = "#8a979c"; // no label, or no answer

/** Colours of some classes; of very many, hues around the circle. */
function classColours(count, ground) {
  const table = CLASS_COLOURS[ground];
  if (count <= table.length) return table.slice(0, count);
  const light = ground === "dark" ? 68 : 42;
  return Array.from({ length: count }, (_, i) => `hsl(${Math.round((i * 137.508) % 360)} 60% ${light}%)`);
}

/** A table of colours, and for each image its place in it. */
function colouring(kind, { labels, answers, confidence, classes, ground }) {
  const count = labels.length;
  if (kind === "right") {
    const of = (i) => (labels[i] < 0 || answers[i] < 0 ? 2 : labels[i] === answers[i] ? 0 : 1);
    return { table: ANSWER_COLOURS[ground], of: Uint16Array.from({ length: count }, (_, i) => of(i)), above: 1 };
  }
  if (kind === "confidence") {
    const table = [...SHARE_COLOURS, NOTHING];
    const of = (i) => (answers[i] < 0 ? table.length - 1 : Math.min(9, Math.floor((confidence[i] / 256) * 10)));
    return { table, of: Uint16Array.from({ length: count }, (_, i) => of(i)), above: -1 };
  }
  const table = [...classColours(classes.length, ground), NOTHING];
  const named = kind === "answer" ? answers : labels;
  const of = (i) => (named[i] < 0 ? table.length - 1 : named[i]);
  return { table, of: Uint16Array.from({ length: count }, (_, i) => of(i)), above: -1 };
}

/** A round point as a small picture: thousands of copies are faster than thousands of paths. */
function pointOf(colour, radius, ratio) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.ceil(2 * radius * ratio) + 2;
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.beginPath();
  context.arc(canvas.width / 2, canvas.height / 2, radius * ratio, 0, 2 * Math.PI);
  context.fill();
  return canvas;
}

/** Sizes at a scale, CSS pixels: of a thumbnail, 0 where points are drawn, and of a point. */
function sizesAt(scale, { spread, count, draw, side }) {
  const room = (scale * spread) / Math.sqrt(Math.max(1, count)); // that an image would have if all were spread evenly
  const thumbnail = Math.min(Math.max(room * 0.95, 12), Math.max(48, Math.min(72, 2 * side)));
  const hasImages = draw === "images" || (draw !== "points" && room * 0.95 >= 12);
  return { thumbnail: hasImages ? thumbnail : 0, point: Math.min(Math.max(1.7 + room / 9, 2), 5) };
}

const AT_ONCE = 150; // images of a step

/** A function that draws a square of the map, step by step. */
function painterOf({ xs, ys, grid, sheets, look, ratio, isSmooth }) {
  const points = new Map();
  const pointIn = (colour, radius) => {
    const key = `${colour} ${radius.toFixed(1)}`;
    if (!points.has(key)) points.set(key, pointOf(colour, radius, ratio));
    return points.get(key);
  };
  return function* (context, left, top, size, scale) {
    const { colours, ground, layerOf: layers } = look();
    const { thumbnail, point } = look().sizes(scale);
    context.fillStyle = ground;
    context.fillRect(left, top, size, size);
    context.imageSmoothingEnabled = isSmooth(thumbnail * ratio);
    const reach = Math.max(thumbnail / 2 + 3, point + 1) / scale;
    const [faded, plain, above] = [[], [], []];
    const rows = [faded, plain, above];
    const [x0, y0, x1, y1] = [left, top, left + size, top + size].map((edge) => edge / scale);
    grid.inBox(x0 - reach, y0 - reach, x1 + reach, y1 + reach, (i) => rows[layers(i)].push(i));
    const edge = Math.min(Math.max(thumbnail * 0.055, 0.6), 2.5);
    for (const [place, row] of rows.entries()) {
      context.globalAlpha = place ? 1 : 0.3;
      row.sort((a, b) => a - b);
      for (const [drawn, i] of row.entries()) {
        drawOne(i, xs[i] * scale, ys[i] * scale, colours.table[colours.of[i]], place ? thumbnail : 0);
        if (drawn % AT_ONCE === AT_ONCE - 1) yield;
      }
    }

    /** An image as a thumbnail, or as a point where none is wanted or its sheet has not come. */
    function drawOne(i, x, y, colour, size) {
      if (size && sheets.isHere(i)) {
        const half = size / 2;
        context.fillStyle = colour;
        context.fillRect(x - half - edge, y - half - edge, size + 2 * edge, size + 2 * edge);
        sheets.draw(context, i, x - half, y - half, size, size * ratio);
        return;
      }
      if (size) sheets.draw(context, i, 0, 0, 0); // asks for its sheet
      const picture = pointIn(colour, point);
      const wide = picture.width / ratio;
      context.drawImage(picture, x - wide / 2, y - wide / 2, wide, wide);
    }
  };
}
