// The app's address, and the visitor's places in its history. `pages`, `first` and `mark` are filled in by client.py.

// How far the app's address goes: a page's name at its end is not part of it.
const address = window.location.pathname.replace(new RegExp(`/(?:${pages.join("|")})/?$`), "/");
window.__streamlit = { BACKEND_BASE_URL: window.location.origin + address };

// An address that the visitor goes back or forth to is marked before Streamlit hears of it and sends it to the page,
// which could not distinguish it otherwise from one that a browser sends late, not having heard of the latest one yet.
// The mark is a number and the page that it is meant for. The page writes the number with its own address, which tells
// an answer to this step from one to an earlier step. Until the answer comes, nothing else is written over the place that
// the visitor has gone to, nor does another page take that place until the visitor does something: both are answers to
// what was asked before. Streamlit, which believes what could not be written, is told of the place once more.
const MOST = 5; // times that Streamlit is told; then it has reasons
let step = 0; // number of the latest step back or forth
let waits = false; // whether the page's answer to it has yet to come
let stands = false; // whether no other page may take its place
let told = 0; // times that Streamlit was told of it once more
let telling = 0; // timer until it is told again
const push = window.history.pushState.bind(window.history);
const replace = window.history.replaceState.bind(window.history);
const unmarked = (search) => search.slice(1).split("&").filter((part) => part && part.split("=")[0] !== mark);
window.addEventListener("popstate", (event) => {
  if (window.location.hash) return;
  if (event.isTrusted) [step, told] = [Math.max(step + 1, Date.now()), 0];
  waits = stands = untouched = true;
  const gone = new URL(window.location.href);
  const page = gone.pathname.slice(address.length).replace(/\/$/, "") || first;
  gone.search = [...unmarked(gone.search), `${mark}=${step}~${page}`].join("&");
  replace(window.history.state, "", gone);
});
const tellAgain = () => {
  clearTimeout(telling);
  telling = setTimeout(() => {
    if (stands && told++ < MOST) window.dispatchEvent(new PopStateEvent("popstate", { state: window.history.state }));
  });
};

// Once the visitor has done something, what is written is about that. Keys and buttons of a mouse that lead back or
// forth are none of it, and who scrolls still waits.
let untouched = true;
const touch = (event) => {
  if (event.altKey || event.metaKey || event.button > 2) return;
  untouched = false;
  if (event.type !== "pointerdown" && event.type !== "wheel") waits = stands = false;
};
for (const kind of ["pointerdown", "keydown", "input", "wheel", "click"]) {
  document.addEventListener(kind, touch, { capture: true, passive: true });
}

// A page is gone to by its bare address, and says then what is on it. The two are one place in the history: otherwise
// going back from a page would lead to that page again. So are a link that says only a part and a place that was gone
// back or forth to, until the visitor does something, and what is left bare for a moment where a page leads to another.
const MOMENT = 1000; // milliseconds
let leftBare = -MOMENT;
const writing = (write) => (state, unused, url) => {
  const to = new URL(url ?? "", window.location.href);
  const stays = to.pathname === window.location.pathname;
  const isLate = (stands && !stays) || (waits && to.searchParams.get(mark) !== String(step));
  if (isLate && told < MOST) return tellAgain();
  waits = false;
  stands &&= stays;
  to.search = unmarked(to.search).join("&");
  if (to.href === window.location.href) return;
  const says = stays && to.search && (untouched || !window.location.search);
  const leaves = !stays && performance.now() - leftBare < MOMENT;
  leftBare = stays && !to.search && window.location.search ? performance.now() : -MOMENT;
  (says || leaves ? replace : write)(state, unused, to);
};
window.history.pushState = writing(push);
window.history.replaceState = writing(replace);
