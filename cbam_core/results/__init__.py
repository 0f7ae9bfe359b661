"""What is known about an image, a network or a run? Frozen dataclasses of NumPy arrays, free of torch."""
