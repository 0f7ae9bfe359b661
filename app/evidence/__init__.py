"""The page that asks whether a picture of attention says something: other maps beside it, and tests of it."""
