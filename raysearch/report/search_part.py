"""How the search went: objective over trials, learning curves, what settings did, all trials, failures."""

from __future__ import annotations

from raysearch.ledger.history import History
from raysearch.ledger.search_lines import search_lines
from raysearch.ledger.trial_history import TrialHistory
from raysearch.report.blocks import Block, Heading, Picture, Table, duration, listing, number, text
from raysearch.report.curves import draw_learning_curves, draw_objective, fold_spread, running_best
from raysearch.report.settings_figures import MIN_TRIALS, draw_importance, draw_parallel, every, importance
from raysearch.report.states import fact, training_loss_of
from raysearch.report.verdict import value_of

ENOUGH_TRIALS = 50  # below, importances change much from study to study


def search_figures(history: History) -> list[Block]:
    """Make the figures of the search; what there is nothing to draw for yet is said."""
    blocks: list[Block] = [Heading("Search")]
    if not any(trial.is_over for trial in history.trials):
        return [*blocks, text("No trial is over yet; figures appear here with the first one.")]
    blocks += [Heading("Objective over trials", 3), _objective(history)]
    blocks += [text(f"{line[0].upper()}{line[1:]}.") for line in search_lines(history)]
    if history.best is None:
        return [
            *blocks,
            text(
                "Every trial so far failed, so there are no curves and no comparison of settings."
                if all(trial.state == "failed" for trial in history.trials if trial.is_over)
                else "No trial has finished so far, so there are no curves and no comparison of settings."
            ),
        ]
    if any(run.epochs for run in history.best.runs):
        blocks += [Heading("Learning curves", 3), _learning_curves(history, history.best)]
    blocks += [Heading("Which settings mattered", 3), *_importance(history)]
    blocks += [Heading("Settings side by side", 3), _parallel(history)]
    return blocks


def _objective(history: History) -> Picture:
    name, numbers = history.created.objective, running_best(history)
    end = f"The best value is {number(numbers[1][-1])}." if numbers[1] else "No trial finished."
    told = "".join(
        f" {state.capitalize()}: trials {listing(numbers_of)}."
        for state in ("pruned", "refused", "failed")
        if (numbers_of := [str(trial.number) for trial in history.trials if trial.state == state])
    )
    return Picture(
        "objective",
        f"{name} of each of {len(history.trials)} trials with the best so far as a line. {end}{told}",
        f"{name} of every trial in the order of asking, and the best so far. {_edges(history)}",
        draw_objective(history),
    )


def _edges(history: History) -> str:
    states = {trial.state for trial in history.trials}
    told = ["Failed trials stand as crosses at the edge."]
    if "refused" in states:
        told.append(
            "Refused trials, whose model is over a limit and was not trained, stand there as squares."
        )
    if "pruned" in states:
        told.append("Pruned trials stand as triangles where they had come to; they were stopped early.")
    return " ".join(told)


def _learning_curves(history: History, best: TrialHistory) -> Picture:
    ended = [run.ended for run in best.runs if run.ended]
    kept = listing([str(record.best_epoch) for record in ended])
    each = f"; one line a {history.created.run_word}" if history.created.folds > 1 else ""
    return Picture(
        "learning-curves",
        f"Training and validation curves of trial {best.number}, whose kept epoch is {kept}, over those of "
        "all other trials.",
        f"Trial {best.number} (colour) and all other trials (grey, validation only){each}. "
        f"The kept weights are those of epoch {kept}, chosen on validation data."
        + _of_training(history, best),
        draw_learning_curves(history, best),
    )


def _of_training(history: History, best: TrialHistory) -> str:
    """Say what a loss in training is where it is not that of the validation part."""
    if not (strategy := history.created.space_file.get("strategy")):
        told = training_loss_of(best)
        return f" The training loss is of another definition: {told}." if told else ""
    return (
        f" Weights evolve ({strategy}): the training loss is the mean over an epoch's generations of each "
        "one's lowest loss among its candidates, on that generation's own batch."
    )


