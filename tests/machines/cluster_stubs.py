"""A stand-in for Slurm: `srun` starts every task here, `scontrol` writes down what it was asked."""

from __future__ import annotations

from pathlib import Path

SRUN = """\
#!/bin/bash
# Every task is a process group of its own, as a step's tasks are on their nodes; a signal goes to all.
while [[ $1 == --* ]]; do
  [[ $1 == --ntasks=* ]] && n_tasks=${1#--ntasks=}
  shift
done
set -m
tasks=()
for ((task = 0; task < n_tasks; task++)); do
  SLURM_PROCID=$task "$@" &
  tasks+=($!)
done
trap 'for each in "${tasks[@]}"; do kill -TERM -- "-$each" 2>/dev/null; done' TERM INT
for task in "${tasks[@]}"; do
  while kill -0 "$task" 2>/dev/null; do wait "$task"; done
done
"""
SCONTROL = """\
#!/bin/bash
echo "$*" >>scontrol.log
"""


def write_slurm(folder: Path) -> Path:
    """Write the commands into a folder, which is to come first in PATH."""
    folder.mkdir()
    for name, text in {"srun": SRUN, "scontrol": SCONTROL}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder
