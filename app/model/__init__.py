"""The page about one network: its card, layers, kernels and quality."""
