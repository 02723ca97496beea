"""Figures gathered block by block are those of all values at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from converter.streamed_error import BINS, SHOWN_BINS, StreamedError, StreamedPair

VALUES = st.floats(-1e6, 1e6, width=32)


@given(arrays(np.float32, (6, 5), elements=VALUES), arrays(np.float32, (6, 5), elements=VALUES),
       st.sampled_from([1, 2, 3]))
def test_blocks_of_any_size_give_the_figures_of_the_whole(reference, candidate, block):
    sums = StreamedError()
    for start in range(0, 6, block):
        sums.add(reference[start : start + block], candidate[start : start + block])
    found = sums.finish(0.5)
    r, y = reference.astype(float), candidate.astype(float)
    error = y - r
    assert found.values == 30
    assert found.rmse == pytest.approx(math.sqrt((error**2).mean()), rel=1e-9)
    assert found.rmse_in_steps == pytest.approx(found.rmse / 0.5)
    assert found.mean_abs_error == pytest.approx(np.abs(error).mean(), rel=1e-9)
    assert found.mean_error == pytest.approx(error.mean(), rel=1e-6, abs=1e-6)
    assert found.max_abs_error == np.abs(error).max()
    if (error != 0).any() and (r != 0).any():
        ratio = (r**2).sum() / (error**2).sum()
        assert found.sqnr_db == pytest.approx(10 * math.log10(ratio), abs=1e-6)


def test_cosine_is_of_each_sample_then_the_mean():
    sums = StreamedError()
    sums.add(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    sums.add(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0]]))
    assert sums.finish(None).cosine_similarity == pytest.approx(0.5)
    assert sums.finish(None).rmse_in_steps is None


def test_nan_is_counted_and_not_smoothed_away():
    sums = StreamedError()
    sums.add(np.ones((1, 3)), np.array([[1.0, np.nan, np.inf]]))
    sums.add(np.ones((1, 3)), np.ones((1, 3)))
    found = sums.finish(1.0)
    assert found.non_finite_count == 2
    assert math.isnan(found.rmse)
    assert math.isnan(found.max_abs_error)


def test_nothing_gathered_is_no_figure():
    assert StreamedError().finish(1.0) is None
    assert StreamedPair().finish() is None


@given(st.lists(arrays(np.float64, (7,), elements=st.floats(-1e5, 1e5)), min_size=1, max_size=6))
def test_a_histogram_that_grows_counts_as_one_that_knew_the_range(blocks):
    pair = StreamedPair()
    for block in blocks:
        pair.add(block, block / 2)
    assert pair.counts.shape == (2, BINS)
    found = pair.finish()
    edges = np.array(found["edges"])
    assert len(edges) == len(found["reference"]) + 1 <= SHOWN_BINS + 1
    everything = np.concatenate(blocks)
    assert sum(found["reference"]) == sum(found["variant"]) == everything.size
    assert edges[0] <= everything.min() + 1e-9
    assert edges[-1] >= everything.max() - 1e-9
    # An independent count; a value on an edge may fall to either side of it.
    expected, _ = np.histogram(everything, edges)
    on_edge = np.isclose(everything[:, None], edges[None], rtol=1e-12, atol=0).any(axis=1).sum()
    assert np.abs(expected - np.array(found["reference"])).sum() <= 2 * on_edge


def test_large_blocks_are_drawn_from_at_the_same_places():
    values = np.linspace(-1, 1, 300_000)
    pair = StreamedPair()
    pair.add(values, values)
    found = pair.finish()
    assert found["reference"] == found["variant"]
    assert sum(found["reference"]) == 1 << 16
