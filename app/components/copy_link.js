// Puts the address of the page on the clipboard; where the browser hands out none, the address stands there to be copied.

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const said = parentElement.querySelector("[role=status]");
  const field = parentElement.querySelector("input");
  const { words } = data;
  button.lastElementChild.textContent = words.copy;
  button.disabled = !data.possible;
  button.title = data.possible ? words.help : words.impossible;
  field.setAttribute("aria-label", words.field);
  if (!data.possible) field.hidden = true;
  button.onclick = async () => {
    const address = window.location.href;
    try {
      await navigator.clipboard.writeText(address);
      field.hidden = true;
      said.textContent = words.copied;
      button.lastElementChild.textContent = words.copied;
      setTimeout(() => {
        said.textContent = "";
        button.lastElementChild.textContent = words.copy;
      }, 2000);
    } catch {
      field.value = address;
      field.hidden = false;
      field.focus();
      field.select();
    }
  };
}
