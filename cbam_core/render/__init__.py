"""How gates look: colour tables, overlays, figures and picture files. Takes arrays, never a model."""
