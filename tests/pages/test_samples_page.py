"""The Samples page: flips, filters, regression, and what it says where there is nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from components.session import RUN_PARAMETER
from converter.assessment import Assessor
from converter.comparison import Variant
from converter.run_store import keep_file
from converter.sample_file import save_sample_file
from tests.pages.synthetic import make_comparison, write_run


def open_run(app, home, reference, candidate, labels, *, saved=True):
    comparison, _ = make_comparison()
    comparison.variants = comparison.variants[:2]
    assessor = Assessor({"p": reference}, labels, comparison.reference,
                        inputs={"image": np.zeros((len(reference), 8, 8, 1))})
    for variant in comparison.variants:
        variant.output_drift, variant.output_accuracy = {}, {}
        content = assessor.assess(variant, {"p": candidate}, {})
    write_run(home, "r1", comparison)
    if saved:
        for variant in comparison.variants:
            keep_file("r1", save_sample_file(home, variant.recipe, content))
    app.query_params[RUN_PARAMETER] = "r1"
    app.run()
    return app.switch_page("pages/samples.py").run()


def texts(app):
    return " ".join(str(e.value) for kind in ("markdown", "caption", "info", "header", "title")
                    for e in getattr(app, kind))


CLASSES = np.tile([0.1, 0.9], (12, 1))


def test_flips_are_listed_with_row_and_both_classes(app, home):
    candidate = CLASSES.copy()
    candidate[4] = [0.8, 0.2]
    page = open_run(app, home, CLASSES, candidate, {"p": np.ones(12, int)})
    assert not page.exception
    table = page.dataframe[1].value
    assert table["Row"].tolist() == [4]
    assert (table["Original"][0], table["Variant"][0], table["Label"][0]) == ("1", "0", "1")
    assert "not distinguishable from the original with 12 samples" in texts(page)


def test_without_flips_all_samples_are_shown(app, home):
    page = open_run(app, home, CLASSES, CLASSES, {})
    assert not page.exception
    assert len(page.dataframe[0].value) == 12
    assert "There are no labels for this output" in texts(page)


def test_a_regression_shows_residuals(app, home):
    values = np.arange(6.0)[:, None]
    candidate = values + 0.25
    candidate[2] = math.nan
    page = open_run(app, home, values, candidate, {"p": values})
    assert not page.exception
    assert "Residuals and worst samples" in texts(page)
    assert page.dataframe[1].value["Row"][0] == 2


@pytest.mark.parametrize("has_variants", [True, False])
def test_a_run_without_kept_samples_says_what_to_do(app, home, has_variants):
    if has_variants:
        page = open_run(app, home, CLASSES, CLASSES, {}, saved=False)
        assert "are not kept with this run" in texts(page)
    else:
        comparison, _ = make_comparison()
        comparison.variants = [Variant(recipe="int8", flags={}, status="failed", error="It broke.")]
        write_run(home, "r1", comparison)
        app.query_params[RUN_PARAMETER] = "r1"
        page = app.run().switch_page("pages/samples.py").run()
        assert "No variant of this run was run" in texts(page)
    assert not page.exception


def test_without_a_run_it_leads_to_the_model_page(app):
    page = app.run().switch_page("pages/samples.py").run()
    assert not page.exception
    assert "Nothing to compare yet" in texts(page)
