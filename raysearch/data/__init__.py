"""Files to typed arrays; generators of new ones. Knows no model and no metric."""
