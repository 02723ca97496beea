"""Accuracy of outputs longer than a block, against scikit-learn on the whole."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score, roc_auc_score

from converter import sample_blocks
from converter.label_tally import measure_tally, tally_classes, tally_targets


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(sample_blocks, "_BLOCK_VALUES", 64)


def scored(seed, classes):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(500, classes)) * 2
    scores = np.exp(logits)
    return scores / scores.sum(axis=1, keepdims=True)


def test_classes():
    labels = np.random.default_rng(3).integers(0, 2, 500)
    reference, variant = scored(1, 2), scored(2, 2)
    original = tally_classes(reference, labels, distribution=True)
    found = measure_tally(
        tally_classes(variant, labels, distribution=True, reference=reference), original
    )
    right = [scores.argmax(axis=1) == labels for scores in (reference, variant)]
    assert found.samples == 500
    assert found.top1 == pytest.approx(accuracy_score(labels, variant.argmax(axis=1)))
    assert found.delta == pytest.approx(right[1].mean() - right[0].mean())
    assert found.auc == pytest.approx(roc_auc_score(labels, variant[:, 1]))
    assert found.paired.lost == np.sum(right[0] & ~right[1])
    assert found.paired.won == np.sum(right[1] & ~right[0])


def test_the_original_has_no_test_against_itself():
    labels = np.zeros(500, np.int64)
    found = measure_tally(tally_classes(scored(1, 2), labels, distribution=True))
    assert (found.paired, found.delta) == (None, None)


def test_values_whose_labels_are_flat():
    random = np.random.default_rng(4)
    targets = random.normal(size=(500, 1)) + 100
    reference, variant = (targets + random.normal(size=(500, 1)) * s for s in (0.1, 0.2))
    original = tally_targets(reference, targets[:, 0])
    found = measure_tally(tally_targets(variant, targets[:, 0], reference), original)
    assert found.mae == pytest.approx(mean_absolute_error(targets, variant))
    assert found.r2 == pytest.approx(r2_score(targets, variant))
    change = np.abs(variant - targets) - np.abs(reference - targets)
    assert found.paired.difference == pytest.approx(change.mean())
    assert (found.paired.lost, found.paired.won) == (np.sum(change > 0), np.sum(change < 0))
    assert measure_tally(original).paired is None
