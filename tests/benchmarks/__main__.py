"""`make bench`: performance goals as ratios within one run, printed, never asserted."""

import argparse

from tests.benchmarks import (
    budget_search,
    cancelling,
    child_cost,
    drift_speed,
    live_bench,
    many_people,
    vendor_agreement,
    wall_time,
    warm_start,
    web_process,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    wall_time.main(options.rounds)
    web_process.main(options.rounds)
    child_cost.main(options.rounds)
    warm_start.main(options.rounds)
    cancelling.main(options.rounds)
    vendor_agreement.main(options.rounds)
    drift_speed.main(options.rounds)
    budget_search.main(options.rounds)
    live_bench.main(options.rounds)
    many_people.main(options.rounds)


if __name__ == "__main__":
    main()
