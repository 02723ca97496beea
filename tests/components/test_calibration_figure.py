"""The chart of a calibration study: every draw in its place, what failed left out."""

from __future__ import annotations

import json

from components.figures.calibration import build_calibration_figure
from converter.calibration_findings import CalibrationStudy, StudyPoint


def study(*points):
    return CalibrationStudy(recipe="int8", points=list(points), halves=None,
                            calibration_samples=5, evaluation_samples=9, seed=0,
                            created="2026-01-01T00:00:00+00:00")  # fmt: skip


def test_draws_are_dots_and_their_medians_a_line():
    figure = build_calibration_figure(study(
        StudyPoint(samples=1, draw=0, sqnr_db=10.0), StudyPoint(samples=1, draw=1, sqnr_db=30.0),
        StudyPoint(samples=1, draw=2, sqnr_db=14.0), StudyPoint(samples=5, draw=0, sqnr_db=40.0),
    ), "#123456")  # fmt: skip
    line, dots = figure.data
    assert (list(line.x), list(line.y)) == ([1, 5], [14.0, 40.0])
    assert (list(dots.x), list(dots.y)) == ([1, 1, 1, 5], [10.0, 30.0, 14.0, 40.0])
    assert "1: 14.0 dB, 5: 40.0 dB" in figure.layout.meta["alt"]


def test_what_has_no_finite_figure_is_left_out_and_nothing_at_all_is_said():
    figure = build_calibration_figure(study(
        StudyPoint(samples=1, draw=0, sqnr_db=float("nan")),
        StudyPoint(samples=1, draw=1, problem="it failed"),
    ), "#123456")  # fmt: skip
    json.dumps(json.loads(figure.to_json()), allow_nan=False)
    assert len(figure.data[1].x) == 0
    assert "none could be measured" in figure.layout.meta["alt"]
