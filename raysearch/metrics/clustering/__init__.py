"""What arXiv:1902.07987 measures of shared-out calorimeter hits, and how well it goes without learning."""
