// Runs before Streamlit's own script on every page. `pages`, `mark` and `refused` are filled in by app/server/client.py.

// How far the app's address goes: a page's name at its end is not part of it.
const address = window.location.pathname.replace(new RegExp(`/(?:${pages.join("|")})/?$`), "/");
window.__streamlit = { BACKEND_BASE_URL: window.location.origin + address };

// An address that the visitor goes back or forth to is marked before Streamlit hears of it and sends it to the page,
// which could not distinguish it otherwise from one that a browser sends late, not having heard of the latest one yet.
window.addEventListener("popstate", () => {
  if (window.location.hash) return;
  const gone = new URL(window.location.href);
  gone.searchParams.set(mark, Date.now());
  window.history.replaceState(window.history.state, "", gone);
});

// A page is gone to by its bare address, and says then what is on it. The two are one place in the history: otherwise
// going back from a page would lead to that page again. So are a link that says only a part, until the visitor does
// something, and what is left bare for a moment where a page leads to another.
const push = window.history.pushState.bind(window.history);
const MOMENT = 1000; // milliseconds
let untouched = true;
let leftBare = -MOMENT;
const touch = () => (untouched = false);
for (const kind of ["pointerdown", "keydown", "input", "wheel"]) {
  document.addEventListener(kind, touch, { capture: true, passive: true });
}
window.history.pushState = (state, unused, url) => {
  const to = new URL(url ?? "", window.location.href);
  const stays = to.pathname === window.location.pathname;
  const says = stays && to.search && (untouched || !window.location.search);
  const leaves = !stays && performance.now() - leftBare < MOMENT;
  leftBare = stays && !to.search && window.location.search ? performance.now() : -MOMENT;
  if (says || leaves) window.history.replaceState(state, unused, url);
  else push(state, unused, url);
};

// In a narrow window the sidebar lies over the page; a visitor who opens a page wants to see it.
const narrow = window.matchMedia("(max-width: 768px)");
document.addEventListener("click", (event) => {
  if (!narrow.matches || !event.target.closest("[data-testid=stSidebarNavLink]")) return;
  document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
});

// Streamlit shows that an upload was refused; the answer says why, in the page's language. A click on it, Escape or new
// uploads take the sentence away, but not others that were chosen together with it.
let uploads = 0;
const refusals = document.createElement("div");
refusals.className = "cbam-refused";
refusals.setAttribute("role", "alert");
const refuse = (said) => {
  if (!refusals.isConnected) document.body.append(refusals);
  refusals.textContent = said;
};
refusals.addEventListener("click", () => refuse(""));
document.addEventListener("keydown", (event) => event.key === "Escape" && refuse(""));
const open = XMLHttpRequest.prototype.open;
XMLHttpRequest.prototype.open = function (method, url, ...rest) {
  open.call(this, method, url, ...rest);
  if (method.toUpperCase() !== "PUT" || !String(url).includes("/_stcore/upload_file/")) return;
  const language = document.documentElement.lang;
  if (language) this.setRequestHeader("Accept-Language", language);
  if (!uploads++) refuse("");
  this.addEventListener("loadend", () => {
    uploads--;
    if (this.getResponseHeader(refused)) refuse(this.responseText);
  });
};

// A button that has the keyboard's focus may be taken away by what it began; whatever stands in its place then gets the
// focus, or the next Tab would begin at the top of the page.
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
  stops()[left.place]?.focus({ preventScroll: true });
};
new MutationObserver(() => {
  if (!left || left.target.isConnected) return;
  clearTimeout(handing);
  handing = setTimeout(handOn, 100);
}).observe(document, { childList: true, subtree: true });
