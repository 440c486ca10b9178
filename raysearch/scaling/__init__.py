"""How long a data-parallel run takes on more workers than there are: a model of cost, its fit, its check."""
