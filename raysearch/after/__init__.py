"""What is done with a trained trial once the search is over: applied to other data, exported, pruned."""
