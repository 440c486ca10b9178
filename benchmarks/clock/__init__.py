"""Ways to agree on a cluster that is not there: their real code, a task's real steps, and a clock made up."""
