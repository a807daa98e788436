"""Reading ImageNet checkpoints: strict, and right on real pictures."""

import hashlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from safetensors.flax import save_file as save_jax_file
from safetensors.numpy import save_file

from c3jax.models import VGG, ResNet
from c3jax.weights import file_digest, find_weights, load_resnet, load_vgg, num_parameters
from tests.reference import resnet as reference
from tests.reference import torch_files
from tests.reference import vgg as vgg_reference

SHARED = Path(__file__).parents[3] / "shared" / "data"
REAL = {
    "resnet18": SHARED / "resnet_imagenet" / "resnet18_dense_fp32.npz",
    "resnet50": SHARED / "resnet_imagenet" / "resnet50_large_dense_fp32.npz",
}


@pytest.fixture(scope="module")
def weights():
    return reference.random_weights("resnet18")


def saved(folder, weights, name="resnet18.npz"):
    path = folder / name
    if path.suffix == ".npz":
        np.savez(path, **weights)
    else:
        save_file({key: np.ascontiguousarray(array) for key, array in weights.items()}, path)
    return path


def assert_trees_equal(one, two):
    assert jax.tree.structure(one) == jax.tree.structure(two)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(a, b)


def test_variables_are_those_of_the_network_and_axes_are_moved(tmp_path, weights):
    variables = load_resnet(saved(tmp_path, weights), "resnet18", stages=("logits",))
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    shapes = jax.eval_shape(ResNet("resnet18", stages=("logits",)).init, jax.random.key(0), images)
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, shapes)
    params, stats = variables["params"], variables["batch_stats"]
    kernel = params["layer2_0"]["conv1"]["kernel"]
    assert kernel[1, 2, 3, 4] == weights["layer2.0.conv1.weight"][4, 3, 1, 2]
    assert params["fc"]["kernel"][5, 7] == weights["fc.weight"][7, 5]
    shortcut = stats["layer2_0"]["downsample_1"]["var"]
    np.testing.assert_array_equal(shortcut, weights["layer2.0.downsample.1.running_var"])


def test_safetensors_and_npz_give_the_same_variables(tmp_path, weights):
    counters = {"bn1.num_batches_tracked": np.array(7)}
    npz = load_resnet(saved(tmp_path, weights), "resnet18")
    tensors = saved(tmp_path, weights | counters, "resnet18.safetensors")
    assert_trees_equal(npz, load_resnet(tensors, "resnet18"))


def test_pth_and_npz_give_the_same_variables(tmp_path, weights):
    counters = {"bn1.num_batches_tracked": np.array(7)}
    torch_files.save(tmp_path / "resnet18.pth", weights | counters, legacy=True)
    npz = load_resnet(saved(tmp_path, weights), "resnet18", stages=("stem",))
    pth = load_resnet(tmp_path / "resnet18.pth", "resnet18", stages=("stem",))
    assert_trees_equal(npz, pth)


@pytest.mark.parametrize("prefix", ["module.", "module.encoder_q."])
def test_prefixes_of_training_code_are_taken_off_and_told(tmp_path, weights, prefix, caplog):
    own = {prefix + key: array for key, array in weights.items()}
    if "encoder" in prefix:  # MoCo's, with a head and a queue of its own
        own = {key: array for key, array in own.items() if ".fc." not in key}
        head = np.ones((128, 512), np.float32)
        own |= {f"{prefix}fc.weight": head, "module.queue": head}
    found = load_resnet(saved(tmp_path, own), "resnet18", stages=("stem",))
    assert f"resnet18.npz: the prefix {prefix!r} was taken off" in caplog.text
    expected = load_resnet(saved(tmp_path, weights), "resnet18", stages=("stem",))
    assert_trees_equal(found, expected)


def test_pt_files_and_state_dicts_named_model_are_read(tmp_path, weights):
    torch_files.save(tmp_path / "resnet18.pt", weights, wrap=lambda tree: {"model": tree})
    npz = load_resnet(saved(tmp_path, weights), "resnet18", stages=("stem",))
    assert_trees_equal(npz, load_resnet(tmp_path / "resnet18.pt", "resnet18", stages=("stem",)))


