// Fingers, mouse, wheel and keys on a map: what they mean, whatever the map then does.

const STILL = 5; // CSS pixels that a click may move
const STEP = 80; // CSS pixels of an arrow key
const FACTOR = 1.5; // of a key or button

/** Listen to a canvas; `act` has pan, zoom, fit, point, leave, pick, line, box, cancel, lasso and rest. */
function listen(canvas, act) {
  const held = new Map(); // pointers that are down, by id: where they are
  let gesture = null; // "pan", "pinch", "line" or "box"
  let start = null;
  let moved = false;
  let path = [];

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const pinch = () => {
    const [[x1, y1], [x2, y2]] = [...held.values()];
    return { middle: [(x1 + x2) / 2, (y1 + y2) / 2], apart: Math.hypot(x2 - x1, y2 - y1) || 1 };
  };

  function down(event) {
    if (event.button !== 0) return;
    canvas.focus({ preventScroll: true, focusVisible: false });
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, at(event));
    if (held.size === 2) {
      if (gesture === "line" || gesture === "box") act.cancel();
      [gesture, start, moved] = ["pinch", pinch(), true];
      return;
    }
    if (held.size > 2) return;
    [start, moved, path] = [at(event), false, [at(event)]];
    gesture = event.shiftKey ? "box" : act.isLasso() ? "line" : "pan";
  }

  function move(event) {
    if (!held.has(event.pointerId)) {
      if (event.pointerType !== "touch") act.point(at(event));
      return;
    }
    const [before, now] = [held.get(event.pointerId), at(event)];
    held.set(event.pointerId, now);
    if (gesture === "pinch") {
      const next = pinch();
      act.pan(next.middle[0] - start.middle[0], next.middle[1] - start.middle[1]);
      act.zoom(next.apart / start.apart, next.middle);
      start = next;
      return;
    }
    if (!moved) {
      moved = Math.hypot(now[0] - start[0], now[1] - start[1]) > STILL;
      if (!moved) return;
      act.leave(); // what is said beside the pointer would stay where that was
    }
    if (gesture === "pan") act.pan(now[0] - before[0], now[1] - before[1]);
    if (gesture === "box") act.box(start, now, false);
    if (gesture === "line") {
      const [x, y] = path[path.length - 1];
      if (Math.hypot(now[0] - x, now[1] - y) >= 3) path.push(now);
      act.line(path, false);
    }
  }

  function up(event) {
    if (!held.delete(event.pointerId)) return;
    const ended = gesture;
    if (ended === "pinch") {
      gesture = held.size ? "rest" : null; // the finger that is left moves nothing
      act.rest();
      return;
    }
    if (held.size) return;
    gesture = null;
    if (event.type === "pointercancel") return act.cancel();
    if (!moved) return act.pick(at(event));
    if (ended === "box") act.box(start, at(event), true);
    if (ended === "line") act.line(path, true);
    act.rest();
  }

  function wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
    const speed = event.ctrlKey ? 0.01 : 0.0018; // two fingers on a trackpad say ctrl
    act.zoom(Math.exp(-Math.min(Math.max(pixels, -240), 240) * speed), at(event));
  }

  const keys = {
    ArrowLeft: () => act.pan(STEP, 0, true),
    ArrowRight: () => act.pan(-STEP, 0, true),
    ArrowUp: () => act.pan(0, STEP, true),
    ArrowDown: () => act.pan(0, -STEP, true),
    "+": () => act.zoom(FACTOR, null, true),
    "=": () => act.zoom(FACTOR, null, true),
    "-": () => act.zoom(1 / FACTOR, null, true),
    0: () => act.fit(true),
    Enter: () => act.pick(null),
    Escape: () => {
      gesture = null;
      act.cancel();
    },
  };

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return; // the browser is meant
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }

  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, up);
  canvas.addEventListener("pointerleave", () => held.size || act.leave());
  canvas.addEventListener("wheel", wheel, { passive: false });
  canvas.addEventListener("keydown", key);
}
