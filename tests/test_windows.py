"""The arithmetic of windows against a loop over every position."""

import itertools

import pytest

from varlayers.windows import (
    PADDINGS,
    Window,
    adjoint_window,
    counts_of,
    input_length,
    out_space,
    output_length,
    pads_of,
    shortest_input,
    span_of,
)

STEPS = list(itertools.product(range(1, 6), range(1, 4), range(1, 4)))
RULES = [*PADDINGS, (0, 0), (1, 0), (0, 2), (3, 1)]


def positions(length, size, stride, dilation, pads):
    """Return where each output starts, by trying every start."""
    low, high = pads
    last = length + high - (size - 1) * dilation - 1
    return list(range(-low, last + 1, stride))


@pytest.mark.parametrize(("size", "stride", "dilation"), STEPS)
def test_output_length_counts_the_windows_that_fit(size, stride, dilation):
    span = span_of(size, dilation)
    for length, padding in itertools.product(range(1, 12), RULES):
        pads = pads_of(padding, length, span, stride)
        expected = len(positions(length, size, stride, dilation, pads))
        assert max(output_length(length, span, stride, pads), 0) == expected


@pytest.mark.parametrize(("size", "stride", "dilation"), STEPS)
def test_counts_of_the_entries_that_each_output_meets(size, stride, dilation):
    for length, padding in itertools.product(range(1, 12), [*RULES, (-1, 2), (5, 5)]):
        pads = pads_of(padding, length, span_of(size, dilation), stride)
        expected = [
            sum(0 <= start + m * dilation < length for m in range(size))
            for start in positions(length, size, stride, dilation, pads)
        ]
        assert list(counts_of(length, size, stride, dilation, pads)) == expected


@pytest.mark.parametrize(("size", "stride", "dilation"), STEPS)
def test_same_pads_as_little_as_possible_and_more_at_the_end(size, stride, dilation):
    span = span_of(size, dilation)
    for length in range(1, 12):
        low, high = pads = pads_of("same", length, span, stride)
        assert output_length(length, span, stride, pads) == -(-length // stride)
        assert high - low in (0, 1)
        if high:
            less = (low, high - 1)
            assert output_length(length, span, stride, less) < -(-length // stride)


def test_same_depends_on_the_length_where_it_strides():
    assert [pads_of("same", length, 3, 2) for length in (7, 8)] == [(1, 1), (0, 1)]
    assert pads_of("same", 5, 1, 2) == (0, 0)


@pytest.mark.parametrize(("size", "stride", "dilation"), STEPS)
def test_causal_windows_end_where_they_are_and_anticausal_ones_start(
    size, stride, dilation
):
    span = span_of(size, dilation)
    for length in range(1, 12):
        before = positions(length, size, stride, dilation, (span - 1, 0))
        after = positions(length, size, stride, dilation, (0, span - 1))
        assert [start + span - 1 for start in before] == after
        assert after == list(range(0, length, stride))
        assert pads_of("causal", length, span, stride) == (span - 1, 0)
        assert pads_of("anticausal", length, span, stride) == (0, span - 1)


@pytest.mark.parametrize("padding", RULES)
@pytest.mark.parametrize(("size", "stride", "dilation"), STEPS)
def test_lengths_of_the_way_back(size, stride, dilation, padding):
    """From the shortest on, `stride` lengths are taken to the same one; no others."""
    span = span_of(size, dilation)
    for length in range(1, 7):
        taken = [
            n
            for n in range(1, 40)
            if output_length(n, span, stride, pads_of(padding, n, span, stride))
            == length
        ]
        shortest = shortest_input(padding, length, span, stride)
        first = max(shortest, 1)
        assert taken == list(range(first, shortest + stride))
        chosen = input_length(padding, length, span, stride)
        assert shortest <= chosen < shortest + stride


@pytest.mark.parametrize(
    ("padding", "length", "span", "stride", "expected"),
    [
        ("valid", 1, 7, 1, 7),
        ("same", 7, 4, 4, 28),
        ("valid", 9, 3, 2, 19),
        ("valid", 8, 3, 2, 17),
        ("same", 9, 3, 2, 18),
        ("valid", 9, 5, 1, 13),
        ("valid", 4, 2, 3, 12),
        ("causal", 4, 5, 2, 8),
        ("anticausal", 4, 5, 2, 8),
        ((0, 0), 4, 2, 3, 11),
        ((1, 1), 4, 3, 2, 7),
    ],
)
def test_length_of_the_way_back_unless_told(padding, length, span, stride, expected):
    assert input_length(padding, length, span, stride) == expected


def test_every_axis_is_its_own():
    window = Window((2, 1), (1, 3), ((1, 0), (0, 2)))
    assert out_space((6, 9), (3, 2), window) == (3, 8)
    assert window.groups == 1


@pytest.mark.parametrize(("size", "stride", "dilation"), STEPS)
def test_adjoint_window_has_the_length_of_the_input(size, stride, dilation):
    """Over dy with zeros between it makes n entries, each from what met it."""
    for length, low, high in itertools.product(range(5, 9), range(3), range(3)):
        window = Window((stride,), (dilation,), ((low, high),))
        (out,) = out_space((length,), (size,), window)
        if out < 1:
            continue
        back = adjoint_window((length,), (size,), (out,), window)
        spread = (out - 1) * stride + 1
        assert out_space((spread,), (size,), back) == (length,)
        for j, m in itertools.product(range(length), range(size)):
            met = j - back.pads[0][0] + m * dilation
            step = (size - 1 - m) * dilation
            assert met == j + low - step
