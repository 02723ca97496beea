"""Trains the sample models and writes their folders and the table in README.md.

Run as `python sample_models/build.py [NAME ...]`; without a name, all samples are built.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from recipes import cancer, digits, sunspots, wine
from recipes.packing import CARD_FILE, build

RECIPES = {
    recipe.name: recipe for module in (digits, cancer, sunspots, wine) for recipe in module.RECIPES
}

README = """\
# Sample models

Small models trained on real data, to try LiteDrift without a model of your own. Each folder holds
the model, `data.npz` with rows that were kept out of its training, and `card.json` with what the
model is, where its data come from and what it reaches on those rows.

{table}

Metrics are measured on the held-back rows with the saved file. Mean absolute errors are in the
scaled units that the card names. This file is written by `build.py` from the cards.

To rebuild all samples, or only the ones named:

    pip install -r sample_models/requirements.txt
    python sample_models/build.py [NAME ...]

The training is seeded, so a rebuild with the same packages on the same machine reaches the same
metrics; another processor may round differently and train a slightly different model.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds the samples named on the command line and refreshes the README."""
    options = _parse(arguments)
    tf.config.experimental.enable_op_determinism()
    for name in options.names or RECIPES:
        began = time.perf_counter()
        card = build(RECIPES[name], options.out)
        print(_summary(card, time.perf_counter() - began), flush=True)
    (options.out / "README.md").write_text(_readme(options.out), encoding="utf-8")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(RECIPES)}")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder to write the samples to"
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(RECIPES))
    if unknown:
        parser.error(f"no sample named {', '.join(unknown)}; there are {', '.join(RECIPES)}")
    return options


def _summary(card: dict[str, Any], seconds: float) -> str:
    """Says what was trained and what it reaches."""
    lines = [
        f"{card['name']}: {card['task']}, {card['parameters']:,} parameters, "
        f"{card['size_bytes']:,} bytes, built in {seconds:.0f} s"
    ]
    for entry in (card["metric"], *card.get("further_metrics", [])):
        lines.append(
            f"  {entry['name']}: {entry['value']:.4f} on {entry['samples']} held-back rows"
        )
    return "\n".join(lines)


def _readme(out: Path) -> str:
    """Writes the README around a table of the cards that exist."""
    cards = [
        json.loads(path.read_text(encoding="utf-8"))
        for name in RECIPES
        if (path := out / name / CARD_FILE).exists()
    ]
    head = "| Name | Task | Data | Licence | Metric | Parameters | Size |"
    rule = "| --- | --- | --- | --- | --- | ---: | ---: |"
    return README.format(table="\n".join([head, rule, *map(_row, cards)]))


def _row(card: dict[str, Any]) -> str:
    """Formats one card as a table row."""
    metric = card["metric"]
    cells = (
        f"`{card['name']}`",
        card["task"],
        card["origin"],
        card["licence"],
        f"{metric['name']} {metric['value']:.4f} on {metric['samples']} rows",
        f"{card['parameters']:,}",
        f"{card['size_bytes'] / 1000:,.0f} kB",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
