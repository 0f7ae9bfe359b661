// Lets a part of the page paint results that were sent ahead, and keeps late answers of the server from undoing them.

const awaited = new WeakMap(); // by the part's root: the index that was painted ahead, until the server's answer to it

/** Call when the part leaves the page. */
function leaveAhead(root) {
  document.removeEventListener("cbam-lens-ahead", awaited.get(root)?.hear);
  awaited.delete(root);
}

/**
 * Call with every answer of the server.
 * @param {Element} root of the part
 * @param {?{channel: string, of: string, index: number, generation: number}} ahead which result the answer is; null
 *   where none comes ahead. Another generation means that the page itself chose since, as after Back: what was awaited
 *   never comes then
 * @param {(result: object, index: number) => void} paint paints a result that was sent ahead
 * @returns {boolean} whether the answer may be painted; not while the visitor has already chosen another image
 */
function paintAhead(root, ahead, paint) {
  if (!ahead) return true;
  if (!awaited.has(root)) {
    const hear = ({ detail }) => {
      const state = awaited.get(root);
      if (detail.channel !== state.channel || detail.of !== state.of) return;
      state.index = detail.index;
      state.paint(detail.result, detail.index);
    };
    awaited.set(root, { index: null, hear });
    document.addEventListener("cbam-lens-ahead", hear);
  }
  const state = awaited.get(root);
  const same = state.of === ahead.of && state.generation === ahead.generation;
  const overtaken = same && state.index !== null && state.index !== ahead.index;
  Object.assign(state, { channel: ahead.channel, of: ahead.of, generation: ahead.generation, paint });
  if (overtaken) return false;
  state.index = null;
  return true;
}
