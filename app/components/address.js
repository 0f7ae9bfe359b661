// Tells the page when the visitor went back or forth to another address of the same page.

let listening; // one listener, however often the component is mounted
let report; // of the latest mount: an earlier one may be gone when there is something to report

export default function ({ setTriggerValue }) {
  report = setTriggerValue;
  if (listening) return;
  listening = true;
  let path = window.location.pathname;
  window.addEventListener("popstate", () => {
    // A change of page is Streamlit's own business. It hears of this event as well, and must be done with it first;
    // by then the page may have written another address, so what was gone to is looked at now.
    const { pathname, search } = window.location;
    if (pathname === path) setTimeout(() => report("gone", search), 50);
    path = pathname;
  });
}
