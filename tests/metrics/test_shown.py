"""Shown values: checks, one file for several of them, files of 0.1.0, and whatever is no such file."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from raysearch.errors import InputError
from raysearch.metrics.shown import (
    Against,
    Condition,
    Coordinate,
    Displays,
    Estimates,
    Parts,
    Pictures,
    Scores,
    Shown,
    Spectra,
    calorimeter_energy,
    columns,
    constants,
    of_arrays,
    pack,
    unpack,
)

WORDS = st.text(max_size=12)
NUMBERS = st.one_of(st.floats(width=32), st.just(float("nan")))  # what a network says is kept as it is


def arrays(*shape, dtype=np.float32, elements=NUMBERS):
    return hnp.arrays(dtype, shape, elements=elements)


@st.composite
def scores(draw):
    n, classes = draw(st.integers(0, 5)), tuple(draw(st.lists(WORDS, min_size=1, max_size=4)))
    labels = arrays(n, dtype=np.int64, elements=st.integers(0, len(classes) - 1))
    return Scores(draw(labels), draw(arrays(n, len(classes))), classes)


@st.composite
def estimates(draw):
    n = draw(st.integers(0, 5))
    plain = draw(st.none() | arrays(n))
    claim = draw(st.none() | st.floats(0, 1))
    return Estimates(
        draw(WORDS),
        draw(WORDS),
        draw(arrays(n)),
        draw(arrays(n)),
        plain,
        draw(WORDS),
        draw(WORDS),
        claim,
        draw(WORDS),
        draw(st.none() | st.builds(Against, WORDS, WORDS, arrays(n), WORDS)),
    )


@st.composite
def spectra(draw):
    n, m, cells = draw(st.integers(0, 4)), draw(st.integers(0, 4)), draw(st.none() | st.integers(1, 3))
    more = () if cells is None else (cells,)
    edges = np.array([0.0, 1.5, 2.0, 7.0])
    along = (
        None
        if cells is None
        else Coordinate(draw(WORDS), draw(WORDS), edges[: cells + 1], draw(st.booleans()))
    )
    over = (
        Condition(draw(WORDS), draw(WORDS), draw(arrays(n)), draw(arrays(m)), edges)
        if draw(st.booleans())
        else None
    )
    trend = along is None and over is not None and draw(st.booleans())
    real, made = draw(arrays(n, *more)), draw(arrays(m, *more))
    parts = draw(st.none() | st.just(Parts("jet", np.arange(n) // 2, np.arange(m) // 2)))
    log, given = draw(st.booleans()), draw(WORDS)
    return Spectra(draw(WORDS), draw(WORDS), real, made, over, along, log, trend, parts, given)


@st.composite
def pictures(draw):
    shape = tuple(draw(st.tuples(*[st.integers(1, 3)] * 3)))
    captions = tuple(draw(st.lists(WORDS, min_size=shape[0], max_size=shape[0])))
    return Pictures(
        draw(WORDS), draw(WORDS), draw(arrays(*shape)), draw(arrays(*shape)), captions, draw(WORDS)
    )


@st.composite
def displays(draw):
    n, particles, events = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    event = np.array(draw(st.lists(st.integers(0, events - 1), min_size=n, max_size=n)))
    captions = tuple(draw(st.lists(WORDS, min_size=events, max_size=events)))
    shares = draw(arrays(n, particles)), draw(arrays(n, particles))
    return Displays(
        draw(WORDS), draw(arrays(n, 3)), draw(WORDS), draw(arrays(n)), draw(WORDS), event, *shares, captions
    )


def assert_same(one, other):
    assert type(one) is type(other)
    if dataclasses.is_dataclass(one):
        for each in dataclasses.fields(one):
            assert_same(getattr(one, each.name), getattr(other, each.name))
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


@given(st.lists(scores() | estimates() | spectra() | pictures() | displays(), max_size=5))
def test_values_come_back_as_they_were_in_their_order(values):
    content = pack(values)
    found = unpack(content)
    assert isinstance(found, tuple)
    assert len(found) == len(values)
    for one, other in zip(values, found, strict=True):
        assert_same(one, other)
    assert pack(found) == content  # the same values, the same bytes


def some() -> list:
    edges = np.array([0.0, 1.0, 2.0])
    over = Condition("energy", "GeV", np.ones(4), np.ones(3), edges)
    return [
        Scores(np.array([0, 1]), np.eye(2), ("g", "q")),
        calorimeter_energy(np.ones(3), np.ones(3), np.ones(3)),
        Spectra(
            "energy of a layer", "GeV", np.ones((4, 2)), np.ones((3, 2)), over, Coordinate("layer", "", edges)
        ),
        Pictures("showers", "GeV", np.ones((1, 2, 3)), np.ones((1, 2, 3)), ("100 GeV",)),
        event(),
    ]


def event(**changed) -> Displays:
    given = {
        "title": "events",
        "places": np.ones((4, 3)),
        "length_unit": "mm",
        "sizes": np.ones(4),
        "size_unit": "GeV",
        "event": np.array([0, 0, 1, 1]),
        "true": np.ones((4, 2)),
        "found": np.ones((4, 2)),
        "captions": ("one", "other"),
    }
    return Displays(**{**given, **changed})


@settings(max_examples=300)
@given(st.data())
def test_damaged_files_are_told_and_never_run(data):
    content = bytearray(pack(some()))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    try:
        found = unpack(bytes(content))
    except InputError as error:
        assert str(error)  # noqa: PT017 - not every change is a fault
    else:
        assert all(isinstance(each, get_args(Shown)) for each in found)


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive", np.array([{}], dtype=object).dumps()])
def test_what_is_no_file_of_values_is_refused(content):
    with pytest.raises(InputError, match="no file of shown values, or damaged"):
        unpack(content)


def with_header(header, **more) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, shown=np.array(json.dumps(header)), **more)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ({"version": 2, "values": []}, "version 2, this raysearch reads 1"),
        ({"values": []}, "'version'"),
        ([], "damaged"),
        ({"version": 1, "values": [{"type": "Model", "fields": {}}]}, "no 'Model' here; .*Scores"),
        ({"version": 1, "values": [{"type": "Condition", "fields": {}}]}, "no 'Condition' here"),
        ({"version": 1, "values": [{"type": "Scores", "fields": {"labels": {"array": "9"}}}]}, "damaged"),
        ({"version": 1, "values": [{"type": "Scores", "fields": {"colour": 3}}]}, "damaged"),
        ({"version": 1, "values": 3}, "damaged"),
    ],
)
def test_headers_that_make_no_sense_are_told(header, told):
    with pytest.raises(InputError, match=told):
        unpack(with_header(header))


def test_pictures_of_before_they_named_their_origins_are_read():
    fields = {"title": "t", "unit": "", "real": {"array": "a"}, "made": {"array": "a"}, "captions": ["c"]}
    header = {"version": 1, "values": [{"type": "Pictures", "fields": fields}]}
    (found,) = unpack(with_header(header, a=np.ones((1, 2, 2))))
    assert found.origins == ("simulation", "generator")


def test_arrays_of_objects_are_never_read():
    buffer = io.BytesIO()
    np.savez(buffer, labels=np.array([{}], dtype=object), scores=np.ones((1, 1)), classes=np.array(["g"]))
    with pytest.raises(InputError, match="allow_pickle"):
        unpack(buffer.getvalue())


def savez(**more) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **more)
    return buffer.getvalue()


def test_files_of_version_0_1_0_are_read_as_what_they_meant():
    labels, given_scores = np.array([0, 1, 1]), np.eye(3, 2, dtype=np.float32)
    (tagger,) = unpack(savez(labels=labels, scores=given_scores, classes=np.array(["g", "q"])))
    assert_same(tagger, Scores(labels, given_scores, ("g", "q")))
    energies = {"outputs": np.ones(3), "targets": np.full(3, 2.0), "calibrated": np.full(3, 3.0)}
    (energy,) = unpack(savez(**energies))
    assert_same(energy, calorimeter_energy(energies["targets"], energies["outputs"], energies["calibrated"]))
    assert (energy.quantity, energy.unit, energy.plain_name) == ("energy", "GeV", "energy sum, calibrated")
    assert unpack(savez(outputs=np.ones(3), targets=np.ones(3))) == ()  # of a task of a user's own
    assert of_arrays(energies)[0].estimated is energies["outputs"]


def test_arrays_may_stand_beside_the_values():
    content = pack([], outputs=np.arange(3))
    assert unpack(content) == ()
    assert np.load(io.BytesIO(content))["outputs"].tolist() == [0, 1, 2]


def test_columns_have_the_names_of_predict_and_no_answers():
    values = some()
    found = columns([*values, calorimeter_energy(np.ones(3), np.zeros(3), np.ones(3)), values[0]])
    assert list(found) == [
        "scores",
        "outputs",
        "calibrated",
        "outputs_energy",
        "calibrated_energy",
        "scores_6",
    ]
    np.testing.assert_array_equal(found["scores"], np.eye(2))
    assert constants(values)["classes"].tolist() == ["g", "q"]
    assert columns([values[2]]) == constants([values[2]]) == {}


def test_a_file_is_not_larger_than_its_arrays():
    rng = np.random.default_rng(1)
    value = Scores(rng.integers(0, 5, 1000), rng.random((1000, 5), dtype=np.float32), tuple("gqwzt"))
    assert len(pack([value])) < value.labels.nbytes + value.scores.nbytes


EDGES = np.array([0.0, 1.0])
ONES = np.ones(3)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: Scores(np.ones(3), np.ones((3, 2)), ("a", "b")),
            r"Scores.labels: needs whole numbers .*\(row,\)",
        ),
        (
            lambda: Scores(np.array([0]), np.ones((2, 2)), ("a", "b")),
            r"Scores: needs one number of rows, .*\(2, 2\)",
        ),
        (
            lambda: Scores(np.array([0, 1]), np.ones((2, 2)), ("a",)),
            r"Scores.scores: of shape \(2, 2\) for 1 classes",
        ),
        (
            lambda: Estimates("E", "GeV", ONES, np.ones((3, 1))),
            r"Estimates.estimated: .*\(row,\), got .*\(3, 1\)",
        ),
        (lambda: Estimates("E", "GeV", ONES, np.ones(2)), r"true \(3,\), estimated \(2,\)"),
        (lambda: Estimates("E", "GeV", ONES, ONES, np.ones(2)), r"plain \(2,\)"),
        (
            lambda: Estimates("E", "GeV", ONES, ONES, against=Against("x", "", np.ones(2), "")),
            "Estimates.against: of 2 rows, but there are 3",
        ),
        (lambda: Against("x", "", np.ones((2, 1)), ""), r"Against.values: .*\(row,\)"),
        (lambda: Estimates("E", None, ONES, ONES), "Estimates.unit: needs str, got None"),
        (lambda: Estimates("E", "", ONES, np.array(["a"] * 3)), "Estimates.estimated: needs numbers"),
        (lambda: Spectra("n", "", ONES, ONES, log="yes"), "Spectra.log: needs bool, got 'yes'"),
        (lambda: Spectra("n", "", ONES, np.ones((3, 1))), "Spectra.made: needs numbers"),
        (lambda: Spectra("n", "", ONES, ONES, trend=True), "Spectra.trend: needs over"),
        (
            lambda: Spectra("n", "", np.ones((3, 2)), np.ones((3, 2)), along=Coordinate("x", "mm", EDGES)),
            "2 cells for 1",
        ),
        (
            lambda: Spectra("n", "", ONES, ONES, Condition("E", "GeV", ONES, np.ones(2), EDGES)),
            "over.made: 2 .* for 3",
        ),
        (
            lambda: Spectra("n", "", ONES, ONES, parts=Parts("jet", np.arange(4), np.arange(3))),
            "parts.real: 4 values for 3 rows, in n",
        ),
        (lambda: Parts("jet", ONES, ONES), "Parts.real: needs whole numbers"),
        (
            lambda: Condition("E", "GeV", ONES, ONES, np.array([1.0, 1.0])),
            "edges: needs two or more rising numbers",
        ),
        (
            lambda: Coordinate("x", "mm", np.array([0.0, np.inf])),
            "Coordinate.edges: needs two or more rising",
        ),
        (
            lambda: Pictures("t", "", np.ones((1, 2, 2)), np.ones((1, 2, 3)), ("a",)),
            "Pictures.made: needs the shape",
        ),
        (
            lambda: Pictures("t", "", np.ones((1, 2, 2)), np.ones((1, 2, 2)), ()),
            "Pictures.captions: 0 for 1 pictures",
        ),
        (
            lambda: Pictures("t", "", np.ones((1, 2, 2)), np.ones((1, 2, 2)), ("a",), origins=("b",)),
            "Pictures.origins: needs two",
        ),
        (lambda: event(places=np.ones((4, 2))), "Displays.places: needs x, y and z"),
        (lambda: event(sizes=np.ones(3)), "Displays: needs one number of points"),
        (lambda: event(found=np.ones((4, 3))), "Displays.found: needs the shape of true"),
        (lambda: event(captions=("one",)), "Displays.event: needs 0 to less than the 1 captions"),
    ],
)
def test_values_that_do_not_fit_together_are_refused(make, told):
    with pytest.raises(InputError, match=told):
        make()
