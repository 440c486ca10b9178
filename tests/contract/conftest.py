"""Contract tests of large networks that are left to ``pytest -m slow``: they take many seconds each."""

import pytest

LARGE = {"TestGan3d", "TestGraphGan", "TestHitsCondensation", "TestHitsDgcnn", "TestHitsGravnet"}
LONG = {
    "test_outputs_do_not_depend_on_the_number_of_workers",
    "test_export_writes_the_same_function_or_refuses",
    "test_a_run_goes_on_with_more_workers_as_one_trains",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them."""
    for item in items:
        owner = getattr(item, "cls", None)
        if owner is not None and owner.__name__ in LARGE and item.name in LONG:
            item.add_marker(pytest.mark.slow)
