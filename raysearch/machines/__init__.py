"""Machines that a cluster is made of: files for `ray up` and Slurm, their checks, and the take-down."""
