"""Each test of the contract fails on a task that breaks what it is about, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from raysearch.testing import BrokenContractError, TaskContract
from raysearch.testing.__main__ import main

HERE = Path(__file__).parent
SPACE = {
    "width": {"type": "int", "low": 3, "high": 5},
    "activation": "elu",
}
DEEP = {**SPACE, "depth": {"type": "int", "low": 2, "high": 3}}
BROKEN = [
    ("LoadDrawsAnew", "loading_again_gives_the_same_rows", "another train part .* a fixed seed"),
    ("CountsWrongly", "inspect_tells_in_plain_values_what_load_gives", "n_train = 65, but load gives 64"),
    ("TellsAnArray", "inspect_tells_in_plain_values_what_load_gives", "inspect must give numbers, texts"),
    (
        "IgnoresFolds",
        "each_fold_validates_on_rows_of_its_own",
        "source.folds and validate on number source.fold",
    ),
    ("IgnoresItsSeed", "the_same_seed_gives_the_same_bits", "train_loss of epoch 1 .* made without a seed"),
    ("CountsForAll", "the_same_seed_gives_the_same_bits", "module or class variables"),
    ("FixesItsSeed", "another_seed_gives_other_bits", "do not call torch.manual_seed"),
    ("KnowsItsProcess", "another_process_gives_the_same_bits", "a process number decide"),
    (
        "CountsOnItself",
        "a_stopped_run_goes_on_to_the_same_bits",
        "epoch 2 .* changes n_batches of the task.*register_buffer",
    ),
    ("CountsForAll", "a_stopped_run_goes_on_to_the_same_bits", "is in no checkpoint"),
    ("SettingReadByNobody", "every_setting_is_read", "nothing reads depth: use it, or take it out of Deep"),
    (
        "SettingReadForNothing",
        "every_searched_setting_changes_a_run",
        "other values of depth have the same bits",
    ),
    ("ForgetsALayer", "every_parameter_is_trained_or_frozen", r"3.spare.weight: use it in a loss, or freeze"),
    ("SumsItsLoss", "two_workers_train_as_one_does", "must be the mean over the rows"),
    ("SumsItsLoss", "a_run_goes_on_with_more_workers_as_one_trains", "must be the mean over the rows"),
    ("SumsItsLoss", "a_batch_in_parts_trains_as_the_whole", "must be the mean over the rows"),
    ("StepsByItself", "two_workers_train_as_one_does", "only descent.loss. may change weights"),
    ("FailsInBfloat16", "bfloat16_trains_or_is_refused", "bfloat16 .* fails: TypeError"),
    ("ChildrenLookAround", "evolution_judges_each_child_by_itself_or_is_refused", "its step and the batch"),
    ("PredictDrawsGlobally", "predict_draws_from_chance_alone", "generator=chance"),
    ("PredictDrawsGlobally", "outputs_do_not_depend_on_the_number_of_workers", "and chance only"),
    ("PredictCounts", "predict_draws_from_chance_alone", "keep nothing from call to call"),
    ("PredictCounts", "outputs_do_not_depend_on_the_number_of_workers", "keep nothing from batch to batch"),
    (
        "PredictLooksAround",
        "a_row_is_judged_by_itself",
        "outputs outputs of a row depend on the rows beside it",
    ),
    ("KeepsByBatch", "what_is_kept_of_batches_is_what_is_kept_of_all", "row by row"),
    (
        "MetricsWithoutObjective",
        "metrics_have_a_finite_objective_and_the_names_that_are_promised",
        "objective is val_auc, but metrics gives loss",
    ),
    (
        "MetricsNotFinite",
        "metrics_have_a_finite_objective_and_the_names_that_are_promised",
        "val_loss is inf",
    ),
    (
        "PromisesAnotherMetric",
        "metrics_have_a_finite_objective_and_the_names_that_are_promised",
        "names accuracy",
    ),
    ("ShowsTooFew", "what_is_shown_is_of_every_row_and_can_be_kept", "of 31 rows for 32: show every row"),
    (
        "ShowsSomethingElse",
        "what_is_shown_is_of_every_row_and_can_be_kept",
        "values of raysearch.metrics.shown",
    ),
    ("SettingReadByNobody", "a_study_is_searched_and_its_best_model_tested", "never reads this setting"),
    ("ShowsOneClass", "what_is_shown_has_a_room_in_the_report", "the report's part for Scores fails"),
    ("ExportsAnother", "export_writes_the_same_function_or_refuses", "export fails: ParityError"),
    ("GeneratesTooFew", "predict_generates_rows_or_refuses", "makes 3 rows where 7 are wanted"),
    ("CannotScore", "predict_applies_the_model_to_files_or_refuses", "fails: KeyError: 'calibration'"),
]


@pytest.fixture
def contract(request: pytest.FixtureRequest) -> Iterator[TaskContract]:
    space = DEEP if request.param.startswith("Setting") else SPACE
    content = {"task": f"{HERE}/wrong_tasks.py:{request.param}", "space": space}
    kind = type("Broken", (TaskContract,), {"space": content})
    kind.setup_class()
    yield kind()
    kind.teardown_class()


@pytest.mark.parametrize(("contract", "test", "told"), BROKEN, indirect=["contract"])
def test_what_is_broken_is_told(contract: TaskContract, test: str, told: str) -> None:
    with pytest.raises(BrokenContractError, match=f"(?s){told}"):
        getattr(contract, f"test_{test}")()


@pytest.mark.parametrize("contract", ["Regression"], indirect=True)
def test_what_is_right_is_not(contract: TaskContract) -> None:
    for name in [each for each in dir(contract) if each.startswith("test_")]:
        getattr(contract, name)()


def test_each_test_of_the_contract_has_been_seen_to_fail() -> None:
    tests = {name.removeprefix("test_") for name in dir(TaskContract) if name.startswith("test_")}
    assert {test for _, test, _ in BROKEN} == tests


def test_without_pytest_it_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = tmp_path / "space.yaml"
    space.write_text(
        f"task: {HERE}/wrong_tasks.py:CountsWrongly\nseed: 1\nsearch: {{trials: 1}}\nbudget: {{epochs: 1}}\n"
        "space: {width: {type: int, low: 3, high: 5}, activation: relu}\n"
    )
    assert main([str(space), "--set", "space.activation=elu"]) == 1
    broken = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BROKEN")]
    assert broken == ["BROKEN  inspect tells in plain values what load gives"]
    assert main([str(space), "--set", "space.activation"]) == 2
    assert "must be KEY=VALUE" in capsys.readouterr().err
