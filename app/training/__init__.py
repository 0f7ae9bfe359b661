"""The page about how networks were trained."""
