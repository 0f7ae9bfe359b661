// Points in the unit square, found by place: which lie in a box, which is nearest, which lie inside of a line.

/** A grid of cells that each hold their points; xs and ys lie in [0, 1]. */
function gridOf(xs, ys) {
  const count = xs.length;
  const side = Math.min(256, Math.max(1, Math.floor(Math.sqrt(count / 4))));
  const cellOf = (value) => Math.min(side - 1, Math.max(0, Math.floor(value * side)));
  const starts = new Uint32Array(side * side + 1);
  const cells = Uint32Array.from(xs, (x, i) => cellOf(ys[i]) * side + cellOf(x));
  for (const cell of cells) starts[cell + 1] += 1;
  for (let cell = 0; cell < side * side; cell += 1) starts[cell + 1] += starts[cell];
  const next = starts.slice();
  const members = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) members[next[cells[i]]++] = i; // in each cell in order

  /** Call a function with each point in a box. */
  function inBox(left, top, right, bottom, act) {
    for (let row = cellOf(top); row <= cellOf(bottom); row += 1) {
      for (let column = cellOf(left); column <= cellOf(right); column += 1) {
        const cell = row * side + column;
        for (let at = starts[cell]; at < starts[cell + 1]; at += 1) {
          const i = members[at];
          if (xs[i] >= left && xs[i] <= right && ys[i] >= top && ys[i] <= bottom) act(i);
        }
      }
    }
  }

  /** The nearest point within a distance; -1 where there is none. Of equal ones, the one that is drawn last. */
  function nearest(x, y, distance) {
    let [found, least] = [-1, distance * distance];
    inBox(x - distance, y - distance, x + distance, y + distance, (i) => {
      const square = (xs[i] - x) ** 2 + (ys[i] - y) ** 2;
      if (square < least || (square === least && i > found)) [found, least] = [i, square];
    });
    return found;
  }

  return { inBox, nearest };
}

/** The points that lie inside of a closed line, in order. */
function insideOf(line, xs, ys, grid) {
  const [left, right] = [Math.min(...line.map(([x]) => x)), Math.max(...line.map(([x]) => x))];
  const [top, bottom] = [Math.min(...line.map(([, y]) => y)), Math.max(...line.map(([, y]) => y))];
  const found = [];
  grid.inBox(left, top, right, bottom, (i) => {
    if (isInside(line, xs[i], ys[i])) found.push(i);
  });
  return found.sort((a, b) => a - b);
}

/** Whether a place lies inside of a closed line: whether a ray from it crosses the line an odd number of times. */
function isInside(line, x, y) {
  let inside = false;
  for (let i = 0, before = line.length - 1; i < line.length; before = i, i += 1) {
    const [[x1, y1], [x2, y2]] = [line[i], line[before]];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

/** A line with at most so many corners, and no more than it takes to stay within a distance. */
function simplified(line, most, distance) {
  const kept = new Set([0, line.length - 1]);
  const spans = [spanOf(line, 0, line.length - 1)];
  while (kept.size < most && spans.length) {
    spans.sort((a, b) => a.far - b.far);
    const { first, at, last, far } = spans.pop();
    if (at < 0 || far < distance) break;
    kept.add(at);
    spans.push(spanOf(line, first, at), spanOf(line, at, last));
  }
  return line.filter((_, i) => kept.has(i));
}

/** The corner between two others that lies farthest from the straight way between them. */
function spanOf(line, first, last) {
  const [[x1, y1], [x2, y2]] = [line[first], line[last]];
  const length = Math.hypot(x2 - x1, y2 - y1);
  let [at, far] = [-1, -1];
  for (let i = first + 1; i < last; i += 1) {
    const [x, y] = line[i];
    const away = length ? Math.abs((x - x1) * (y2 - y1) - (y - y1) * (x2 - x1)) / length : Math.hypot(x - x1, y - y1);
    if (away > far) [at, far] = [i, away];
  }
  return { first, at, last, far };
}
