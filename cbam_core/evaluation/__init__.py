"""How good is a network, and what do its gates do over a data set?"""
