"""The `alignment` object in a report: methods, definitions, categories, the dense field."""

import copy

from experiments.show.page import render
from experiments.show.sections import alignment_section

ALPHAS = ("0.05", "0.10", "0.15")


def pck(first):
    return dict(zip(ALPHAS, (first, first + 1.0, first + 2.0), strict=True))


def numbers(sentence, first):
    return {
        "definition": sentence,
        "per_pair": pck(first),
        "per_point": pck(first + 0.25),
        "mean_of_categories": pck(first + 0.5),
        "categories": {
            "car": {"pairs": 4, "per_pair": pck(first + 0.1)},
            "mug": {"pairs": 2, "per_pair": pck(first + 0.2)},
        },
        "interval": {"per_pair": {alpha: [first - 3.0, first + 4.0] for alpha in ALPHAS}},
    }


def table(first, *, dense=False):
    found = {
        "interval": "how it was drawn",
        "definitions": {
            "scnet": {"target_to_source": numbers("scnet: in words", first + 30)},
            "bbox": {"source_to_target": numbers("bbox: in words", first)},
        },
    }
    if dense:
        parts = {
            part: {"pixels": 1000 * k, "end_point_error_px": first / k, "pck": pck(first - k)}
            for k, part in enumerate(("all", "visible", "occluded"), start=1)
        }
        found["dense"] = {"definition": "pixels of the object", **parts}
    return found


def alignment(**options):
    return {
        "test": "seen categories",
        "pck": pck(50.0),
        "identity_pck": pck(10.0),
        "nearest_neighbour_pck": pck(20.0),
        "protocol": "bbox: in words",
        "pairs": 6,
        "pictures": 1234,
        "methods": {"identity": table(10.0, **options), "trained": table(50.0, **options)},
    }


def rows_of(table):
    return {row[0]: list(row[1:]) for row in table.rows}


def test_the_headline_has_every_method_and_its_definition():
    section = alignment_section(alignment(), [("NC-Net", 78.9)])
    assert section.title == "Alignment: seen categories"
    headline = section.tables[0]
    rows = rows_of(headline)
    assert rows["this run"] == [50.0, 51.0, 52.0] and rows["identity"] == [10.0, 11.0, 12.0]
    assert rows["nearest neighbour"] == [20.0, 21.0, 22.0] and "mutual matching" not in rows
    assert rows["NC-Net"] == [None, 78.9, None]
    assert headline.note == "bbox: in words; 6 pairs of 1,234 pictures."


def test_this_run_is_told_by_every_definition_with_its_interval():
    rows = rows_of(alignment_section(alignment()).tables[1])
    assert rows["bbox: in words"] == [50.0, 51.0, 52.0, "47.0 to 54.0"]
    assert rows["scnet: in words"] == [80.0, 81.0, 82.0, "77.0 to 84.0"]


def test_categories_are_told_by_the_definition_of_the_headline():
    categories = alignment_section(alignment()).tables[2]
    assert list(categories.columns) == ["PCK@0.10, %", "pairs", "identity", "this run"]
    rows = rows_of(categories)
    assert rows["car"] == [4, 11.1, 51.1] and rows["mug"] == [2, 11.2, 51.2]
    assert rows["mean of the categories"] == [None, 11.5, 51.5]
    without = copy.deepcopy(alignment())
    for found in without["methods"].values():
        del found["definitions"]["bbox"]["source_to_target"]["categories"]
    assert len(alignment_section(without).tables) == 2


def test_the_dense_field_is_split_by_visibility():
    dense = alignment_section(alignment(dense=True)).tables[3]
    assert [c for c in dense.columns if "error" in c][1] == "error, px, visible"
    assert rows_of(dense)["this run"][:3] == [50.0, 25.0, 50.0 / 3]
    assert rows_of(dense)["this run"][3:] == [50.0, 49.0, 48.0]
    assert "1,000 all, 2,000 visible, 3,000 occluded" in dense.note


def test_an_object_without_details_has_its_headline():
    bare = {"pck": pck(1.0), "protocol": "img: in words"}
    section = alignment_section(bare)
    assert section.title == "Alignment" and len(section.tables) == 1
    assert "img: in words." in render("title", "lead", [section])
