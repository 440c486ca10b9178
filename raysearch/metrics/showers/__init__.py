"""How like simulated showers generated ones are: features, distances and tests, arrays in and numbers out.

Nothing here needs the cells but ``features.py``, which keeps of a shower what all others look at.
"""
