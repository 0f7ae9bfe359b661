// What a row opens: other replacements and what follows from them, strength, bars that can be set, a mask to paint on.

function fillDrawer(table, entry) {
  entry.drawer.replaceChildren();
}
