"""Who proposes weights: strategies that train a network by evolution, behind ask and tell.

A strategy gives candidates (:mod:`~raysearch.evolve.genome`), hears their losses, and knows neither the
network nor the data. NumPy only; :mod:`~raysearch.evolve.make` lists the strategies.
"""
