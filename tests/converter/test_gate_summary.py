"""The Markdown of a gate: a row for each bound, and no markup but ours."""

from __future__ import annotations

from converter.gate import Bounds, gate_checks
from converter.gate_summary import append_summary, summary_table
from tests.converter.example_comparisons import make_comparison, make_failed, make_variant


def table_of(variant, bounds, **changes):
    comparison = make_comparison([variant], **changes)
    return summary_table(comparison, variant, gate_checks(variant, bounds))


def test_each_bound_is_a_row_that_says_what_was_found():
    table = table_of(make_variant(), Bounds(max_size_bytes=30_000, min_sqnr_db=50))
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert rows == [
        "| bound | asked | found | holds |",
        r"| size\_bytes | at most 30000 | 25000 | yes |",
        r"| sqnr\_db | at least 50 | 40 | **no** |",
    ]
    assert table.startswith("### LiteDrift: int8 of digits.keras does not hold")
    assert r"100 samples of digits.npz; 1 thread\(s\) on Some CPU" in table


def test_every_bound_holds():
    table = table_of(make_variant(), Bounds(min_sqnr_db=30))
    assert table.startswith("### LiteDrift: int8 of digits.keras holds")


def test_a_failed_variant_says_why_and_measures_nothing():
    table = table_of(make_failed(error="it <b>crashed</b>\n| here |"), Bounds(min_sqnr_db=30))
    assert r"The variant failed: it \<b\>crashed\</b\> \| here \|" in table
    assert r"| sqnr\_db | at least 30 | not measured | **no** |" in table


def test_a_name_is_text():
    table = table_of(make_variant(), Bounds(min_sqnr_db=30), name="<img src=x>|[a](b)\n# h @x")
    assert r"\<img src=x\>\|\[a\]\(b\) \# h \@x" in table.splitlines()[0]


def test_tables_are_appended(tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    append_summary(path, "one\n")
    append_summary(path, "two\n")
    assert path.read_text() == "before\none\n\ntwo\n\n"
