"""The page for two images, two networks or two classes."""
