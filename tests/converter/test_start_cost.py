"""What starting costs: real imports and first inferences in fresh processes, and what is kept."""

from __future__ import annotations

import pytest

from converter.errors import DataError
from converter.start_cost import (
    LITERT,
    START_COST_FILE,
    TENSORFLOW,
    StartCosts,
    load_start_costs,
    measure_start_costs,
)
from tests.converter.example_tflites import write_classifier, write_crash_when_run


@pytest.fixture(scope="module")
def costs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    files = {
        "float32": write_classifier(folder / "net.tflite"),
        "broken": write_crash_when_run(folder / "crash.tflite"),
    }
    told = []
    found = measure_start_costs(files, 1, lambda stage, share: told.append((stage, share)))
    return found, told


def test_tensorflow_takes_more_than_litert_in_time_and_memory(costs):
    imports = {cost.package: cost for cost in costs[0].imports}
    assert imports[TENSORFLOW].median_seconds > imports[LITERT].median_seconds > 0
    assert imports[TENSORFLOW].median_bytes > 10 * imports[LITERT].median_bytes > 0


def test_a_file_is_loaded_run_first_and_warm(costs):
    (start,) = [f for f in costs[0].files if f.recipe == "float32"]
    assert start.error is None
    assert all(len(v) == 1 and v[0] > 0 for v in (start.load_ms, start.first_ms, start.warm_ms))


def test_a_file_that_kills_its_process_costs_its_own_figures_only(costs):
    (start,) = [f for f in costs[0].files if f.recipe == "broken"]
    assert start.error
    assert start.load_ms == []


def test_every_step_is_told_and_shares_grow(costs):
    shares = [share for _, share in costs[1]]
    assert shares == sorted(shares)
    assert {"importing tensorflow", "starting float32"} <= {stage for stage, _ in costs[1]}


def test_it_is_kept_and_read_again(costs, tmp_path):
    costs[0].save(tmp_path)
    assert load_start_costs(tmp_path / START_COST_FILE) == costs[0]
    assert StartCosts.from_json(costs[0].to_json()) == costs[0]
    (tmp_path / START_COST_FILE).write_text('{"imports": 3}')
    with pytest.raises(DataError, match=r"start_cost\.json: expected the cost of starting"):
        load_start_costs(tmp_path / START_COST_FILE)