def test_a_pth_of_another_network_is_refused_by_key(tmp_path, weights):
    torch_files.save(tmp_path / "vgg16.pth", {"conv1.weight": weights["conv1.weight"]})
    with pytest.raises(ValueError, match="vgg16.pth: unexpected key 'conv1.weight'"):
        load_vgg(tmp_path / "vgg16.pth", "vgg16")


def test_bfloat16_safetensors_are_read_as_float32(tmp_path):
    weights = vgg_reference.random_weights("vgg16")
    path = tmp_path / "vgg16.safetensors"
    save_jax_file({key: jnp.asarray(a, jnp.bfloat16) for key, a in weights.items()}, path)
    kernel = load_vgg(path, "vgg16")["params"]["features_0"]["kernel"]
    assert kernel.dtype == jnp.float32
    expected = weights["features.0.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_allclose(kernel, expected, rtol=2**-8)


def test_folded_statistics_are_mean_zero_and_variance_one(tmp_path):
    folded = reference.random_weights("resnet18", statistics=False, classifier=False)
    stats = load_resnet(saved(tmp_path, folded), "resnet18")["batch_stats"]
    np.testing.assert_array_equal(stats["bn1"]["mean"], np.zeros(64))
    np.testing.assert_array_equal(stats["layer4_1"]["bn2"]["var"], np.ones(512))


def test_only_the_wanted_stages_are_returned(tmp_path, weights):
    variables = load_resnet(saved(tmp_path, weights), "resnet18", stages=("stem",))
    assert set(variables["params"]) == {"conv1", "bn1"}
    assert set(variables["batch_stats"]) == {"bn1"}
    assert num_parameters(variables["params"]) == 64 * 3 * 7 * 7 + 2 * 64


def test_vgg_is_read_without_its_classifier(tmp_path):
    weights = vgg_reference.random_weights("vgg16")
    classifier = {"classifier.0.weight": np.zeros((4, 4)), "head.fc.bias": np.zeros(4)}
    path = saved(tmp_path, weights | classifier, "vgg16.npz")
    variables = load_vgg(path, "vgg16", taps=("conv5_2",))
    assert num_parameters(variables) == 12_354_880
    assert set(variables["params"]) == {
        f"features_{n}" for n in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26)
    }
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    shapes = jax.eval_shape(VGG(taps=("conv5_2",)).init, jax.random.key(0), images)
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, shapes)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"layer3.1.bn2.bias": None}, "1 of .* keys missing.*'layer3.1.bn2.bias'"),
        ({"layer3.1.bn2.running_var": None}, "keys missing.*'layer3.1.bn2.running_var'"),
        ({"layer5.0.conv1.weight": np.zeros(3)}, "unexpected key 'layer5.0.conv1.weight'"),
        ({"bn1.bias": np.zeros(65)}, r"'bn1.bias' must have shape \(64,\), got \(65,\)"),
        (
            {"conv1.weight": np.zeros((7, 7, 3, 64))},
            r"'conv1.weight' must have shape \(64, 3, 7, 7\), got \(7, 7, 3, 64\)",
        ),
        ({"bn1.bias": np.zeros(64, int)}, "'bn1.bias' must be floating, got int64"),
        ({"bn1.bias": np.full(64, np.nan)}, "'bn1.bias' holds values that are not finite"),
        ({"fc.bias": None}, "keys missing.*'fc.bias'"),
    ],
)
def test_refuses_other_keys_shapes_and_values(tmp_path, weights, change, message):
    changed = {key: array for key, array in (weights | change).items() if array is not None}
    path = saved(tmp_path, changed)
    with pytest.raises(ValueError, match=f"{path.name}: .*{message}"):
        load_resnet(path, "resnet18", stages=("logits",))


def test_refuses_the_file_of_another_network(tmp_path, weights):
    with pytest.raises(ValueError, match="resnet18.npz: 'layer1.0.conv1.weight' must have shape"):
        load_resnet(saved(tmp_path, weights), "resnet50")
    with pytest.raises(ValueError, match="resnet18.npz: unexpected key 'conv1.weight'"):
        load_vgg(tmp_path / "resnet18.npz", "vgg16")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("keep", [0, 7, 5_000, -1])
