"""What is kept of one visit, and in which language is it said?"""
