"""What goes in? CIFAR-10, untrusted image files, and fitting images to a network's input."""
