"""Charts of the Samples page: every mark is the number that is worked out here by other means."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest

from components.figures.class_changes import (
    MOST_CLASSES,
    build_confusion_figure,
    build_per_class_figure,
    left_out_classes,
)
from components.figures.errors import (
    build_bland_altman_figure,
    build_error_histogram,
    build_output_histogram,
)
from components.figures.residuals import build_residual_figure
from converter.class_scores import ClassScores
from converter.class_tally import ClassTally
from converter.classification import per_class
from converter.error_distribution import describe_errors
from converter.sample_differences import DifferenceCollector, compare_samples

COLOR = "#123456"
RANDOM = np.random.default_rng(3)
# Values in the middle of bins, so that rounding moves none into the next.
R = RANDOM.integers(0, 40, (300, 4)) / 40 + 1 / 80
Y = R + RANDOM.normal(0.05, 0.02, R.shape)


def differences(reference, candidate, *, classes, labels=None):
    places = np.arange(len(reference))
    return compare_samples(reference, candidate, classes=classes, rows=places + 100,
                           samples=places, labels=labels)


def strict(figure):
    json.dumps(json.loads(figure.to_json()), allow_nan=False)
    assert len(figure.layout.meta["alt"]) > 20
    return figure


def of_kind(figure, kind):
    return [trace for trace in figure.data if trace.type == kind]


class TestOutputHistogram:
    def test_bars_are_the_originals_shares_and_the_line_is_the_variants(self):
        figure = strict(build_output_histogram(describe_errors(R, Y), "int8", COLOR))
        (bars,), (line,) = of_kind(figure, "bar"), of_kind(figure, "scatter")
        low, high = min(R.min(), Y.min()), max(R.max(), Y.max())
        edges = np.append(bars.x, bars.x[-1] + bars.width[-1])
        assert (edges[0], edges[-1]) == pytest.approx((low, high))
        np.testing.assert_allclose(np.diff(edges), (high - low) / 40)
        expected = np.histogram(R, bins=edges)[0] / R.size
        np.testing.assert_allclose(np.cumsum(bars.y), np.cumsum(expected), atol=1.5 / R.size)
        assert sum(bars.y) == pytest.approx(1)
        # A step from each edge to the next, and down to nothing at both ends.
        assert list(line.x[1:-1]) == pytest.approx(edges.tolist())
        steps = np.histogram(Y, bins=edges)[0] / Y.size
        np.testing.assert_allclose(np.cumsum(line.y[1:-2]), np.cumsum(steps), atol=1.5 / R.size)
        assert (line.y[0], line.y[-1], line.line.shape, line.line.color) == (0, 0, "hv", COLOR)

    def test_a_share_is_of_all_finite_values(self):
        r = np.zeros((4, 1))
        y = np.array([[0.0], [1.0], [math.nan], [1.0]])
        (bars,) = of_kind(build_output_histogram(describe_errors(r, y), "a", COLOR), "bar")
        assert bars.y[0] == 1
        (line,) = of_kind(build_output_histogram(describe_errors(r, y), "a", COLOR), "scatter")
        assert max(line.y) == pytest.approx(2 / 3)


def test_errors_are_counted_with_their_sign():
    figure = strict(build_error_histogram(describe_errors(R, Y), "int8", COLOR))
    (bars,) = of_kind(figure, "bar")
    error = (Y - R).ravel()
    edges = np.linspace(error.min(), error.max(), 41)
    np.testing.assert_allclose(bars.x, edges[:-1], rtol=1e-9)
    expected = np.histogram(error, bins=edges)[0] / error.size
    np.testing.assert_allclose(np.cumsum(bars.y), np.cumsum(expected), atol=1.5 / error.size)
    assert np.dot(bars.y, bars.x + np.diff(edges) / 2) == pytest.approx(error.mean(), abs=2e-3)


class TestBlandAltman:
    def test_lines_are_the_bias_and_the_limits(self):
        figure = strict(build_bland_altman_figure(describe_errors(R, Y), "int8", COLOR))
        error = Y - R
        bias, reach = error.mean(), 1.96 * error.std(ddof=1)
        assert [shape.y0 for shape in figure.layout.shapes] == pytest.approx(
            [bias, bias - reach, bias + reach]
        )
        assert all(shape.y0 == shape.y1 for shape in figure.layout.shapes)
        low, high = figure.layout.yaxis.range
        assert low < min(error.min(), bias - reach)
        assert high > max(error.max(), bias + reach)

    def test_cells_are_counts_by_mean_and_difference(self):
        figure = build_bland_altman_figure(describe_errors(R, Y), "int8", COLOR)
        (cells,) = of_kind(figure, "heatmap")
        x, y = np.array(cells.x), np.array(cells.y)
        expected = np.histogram2d((Y - R).ravel(), ((R + Y) / 2).ravel(), bins=[y, x])[0]
        counts = np.array(cells.customdata)
        assert counts.shape == (len(y) - 1, len(x) - 1)
        assert counts.sum() == R.size
        assert np.abs(counts - expected).sum() <= 4  # the few on an edge
        shades = np.array(cells.z, float)
        assert (np.isnan(shades) == (counts == 0)).all()
        assert np.nanmax(shades) == 1
        order = np.argsort(counts[counts > 0])
        assert (np.diff(shades[counts > 0][order]) >= 0).all()

    def test_identical_outputs_have_one_line_with_one_word(self):
        figure = strict(build_bland_altman_figure(describe_errors(R, R), "float32", COLOR))
        assert {shape.y0 for shape in figure.layout.shapes} == {0}
        words = [note.text for note in figure.layout.annotations]
        assert "bias" in words
        assert not any("1.96 SD" in word for word in words)


SCORES = RANDOM.random((80, 5))
OTHER = np.where(RANDOM.random((80, 1)) < 0.3, RANDOM.random((80, 5)), SCORES)


class TestConfusion:
    def test_cells_are_pairs_of_classes(self):
        found = differences(SCORES, OTHER, classes=True)
        collector = DifferenceCollector(1000)
        collector.add(found)
        pairs = collector.class_pairs(1000)
        figure = strict(build_confusion_figure(pairs, "int8", COLOR))
        (cells,) = of_kind(figure, "heatmap")
        expected = Counter(zip(SCORES.argmax(1).tolist(), OTHER.argmax(1).tolist(), strict=True))
        for row, line in zip(cells.y, cells.customdata, strict=True):
            for column, count in zip(cells.x, line, strict=True):
                assert count == expected[int(row), int(column)]
        changed = sum(n for (a, b), n in expected.items() if a != b)
        assert f"{changed} of 80 samples changed" in figure.layout.meta["alt"]
        shades = np.array(cells.z)
        counts = np.array(cells.customdata)
        same = np.eye(len(cells.x), dtype=bool)
        assert (shades[counts == 0] == 0).all()
        assert (shades[same & (counts > 0)] == 0.3).all()
        # What became another class is in the variant's colour.
        assert (shades[~same & (counts > 0)] > 0.301).all()

    def test_of_many_classes_those_that_changed_most_are_shown(self):
        pairs = {"reference": [*range(100), 90, 91], "variant": [*range(100), 91, 90],
                 "samples": [5] * 100 + [7, 9], "left_out": 3}
        figure = build_confusion_figure(pairs, "int8", COLOR)
        (cells,) = of_kind(figure, "heatmap")
        assert len(cells.x) == MOST_CLASSES
        assert {"90", "91"} <= set(cells.x)
        assert "19 of 519 samples changed" in figure.layout.meta["alt"]
        assert f"the {MOST_CLASSES} of 100" in left_out_classes(100)
        assert left_out_classes(MOST_CLASSES) == ""

    def test_a_sample_without_answer_has_a_row_of_its_own(self):
        pairs = {"reference": [0, 1], "variant": [0, -1], "samples": [2, 1], "left_out": 0}
        (cells,) = of_kind(build_confusion_figure(pairs, "int8", COLOR), "heatmap")
        assert list(cells.x) == ["none", "0", "1"]
        assert cells.customdata[2][0] == 1


class TestPerClass:
    def test_dots_are_the_shares_right_of_each_class(self):
        labels = RANDOM.integers(0, 5, 80)
        reference, variant = (ClassScores.from_scores(s, labels) for s in (SCORES, OTHER))
        shares = per_class(ClassTally.of([(variant, reference)]))
        figure = strict(build_per_class_figure(shares, "int8", COLOR))
        before, after = of_kind(figure, "scatter")
        for trace, scores in ((before, SCORES), (after, OTHER)):
            expected = [float(np.mean(scores[labels == k].argmax(1) == k)) for k in range(5)]
            assert list(trace.x) == pytest.approx(expected)
        assert list(figure.layout.yaxis.ticktext) == ["0", "1", "2", "3", "4"]
        for place, line in enumerate(figure.layout.shapes):
            assert (line.x0, line.x1, line.y0) == (before.x[place], after.x[place], place)
        losses = np.subtract(after.x, before.x)
        assert f"is class {losses.argmin()}," in figure.layout.meta["alt"]
        low, _ = figure.layout.xaxis.range
        assert low <= min(*before.x, *after.x)


class TestResiduals:
    def test_a_dot_is_a_sample_at_its_value_with_the_largest_error(self):
        found = differences(R, Y, classes=False)
        figure = strict(build_residual_figure(found, "int8", COLOR))
        (dots,) = of_kind(figure, "scattergl")
        place = np.abs(Y - R).argmax(axis=1)
        rows = np.arange(len(R))
        x, y = R[rows, place], (Y - R)[rows, place]
        drawn = sorted(zip(dots.x, dots.y, strict=True))
        np.testing.assert_allclose(drawn, sorted(zip(x, y, strict=True)))
        worst = int(np.abs(y).argmax())
        assert dots.customdata[0].startswith(f"row {worst + 100}: ")
        low, high = figure.layout.yaxis.range
        assert low < y.min()
        assert high > y.max()

    def test_of_many_samples_the_largest_errors_are_drawn(self):
        r = np.zeros((5000, 1))
        y = RANDOM.permutation(np.arange(5000.0))[:, None] + 1
        figure = build_residual_figure(differences(r, y, classes=False), "int8", COLOR)
        (dots,) = of_kind(figure, "scattergl")
        assert sorted(dots.y) == list(range(3001, 5001))

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_what_is_not_finite_is_not_drawn(self, value):
        r, y = np.array([[0.0], [1.0]]), np.array([[value], [1.5]])
        figure = strict(build_residual_figure(differences(r, y, classes=False), "a", COLOR))
        (dots,) = of_kind(figure, "scattergl")
        assert (list(dots.x), list(dots.y)) == ([1.0], [0.5])

    def test_nothing_to_draw_is_an_empty_chart(self):
        nothing = differences(np.zeros((1, 1)), np.full((1, 1), math.nan), classes=False)
        (dots,) = of_kind(strict(build_residual_figure(nothing, "a", COLOR)), "scattergl")
        assert list(dots.x) == []
