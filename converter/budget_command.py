"""`python -m converter budget`: searches mixed precision for a budget."""

from __future__ import annotations

import argparse

from converter.analysed_run import files_of
from converter.budget import Budget
from converter.budget_solution import MOST_EVALUATIONS, BudgetQuestion
from converter.budget_solver import format_solution, solve_budget
from converter.deep_analysis import Listener
from converter.errors import DataError


def carry_out(options: argparse.Namespace, listener: Listener) -> None:
    """Print what was found.

    Args:
        options: Of the command line.
        listener: Told of each stage.

    Raises:
        LiteDriftError: When the run cannot be used or the budget is none.
    """
    most = MOST_EVALUATIONS if options.evaluations is None else options.evaluations
    if most < 1:
        raise DataError(f"--evaluations: expected 1 or more, found {most}; give a larger number.")
    budget = Budget(
        most_size_bytes=options.max_size_bytes, least_sqnr_db=options.min_sqnr_db,
        least_agreement=options.min_agreement, most_accuracy_drop=options.max_accuracy_drop,
        most_predicted_ms=options.max_predicted_ms, minimize=options.minimize,
    )  # fmt: skip
    question = BudgetQuestion(budget=budget, most_evaluations=most, seed=options.seed)
    solution = solve_budget(
        files_of(options.folder), question, out=options.folder, listener=listener
    )
    print(format_solution(solution))
