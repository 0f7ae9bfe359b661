"""CBAM Lens."""
