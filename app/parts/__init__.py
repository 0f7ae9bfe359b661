"""Parts of pages that ask rooms which components do not: the sidebar, the language, and the large parts of a page."""
