"""What the benchmarks measure with: turns and ratios, our server, a browser, and the pages they look at.

Only the files beside this folder are benchmarks; each makes one claim.
"""
