"""The name by which tasks written for raysearch 0.1 import the layout of jet files, such as the example in the docs."""

from raysearch.data.jets.layout import *
