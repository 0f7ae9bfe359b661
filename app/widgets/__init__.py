"""Parts that more than one page uses."""
