"""The page for one image: what the network saw, said and attended to."""
