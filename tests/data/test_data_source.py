"""What is said of data that are not what they were."""

from raysearch.data.jets.choices import EARLIER_SAMPLES
from raysearch.data.source import changes


def test_changed_added_and_missing_files_are_named_in_order():
    before = {"c.h5": "1", "a.h5": "2", "same.h5": "3"}
    now = {"same.h5": "3", "b.h5": "2", "a.h5": "4"}
    assert changes(before, now, "toy began") == [
        "data: a.h5 was changed or is gone since toy began",
        "data: b.h5 was added since toy began",
        "data: c.h5 was changed or is gone since toy began",
    ]
    assert changes(before, dict(reversed(before.items())), "toy began") == []


def test_of_a_sample_that_shipped_earlier_the_way_back_is_told():
    (sha,) = EARLIER_SAMPLES
    (told,) = changes({"jets.h5": sha}, {"jets.h5": "new"}, "the study began")
    assert told.endswith(
        "since the study began; it was the sample of raysearch 0.1.0: set RAYSEARCH_JETS to it (docs/jets.md)"
    )
