// A button that has the keyboard's focus may be taken away by what it began; whatever stands in its place then gets the
// focus, or the last of the page if that was it, or the next Tab would begin at the top of the page.
const usable = ":is(a[href], button, input, select, textarea, summary, [tabindex='0']):not(:disabled)";
const stops = () =>
  [...document.querySelectorAll(`[data-testid=stMain] ${usable}`)].filter((stop) => stop.checkVisibility());
let left = null;
let handing = 0;
document.addEventListener("focusin", ({ target }) => {
  const may = target.matches(":focus-visible") && target.closest("[data-testid=stMain] [data-testid=stButton]");
  left = may ? { target, place: stops().indexOf(target) } : null;
});
document.addEventListener("pointerdown", () => (left = null));
const handOn = () => {
  if (!left || left.target.isConnected || document.activeElement !== document.body) return;
  const now = stops();
  (now[left.place] ?? now.at(-1))?.focus({ preventScroll: true });
};
new MutationObserver(() => {
  if (!left || left.target.isConnected) return;
  clearTimeout(handing);
  handing = setTimeout(handOn, 100);
}).observe(document, { childList: true, subtree: true });