def _importance(history: History) -> list[Block]:
    shares = importance(history)
    n = sum(trial.value is not None for trial in history.trials)
    if not shares:
        if n < MIN_TRIALS:
            return [text(f"Importance needs at least {MIN_TRIALS} finished trials; there are {n}.")]
        return [text(f"The {n} finished trials are too much alike to say which settings mattered.")]
    rough = (
        f" With {n} trials this is a rough hint: the order can change with a few more."
        if n < ENOUGH_TRIALS
        else ""
    )
    told = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
    thinned = f"one in {every(n)} of the " if every(n) > 1 else ""
    caption = (
        f"Share of each searched setting in the objective's variance over the space, from {thinned}{n} "
        f"finished trials (fANOVA; Hutter, Hoos, Leyton-Brown, ICML 2014).{rough}"
    )
    return [Picture("importance", f"Importance of settings: {told}.", caption, draw_importance(shares))]


def _parallel(history: History) -> Picture:
    names = history.created.settings
    return Picture(
        "parallel-coordinates",
        f"Each trial as a line through {listing(names)} to {history.created.objective}; the table of trials "
        "has the numbers.",
        f"Every trial as a line through its settings to {history.created.objective}, by which it is "
        "coloured. Thick: the best. Dotted: not finished. Lines through the same category are spread a "
        "little, so that none hides another.",
        draw_parallel(history),
    )


def trials_table(history: History) -> list[Block]:
    """Make the table of all trials, and the list of failures with their messages."""
    names = history.created.settings
    others = list(history.created.others)
    head = ("trial", "state", history.created.objective, *others, "epochs", "time", "parameters", *names)
    rows = tuple(_row(trial, others, names) for trial in history.trials)
    marked = frozenset({history.best.number}) if history.best else frozenset[int]()
    spread = any(fold_spread(trial) is not None for trial in history.trials)
    told = []
    if spread:
        told.append(
            f"Objective: mean and sample sd over {history.created.folds} {history.created.run_word}s; "
            "epochs and time: sums."
        )
    if any(trial.state == "pruned" for trial in history.trials):
        told.append("Pruned: stopped early, for it was behind; its objective is what it had come to.")
    if any(trial.given for trial in history.trials):
        given = listing([str(trial.number) for trial in history.trials if trial.given])
        told.append(f"Settings given by the user and not by the search: trials {given}.")
    is_number = [
        not isinstance(trial.settings[n], (str, bool)) for trial in history.trials[:1] for n in names
    ]
    n_fixed = len(head) - len(names)
    right = (n_fixed + place for place, is_right in enumerate(is_number) if is_right)
    table = Table(head, rows, " ".join(told), frozenset({0, *range(2, n_fixed), *right}), marked)
    return [
        Heading("All trials"),
        table if rows else text("None was asked for yet."),
        *_not_done(history, "failed", "Failures"),
        *_not_done(history, "refused", "Refused"),
    ]


def _row(trial: TrialHistory, others: list[str], names: list[str]) -> tuple[str, ...]:
    ended = [run.ended for run in trial.runs if run.ended]
    epochs = sum(record.epochs for record in ended) or sum(len(run.epochs) for run in trial.runs)
    seconds = sum(record.seconds for record in ended)
    return (
        str(trial.number),
        trial.state,
        value_of(trial),
        *(number(trial.committed.others.get(name) if trial.committed else None) for name in others),
        str(epochs),
        duration(seconds) if ended else number(None),
        number(fact(trial, "parameters")),
        *(number(trial.settings[name]) for name in names),
    )


def _not_done(history: History, state: str, title: str) -> list[Block]:
    """List the runs of a state with the reasons."""
    rows = [
        (str(run.trial), str(run.fold), str(run.attempt), run.ended.failure, run.ended.message)
        for trial in history.trials
        for run in trial.runs
        if run.ended and run.ended.state == state
    ]
    if not rows:
        return []
    head = ("trial", history.created.run_word, "attempt", "kind", "message")
    table = Table(head, tuple(rows), numbers=frozenset({0, 1, 2}))
    return [Heading(title), table]
