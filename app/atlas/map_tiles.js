// What has been drawn is kept in squares, so that moving the map copies a few pictures instead of drawing thousands.

const TILE = 256; // CSS pixels
const MOST_KEPT = 90; // squares of a layer

/** Squares of the map at one scale (CSS pixels for the whole map); `paint` draws one of them, some images a step. */
function layerOf(scale, ratio, paint) {
  const tiles = new Map();
  let job = null; // the square that is being drawn; until it is done, what was there stands in its place

  function begin(key, column, row) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.ceil(TILE * ratio);
    const context = canvas.getContext("2d", { alpha: false });
    context.setTransform(ratio, 0, 0, ratio, -column * TILE * ratio, -row * TILE * ratio);
    return { key, canvas, steps: paint(context, column * TILE, row * TILE, TILE, scale) };
  }

  /** Draw on at a square until it is done or the time is over; returns whether it is done. */
  function goOn(until) {
    while (!job.steps.next().done) if (performance.now() > until) return false;
    tiles.delete(job.key); // the map keeps its order of insertion: what was drawn last stays longest
    tiles.set(job.key, { canvas: job.canvas, isOld: false });
    if (tiles.size > MOST_KEPT) tiles.delete(tiles.keys().next().value);
    job = null;
    return true;
  }

  /** Columns and rows of the squares in a window, those in its middle first. */
  function needed(left, top, width, height) {
    const found = [];
    for (let row = Math.floor(top / TILE); row * TILE < top + height; row += 1) {
      for (let column = Math.floor(left / TILE); column * TILE < left + width; column += 1) found.push([column, row]);
    }
    const away = ([column, row]) =>
      Math.hypot((column + 0.5) * TILE - left - width / 2, (row + 0.5) * TILE - top - height / 2);
    return found.sort((a, b) => away(a) - away(b));
  }

  function isThere(place) {
    const tile = tiles.get(String(place));
    return Boolean(tile) && !tile.isOld;
  }

  return {
    scale,
    /** Draw squares that the window lacks, until the time is over; returns whether all are there. */
    prepare(window, until) {
      const lacking = needed(...window).filter((place) => !isThere(place));
      if (job && !lacking.some((place) => String(place) === job.key)) job = null;
      for (const place of job ? [null, ...lacking] : lacking) {
        if (place && isThere(place)) continue;
        job ??= begin(String(place), ...place);
        if (!goOn(until)) return false;
      }
      return true;
    },
    /** Copy the squares that are there; the window is that of the layer, `zoom` how much larger it is shown. */
    copy(context, [left, top, width, height], zoom) {
      for (const [column, row] of needed(left, top, width, height)) {
        const tile = tiles.get(`${column},${row}`);
        if (!tile) continue;
        const [x, y] = [(column * TILE - left) * zoom, (row * TILE - top) * zoom];
        context.drawImage(tile.canvas, x, y, TILE * zoom, TILE * zoom);
      }
    },
    /** Have all squares drawn again when there is time; until then they stand as they are. */
    age() {
      job = null;
      for (const tile of tiles.values()) tile.isOld = true;
    },
  };
}
