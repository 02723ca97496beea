"""Tables as people save them: separators, encodings, headers, labels, gaps."""

from __future__ import annotations

import numpy as np
import pytest

from converter.csv_data import read_csv_data, read_table
from converter.errors import DataError
from converter.request import DataOptions
from converter.samples import load_samples
from converter.signature import TensorSpec
from tests.converter.read_or_refused import read_or_refused

TWO = [TensorSpec("features", (None, 2), "float32")]
ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.csv"


def read(path, inputs=TWO, label_column=None):
    return read_csv_data(path, "table.csv", inputs, DataOptions(label_column=label_column))


class TestForms:
    @pytest.mark.parametrize(
        "text",
        [
            "a,b\n1,2\n3,4\n5,6\n",
            "1,2\n3,4\n5,6\n",
            "a;b\n1;2\n3;4\n5;6\n",
            "a\tb\n1\t2\n3\t4\n5\t6\n",
            "a|b\n1|2\n3|4\n5|6\n",
            "a, b\n1, 2\n3, 4\n5, 6\n",
            '"a","b"\n"1","2"\n"3","4"\n"5","6"\n',
            "a,b\r\n1,2\r\n3,4\r\n5,6\r\n",
            "\n\na,b\n1,2\n\n3,4\n5,6",
            "1.0,2e0\n3.0,4e0\n5.0,6e0",
            "-0.0,2\n3,4\n5,6".replace("-0.0", "1"),
        ],
        ids=[
            "header",
            "no header",
            "semicolon",
            "tab",
            "bar",
            "spaces",
            "quotes",
            "windows",
            "empty lines",
            "floats without header",
            "plain",
        ],
    )
    def test_the_same_table(self, path, text):
        write(path, text)
        assert read(path).inputs["features"].tolist() == ROWS

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
    def test_encodings(self, path, encoding):
        write(path, "größe,länge\n1,2\n3,4\n5,6\n", encoding)
        assert list(read_table(path, "table.csv").columns) == ["größe", "länge"]
        assert load_samples(path, "table.csv", TWO).inputs["features"].tolist() == ROWS

    @pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
    def test_encodings_of_a_large_file(self, path, encoding):
        write(path, "größe,länge\n" + "1,2\n" * 40_000, encoding)
        assert list(read_table(path, "table.csv").columns) == ["größe", "länge"]

    def test_a_large_utf8_file_cut_within_a_character_by_the_first_look(self, path):
        write(path, "a,b\n" + "é,2\n" * 20_000)
        assert len(read_table(path, "table.csv")) == 20_000

    def test_one_column(self, path):
        write(path, "value\n1\n2\n")
        found = read(path, [TensorSpec("x", (None, 1), "float32")])
        assert found.inputs["x"].tolist() == [[1.0], [2.0]]

    def test_columns_without_header_are_named(self, path):
        write(path, "1,2\n3,4\n")
        assert list(read_table(path, "table.csv").columns) == ["column 1", "column 2"]

    def test_a_separator_at_the_end_of_each_row_shifts_nothing(self, path):
        write(path, "a,b\n1,2,\n3,4,\n5,6,\n")
        raw = read_or_refused(lambda: read(path), "table.csv: ")
        assert raw is None or raw.inputs["features"][:, :2].tolist() == ROWS


