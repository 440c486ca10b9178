"""The fault campaign: raysearch put through kills, full disks, damage and hangs, and what came of it counted.

    python -m benchmarks.faults                          # every goal, each at its full count
    python -m benchmarks.faults R1 R5 --tries 20         # some of them, so many tries each
    python -m benchmarks.faults --table                  # what has been measured so far, as markdown

Results are appended to one file for each goal; a rerun goes on where the last one stopped.
"""
