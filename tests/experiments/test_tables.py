"""The papers' tables with ours beside them, and the page of results made from files."""

import json

import pytest

from c3jax.tools.errors import UsageError
from experiments import tables
from experiments.measure import published


def test_the_page_of_results_is_what_its_files_say():
    page = tables.PAGE.read_text()
    assert tables.filled(page) == page
    assert len(tables.MARKED.findall(page)) == len(tables.stored()["result"])


def test_a_number_that_no_file_says_does_not_stay():
    page = tables.PAGE.read_text()
    assert "| 9.50 |" in page
    assert tables.filled(page.replace("| 9.50 |", "| 8.00 |")) == page


def test_every_published_table_has_what_stands_beside_it():
    beside = tables.read()
    every = [(table.paper, table.number) for table in published.tables()]
    assert [(ours.paper, ours.number) for ours in beside] == every
    for ours in beside:
        assert all(row.values and row.command for row in ours.rows)
        assert ours.comparable and ours.missing and bool(ours.unit) == bool(ours.rows)


def test_what_is_not_in_a_file_is_refused_by_name():
    with pytest.raises(UsageError, match=r"jlad.*: no 'iterations/9/pck', there is no '9'"):
        tables.look_up("jlad-laptop-seed0.results.json", "iterations/9/pck")
    with pytest.raises(UsageError, match="nothing.json is missing"):
        tables.look_up("nothing.json", "pck")
    with pytest.raises(UsageError, match="no table nowhere in .*tables.toml"):
        tables.filled("<!-- table nowhere -->\n\n<!-- end -->")


def test_a_table_is_printed_with_ours_and_with_what_has_no_run(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["tables", "JLAD", "1"])
    tables.main()
    printed = capsys.readouterr().out
    for text in ("JLAD, Table 1", "Iteration 3", "72.10", "joint, after its round", "74.24"):
        assert text in printed
    assert "Comparable: no" in printed and "No run:" in printed and "Table 2:" not in printed


def test_several_seeds_have_a_spread(monkeypatch):
    row = tables.Row("x", "y", 64, "nme", ("a-seed0.json", "a-seed12.json"), "make z")
    monkeypatch.setattr(tables, "look_up", lambda name, key: 3.0 if "12" in name else 1.0)
    ours = tables.Ours("C3", "2", "error", "no", "none", (row,))
    _, table = tables.as_tables(published.table("C3", "2"), ours)
    assert table.rows == [["x", "y", 64, None, "0, 12", "2.00 ± 1.41"]]
    assert tables.sources(row) == "x: make z; a-seed0.json, a-seed12.json"


def test_a_cell_of_every_seed_has_their_spread_or_an_interval(tmp_path, monkeypatch):
    found = {"arms": {"a": {"0": {"nme": 11.0}, "1": {"nme": 13.0}, "2": {"nme": 12.0}}}}
    found["arms"]["b"] = {seed: {"nme": 10.0} for seed in "012"}
    (tmp_path / "arms.json").write_text(json.dumps(found))
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    files = {"f": "arms.json"}
    assert tables._cell("f: arms/a/*/nme", files, 2) == "12.00 ± 1.00"
    # Differences 1, 3, 2: mean 2, deviation 1, and Student's t of 2 degrees is 4.303.
    difference = "+2.00 ± 2.48 (+20.0 ± 24.8 %)"
    assert tables._cell("f: arms/a/*/nme - arms/b/*/nme", files, 2) == difference


def test_an_empty_place_is_filled_and_what_follows_stays():
    place = "<!-- table c3_laptop -->\n<!-- end -->\n"
    found = tables.filled(f"{place}between\n{place}")
    assert found.count("mean shape in the true box") == 2 and "<!-- end -->\nbetween\n" in found


def test_an_unknown_table_names_the_known_ones(monkeypatch):
    monkeypatch.setattr("sys.argv", ["tables", "C3", "9"])
    with pytest.raises(UsageError, match="no table C3 9; there are C3 1a, C3 1b"):
        tables.main()
