import pytest

from raysearch.search.make import SAMPLERS, make_searcher
from raysearch.search.nevergrad_search import FAMILIES
from raysearch.space.domains import FloatDomain, IntDomain, Space
from raysearch.space.space_file import SearchSection

SPACE = Space(
    {
        "rate": FloatDomain(type="float", low=1e-4, high=1.0, log=True),
        "depth": IntDomain(type="int", low=1, high=9),
    },
    {},
)


def test_every_family_is_offered_and_nothing_else():
    assert {name.partition(":")[2] for name in SAMPLERS if name.startswith("nevergrad:")} == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_window_larger_than_the_population_is_searched_without_warnings(family, recwarn):
    section = SearchSection(sampler=f"nevergrad:{family}", trials=60)
    searcher = make_searcher(section, SPACE, 1, 20)
    points = [searcher.ask(number) for number in range(20)]
    for number in range(40):
        searcher.tell(number, None if number == 0 else [points[number]["rate"] + points[number]["depth"]])
        points.append(searcher.ask(number + 20))
    assert len({tuple(point.values()) for point in points[:20]}) > 10
    # ResourceWarning: what an earlier test left open, when the collector happens to run within this one
    assert [str(w.message) for w in recwarn if not issubclass(w.category, ResourceWarning)] == []
