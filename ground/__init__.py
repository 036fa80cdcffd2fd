"""The ground: predicts passes from its own elements, talks to the satellite inside them alone, decodes what
comes down.
"""
