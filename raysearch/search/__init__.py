"""Who proposes settings: Optuna, Nevergrad, PBT, aging evolution, random, grid, all behind ask and tell."""
