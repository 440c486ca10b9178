"""``agreement`` in a space file: its settings are held or searched, and what means nothing is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from raysearch.agreement.make import AGREEMENTS
from raysearch.errors import InputError
from raysearch.launch.begin import create_study
from raysearch.launch.carry_out import carry_out
from raysearch.launch.local_executor import LocalExecutor
from raysearch.launch.prepare import prepare
from raysearch.ledger.trial_history import TrialHistory
from raysearch.space.series import read_members
from raysearch.space.space_file import SpaceFile, read_space_file

EXAMPLE = Path(__file__).parents[2] / "docs/examples/agreements.yaml"
ELASTIC = "agreement=easgd"
CHOSEN = "space.agreement={type: choice, values: [allreduce, easgd, diloco]}"


def carried_out(space_file: SpaceFile, folder: Path) -> Sequence[TrialHistory]:
    executor = LocalExecutor(space_file.resources)
    with create_study(prepare(space_file, folder), folder / "s", executor.slots) as ledger:
        return carry_out(ledger, executor, lambda *_: None, lambda _: None).trials


def test_a_search_chooses_among_agreements_with_settings_of_each(toy_space: Path, tmp_path: Path) -> None:
    model = {"learning_rate": 0.05, "width": 8, "activation": "relu"}
    given = [{"agreement": name, **model} for name in ("allreduce", "diloco", "easgd")]
    space_file = read_space_file(
        toy_space,
        [
            CHOSEN, "space.elasticity=0.5", "space.exchange_every=2",
            f"search={{sampler: random, trials: 3, enqueue: {given}}}",
        ],
    )  # fmt: skip
    trials = carried_out(space_file, tmp_path)
    ended = [trial.runs[0].ended for trial in trials]
    names = [trial.settings["agreement"] for trial in trials]
    assert names == ["allreduce", "diloco", "easgd"]
    assert [each and each.facts.get("agreement") for each in ended] == names
    # With one worker, too, a centre that follows is another training than none.
    assert len({trial.value for trial in trials}) == 3


def test_its_settings_are_held_and_searched_in_a_study(toy_space: Path, tmp_path: Path) -> None:
    space_file = read_space_file(
        toy_space,
        [ELASTIC, "space.elasticity={type: choice, values: [0.1, 0.9]}", "space.exchange_every=2"],
    )
    trials = carried_out(space_file, tmp_path)
    assert all(trial.state == "finished" for trial in trials)
    assert {trial.settings["elasticity"] for trial in trials} == {0.1, 0.9}
    assert all(run.ended and run.ended.facts["agreement"] == "easgd" for each in trials for run in each.runs)


def test_it_is_part_of_a_study_s_identity(toy_space: Path) -> None:
    plain, named = read_space_file(toy_space), read_space_file(toy_space, [ELASTIC])
    assert plain.identity != named.identity
    assert plain.identity != read_space_file(toy_space, [ELASTIC.replace("easgd", "gem")]).identity


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["agreement=esgd"], "agreement: unknown 'esgd'; one of allreduce, downpour, .*Did you mean 'easgd'"),
        (["agreement=local-sgd"], "agreement: local-sgd is the mean over workers, which of one is itself"),
        (
            [ELASTIC, "strategy=one-plus-lambda"],
            "agreement: evolution has no workers that would have to agree",
        ),
        ([ELASTIC, "space.elasticity=1.5"], "space.elasticity: must be above 0 and at most 1, got 1.5"),
        ([ELASTIC, "space.kappa=2"], "kappa"),
        (["space.accumulate=0"], "space.accumulate: must be at least 1, got 0"),
        (
            [ELASTIC, "space.masters=2"],
            "space.masters: each needs a worker; must be at most resources.workers",
        ),
        ([CHOSEN.replace("easgd", "esgd")], "agreement: unknown 'esgd'; one of allreduce, .*mean 'easgd'"),
        ([CHOSEN.replace("diloco", "local-sgd")], "agreement: local-sgd is the mean over workers"),
        ([CHOSEN, "strategy=one-plus-lambda"], "agreement: evolution has no workers"),
        ([CHOSEN, "space.kappa=2"], "kappa"),
        ([CHOSEN, "space.elasticity=1.5"], "space.elasticity: must be above 0 and at most 1, got 1.5"),
        (
            [ELASTIC, "space.exchange=asynchronous"],
            "space.exchange: asynchronous needs workers that could wait for each other",
        ),
    ],
)
def test_what_means_nothing_is_refused(
    toy_space: Path, tmp_path: Path, overrides: list[str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        prepare(read_space_file(toy_space, overrides), tmp_path)


def test_a_batch_in_parts_is_a_setting_of_any_space(toy_space: Path, tmp_path: Path) -> None:
    prepare(read_space_file(toy_space, ["space.accumulate=2", "space.scale_rate=linear"]), tmp_path)


@pytest.mark.parametrize(
    ("also", "told"),
    [
        (ELASTIC, "agreement: stands in space, too; leave one of the two out"),
        (
            "resources={workers: 2, min_workers: 1}",
            "resources.min_workers: easgd keeps weights of each",
        ),
    ],
)
def test_a_choice_of_agreements_goes_by_the_rules_of_a_named_one(
    toy_space: Path, also: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        read_space_file(toy_space, [CHOSEN, also])


def test_the_example_compares_all_of_them(tmp_path: Path) -> None:
    members = read_members(EXAMPLE)
    for member in members.values():
        prepare(member, tmp_path)
    assert {trial["agreement"] for trial in members["two"].enqueued} == set(AGREEMENTS)
    assert {trial["exchange"] for trial in members["two"].enqueued} == {"deterministic", "asynchronous"}
