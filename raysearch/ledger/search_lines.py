"""What a user is told of points that may not be run, and of why a search ended before its last trial."""

from __future__ import annotations

from collections import Counter

from raysearch.ledger.history import History

WHY = {"settings": "refused by the task", "limit": "over a limit"}


def search_lines(history: History) -> list[str]:
    """Say in a line each how many points were turned down, and why no more were asked for; empty if all went.

    That a search proposes what was tried already is told where it leaves the study with fewer trials.
    """
    lines = []
    refused = [record for record in history.redrawn if record.cause in WHY]
    # Of points drawn at random in the place of the search's own the ledger has the one that was taken.
    n_drawn = sum(max(trial.drawn - 1, 0) for trial in history.trials)
    if refused:
        causes = Counter(WHY[record.cause] for record in refused)
        told = ", ".join(f"{n_points} {why}" for why, n_points in causes.items())
        more = f", {n_drawn} more of those drawn at random in their place" if n_drawn else ""
        lines.append(
            f"proposed points that were drawn anew and are no trials: {told}{more}; the first: "
            f"{refused[0].reason}"
        )
    if end := history.exhausted:
        done = f"{len(history.trials)} trials, {end.wanted} asked for"
        if end.points is None:
            lines.append(f"no further point was found that may be run: {done}")
        else:
            refused_points = {repr(record.settings) for record in refused}
            of_all = f"; {len(refused_points)} may not be run" if refused_points else ""
            lines.append(f"the space has {end.points} points and each has been looked at{of_all}: {done}")
    if found := history.reached:
        lines.append(
            f"trial {found.trial} has come to {found.value:.4g}, within two errors of what real data have "
            f"against real data, {found.floor:.4g} +- {found.error:.2g}: that search, of "
            f"{found.wanted} trials, asked for no further one"
        )
    return lines
