"""Tables as people save them: separators, encodings, headers, labels, gaps."""

from __future__ import annotations

import numpy as np
import pytest

from converter.csv_data import read_csv_data
from converter.csv_table import read_table
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
        assert list(read_table(path, "table.csv").frame.columns) == ["größe", "länge"]
        assert load_samples(path, "table.csv", TWO).inputs["features"].tolist() == ROWS

    @pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
    def test_encodings_of_a_large_file(self, path, encoding):
        write(path, "größe,länge\n" + "1,2\n" * 40_000, encoding)
        assert list(read_table(path, "table.csv").frame.columns) == ["größe", "länge"]

    def test_a_large_utf8_file_cut_within_a_character_by_the_first_look(self, path):
        write(path, "a,b\n" + "é,2\n" * 20_000)
        assert len(read_table(path, "table.csv").frame) == 20_000

    def test_one_column(self, path):
        write(path, "value\n1\n2\n")
        found = read(path, [TensorSpec("x", (None, 1), "float32")])
        assert found.inputs["x"].tolist() == [[1.0], [2.0]]

    def test_columns_without_header_are_named(self, path):
        write(path, "1,2\n3,4\n")
        assert list(read_table(path, "table.csv").frame.columns) == ["column 1", "column 2"]

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
    @pytest.mark.parametrize("gap", ["", "NaN", "NA", "?", "null"])
    def test_gaps_become_nan(self, path, gap):
        write(path, f"a,b\n1,{gap}\n{gap},4\n")
        samples = load_samples(path, "table.csv", TWO)
        assert np.isnan(samples.inputs["features"]).tolist() == [[False, True], [True, False]]

    def test_a_gap_in_the_first_row_of_a_headless_table_loses_no_row(self, path):
        write(path, "1,\n3,4\n5,6\n")
        assert len(read(path).inputs["features"]) == 3

    def test_text_among_the_features_is_refused_with_column_and_example(self, path):
        write(path, "a,colour\n1,red\n3,blue\n")
        with pytest.raises(DataError, match=r"found text in 'colour' \(such as 'red'\); encode"):
            read(path)

    def test_many_columns_of_text_are_told_in_few_words(self, path):
        columns = [f"c{n}" + "x" * 300 for n in range(50)]
        write(path, ",".join(columns) + "\n" + ",".join(["y" * 300] * 50) + "\n")
        with pytest.raises(
            DataError, match=r"in 'c0x+' \(such as 'y+'\), .* and 47 more"
        ) as refused:
            read(path, [TensorSpec("x", (None, 50), "float32")])
        assert len(str(refused.value)) < 600

    def test_integers_keep_every_digit_for_a_model_of_integers(self, path):
        write(path, f"a,b\n{2**24 + 1},2\n3,4\n")
        samples = load_samples(path, "t", [TensorSpec("ids", (None, 2), "int32")])
        assert samples.inputs["ids"].tolist() == [[2**24 + 1, 2], [3, 4]]

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


class TestRoles:
    """Which columns are features, labels, or neither."""

    @pytest.mark.parametrize("name", ["", "id", "Index", "#"])
    def test_a_column_that_only_counts_is_left_out(self, path, name):
        write(path, f"{name},a,b\n0,1,2\n1,3,4\n2,5,6\n")
        raw = read(path)
        assert raw.inputs["features"].tolist() == ROWS
        assert raw.labels == {}
        assert any("only counts the rows: left out" in note for note in raw.notes)

    def test_an_index_beside_labels_is_left_out(self, path):
        write(path, ",a,b,label\n0,1,2,7\n1,3,4,8\n2,5,6,9\n")
        raw = read(path)
        assert raw.inputs["features"].tolist() == ROWS
        assert raw.labels["y"].tolist() == [7, 8, 9]

    def test_a_column_that_happens_to_count_is_a_feature_where_it_is_needed(self, path):
        write(path, "id,b\n1,2\n2,3\n3,4\n")
        assert read(path).inputs["features"].tolist() == [[1, 2], [2, 3], [3, 4]]

    def test_two_rows_that_happen_to_count_are_no_index(self, path):
        write(path, "a,b,species\n0,2,5\n1,4,6\n")
        raw = read(path)
        assert raw.inputs["features"].tolist() == [[0, 2], [1, 4]]
        assert raw.labels["y"].tolist() == [5, 6]

    def test_the_one_column_of_text_is_the_label_wherever_it_stands(self, path):
        write(path, "species,a,b\nwolf,1,2\nfox,3,4\n")
        raw = read(path)
        assert raw.labels["y"].tolist() == [1, 0]
        assert raw.class_names == {"y": ("fox", "wolf")}

    def test_text_beside_as_many_numbers_as_the_model_takes_is_left_out(self, path):
        write(path, "name,a,city,b,label\nfoo,1,x,2,0\nbar,3,y,4,1\n")
        raw = read(path)
        assert raw.inputs["features"].tolist() == [[1, 2], [3, 4]]
        assert any("'name', 'city' hold text" in note for note in raw.notes)

    def test_a_column_named_like_a_label_is_a_feature_where_none_is_left_over(self, path):
        write(path, "class,b\n1,2\n3,4\n5,6\n")
        raw = read(path)
        assert raw.inputs["features"].tolist() == ROWS
        assert raw.labels == {}

    def test_the_columns_of_an_input_are_known_by_name(self, path):
        write(path, "a,b,label\n1,2,0\n3,4,1\n")
        assert read(path).columns == {"features": ("a", "b")}

    def test_the_asked_column_may_be_given_without_its_spaces(self, path):
        write(path, "a, kind ,b\n1,5,2\n3,6,4\n")
        assert read(path, label_column="kind").labels["y"].tolist() == [5, 6]


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

    def test_of_two_names_that_fit_the_longer_owns_the_column(self, path):
        specs = (TensorSpec("a", (None, 1), "float32"), TensorSpec("a_b", (None, 2), "float32"))
        write(path, "a,a_b_1,a_b_2\n1,2,3\n4,5,6\n")
        raw = read(path, specs)
        assert raw.inputs["a"].tolist() == [[1], [4]]
        assert raw.inputs["a_b"].tolist() == [[2, 3], [5, 6]]

    def test_labels_of_several_outputs_go_by_their_names(self, path):
        write(path, "right,left_1,left_2,y_kind,y_size\n9,1,2,cat,0.5\n8,3,4,dog,1.5\n")
        raw = read(path, self.SPECS)
        assert raw.labels["kind"].tolist() == [0, 1]
        assert raw.labels["size"].tolist() == [0.5, 1.5]
        assert raw.class_names == {"kind": ("cat", "dog")}

    def test_columns_of_no_input_are_told(self, path):
        write(path, "right,left_1,left_2,label,other,more\n9,1,2,0,5,5\n8,3,4,1,6,5\n")
        raw = read(path, self.SPECS)
        assert raw.labels["y"].tolist() == [0, 1]
        assert any("belong to no input: 'other', 'more'; left out" in note for note in raw.notes)
