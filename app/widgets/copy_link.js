// Puts the address of the page on the clipboard; where the browser hands out none, the address stands there to be copied.

const SAID = 2000; // milliseconds for which the button says that it is done
const PATIENCE = 2000; // milliseconds for the server to update the address to what the page shows already
const RUNNING = "[data-testid=stApp]:not([data-test-script-state=notRunning])";

const timers = new WeakMap(); // by button: what restores its own words

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const said = parentElement.querySelector("[role=status]");
  const field = parentElement.querySelector("input");
  const { words } = data;
  clearTimeout(timers.get(button));
  said.textContent = "";
  button.lastElementChild.textContent = words.copy;
  button.disabled = !data.possible;
  button.title = data.possible ? words.help : words.impossible;
  field.setAttribute("aria-label", words.field);
  field.onblur = () => {
    field.hidden = true; // it does not follow the page
  };
  if (!data.possible) field.hidden = true;
  button.onclick = async () => {
    await upToDate();
    const address = addressOf(data.query);
    try {
      await navigator.clipboard.writeText(address);
    } catch {
      field.value = address;
      field.hidden = false;
      field.focus();
      field.select();
      return;
    }
    field.hidden = true;
    said.textContent = words.copied;
    button.lastElementChild.textContent = words.copied;
    clearTimeout(timers.get(button));
    const back = () => {
      said.textContent = "";
      button.lastElementChild.textContent = words.copy;
    };
    timers.set(button, setTimeout(back, SAID));
  };
}

/** The page's address; with another query where its own does not say what is on the page. */
function addressOf(query) {
  const address = new URL(window.location.href);
  if (query != null) address.search = query;
  return address.href;
}

/** A choice is painted before the server has heard of it, and the server writes the address. */
async function upToDate() {
  const end = performance.now() + PATIENCE;
  while (document.querySelector(RUNNING) && performance.now() < end) await new Promise((done) => setTimeout(done, 50));
}
