"""The name by which tasks written for raysearch 0.1 import the layout of jet files."""

from raysearch.data.jets.layout import *
