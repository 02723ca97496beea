"""The zip of tables: complete, typed, the same twice, and explained column by column."""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np
import pyarrow.parquet as pq
import pytest

from converter.tables.archive import readme, write_tables_zip
from converter.tables.columns import TABLES
from converter.tables.frames import build_tables
from tests.converter.example_comparisons import make_comparison, make_variant

SAMPLES = {"original": np.random.default_rng(0).random(300), "int8": np.array([0.1 + 0.2])}


def archive_of(comparison, samples=SAMPLES):
    stream = io.BytesIO()
    write_tables_zip(comparison, samples, stream)
    return stream.getvalue()


def parquet(content, name):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return pq.read_table(io.BytesIO(archive.read(f"{name}.parquet")))


@pytest.fixture(scope="module")
def content():
    return archive_of(make_comparison())


def test_holds_each_table_twice_and_a_readme(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        wanted = {f"{name}.{form}" for name in TABLES for form in ("csv", "parquet")}
        assert sorted(archive.namelist()) == sorted(wanted | {"README.txt"})


@pytest.mark.parametrize("name", TABLES)
def test_parquet_holds_the_frame_exactly(content, name):
    frame = build_tables(make_comparison(), SAMPLES)[name]
    table = parquet(content, name)
    assert table.column_names == list(frame.columns)
    types = {"text": "string", "integer": "int64", "number": "double", "flag": "bool"}
    assert [str(field.type) for field in table.schema] == [
        types[column.kind] for column in TABLES[name].columns
    ]
    for column in frame.columns:
        missing = frame[column].isna().tolist()
        expected = [None if gone else v for v, gone in zip(frame[column], missing, strict=True)]
        assert table[column].to_pylist() == expected


def test_parquet_tells_infinity_null_and_text_apart():
    text = "=1+1\0"
    comparison = make_comparison([make_variant("float32", given_name=text, error="")])
    comparison.variants[0].drift = make_comparison().variants[0].drift
    table = parquet(archive_of(comparison), "variants")
    assert table["drift_sqnr_db"].to_pylist() == [math.inf]
    assert table["drift_max_abs_error_lsb"].to_pylist() == [None]
    assert table["given_name"].to_pylist() == [text]
    assert table["error"].to_pylist() == [""]
    assert table["error_details"].to_pylist() == [None]


def test_parquet_says_unit_and_meaning_of_a_column(content):
    field = parquet(content, "variants").schema.field("drift_sqnr_db")
    assert field.metadata[b"unit"] == b"dB"
    assert b"decibels" in field.metadata[b"meaning"]


def test_the_same_comparison_gives_the_same_bytes(content):
    assert archive_of(make_comparison()) == content


def test_the_readme_has_every_column_with_its_unit():
    text = " ".join(readme(make_comparison()).split())
    for name, table in TABLES.items():
        assert f"{name}: {table.meaning}" in text
        for column in table.columns:
            unit = f", {column.unit}" if column.unit else ""
            assert f"{column.name} ({column.kind}{unit}): {column.meaning}" in text


@pytest.mark.parametrize("name", ["a\nb\r\n\x1b[2J", "\udcff", "{model} %s", "x" * 10_000, ""])
def test_no_name_can_forge_lines_of_the_readme(name):
    plain = readme(make_comparison(name="plain"))
    assert readme(make_comparison(name=name)).count("\n") == plain.count("\n")
    with zipfile.ZipFile(io.BytesIO(archive_of(make_comparison(name=name)))) as archive:
        assert b"\x1b" not in archive.read("README.txt")


def test_a_path_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "tables.zip"
    write_tables_zip(make_comparison(), SAMPLES, target)
    assert zipfile.is_zipfile(target)
    with pytest.raises(FileNotFoundError):
        write_tables_zip(make_comparison(), SAMPLES, tmp_path / "none" / "tables.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["tables.zip"]