class TestLabels:
    @pytest.mark.parametrize(
        "name", ["label", "Labels", "TARGET", "y", "class", "Outcome", " label "]
    )
    def test_a_column_named_like_a_label_is_one(self, path, name):
        write(path, f"a,{name},b\n1,7,2\n3,8,4\n")
        raw = read(path)
        assert raw.inputs["features"].tolist() == [[1, 2], [3, 4]]
        assert raw.labels["y"].tolist() == [7, 8]
        assert "holds the labels" in raw.notes[0]

    def test_one_column_more_than_features_is_the_last(self, path):
        write(path, "a,b,species\n1,2,0\n3,4,1\n")
        assert read(path).labels["y"].tolist() == [0, 1]

    def test_the_column_asked_for_is_taken(self, path):
        write(path, "kind,a,b\n5,1,2\n6,3,4\n")
        raw = read(path, label_column="kind")
        assert raw.labels["y"].tolist() == [5, 6]
        assert raw.inputs["features"].tolist() == [[1, 2], [3, 4]]

    def test_a_column_that_is_not_there_is_refused_with_those_that_are(self, path):
        write(path, "a,b\n1,2\n")
        with pytest.raises(DataError, match="label column 'kind', found the columns a, b"):
            read(path, label_column="kind")

    def test_texts_become_indices_in_alphabetical_order(self, path):
        write(path, "a,b,label\n1,2,dog\n3,4,cat\n5,6,dog\n")
        assert read(path).labels["y"].tolist() == [1, 0, 1]

    def test_truth_values_are_labels(self, path):
        write(path, "a,b,label\n1,2,True\n3,4,False\n")
        assert read(path).labels["y"].tolist() == [True, False]

    @pytest.mark.parametrize("values", [("1", ""), ("dog", "")], ids=["number", "text"])
    def test_a_row_without_label_is_refused(self, path, values):
        write(path, f"a,b,label\n1,2,{values[0]}\n3,4,{values[1]}\n5,6,{values[0]}\n")
        with pytest.raises(DataError, match="expected a label in every row, found 1 empty"):
            read(path)

    def test_no_header_and_text_labels_lose_no_row(self, path):
        # Fisher's iris as the UCI repository gives it.
        write(path, "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,versicolor\n")
        raw = read(path)
        np.testing.assert_allclose(raw.inputs["features"], [[5.1, 3.5], [4.9, 3.0], [7.0, 3.2]])
        assert raw.labels["y"].tolist() == [0, 0, 1]

    def test_no_label_is_invented(self, path):
        write(path, "a,b\n1,2\n3,4\n")
        assert read(path).labels == {}


class TestValues:
    def test_gaps_become_nan_and_are_noted(self, path):
        write(path, "a,b\n1,\nNaN,4\n")
        samples = load_samples(path, "table.csv", TWO)
        assert np.isnan(samples.inputs["features"]).sum() == 2
        assert any("2 values that are NaN" in note for note in samples.notes)

    def test_a_gap_in_the_first_row_of_a_headless_table_loses_no_row(self, path):
        write(path, "1,\n3,4\n5,6\n")
        assert len(read(path).inputs["features"]) == 3

    def test_text_among_the_features_is_refused(self, path):
        write(path, "a,b\n1,red\n3,blue\n")
        with pytest.raises(DataError, match="found text"):
            read(path)

    def test_too_few_columns_are_refused(self, path):
        write(path, "a\n1\n3\n")
        with pytest.raises(DataError, match=r"expected x of shape \(samples, 2\)"):
            load_samples(path, "table.csv", TWO)

    def test_too_many_columns_are_refused(self, path, monkeypatch):
        monkeypatch.setenv("LITEDRIFT_CSV_COLUMNS", "3")
        write(path, "1,2,3,4\n")
        with pytest.raises(DataError, match="at most 3 columns, found 4"):
            read(path)

    def test_too_many_columns_in_a_later_row_are_refused(self, path):
        write(path, "1,2\n3,4\n5,6,7,8,9\n")
        with pytest.raises(DataError, match="expected"):
            load_samples(path, "table.csv", TWO)

    @pytest.mark.parametrize(
        "content",
        [b"a,b\n", b"\n\n \n", b"\xef\xbb\xbf", b'"a,b\n1,2\n', b"\xff\xfe", b"no table at all"],
        ids=["header alone", "blank", "byte order mark", "open quote", "utf-16 mark", "prose"],
    )
    def test_what_is_no_table_is_refused(self, path, content):
        write(path, content)
        with pytest.raises(DataError, match=r"^table\.csv: expected"):
            load_samples(path, "table.csv", TWO)

    def test_a_table_for_an_image_model_is_reshaped(self, path):
        write(path, "a,b,c,d\n1,2,3,4\n")
        samples = load_samples(path, "t", [TensorSpec("x", (None, 2, 2, 1), "float32")])
        assert samples.inputs["x"].shape == (1, 2, 2, 1)


class TestSeveralInputs:
    SPECS = (
        TensorSpec("left", (None, 2), "float32"),
        TensorSpec("right", (None, 1), "float32"),
    )

    def test_columns_belong_to_the_input_whose_name_they_begin_with(self, path):
        write(path, "right,left_1,left_2,y\n9,1,2,0\n8,3,4,1\n")
        raw = read(path, self.SPECS)
        assert raw.inputs["left"].tolist() == [[1, 2], [3, 4]]
        assert raw.inputs["right"].tolist() == [[9], [8]]
        assert raw.labels["y"].tolist() == [0, 1]

    def test_an_input_without_columns_is_refused(self, path):
        write(path, "left_1,left_2\n1,2\n")
        with pytest.raises(DataError, match=r"columns named right_\.\.\."):
            read(path, self.SPECS)
