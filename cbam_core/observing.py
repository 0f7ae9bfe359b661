"""How are images shown to a network?"""
