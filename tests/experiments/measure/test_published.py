"""The published tables against numbers typed from the papers a second time."""

import json

import pytest

from experiments.measure import published

TABLES = [("C3", n) for n in ("1a", "1b", "2", "3")] + [("JLAD", n) for n in "1234"]


def test_every_table_of_both_papers_is_there_once():
    assert [(t.paper, t.number) for t in published.tables()] == TABLES


@pytest.mark.parametrize("table", published.tables(), ids=lambda t: f"{t.paper}-{t.number}")
def test_a_table_has_whole_rows_units_and_notes(table):
    assert table.caption and table.notes and table.rows
    assert set(table.units) <= set(table.columns)
    for row in table.rows:
        assert len(row) == len(table.columns)
    for record in table.records():
        for column in table.units:
            assert record[column] is None or 0 < record[column] < 100
    identifying = [tuple(r[c] for c in table.columns if c not in table.units) for r in
                   table.records()]  # fmt: skip
    assert len(set(identifying)) == len(identifying)


@pytest.mark.parametrize(
    "paper, number, column, row, value",
    [
        ("C3", "1a", "MAFL", {"method": "Ours", "K": 10}, 3.11),
        ("C3", "1a", "MAFL", {"method": "Ours", "K": 30}, 2.54),
        ("C3", "1a", "AFLW", {"method": "Ours", "K": 10}, 6.75),
        ("C3", "1a", "AFLW", {"method": "Ours", "K": 30}, 6.26),
        ("C3", "1a", "MAFL", {"method": "Cond.", "K": 10}, 3.19),
        ("C3", "1a", "MAFL", {"method": "Cond.", "K": 30}, 2.58),
        ("C3", "1a", "AFLW", {"method": "Cond.", "K": 30}, 6.31),
        ("C3", "1a", "MAFL", {"method": "Joint.", "K": 10}, 3.33),
        ("C3", "1a", "MAFL", {"method": "Struc.", "K": 10}, 3.46),
        ("C3", "1a", "AFLW", {"method": "Struc.", "K": 30}, 6.58),
        ("C3", "1a", "MAFL", {"method": "Fact", "K": 10}, None),
        ("C3", "1a", "MAFL", {"method": "Shape.", "K": 10}, 3.24),
        ("C3", "1a", "MAFL", {"method": "Shape.", "K": 30}, None),
        ("C3", "1b", "MAFL", {"method": "RCPR"}, None),
        ("C3", "1b", "AFLW", {"method": "RCPR"}, 11.60),
        ("C3", "1b", "MAFL", {"method": "MTCNN"}, 5.39),
        ("C3", "1b", "AFLW", {"method": "MTCNN"}, 6.90),
        ("C3", "2", "MSE", {"cycle": False, "flow": False}, 3.31),
        ("C3", "2", "MSE", {"cycle": True, "flow": False}, 3.18),
        ("C3", "2", "MSE", {"cycle": False, "flow": True}, 3.30),
        ("C3", "2", "MSE", {"cycle": True, "flow": True}, 3.11),
        ("C3", "3", "PCK@0.1", {"method": "Ours"}, 78.5),
        ("C3", "3", "PCK@0.1", {"method": "Ours w. landmark"}, 80.1),
        ("C3", "3", "PCK@0.1", {"method": "NC-Net"}, 78.9),
        ("C3", "3", "PCK@0.1", {"method": "PF-LOM"}, 62.5),
        ("JLAD", "1", "PCK@0.1", {"method": "Separate learning"}, 63.2),
        ("JLAD", "1", "IOD", {"method": "Separate learning"}, 7.97),
        ("JLAD", "1", "IOD", {"method": "Ours"}, 6.92),
        ("JLAD", "2", "All", {"method": "Ours"}, 73.6),
        ("JLAD", "2", "chair", {"method": "NCNet"}, 75.8),
        ("JLAD", "3", "PCK@0.05", {"method": "Ours"}, 52.8),
        ("JLAD", "3", "PCK@0.15", {"method": "NCNet"}, 78.1),
        ("JLAD", "4", "MAFL", {"method": "FPE"}, 6.67),
        ("JLAD", "4", "AFLW", {"method": "DEIL"}, 8.80),
        ("JLAD", "4", "MAFL", {"method": "CIG"}, 3.08),
        ("JLAD", "4", "MAFL", {"method": "Ours", "K": 30}, 2.98),
        ("JLAD", "4", "JLAD", {"method": "Ours", "K": 30}, 6.92),
    ],
)  # fmt: skip
def test_a_number_is_the_one_in_print(paper, number, column, row, value):
    records = published.table(paper, number).records()
    assert [record[column] for record in records if row.items() <= record.items()] == [value]


