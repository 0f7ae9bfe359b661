"""What is known about an image, a network or a run, in plain numbers? Frozen, and free of torch."""
