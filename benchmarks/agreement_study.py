"""Of a series that compares agreements, the table of docs/scaling.md: loss by row and by second of each way.

    raysearch tune docs/examples/agreements.yaml --name agreements
    python -m benchmarks.agreement_study [runs/agreements]

Members are studies, one for each number of workers; trials are ways to agree, their runs repeats. Losses are
the validation's after equal rows, and after as many seconds of steps as two workers with all-reduce take for
half of their epochs; a way's seconds are its rows over its median rate, without validation.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raysearch.ledger.history import History
from raysearch.ledger.ledger import read_entries
from raysearch.ledger.trial_history import TrialHistory

LOOKS = (0.25, 0.5, 1.0)  # at the loss, in shares of the epochs


@dataclass(frozen=True)
class Way:
    """A way to agree: of each of its runs the loss after each epoch, and rows a second from the second on."""

    losses: Sequence[Sequence[float]]
    rates: Sequence[float]

    @property
    def rate(self) -> float:
        """Rows a second, the median over runs."""
        return statistics.median(self.rates)

    def after(self, epochs: float) -> str:
        """The loss after so many epochs, between two of them by a line; mean and standard error over runs."""
        place = int(epochs) - 1
        if place < 0 or epochs > len(self.losses[0]):
            return "-"
        share = epochs - int(epochs)
        found = [
            losses[place] + (share * (losses[place + 1] - losses[place]) if share else 0.0)
            for losses in self.losses
        ]
        error = statistics.stdev(found) / len(found) ** 0.5 if len(found) > 1 else float("nan")
        return f"{statistics.mean(found):.4f} +- {error:.4f}"


def way_of(trial: TrialHistory) -> Way:
    """What the runs of a trial came to."""
    losses, rates = [], []
    for run in trial.runs:
        first, *others = (run.epochs[number] for number in sorted(run.epochs))
        losses.append([epoch.metrics["val_loss"] for epoch in (first, *others)])
        rows = others[-1].metrics["presentations"] - first.metrics["presentations"]
        rates.append(rows / sum(epoch.timings["steps_s"] for epoch in others))
    return Way(losses, rates)


def ways_of(folder: Path) -> dict[str, Way]:
    """Every way of a series' studies, by what it is called."""
    found: dict[str, Way] = {}
    for study in sorted(path.parent for path in folder.glob("*/ledger.jsonl")):
        history = History(read_entries(study))
        file = history.created.space_file
        workers = file["resources"]["workers"]
        for trial in history.trials:
            if trial.state != "finished":
                continue
            settings = {**file["space"], **trial.settings}
            name = settings["agreement"]
            if name != "allreduce":
                name += f", every {settings['exchange_every']}, {settings['exchange']}"
            elif workers == 1:
                name = "alone"
            found[f"{name} ({workers})"] = way_of(trial)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("runs/agreements"))
    ways = ways_of(parser.parse_args().folder)
    beside = next(way for name, way in ways.items() if name.startswith("allreduce"))
    n_epochs = len(beside.losses[0])
    heads = [f"after {share * n_epochs:g} epochs" for share in LOOKS]
    heads.append(f"in the time of all-reduce's {n_epochs / 2:g}")
    print(f"| way (workers) | {' | '.join(heads)} | rows / s | of all-reduce's |")
    print("|---" * (len(heads) + 3) + "|")
    for name, way in ways.items():
        cells = [way.after(share * n_epochs) for share in LOOKS]
        cells.append(way.after(n_epochs / 2 * way.rate / beside.rate))
        print(f"| {name} | {' | '.join(cells)} | {way.rate:,.0f} | {way.rate / beside.rate:.2f} |")


if __name__ == "__main__":
    main()
