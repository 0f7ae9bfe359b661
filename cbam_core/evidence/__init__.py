"""Does a gate matter? What a network answers where another takes its place."""
