"""What surrounds every page: the sidebar, the language, the way to each page."""
