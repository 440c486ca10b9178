"""What a run has behind it, as a checkpoint keeps it."""

from raysearch.training.progress import Progress


def test_a_checkpoint_that_does_not_tell_its_workers_says_nothing_of_them():
    progress = Progress.from_plain({"reports": [], "best_epoch": 1})
    assert progress.changing_workers == progress.message == ""
    progress.train_with(2)
    assert progress.changing_workers == ""
    progress.train_with(1)
    assert progress.changing_workers == "2 workers, 1 from epoch 1 on"
