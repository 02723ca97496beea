"""`make bench`: performance goals as ratios within one run, printed, never asserted."""

import argparse

from tests.benchmarks import wall_time, web_process


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    wall_time.main(options.rounds)
    web_process.main(options.rounds)


if __name__ == "__main__":
    main()
