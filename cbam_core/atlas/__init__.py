"""What do the gates do over a whole data set? One folder with every gate of every image, and answers read from it.

Nothing here imports torch but what runs a network: `planning`, `shard_work`, `building`, and the ways to many machines.
"""