def test_the_mean_of_jlads_categories_is_its_column_all():
    for row in published.table("JLAD", "2").rows:
        assert sum(row[1:-1]) / 12 == pytest.approx(row[-1], abs=0.051)


def test_methods_that_both_papers_print_have_one_name():
    names = json.loads(published.FILE.read_text())["same_method"]
    methods = {r.get("method") for t in published.tables() for r in t.records()}
    assert set(names) <= methods


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match="no table C3 9; there are C3 1a"):
        published.table("C3", "9")


def test_published_errors_stand_only_beside_the_mafl_protocol():
    mafl = {"data": "celeb_a", "landmarks": {"fitted_on": 17_100, "tested_on": 1_000}}
    assert ("C3, as published", 3.11) in published.comparable_errors(mafl, 10)
    assert ("Cond.", 2.58) in published.comparable_errors(mafl, 30)
    assert published.comparable_errors(mafl, 20) == []
    assert published.comparable_errors({**mafl, "data": "rendered_faces"}, 10) == []
    fewer = {"data": "celeb_a", "landmarks": {"fitted_on": 500, "tested_on": 1_000}}
    assert published.comparable_errors(fewer, 10) == []


AFLW = {"landmarks": {"fitted_on": 9_110, "tested_on": 2_991}}


def test_the_error_of_c3_on_aflw_stands_beside_runs_that_were_trained_on_celeb_a():
    celeb_a = {"data": "celeb_a", "tested_data": "aflw", **AFLW}
    assert published.comparable_errors(celeb_a, 10) == [("C3, as published", 6.75)]
    assert published.comparable_errors(celeb_a, 30) == [("C3, as published", 6.26)]
    for change in ({"tested_data": "aflw_mtfl"}, {"data": "rendered_faces"}, {"data": "folder"}):
        assert published.comparable_errors(celeb_a | change, 10) == []


def test_errors_of_those_who_went_on_on_aflw_stand_beside_runs_that_did():
    aflw = {"data": "aflw", "begun_on": "celeb_a", **AFLW}
    assert published.comparable_errors(aflw, 10) == [("Struc.", 7.01), ("Joint.", 7.17)]
    assert published.comparable_errors(aflw, 30) == [("Struc.", 6.58), ("Joint.", 6.51)]
    for change in ({"begun_on": None}, {"begun_on": "folder"}, {"data": "aflw_mtfl"}):
        assert published.comparable_errors(aflw | change, 10) == []


def test_published_pck_stands_only_beside_the_same_protocol():
    alignment = {"pairs": 299, "protocol": "scnet: target key points carried to the source ..."}
    pascal = {"data": "pf_pascal", "alignment": alignment}
    found = dict(published.comparable_pck(pascal))
    assert found["C3, as published"] == 78.5 and found["NC-Net"] == 78.9 and len(found) == 8
    assert published.comparable_pck({**pascal, "data": "pf_willow"}) == []
    assert published.comparable_pck({"data": "pf_pascal"}) == []
    for change in ({"pairs": 204}, {"protocol": "img: source key points ..."}):
        assert published.comparable_pck({**pascal, "alignment": alignment | change}) == []
