"""Files to typed arrays; generators of real input. Knows no model and no metric."""
