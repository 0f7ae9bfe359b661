// `refused`, the header of an answer that refuses an upload, is filled in by client.py.

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
