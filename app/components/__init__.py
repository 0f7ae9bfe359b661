"""Parts of pages: each takes and returns plain values, and knows nothing of networks or data sets."""
