"""What goes in: CIFAR-10, pictures from strangers, and fitting them to a network."""
