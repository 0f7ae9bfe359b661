"""The page for experiments: what the network answers for an image if its gates were others."""
