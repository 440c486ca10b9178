"""Where the figures come from: data, seed, sampler, versions, machine, sessions; and how to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from raysearch.ledger.history import History
from raysearch.ledger.kept import kept_trials
from raysearch.report.blocks import Block, Code, Heading, Table, count, date, duration, number, text
from raysearch.report.code_table import own_code
from raysearch.report.shown.described import flat, further_rows, units
from raysearch.report.states import test_evaluations

_SPLIT = ("training", "validation", "test")


def provenance(history: History) -> list[Block]:
    """Make the provenance part."""
    blocks: list[Block] = [Heading("Provenance"), Heading("Data", 3), _data_table(history), *_files(history)]
    blocks += [Heading("Search", 3), _search_table(history)]
    blocks += own_code(history)
    blocks += [Heading("Sessions", 3), *_sessions(history)]
    blocks.append(
        Code(
            yaml.safe_dump(history.created.space_file, sort_keys=False).rstrip(),
            "The space file, complete with defaults",
        )
    )
    return blocks


def going_on(history: History) -> list[Block]:
    """List the commands that go on from here."""
    name = history.name
    lines = (
        f"raysearch report {name}   # make this report again\n"
        "raysearch dashboard   # compare studies in the browser"
    )
    if not history.exhausted:
        more = max(history.n_trials, 1)
        lines = f"raysearch resume {name} --trials +{more}   # as many trials again\n{lines}"
    if not history.is_complete:
        lines = f"raysearch resume {name}   # finish the trials that are still to do\n{lines}"
    return [Heading("Going on"), Code(lines)]


def _data_table(history: History) -> Table:
    data = history.created.space_file.get("data", {}) | history.created.data
    sizes = [
        f"{part} {data[key]:,}"
        for part, key in zip(_SPLIT, ("n_train", "n_validation", "n_test"), strict=True)
        if key in data
    ]
    fractions = " : ".join(f"{share:g}" for share in data.get("split", ()))
    path = data.get("path") or "the sample that ships with raysearch"
    rows = [("source", path if isinstance(path, str) else ", ".join(path))]
    rows += [(units(data), ", ".join(sizes))] if sizes else []
    rows += [("split", f"{fractions} (training : validation : test)")] if fractions else []
    rows += [("split by", str(data["split_by"]))] if "split_by" in data else []
    rows += [(f"{history.created.run_word}s", _runs(history.created.folds, history.created.run_word))]
    return Table(("", ""), (*rows, *further_rows(data)))


def _runs(n: int, word: str) -> str:
    alone = " that differ in their seed alone" if word == "repeat" else ""
    return (
        "none: one run per trial" if n == 1 else f"{n}: a trial is {n} runs{alone}, its objective their mean"
    )


def _files(history: History) -> list[Block]:
    files = history.created.data.get("files", {})
    return (
        [Table(("file", "SHA-256"), tuple((str(name), str(digest)) for name, digest in files.items()))]
        if files
        else []
    )


def _search_table(history: History) -> Table:
    created = history.created
    space_file: dict[str, Any] = created.space_file
    search, budget, resources = (space_file.get(key, {}) for key in ("search", "budget", "resources"))
    options = search.get("options") or {}
    tests = f"{count(len(test_evaluations(history)), 'time')}" if history.tests else "never"
    rows = [
        (
            "task",
            f"{space_file['task']}" + (f" (SHA-256 {created.task_sha256})" if created.task_sha256 else ""),
        ),
        ("trained by", _trained_by(space_file)),
        (
            "objective",
            "; ".join(
                f"{name}, {'higher' if more else 'lower'} is better"
                for name, more in {created.objective: created.maximise, **created.others}.items()
            ),
        ),
        ("sampler", f"{search['sampler']}; options: {flat(options) if options else 'none set'}"),
        ("trials", f"{len(history.trials)} asked, {history.n_trials} wanted"),
        ("order", f"{search.get('order', 'deterministic')}, window {created.window}" + _widened(history)),
        ("budget", flat(budget)),
        ("resources of a worker", flat(resources)),
        *_workers(history),
        *_kernels(history),
        ("seed", str(space_file["seed"])),
        ("study identity", created.identity),
        (
            "history hash",
            f"{history.hash} (settings, values and states of {count(history.n_committed, 'trial')})",
        ),
        ("weights of the best", _weights(history)),
        ("weights kept of trials", flat([trial.number for trial in kept_trials(history)]) or number(None)),
        ("test set used", tests),
        (
            "time spent",
            f"{duration(history.busy_ms / 1000)}, from {date(history.first_ms)} to {date(history.last_ms)}",
        ),
    ]
    return Table(("", ""), tuple(rows))


def _workers(history: History) -> list[tuple[str, str]]:
    """How many runs were trained by how many workers, where their number may change."""
    if history.created.space_file["resources"].get("min_workers") is None:
        return []
    runs = [run.ended for trial in history.trials for run in trial.runs if run.ended]
    found = Counter(
        str(ended.facts.get("changing_workers") or ended.facts["workers"])
        for ended in runs
        if "workers" in ended.facts
    )
    told = ", ".join(f"{by}: {count(n, 'run')}" for by, n in sorted(found.items()))
    return [("trained by workers", told or number(None))]


def _kernels(history: History) -> list[tuple[str, str]]:
    """How many runs each kernel computed, where models asked for a compiled one."""
    runs = [run.ended for trial in history.trials for run in trial.runs if run.ended]
    found = Counter(str(ended.facts["kernel"]) for ended in runs if "kernel" in ended.facts)
    return [("kernel", ", ".join(f"{name}: {count(n, 'run')}" for name, n in sorted(found.items())))] * bool(
        found
    )


def _trained_by(space_file: Mapping[str, Any]) -> str:
    if strategy := space_file.get("strategy"):
        return f"evolution of the weights: {strategy}"
    agreement = space_file.get("agreement") or space_file["space"].get("agreement")
    if isinstance(agreement, dict):
        agreement = " or ".join(agreement["values"])
    return f"gradient; workers agree by {agreement}" if agreement else "gradient"


def _widened(history: History) -> str:
    return "" if history.window == history.created.window else f", widened to {history.window}"


def _weights(history: History) -> str:
    ended = [run.ended for run in history.best.runs if run.ended] if history.best else []
    return ", ".join(f"{record.weights} (SHA-256 {record.weights_sha256})" for record in ended) or number(
        None
    )


def _sessions(history: History) -> list[Block]:
    lost = sum(run.lost for trial in history.trials for run in trial.runs)
    resumed = len(history.sessions) - 1
    told = f"Resumed {count(resumed, 'time')}. " if resumed > 0 else "Never resumed. "
    told += f"Attempts lost to killed processes and done again: {lost}. "
    told += (
        f"Last state: {history.closed.reason}." if history.closed else "Not closed: still running, or killed."
    )
    names = sorted({name for opened, _ in history.sessions for name in opened.versions})
    rows = tuple(
        (str(opened.session), date(time_ms), opened.host, opened.cpu, str(opened.slots))
        for opened, time_ms in history.sessions
    )
    versions = tuple(
        (name, *(opened.versions.get(name, number(None)) for opened, _ in history.sessions)) for name in names
    )
    head = ("version of", *(f"session {opened.session}" for opened, _ in history.sessions))
    if len({tuple(sorted(opened.versions.items())) for opened, _ in history.sessions}) == 1:
        head, versions = ("version of", "all sessions"), tuple((row[0], row[1]) for row in versions)
    return [
        text(told),
        Table(("session", "opened", "host", "CPU", "slots"), rows, numbers=frozenset({0, 4})),
        *([Table(head, versions)] if names else []),
    ]
