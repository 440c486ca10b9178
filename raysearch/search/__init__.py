"""Who proposes settings: Optuna, Nevergrad, PBT, aging evolution, random, grid, all behind the same ask and tell."""
