// Streamlit's words about files become ours, in the page's language; a reload that would drop uploads asks first; and the
// server is told where a page that stayed open shows uploads of an earlier visit, which it does not have any more.

const HEARD = Symbol.for("cbam-lens.upload-words");
const UPLOADER = "[data-testid=stFileUploader]";
const CHIP = "[data-testid=stFileChip]";
const HERE = `${CHIP}:not([aria-invalid=true]), [data-testid=stCameraInput] img`; // files that the page itself shows

export default function ({ data, setTriggerValue }) {
  const known = (document[HEARD] ??= listen());
  const page = document.documentElement.dataset;
  const lost = page.uploads && page.visit !== data.visit;
  const source = known.source;
  page.uploads = data.kept ? "kept" : "";
  page.visit = data.visit;
  known.data = data;
  known.source = data.source || (lost ? undefined : source); // pages without images know none
  if (lost) setTriggerValue("lost", source ?? "");
  known.look();
}

function listen() {
  const known = { data: null, look };
  let due = false;
  function look() {
    due = false;
    for (const uploader of document.querySelectorAll(UPLOADER)) translate(uploader, known.data);
    const hover = document.querySelector("[data-testid=stTooltipErrorContent]");
    if (hover) put(hover, whyOf(hover));
  }
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(look);
  }).observe(document.body, { childList: true, subtree: true });
  window.addEventListener("beforeunload", (event) => {
    if (document.documentElement.dataset.uploads || document.querySelector(HERE)) event.preventDefault();
  });
  return known;
}

function translate(uploader, { words, images, networks }) {
  const kind = kindOf(uploader);
  put(uploader.querySelector("[data-testid=stFileUploaderDropzoneInstructions] span"), words[`${kind}_limits`]);
  put(uploader.querySelector("section > span button p"), words.choose);
  for (const over of uploader.querySelectorAll("section > div > span")) put(over, words.drop);
  name(uploader.querySelector("[data-testid=stFileChips] > button"), words.add);
  for (const chip of uploader.querySelectorAll(CHIP)) {
    const file = chip.querySelector("[data-testid=stFileChipName]").title;
    const button = chip.querySelector("button");
    const comes = chip.querySelector("[data-testid=stFileChipIconSpinner]");
    name(button, (comes ? words.cancel : words.remove).replace("{file}", () => file));
    if (chip.getAttribute("aria-invalid") !== "true") continue;
    const said = chip.querySelector("[role=alert]");
    chip.dataset.reason ??= said.textContent; // Streamlit's own
    chip.dataset.why = why(chip.dataset.reason, kind, file, { words, images, networks });
    put(said, chip.dataset.why);
  }
}

function kindOf(uploader) {
  if (uploader.closest(".st-key-own-way-in")) return "network";
  return uploader.closest(".st-key-whatif-way-in") ? "edits" : "image";
}

/** Why a file was refused, by what Streamlit says of it. */
function why(reason, kind, file, { words, images, networks }) {
  const ending = file.split(".").at(-1).toLowerCase();
  if (reason.includes("files are not allowed")) {
    if (kind === "image" && ["heic", "heif"].includes(ending)) return words.heic;
    return kind === "network" && images.includes(ending) ? words.image : words[`not_${kind}`];
  }
  if (reason.includes("or smaller")) {
    return kind === "image" && networks.includes(ending) ? words.network_elsewhere : words[`${kind}_too_large`];
  }
  return reason.includes("Only one file") ? words.one : words.failed;
}

/** What is said of the file that a sentence on hover belongs to. */
function whyOf(hover) {
  const id = hover.closest("[role=tooltip]")?.id;
  const about = [...document.querySelectorAll("[data-testid=stTooltipErrorHoverTarget]")];
  return about.find((one) => one.getAttribute("aria-describedby") === id)?.querySelector(CHIP)?.dataset.why;
}

/** Puts a text in place of another one, in nodes that React goes on knowing. */
function put(element, text) {
  if (!element || text === undefined || element.textContent === text) return;
  const [first, ...others] = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
  if (!first) return;
  first.nodeValue = text;
  for (const other of others) other.nodeValue = "";
}

function name(element, text) {
  if (element && element.getAttribute("aria-label") !== text) element.setAttribute("aria-label", text);
}
