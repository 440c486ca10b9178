"""Variants of a space file: each is the file with some keys of its own."""

from pathlib import Path

import pytest

from raysearch.errors import InputError
from raysearch.space.series import read_members
from raysearch.space.space_file import read_space_file

FILE = """\
task: calo_regressor
space:
  filters: {type: int, low: 4, high: 16}
  batch_size: 128
search: {sampler: random, trials: 4}
budget: {epochs: 3}
seed: 1
variants:
  ga:
    strategy: one-plus-lambda
    space:
      rate: {type: float, low: 0.001, high: 0.1, log: true}
      filters: 16
  rmsprop:
    space:
      learning_rate: {type: float, low: 0.1, high: 0.001}
  small:
    search: {trials: 2}
    budget: {epochs: 1}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(FILE.replace("low: 0.1, high: 0.001", "low: 0.001, high: 0.1"))
    return path


def test_a_variant_lies_over_the_rest_of_the_file(file: Path) -> None:
    ga = read_space_file(file, variant="ga")
    assert ga.strategy == "one-plus-lambda"
    assert list(ga.searched.domains) == ["rate"]  # filters are held here: a domain is replaced as a whole
    assert ga.searched.fixed == {"filters": 16, "batch_size": 128}
    small = read_space_file(file, variant="small")
    assert (small.search.trials, small.search.sampler, small.budget.epochs) == (2, "random", 1)
    assert list(small.searched.domains) == ["filters"]
    assert small.strategy is None


def test_without_a_name_it_is_the_first(file: Path) -> None:
    assert read_space_file(file) == read_space_file(file, variant="ga")


def test_overrides_come_last(file: Path) -> None:
    assert read_space_file(file, ["budget.epochs=9"], "small").budget.epochs == 9


def test_all_variants_are_a_series_and_one_is_a_study(file: Path) -> None:
    assert list(read_members(file)) == ["ga", "rmsprop", "small"]
    assert list(read_members(file, variants=["small", "ga"])) == ["small", "ga"]
    assert list(read_members(file, variants=["rmsprop"])) == [""]


def test_variants_and_varied_keys_are_combined(file: Path) -> None:
    members = read_members(file, ["vary={budget: {epochs: [1, 2]}}"], ["ga", "small"])
    assert list(members) == ["ga-1", "ga-2", "small-1", "small-2"]
    assert [member.budget.epochs for member in members.values()] == [1, 2, 1, 2]
    assert list(read_members(file, ["vary={budget: {epochs: [1, 2]}}"], ["ga"])) == ["1", "2"]


def test_varied_members_have_seeds_of_their_own_which_variants_share(file: Path) -> None:
    vary = "vary={budget: {epochs: [1, 2]}}"
    both = {name: member.seed for name, member in read_members(file, [vary], ["ga", "small"]).items()}
    assert len({both["ga-1"], both["ga-2"], read_space_file(file, variant="ga").seed}) == 3
    assert both == {**both, "small-1": both["ga-1"], "small-2": both["ga-2"]}
    alone = read_members(file, ["vary={budget: {epochs: [2]}}"], ["ga"])
    assert alone["2"].seed == both["ga-2"]  # of a shorter series, the same
    others = read_members(file, [vary, "seed=5"], ["ga"])
    assert others["1"].seed != both["ga-1"]


@pytest.mark.parametrize(
    "text", ["budget.epochs=7", "space.filters.low=5", "space.filters={type: int, low: 5, high: 6}"]
)
def test_what_the_members_would_lay_over_is_refused(file: Path, text: str) -> None:
    vary = "vary={budget: {epochs: [1, 2]}, space: {filters: [4, 8]}, search: {trials: [3]}}"
    path = "budget.epochs" if "epochs" in text else "space.filters"
    with pytest.raises(InputError) as caught:
        read_members(file, [vary, text, "budget.max_failed=1"], ["rmsprop"])
    told = (
        f"{text}: each member has its own {path}; change vary.{path}, or take it out with --set 'vary={{}}'"
    )
    assert caught.value.problems == (told,)
    assert read_members(file, [text, "vary.budget.patience=[1, 2]"], ["rmsprop"])


def test_faults_say_where(tmp_path: Path, file: Path) -> None:
    with pytest.raises(InputError, match=r"no variant 'gaa'; one of ga, rmsprop, small.*Did you mean 'ga'"):
        read_space_file(file, variant="gaa")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(FILE)
    with pytest.raises(InputError, match=r"wrong.yaml:16: .*learning_rate"):
        read_space_file(wrong, variant="rmsprop")
    wrong.write_text(FILE.partition("variants")[0] + "variants: [ga]\n")
    with pytest.raises(InputError, match=r"wrong.yaml:8: variants: needs for each name a mapping"):
        read_space_file(wrong)


def test_folds_and_repeats_exclude_each_other(file: Path) -> None:
    assert read_space_file(file, ["budget.repeats=5"], "small").budget.runs == 5
    with pytest.raises(InputError, match="give folds or repeats, not both"):
        read_space_file(file, ["budget.repeats=5", "budget.folds=3"], "small")
