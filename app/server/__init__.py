"""How does the server start, and what may a browser do with it?"""
