// Thumbnails that lie in sheets: each sheet is fetched when one of its thumbnails is drawn for the first time.

const FETCHED_AT_ONCE = 3;

/** Sheets of thumbnails; `changed` is called whenever one has come. */
function sheetsOf({ sheets, side, columns, each }, changed) {
  const state = new Map(); // by sheet: "asked", "lacking", or its bitmaps, the smallest last
  const asked = [];
  let running = 0;

  async function load(number) {
    const image = new Image();
    image.src = sheets[number];
    try {
      await image.decode();
      state.set(number, await bitmapsOf(image));
    } catch {
      state.set(number, "lacking"); // points stand in its thumbnails' places
    }
  }

  async function work() {
    if (running >= FETCHED_AT_ONCE || !asked.length) return;
    running += 1;
    const number = asked.pop(); // what is looked at now comes first
    await load(number);
    running -= 1;
    changed(number);
    work();
  }

  /** The sheet as it is and at half and a quarter of its size, so that small thumbnails are drawn fast and well. */
  async function bitmapsOf(image) {
    const found = [await createImageBitmap(image)];
    for (const part of [2, 4]) {
      const [resizeWidth, resizeHeight] = [found[0].width / part, found[0].height / part];
      found.push(await createImageBitmap(found[0], { resizeWidth, resizeHeight, resizeQuality: "high" }));
    }
    return found;
  }

  /** Draw a thumbnail; false where its sheet is not here yet. */
  function draw(context, i, x, y, size, drawnPixels = size) {
    const number = Math.floor(i / each);
    const bitmaps = state.get(number);
    if (typeof bitmaps !== "object") {
      if (bitmaps === undefined && sheets[number]) {
        state.set(number, "asked");
        asked.push(number);
        work();
      }
      return false;
    }
    const step = drawnPixels * 4 <= side ? 2 : drawnPixels * 2 <= side ? 1 : 0;
    const from = side / 2 ** step;
    const place = i % each;
    const [left, top] = [(place % columns) * from, Math.floor(place / columns) * from];
    context.drawImage(bitmaps[step], left, top, from, from, x, y, size, size);
    return true;
  }

  return { draw, isHere: (i) => typeof state.get(Math.floor(i / each)) === "object" };
}
