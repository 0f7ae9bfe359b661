// A picture pasted anywhere on Inspect goes to its uploader, which by itself hears of it only while it has the focus.

const HEARD = Symbol.for("cbam-lens.paste");
const ZONE = ".st-key-source-upload [data-testid=stFileUploaderDropzone]";

export default function ({ data }) {
  const page = document.documentElement.dataset;
  if (page.visit === data.visit) page.uploads = data.kept ? "kept" : ""; // of another visit, upload_words.js tells first
  if (document[HEARD]) return;
  document[HEARD] = true;
  document.addEventListener("paste", (event) => {
    const zone = [...document.querySelectorAll(ZONE)].find((one) => one.checkVisibility());
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (event.defaultPrevented || !zone || !pasted.length || event.composedPath().includes(zone)) return;
    event.preventDefault();
    const clipboardData = new DataTransfer(); // the event's own is emptied once it is over
    for (const file of pasted) clipboardData.items.add(file);
    zone.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  });
}
