"""Pairs told by the names of their pictures."""

import pytest

from c3jax.files.errors import DataError
from c3jax.files.named_pairs import pairs_folder
from tests.data_pipelines.pair_files import write_picture


def write(root, *names):
    for seed, name in enumerate(names):
        write_picture(root / name, 12 + seed, 10, seed)
    return root


def test_pairs_are_told_by_their_names_in_all_folders(tmp_path, caplog):
    write(tmp_path, "mug/source.png", "mug/target.jpg", "1_target.png", "1_Source.PNG", "notes.png")
    pairs = pairs_folder(tmp_path)
    names = [
        tuple(
            side.files[k].relative_to(tmp_path).as_posix() for side in (pairs.source, pairs.target)
        )
        for k in range(len(pairs))
    ]
    assert names == [("1_Source.PNG", "1_target.png"), ("mug/source.png", "mug/target.jpg")]
    assert "passed over 1 .png, which are not read: notes.png" in caplog.text
    assert pairs.source.points_px is None and pairs.source.sizes.tolist() == [[15, 10], [12, 10]]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a.png", "b.png"], "no pair in it; name the two pictures of each"),
        (["a_source.png"], "a_source.png: it has no target beside it"),
        (["b/target.png", "source.png", "target.png"], "b/target.png: it has no source beside it"),
        (["source.png", "source.jpg", "target.png"], "source.png: source.jpg is there too"),
    ],
)
def test_what_makes_no_pairs_is_refused(tmp_path, names, said):
    with pytest.raises(DataError, match=said):
        pairs_folder(write(tmp_path, *names))
