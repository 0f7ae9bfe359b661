"""One page: what the gates of the network do over a whole set of images."""
