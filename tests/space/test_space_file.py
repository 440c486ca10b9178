"""A space file is checked whole: every fault at once, with its line and what is allowed."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from raysearch.errors import InputError
from raysearch.space.domains import ChoiceDomain, FloatDomain, IntDomain, Space
from raysearch.space.space_file import SpaceFile, read_space_file

GOOD = """\
task: jedinet
space:
  hidden: {type: int, low: 5, high: 50}
  learning_rate: {type: float, low: 1.0e-4, high: 1.0e-2, log: true}
  activation: {type: choice, values: [relu, elu, selu]}
  batch_size: 100
search: {sampler: tpe, trials: 12}
budget: {epochs: 8}
seed: 1
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("key", "number"), [("seed", "010"), ("budget.time", "12:30"), ("space.batch_size", "0100")]
)
def test_numbers_of_base_8_and_60_are_refused(tmp_path: Path, key: str, number: str) -> None:
    (told,) = faults(tmp_path, GOOD, f"{key}={number}")
    assert f"{number} would be read as a number of base 8 or 60" in told
    (told,) = faults(tmp_path, GOOD.replace("seed: 1", "seed: 010"))
    assert told.startswith("my.yaml:9: 010 would be read as")


def test_a_file_of_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(f"{GOOD}description: caf\xe9\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml:10: is not UTF-8: byte 0xe9$"):
        read_space_file(tmp_path / "latin.yaml")


