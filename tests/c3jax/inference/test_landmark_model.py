"""Saving, loading and applying landmark models."""

import functools
import json
from dataclasses import replace
from typing import get_args

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from PIL import Image
from safetensors.numpy import load_file, save_file

import c3jax
from c3jax import inference
from c3jax.files import frames
from c3jax.models.families import from_config
from tests.experiments.tiny import random_tree

SIZE = 32
MODEL = {
    "trunk": {
        "architecture": "small",
        "output_stride": 8,
        "stages": ["layer1"],
        "normalization": "batch",
    },
    "num_landmarks": 3,
    "image_shape": [SIZE, SIZE],
    "landmark_stages": ["layer1"],
    "flow_stages": ["layer1"],
    "appearance_channels": 4,
    "pose_channels": 8,
    "decoder_channels": 8,
    "flow_channels": [1],
}
CONFIG = {"model": MODEL, "image_size": SIZE, "crop": "centre", "trained_on": {"data": "nothing"}}


@pytest.fixture(scope="module")
def variables():
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), np.float32)
    init = from_config(MODEL).init
    tree = random_tree(jax.eval_shape(init, jax.random.key(0), image))
    return tree | {"params": tree["params"] | {"perceptual": {"kernel": np.ones((3, 3))}}}


@pytest.fixture(scope="module")
def folder(variables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    inference.save(folder, variables, CONFIG, dtype="float32")
    return folder


@pytest.fixture
def copy(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.fixture(scope="module")
def model(folder):
    return inference.load(folder, batch_size=4)


def pictures(*shapes, seed=0):
    random = np.random.default_rng(seed)
    return [_smooth(random.integers(0, 256, (6, 5, 3), np.uint8), shape) for shape in shapes]


def _smooth(coarse, shape):
    return np.asarray(Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC))


def test_pictures_of_the_networks_size_reach_it_as_they_are(model):
    images = np.stack(pictures(*[(SIZE, SIZE)] * 3))
    encode = jax.jit(functools.partial(model.network.apply, method="encode"))
    encoding = encode(model.variables, images / np.float32(255))
    found = model.landmarks(images)
    assert (found.shape, found.dtype) == ((3, 3, 2), np.float32)
    np.testing.assert_allclose(found, encoding.landmarks, atol=1e-5)
    np.testing.assert_allclose(model.landmarks(images / np.float32(255)), found, atol=1e-5)
    assert np.ptp(found, axis=0).max() > 1e-3  # the landmarks do depend on the picture


def test_one_by_one_as_all_at_once(model):
    images = pictures((SIZE, SIZE), (20, 41), (64, 64), (50, 33), (33, 50), (8, 8))
    together = model.landmarks(images)
    np.testing.assert_allclose(
        together, np.concatenate([model.landmarks([image]) for image in images]), atol=1e-5
    )
    assert model.landmarks([]).shape == (0, 3, 2)


def test_landmarks_are_in_coordinates_of_the_whole_picture(model):
    (wide,) = pictures((SIZE, SIZE + 20))
    whole_px = c3jax.to_pixels(model.landmarks([wide])[0], wide.shape[:2])
    cut_px = c3jax.to_pixels(model.landmarks([wide[:, 10:-10]])[0], (SIZE, SIZE))
    np.testing.assert_allclose(whole_px, cut_px + np.array([10, 0]), atol=1e-3)


@pytest.mark.parametrize("crop", inference.CROPS)
@pytest.mark.parametrize("shape", [(90, 61), (20, 30)])
def test_pictures_are_framed_and_resampled_as_for_training(model, crop, shape):
    (picture,) = pictures(shape)
    frame = frames.frame_picture(shape[1], shape[0], size=SIZE, crop=crop)
    region = inference.crop_region(crop, *shape)
    np.testing.assert_allclose(region, frame.region)
    square = frames.resize_picture(picture, frame)
    # Pillow rounds to whole grey levels twice, after each direction.
    levels = 255 * inference.resample(picture, region, SIZE)
    np.testing.assert_allclose(levels, square.astype(float), atol=1.01)
    expected_px = frame.to_original(
        c3jax.to_pixels(model.landmarks(square[None])[0].astype(float), (SIZE, SIZE))
    )
    found_px = c3jax.to_pixels(replace(model, crop=crop).landmarks([picture])[0], shape)
    np.testing.assert_allclose(found_px, expected_px, atol=0.05)


def test_the_crops_are_those_of_the_data():
    assert inference.CROPS == get_args(frames.Crop)


def test_float32_files_keep_every_bit_and_leave_out_what_is_not_the_networks(model, variables):
    stored, given = flatten_dict(model.variables), flatten_dict(variables)
    assert set(given) - set(stored) == {("params", "perceptual", "kernel")}
    for path, array in stored.items():
        np.testing.assert_array_equal(array, given[path])


def test_float16_files_are_half_as_large_and_move_landmarks_by_little(model, folder, tmp_path):
    inference.save(tmp_path / "new" / "half", model.variables, CONFIG)
    half = inference.load(tmp_path / "new" / "half" / "model.safetensors")
    sizes = [(f / "model.safetensors").stat().st_size for f in (tmp_path / "new" / "half", folder)]
    assert sizes[0] < 0.6 * sizes[1]
    images = pictures((SIZE, SIZE), (40, 40))
    np.testing.assert_allclose(half.landmarks(images), model.landmarks(images), atol=5e-3)
    assert half.trained_on == {"data": "nothing"}


def test_models_of_the_other_family_are_saved_too(tmp_path):
    imm = {
        "family": "imm",
        "num_landmarks": 2,
        "image_shape": [SIZE, SIZE],
        "encoder_widths": (4, 4, 8),
        "decoder_channels": 8,
    }
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), np.float32)
    shapes = jax.eval_shape(from_config(imm).init, jax.random.key(0), image)
    inference.save(tmp_path, random_tree(shapes), CONFIG | {"model": imm})
    assert inference.load(tmp_path).landmarks(pictures((20, 30))).shape == (1, 2, 2)


