"""The state machine of a study: which runs are to do, in which order results count, what is kept."""
