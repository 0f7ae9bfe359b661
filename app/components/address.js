// Tells the page when the visitor went back or forth to another address of the same page.

let listening; // one listener, however often the component is mounted

export default function ({ setTriggerValue }) {
  listening?.abort();
  listening = new AbortController();
  let path = window.location.pathname;
  const hear = () => {
    // A change of page is Streamlit's own business. It hears of this event as well, and must be done with it first.
    if (window.location.pathname === path) setTimeout(() => setTriggerValue("gone", window.location.search), 50);
    path = window.location.pathname;
  };
  window.addEventListener("popstate", hear, { signal: listening.signal });
  const { signal } = listening;
  return () => signal.aborted || listening.abort();
}