def faults(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_space_file(write(tmp_path, text), overrides)
    return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def test_good_file(tmp_path: Path) -> None:
    space_file = read_space_file(write(tmp_path, GOOD), ["budget.epochs=3", "resources.cpus=2"])
    assert list(space_file.searched.domains) == ["hidden", "learning_rate", "activation"]
    assert space_file.searched.fixed == {"batch_size": 100}
    assert space_file.budget.epochs == 3
    assert space_file.resources.cpus == 2


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "seed: 1", "seeed: 1",
            (
                "my.yaml:9: seeed: unknown key; one of task, description, demonstration_of, strategy, "
                "agreement, data, space, objectives, limits, search, budget, resources, storage, seed, vary, "
                "published. Did you mean 'seed'?"
            ),
        ),
        (
            "low: 5, high: 50", "low: 50, high: 5",
            "my.yaml:3: space.hidden: needs low < high, got low=50, high=5",
        ),
        ("low: 1.0e-4", "low: 0.0", "my.yaml:4: space.learning_rate: log needs low > 0, got low=0.0"),
        (
            "low: 1.0e-4", "low: 1e-4",
            (
                "my.yaml:4: space.learning_rate.low: must be a number, got the text '1e-4'. YAML reads 1e-4 "
                "as text; write 1.0e-4"
            ),
        ),
        (
            "low: 1.0e-4", "low: .nan",
            "my.yaml:4: space.learning_rate.low: input should be a finite number, got nan",
        ),
        ("[relu, elu, selu]", "[]", "my.yaml:5: space.activation: needs at least one value, got none"),
        (
            "[relu, elu, selu]", "[relu, relu]",
            "my.yaml:5: space.activation: values must differ, got ['relu', 'relu']",
        ),
        (
            "type: choice", "type: choise",
            (
                "my.yaml:5: space.activation: unknown type 'choise'; one of int, float, choice. Did you mean "
                "'choice'?"
            ),
        ),
        (
            "high: 50}", "hihg: 50}",
            (
                "my.yaml:3: space.hidden.hihg: unknown key; one of type, low, high, step, log. Did you mean "
                "'high'?"
            ),
        ),
        (
            "high: 50}", "high: 50, step: 7}",
            "my.yaml:3: space.hidden: step must divide high - low, got step=7, low=5, high=50",
        ),
        (
            "trials: 12", "trials: '12'",
            "my.yaml:7: search.trials: must be a number, got the text '12'. Write 12 without quotes",
        ),
        (
            "trials: 12", "trials: 0",
            "my.yaml:7: search.trials: input should be greater than or equal to 1, got 0",
        ),
        (
            "seed: 1", "seed: 1\nresources: {workers: 2, min_workers: 3}",
            "my.yaml:10: resources: min_workers: must be at most workers = 2, got 3",
        ),
        (
            "seed: 1", "seed: 1\nresources: {workers: 2, min_workers: 0}",
            "my.yaml:10: resources.min_workers: input should be greater than or equal to 1, got 0",
        ),
        (
            "seed: 1", "seed: 1\nagreement: easgd\nresources: {workers: 2, min_workers: 1}",
            (
                "my.yaml:11: resources.min_workers: easgd keeps weights of each worker, so that their number "
                "cannot change; leave one of the two out"
            ),
        ),
        ("seed: 1", "", "my.yaml:1: seed: is missing"),
        ("seed: 1", "seed: 1\nseed: 2", "my.yaml:10: duplicate key 'seed', first at my.yaml:9"),
        ("seed: 1", "seed: &a 1", "my.yaml: anchors and aliases (&, *) are not allowed"),
        ("seed: 1", "seed: [", "my.yaml:10: not YAML: expected the node content, but found '<stream end>'"),
        (
            "seed: 1", "seed: 1\ndata: {split: [0.5, 0.5, 0.5]}",
            "my.yaml:10: data.split: needs three fractions above 0 that add up to 1, got [0.5, 0.5, 0.5]",
        ),
        (
            "sampler: tpe", "sampler: grid",
            "my.yaml:7: search.sampler: grid needs int and choice settings only; fix the float ones",
        ),
    ],
)  # fmt: skip
def test_each_fault_says_where_and_what(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    assert fault in faults(tmp_path, GOOD.replace(old, new))


def test_all_faults_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("low: 5", "low: 500").replace("epochs", "epoch").replace("trials: 12", "trials: x")
    assert len(faults(tmp_path, text)) == 4  # the bounds, the unknown key, the missing key, the text


def test_overrides_are_checked_and_named(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD, "search.trails=3") == [
        (
            "--set search.trails=3: search.trails: unknown key; one of sampler, trials, window, order, "
            "options, enqueue, prune, prune_folds. Did you mean 'trials'?"
        )
    ]
    assert faults(tmp_path, GOOD, "search") == ["--set search: must be KEY=VALUE, such as search.trials=20"]


PRUNES_NOTHING = [
    (
        "search.prune={rule: median, factor: 2}",
        "search.prune: factor does nothing with rule: median; leave it out",
    ),
    (
        "search.prune={rule: median, by: data}",
        "search.prune: by does nothing with rule: median; leave it out",
    ),
    (
        "search.prune={rule: halving, smallest_share: 0.2}",
        "search.prune: smallest_share does nothing with by: epochs; leave it out",
    ),
    (
        "search.prune={rule: halving, by: data, first_epoch: 2}",
        "search.prune: first_epoch does nothing with by: data; leave it out",
    ),
    (
        "search.prune={rule: halving, by: data, smallest_share: 0.4}",
        "search.prune: one stage prunes nothing; smallest_share must be up to 1/3, got 0.4",
    ),
    (
        "search.prune={rule: halving, by: data, smallest_share: 0.001}",
        "search.prune: by: data needs budget.epochs of at least 7, one for each share, got 4",
    ),
    (
        "search.prune={rule: median, first_epoch: 4}",
        "search.prune: the last epoch prunes nothing; needs budget.epochs above first_epoch 4, got 4",
    ),
    (
        "search.prune_folds={}",
        (
            "search.prune_folds: with p_threshold 0.1 and startup 2 nothing could be pruned; needs "
            "budget.folds or budget.repeats of at least 5, got 4"
        ),
    ),
    (
        "search.prune_folds={p_threshold: 0.125}",
        (
            "search.prune_folds: with p_threshold 0.125 and startup 2 nothing could be pruned; needs "
            "budget.folds or budget.repeats of at least 5, got 4"
        ),
    ),
    (
        "search.prune_folds={p_threshold: 0.3, startup: 4}",
        (
            "search.prune_folds: with p_threshold 0.3 and startup 4 nothing could be pruned; needs "
            "budget.folds or budget.repeats of at least 5, got 4"
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("override", "fault"), PRUNES_NOTHING)
def test_pruning_that_would_do_nothing_is_refused(tmp_path: Path, override: str, fault: str) -> None:
    (told,) = faults(tmp_path, GOOD, "budget.epochs=4", "budget.folds=4", override)
    assert told.endswith(fault), told


@pytest.mark.parametrize(
    "override",
    [
        "search.prune={rule: median, first_epoch: 3}",
        "search.prune={rule: halving, factor: 2, first_epoch: 3}",
        "search.prune={rule: halving, by: data, smallest_share: 0.03}",
        "search.prune_folds={p_threshold: 0.126}",
    ],
)
def test_pruning_that_does_something_is_read_again_with_its_defaults(tmp_path: Path, override: str) -> None:
    space_file = read_space_file(write(tmp_path, GOOD), ["budget.epochs=4", "budget.folds=4", override])
    assert SpaceFile.model_validate(space_file.model_dump(mode="json")) == space_file


def test_corners_have_every_choice_at_both_ends(tmp_path: Path) -> None:
    corners = read_space_file(write(tmp_path, GOOD)).searched.corners
    seen = {(corner["hidden"], corner["activation"]) for corner in corners}
    assert seen == {(hidden, name) for hidden in (5, 50) for name in ("relu", "elu", "selu")}
    assert len(corners) == 6, "none twice"


def test_missing_file() -> None:
    with pytest.raises(InputError, match=r"nowhere.yaml: cannot be read"):
        read_space_file(Path("nowhere.yaml"))


def test_identity_is_of_what_decides_results(tmp_path: Path) -> None:
    one = read_space_file(write(tmp_path, GOOD)).identity
    assert read_space_file(write(tmp_path, GOOD + "description: other words\n")).identity == one
    assert read_space_file(write(tmp_path, GOOD), ["seed=2"]).identity != one
    assert read_space_file(write(tmp_path, GOOD), ["resources.environment=[MINE]"]).identity == one


def test_a_space_file_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        read_space_file(write(tmp_path, GOOD)).seed = 5  # type: ignore[misc]


def test_yaml_round_trip(tmp_path: Path) -> None:
    space_file = read_space_file(write(tmp_path, GOOD))
    assert read_space_file(write(tmp_path, space_file.to_yaml())) == space_file


@given(
    low=st.integers(1, 100),
    size=st.integers(1, 50),
    unit=st.floats(0, 1, exclude_max=True),
    log=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_int_domain_stays_inside(low: int, size: int, unit: float, log: bool) -> None:
    domain = IntDomain(type="int", low=low, high=low + size, log=log)
    assert domain.from_unit(unit) in domain


@given(
    low=st.floats(1e-9, 1e3),
    factor=st.floats(1.001, 1e6),
    unit=st.floats(0, 1, exclude_max=True),
    log=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_float_domain_stays_inside(low: float, factor: float, unit: float, log: bool) -> None:
    domain = FloatDomain(type="float", low=low, high=low * factor, log=log)
    assert domain.from_unit(unit) in domain


def test_sampling_is_uniform() -> None:
    space = Space(
        {
            "n": IntDomain(type="int", low=1, high=4),
            "x": FloatDomain(type="float", low=1e-4, high=1.0, log=True),
            "c": ChoiceDomain(type="choice", values=("a", "b")),
        },
        {},
    )
    rng = np.random.default_rng(0)
    points = [space.sample(rng) for _ in range(4000)]
    assert np.bincount([int(point["n"]) for point in points], minlength=5)[1:].tolist() == pytest.approx(
        [1000] * 4, rel=0.1
    )
    assert np.mean([math.log10(float(point["x"])) for point in points]) == pytest.approx(-2, abs=0.06)
    assert sum(point["c"] == "a" for point in points) == pytest.approx(2000, rel=0.1)


def test_choice_tells_true_from_one() -> None:
    domain = ChoiceDomain(type="choice", values=(True, 1, "1"))
    assert 1.0 not in domain
    assert True in domain


def test_depth_is_refused_at_once(tmp_path: Path) -> None:
    """PyYAML's time grows with the square of the depth: a file of 1 MiB would take days."""
    (tmp_path / "deep.yaml").write_text("space: " + "[" * 1_000_000)
    began = time.process_time()
    with pytest.raises(InputError, match=r"deep.yaml: nested too deeply"):
        read_space_file(tmp_path / "deep.yaml")
    assert time.process_time() - began < 10


def test_a_setting_is_left_to_the_task(tmp_path: Path) -> None:
    kept = read_space_file(write(tmp_path, GOOD), ["space.batch_size=null", "space.hidden=null"])
    assert set(kept.searched.names) == {"learning_rate", "activation"}
    (told,) = faults(tmp_path, GOOD, "space.depth=null")
    assert told == "--set space.depth=null: is not in the space file; there is nothing to leave out"


@pytest.mark.parametrize("wrong", ["null", "[1, 2]", "{a: 1}"])
@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("space.act.values.1", "space.act={{type: choice, values: [relu, {wrong}]}}"),
        ("search.options.n", "search.options={{n: {wrong}}}"),
        ("vary.space.lr.0", "vary={{space: {{lr: [{wrong}, 1]}}}}"),
    ],
)
def test_what_is_no_single_value_is_told_once_with_what_is_allowed(
    tmp_path: Path, wrong: str, key: str, written: str
) -> None:
    text = written.format(wrong=wrong)
    with pytest.raises(InputError) as told:
        read_space_file(write(tmp_path, GOOD), [text])
    (problem,) = told.value.problems
    assert problem.startswith(f"--set {text}: {key}: must be true, false, a number or a text, got ")
    assert "such as none" in problem
