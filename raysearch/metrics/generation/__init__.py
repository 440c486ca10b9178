"""How like real data generated data are: arrays in, figures beside their floors out.

Distances between rows of features (``frechet``, ``neighbours``), between histograms (``separation``), and a
network that tells two samples apart (``two_sample``); each beside real against real (``itself``,
``comparison``), with an error from parts of the samples (``batches``). Jets as point clouds have their own:
``jets`` and what it names. What only showers have stands in raysearch/metrics/showers.
"""