def test_refuses_truncated_files(tmp_path, weights, suffix, keep):
    path = saved(tmp_path, {"conv1.weight": weights["conv1.weight"]}, f"resnet18{suffix}")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=f"resnet18{suffix}: not a whole {suffix} file"):
        load_resnet(path, "resnet18")


def test_refuses_flipped_bytes_and_pickles_in_npz(tmp_path, weights):
    path = saved(tmp_path, {"conv1.weight": weights["conv1.weight"]})
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="not a whole .npz file at key 'conv1.weight'"):
        load_resnet(path, "resnet18")
    np.savez(path, **{"conv1.weight": np.array([{}], object)}, allow_pickle=True)
    with pytest.raises(ValueError, match="at key 'conv1.weight'"):
        load_resnet(path, "resnet18")


def test_refuses_what_is_no_weights_file(tmp_path):
    with pytest.raises(ValueError, match="none.npz: no such file"):
        load_resnet(tmp_path / "none.npz", "resnet18")
    with pytest.raises(ValueError, match="r.bin: weights must be .npz, .safetensors, .pth or .pt"):
        load_resnet(tmp_path / "r.bin", "resnet18")


def test_file_digest_is_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"weights")
    assert file_digest(tmp_path / "file") == hashlib.sha256(b"weights").hexdigest()


def test_weights_are_looked_up_in_order(tmp_path, monkeypatch):
    home, named, given = (tmp_path / name for name in ("home", "named", "given"))
    cache = home / ".cache" / "c3jax"
    for folder in (cache, named, given):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("C3JAX_WEIGHTS", raising=False)
    assert find_weights("resnet18") is None
    (cache / "resnet18.safetensors").touch()
    assert find_weights("resnet18") == cache / "resnet18.safetensors"
    monkeypatch.setenv("C3JAX_WEIGHTS", str(named))
    assert find_weights("resnet18") == cache / "resnet18.safetensors"
    (named / "resnet18-f37072fd.pth").touch()
    assert find_weights("resnet18") == named / "resnet18-f37072fd.pth"
    (named / "resnet18_folded.npz").touch()
    assert find_weights("resnet18") == named / "resnet18_folded.npz"
    (named / "resnet18.pth").touch()
    assert find_weights("resnet18") == named / "resnet18.pth"
    (named / "resnet18.safetensors").touch()
    assert find_weights("resnet18") == named / "resnet18.safetensors"
    (given / "resnet18.npz").touch()
    assert find_weights("resnet18", given) == given / "resnet18.npz"
    assert find_weights("resnet18", given / "resnet18.npz") == given / "resnet18.npz"
    assert find_weights("resnet50") is None


def test_refuses_to_look_where_nothing_can_be(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no weights of vgg16 here.*vgg16.npz"):
        find_weights("vgg16", tmp_path)
    with pytest.raises(ValueError, match="missing: no weights of vgg16 here"):
        find_weights("vgg16", tmp_path / "missing")
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="C3JAX_WEIGHTS .*nowhere"):
        find_weights("vgg16")


# ImageNet's classes that a picture of each kind may show.
CLASSES = {
    "car(S)": {407, 436, 468, 479, 511, 581, 609, 627, 656, 661, 717, 751, 817, 864},
    "duck(S)": {97, 98, 99, 100, 146},
    "winebottle(M)": {440, 737, 898, 907, 966, 572},
}


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_real_weights_name_real_pictures(architecture):
    path = REAL[architecture]
    if not path.exists():
        pytest.skip(f"{path} is not there")
    variables = load_resnet(path, architecture, stages=("logits",))
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(variables))
    apply = jax.jit(ResNet(architecture, stages=("logits",)).apply)
    for folder, classes in CLASSES.items():
        files = sorted((SHARED / "pf_willow" / folder).glob("*.png"))[:4]
        pictures = [Image.open(file).convert("RGB").resize((224, 224)) for file in files]
        images = np.stack(pictures).astype(np.float32) / 255
        best = np.argmax(apply(variables, images)["logits"], -1)
        assert np.isin(best, list(classes)).mean() >= 0.6, (folder, best)
