// In a narrow window the sidebar lies over the page; a visitor who opens a page wants to see it.
const narrow = window.matchMedia("(max-width: 768px)");
document.addEventListener("click", (event) => {
  if (!narrow.matches || !event.target.closest("[data-testid=stSidebarNavLink]")) return;
  document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
});
