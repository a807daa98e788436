"""What holds for every kind of rendered pictures: pure, the same in bulk, kept under their name."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import data_pipelines.rendered
from data_pipelines.errors import DataError
from data_pipelines.rendered import faces, objects, rooms
from data_pipelines.rendered.engine import arrays, sheet
from data_pipelines.rendered.engine.scene import modules_behind
from data_pipelines.rendered.objects import pair_scene

SOME = ("plane", "mug")
SCENES = {"faces": faces.SCENE, "objects": objects.scene_of(SOME), "rooms": rooms.SCENE}
COUNTS = {"train": 3, "validation": 1, "test": 2}


@pytest.fixture(params=SCENES)
def scene(request):
    return SCENES[request.param]


def same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_a_picture_is_a_function_of_its_arguments(scene):
    first, second = (scene.render("test", 5, size=32, seed=3) for _ in range(2))
    same(first, second)
    for split, index, seed in [("test", 8, 3), ("test", 5, 4), ("train", 5, 3)]:
        assert (scene.render(split, index, size=32, seed=seed)["image"] != first["image"]).any()


def test_fields_have_their_shapes_and_types(scene):
    picture = scene.render("validation", 0, size=20, seed=0)
    found = {name: (np.shape(v), np.asarray(v).dtype) for name, v in picture.items()}
    found.pop("vertices_px", None)
    assert found == {n: (shape, np.dtype(kind)) for n, (shape, kind) in scene.specs(20).items()}
    assert set(scene.large) < set(found)


def test_the_number_of_processes_changes_nothing(scene, monkeypatch, capfd):
    monkeypatch.setattr(arrays, "CHUNK", 4)
    direct = arrays.load(scene, "train", 7, size=16, workers=1, progress=False)
    same(arrays.load(scene, "train", 7, size=16, workers=2), direct)
    shown = capfd.readouterr().err
    assert "7/7" in shown and f"{scene.noun}/s" in shown and "Warning" not in shown
    for index in (0, 6):
        picture = scene.render("train", index, size=16, seed=0)
        same({n: v[index] for n, v in direct.items()}, {n: picture[n] for n in direct})


def test_folders_are_named_after_all_that_the_pictures_depend_on(tmp_path):
    options = {"size": 16, "cache_dir": tmp_path, "progress": False}
    for module in (faces, objects, rooms):
        module.load_arrays("train", 3, fields=["keypoints"], **options)
    objects.load_pairs("test", 3, seed=1, categories=list(SOME), **options)
    all_objects, some = objects.scene_of(objects.CATEGORIES), objects.scene_of(SOME)
    assert {folder.name for folder in tmp_path.iterdir()} == {
        f"rendered_faces-16px-train-3-seed0-{faces.SCENE.digest}",
        f"rendered_rooms-16px-train-3-seed0-{rooms.SCENE.digest}",
        f"rendered_objects-all-16px-train-3-seed0-{all_objects.digest}",
        f"rendered_objects-plane+mug-16px-test-4-seed1-{some.digest}",
        f"rendered_object_pairs-plane+mug-16px-test-3-seed1-{pair_scene(SOME, 3).digest}",
    }


@pytest.mark.parametrize("scene", [*SCENES.values(), pair_scene(SOME, 3)], ids=[*SCENES, "pairs"])
def test_the_digest_covers_every_module_that_shapes_the_pictures(scene):
    root = Path(data_pipelines.rendered.__file__).parents[2]
    folder = Path(*scene.module.split(".")[:-1])
    paths = [*(root / folder).rglob("*.py"), *(root / folder.with_name("engine")).rglob("*.py")]
    found = {".".join(path.relative_to(root).with_suffix("").parts) for path in paths}
    tools = {"__init__", "__main__", "arrays", "scene", "sheet", "workers"}
    if scene.noun != "pairs":
        tools |= {"correspondence", "pairs"}
    shape = {name for name in found if name.split(".")[-1] not in tools}
    packages = {"data_pipelines.rendered.objects.categories"}
    assert modules_behind(scene.module) - packages == shape


def test_rendering_imports_neither_jax_nor_tensorflow():
    code = (
        "import sys; from data_pipelines.rendered import faces, objects, rooms;"
        "faces.render_face('train', 0, size=16); objects.render_object('train', 0, size=16);"
        "rooms.render_room('train', 0, size=16);"
        "print(*sorted({m.split('.')[0] for m in sys.modules} & {'jax', 'jaxlib', 'flax',"
        "'tensorflow', 'tensorflow_datasets', 'scipy', 'PIL', 'joblib', 'tyro'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_a_contact_sheet_is_written(scene, tmp_path, monkeypatch, capsys):
    out = tmp_path / "sheet.png"
    arguments = f"--out {out} --rows 2 --columns 3 --size 16 --split test --seed 2 --start 4"
    monkeypatch.setattr(sys, "argv", ["sheet", *arguments.split()])
    sheet.main(scene)
    shown = np.asarray(Image.open(out))
    assert shown.shape == (32, 48, 3)
    fourth = scene.render("test", 7, size=16, seed=2)["image"]
    np.testing.assert_array_equal(shown[16:, :16], fourth)
    assert f"2 x 3 test {scene.noun} of 16 px" in capsys.readouterr().out


@pytest.mark.parametrize("module", [faces, objects, rooms])
def test_refusals(module):
    for arguments, options, message in [
        (("dev", 2), {}, "split: expected one of .*'dev'"),
        (("train", 0), {}, "count 0"),
        (("train", 2), {"size": 8}, "size 8"),
        (("train", 2), {"fields": ["vertices_px"]}, "'vertices_px'"),
    ]:
        with pytest.raises(DataError, match=message):
            module.load_arrays(*arguments, **options)
    render = {faces: faces.render_face, objects: objects.render_object, rooms: rooms.render_room}
    for arguments, size, message in [
        (("dev", 0), 64, "split: expected one of .*'dev'"),
        (("train", -1), 64, "index -1"),
        (("train", 0), 8, "size 8"),
    ]:
        with pytest.raises(DataError, match=message):
            render[module](*arguments, size=size)


@pytest.fixture(scope="module")
def builders():
    pytest.importorskip("tensorflow")
    pytest.importorskip("tensorflow_datasets").disable_progress_bar()
    from data_pipelines.rendered import builders

    options = {"size": 24, "seed": 5, "workers": 1, **COUNTS}
    return {
        "faces": (builders.RenderedFaces, builders.RenderedFacesConfig(**options)),
        "objects": (
            builders.RenderedObjects,
            builders.RenderedObjectsConfig(categories=SOME, **options),
        ),
        "rooms": (builders.RenderedRooms, builders.RenderedRoomsConfig(**options)),
    }


@pytest.mark.parametrize("kind", SCENES)
@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
def test_builders_yield_the_pictures_by_index_and_through_tf_data(
    builders, kind, file_format, tmp_path
):
    import tensorflow_datasets as tfds

    maker, config = builders[kind]
    builder = maker(data_dir=tmp_path, config=config, file_format=file_format)
    builder.download_and_prepare()
    for split, count in COUNTS.items():
        if file_format == "array_record":
            source = builder.as_data_source(split=split)
            examples = [source[index] for index in range(len(source))]
        else:
            examples = list(tfds.as_numpy(builder.as_dataset(split=split)))
        assert len(examples) == count
        for index, example in enumerate(examples):
            picture = SCENES[kind].render(split, index, size=24, seed=5)
            same(example, {name: picture[name] for name in example})
            kinds = {name: np.asarray(value).dtype for name, value in example.items()}
            assert kinds == {name: kind for name, (_, kind) in SCENES[kind].specs(24).items()}


def test_builders_are_named_after_categories_counts_and_digest(builders):
    for kind, (maker, config) in builders.items():
        assert [c.size for c in maker.BUILDER_CONFIGS] == [64, 128]
        digest, start = SCENES[kind].digest, "plane+mug-" if kind == "objects" else ""
        assert config.name == f"{start}24px-3-1-2-seed5-{digest}"
    maker, config = builders["objects"]
    assert all(c.name.startswith("all-") for c in maker.BUILDER_CONFIGS)
    with pytest.raises(ValueError, match="'dragon'"):
        type(config)(categories=("dragon",))
