"""Who proposes settings: Optuna, Nevergrad, random, grid, all behind the same ask and tell."""