@pytest.mark.parametrize(
    ("images", "named"),
    [
        (np.zeros((4, 4, 3), np.uint8), r"images must be \[n, H, W, 3\].*got shape \(4, 4, 3\)"),
        ([np.zeros((4, 4), np.uint8)], r"images\[0\] must have shape \[H, W, 3\], got \(4, 4\)"),
        ([np.zeros((4, 4, 4), np.uint8)], r"images\[0\].*\(4, 4, 4\)"),
        ([np.zeros((0, 4, 3), np.uint8)], r"images\[0\].*\(0, 4, 3\)"),
        ([np.zeros((4, 4, 3), int)], r"uint8 or floating, got int64 in images\[0\]"),
        ([np.full((4, 4, 3), 255.0)], r"must lie in \[0, 1\], got \[255, 255\] in images\[0\]"),
        ([np.full((4, 4, 3), np.nan)], r"must lie in \[0, 1\]"),
        (["face.jpg"], "uint8 or floating"),
        ("face.jpg", "face.jpg"),
    ],
)
def test_what_are_no_pictures_is_refused(model, images, named):
    with pytest.raises(ValueError, match=named):
        model.landmarks(images)


def test_models_of_the_first_format_are_read(copy, model):
    edit(copy, format=1)
    assert inference.load(copy).crop == model.crop


def test_a_missing_file_is_named(copy):
    with pytest.raises(ValueError, match=r"nowhere.model\.safetensors: no such file"):
        inference.load(copy / "nowhere")
    (copy / "config.json").unlink()
    with pytest.raises(ValueError, match=r"config\.json: no such file"):
        inference.load(copy)


def test_one_flipped_bit_is_found(copy):
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        inference.load(copy)


def edit(folder, **fields):
    file = folder / "config.json"
    config = json.loads(file.read_text()) | fields
    file.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"format": 3}, "format 3; this version of c3jax reads 1 and 2"),
        ({"format": None}, "format None"),
        ({"colour": "red"}, r"unknown fields \['colour'\]"),
        ({"crop": None}, r"lacks the fields \['crop'\]"),
        ({"crop": "round"}, "crop must be one of .*got 'round'"),
        ({"image_size": 0}, "image_size must be positive, got 0"),
        ({"model": MODEL | {"eyes": 2}}, "'model' describes no network.*eyes"),
        ({"model": {}}, "'model' describes no network"),
        ({"model": MODEL | {"pose_channels": 7}}, r"must have shape .*7.*, got .*8"),
    ],
)
def test_a_faulty_description_is_refused(copy, fields, named):
    edit(copy, **fields)
    with pytest.raises(ValueError, match=named):
        inference.load(copy)


def test_a_description_that_is_no_json_is_refused(copy):
    (copy / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is no JSON"):
        inference.load(copy)


def test_arrays_that_the_network_does_not_have_are_refused(copy):
    file = copy / "model.safetensors"
    save_file(load_file(file) | {"params/more": np.zeros(2, np.float32)}, file)
    edit(copy, sha256=c3jax.weights.file_digest(file))
    with pytest.raises(ValueError, match="1 arrays too many, first params/more"):
        inference.load(copy)


def test_a_file_of_another_kind_is_refused(copy):
    (copy / "model.safetensors").write_bytes(b"0123456789")
    edit(copy, sha256=c3jax.weights.file_digest(copy / "model.safetensors"))
    with pytest.raises(ValueError, match="no safetensors file"):
        inference.load(copy)


def test_what_cannot_be_saved_is_refused_and_nothing_is_written(variables, tmp_path):
    def refuses(named, *, variables=variables, dtype="float16", **config):
        with pytest.raises(ValueError, match=named):
            inference.save(tmp_path / "model", variables, CONFIG | config, dtype=dtype)

    refuses("dtype must be one of .*got 'int8'", dtype="int8")
    refuses(r"config has unknown fields \['sha256'\]", sha256="")
    refuses("variables: .* must have shape .*, got nothing", variables={"params": {}})
    large = jax.tree.map(lambda leaf: leaf * 1e6, variables)
    refuses("not finite as float16", variables=large)
    assert not (tmp_path / "model").exists()
