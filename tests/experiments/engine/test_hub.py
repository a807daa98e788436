"""Weights from a hub that runs in this process: checked, locked, refused. No internet."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import save

from c3jax.tools.errors import UsageError
from c3jax.weights import load_resnet
from experiments.engine import hub
from experiments.engine.hub import HubError, Published, fetch
from experiments.engine.networks import Pretrained, find_file, find_files
from tests.experiments.conftest import REPOSITORY

CONTENT = save({"other.weight": np.arange(60_000, dtype=np.float32)})
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "resnet18"
PINNED = Published("timm/x", "0123abc", SHA256)
PLACE = "/timm/x/resolve/0123abc/model.safetensors"


class Hub(ThreadingHTTPServer):
    """One file, whatever is asked for, with a wrong digest; the tests change how it answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.status = 200
        self.commit: str | None = "0123abc"  # a page that asks for a login has none
        self.delay = 0.0
        self.asked: list[tuple[str, str]] = []  # method and path

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def fetched(self):
        """How many times the file was sent."""
        return self.asked.count(("GET", PLACE))


class Answer(BaseHTTPRequestHandler):
    def do_HEAD(self):
        hub = self.server
        hub.asked.append((self.command, self.path))
        self.send_response(hub.status)
        self.send_header("ETag", '"abc"')
        if hub.commit:
            self.send_header("X-Repo-Commit", hub.commit)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(CONTENT[:1000])
        time.sleep(self.server.delay)
        self.wfile.write(CONTENT[1000:])

    def log_message(self, *_):
        pass


def use(endpoint, patch):
    """What HF_ENDPOINT does when huggingface_hub is imported."""
    patch.setattr(constants, "ENDPOINT", endpoint)
    template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def server(monkeypatch):
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        use(hub.endpoint, monkeypatch)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        yield hub
        hub.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def pinned(monkeypatch):
    """The file of this hub is that of NAME."""
    monkeypatch.setitem(hub.PUBLISHED, NAME, PINNED)


def refuse(folder, match):
    with pytest.raises(HubError, match=match):
        fetch(NAME, folder)
    assert not list(folder.glob("[!.]*")) and not list(folder.glob(".*/*"))


def test_a_file_is_fetched_once_and_the_address_told(server, tmp_path, capsys):
    target = fetch(NAME, tmp_path / "new")
    assert target == tmp_path / "new" / f"{NAME}.safetensors" and target.read_bytes() == CONTENT
    assert capsys.readouterr().out == f"fetching {server.endpoint}{PLACE} to {target}\n"
    assert fetch(NAME, tmp_path / "new") == target
    assert server.fetched() == 1 and not list((tmp_path / "new").glob(".*/*"))
    assert capsys.readouterr().out == ""


def test_a_wrong_sha256_is_refused_and_nothing_is_kept(server, tmp_path, monkeypatch):
    wrong = "0" * 64
    monkeypatch.setitem(hub.PUBLISHED, NAME, PINNED._replace(sha256=wrong))
    refuse(tmp_path, f"has sha256 {SHA256}, and {wrong} was expected")


def test_a_page_an_error_status_and_no_server_are_refused_in_one_line(
    server, tmp_path, monkeypatch
):
    server.status = 404
    refuse(tmp_path, rf"^http.*{PLACE}: .*404.*$")
    server.status, server.commit = 200, None
    refuse(tmp_path, "^http.*/timm/x/resolve/0123abc/model.safetensors: .*does not seem.*$")
    use("http://127.0.0.1:1", monkeypatch)
    refuse(tmp_path, "^http://127.0.0.1:1/timm/.*: .*refused.*$")


def test_two_processes_at_once_fetch_one_whole_file(server, tmp_path):
    server.delay = 0.5
    code = (
        "import sys; from pathlib import Path; from experiments.engine import hub\n"
        "assert 'huggingface_hub' not in sys.modules\n"
        f"hub.PUBLISHED[{NAME!r}] = hub.Published{tuple(PINNED)}\n"
        f"hub.fetch({NAME!r}, Path(sys.argv[1]))\n"
        "assert 'jax' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    mirror = os.environ | {"HF_ENDPOINT": f"{server.endpoint}/", "HF_HUB_OFFLINE": "0"}
    options = {"cwd": REPOSITORY, "stdout": subprocess.PIPE, "text": True, "env": mirror}
    processes = [subprocess.Popen(command, **options) for _ in range(2)]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert (tmp_path / f"{NAME}.safetensors").read_bytes() == CONTENT
    assert server.fetched() == 1
    assert "".join(said).count("fetching") == 1


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("C3JAX_WEIGHTS", raising=False)
    return tmp_path / ".cache" / "c3jax"


def find(path=None, name=NAME):
    return find_file(name, path, "--model.weights")


def test_files_are_found_by_path_then_in_the_folders_then_on_the_hub(server, cache, tmp_path):
    given = tmp_path / "model.pth"
    given.touch()
    assert find(given) == given
    assert server.asked == []
    assert find() == cache / f"{NAME}.safetensors"
    assert find() == cache / f"{NAME}.safetensors" and server.fetched() == 1
    (cache / f"{NAME}.npz").touch()
    assert find() == cache / f"{NAME}.npz"


def test_what_is_fetched_goes_to_the_folder_that_is_named(server, cache, tmp_path, monkeypatch):
    (tmp_path / "named").mkdir()
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path / "named"))
    assert find() == tmp_path / "named" / f"{NAME}.safetensors"


def test_a_file_with_other_keys_is_refused_by_key_when_it_is_loaded(server, cache):
    with pytest.raises(ValueError, match="resnet18.safetensors: unexpected key 'other.weight'"):
        load_resnet(find(), "resnet18")


def test_offline_one_error_names_files_addresses_and_options(server, cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    wanted = [
        Pretrained("trunk", "resnet50", None, "--model.weights", dict),
        Pretrained("perceptual", "vgg16", None, "--model.perceptual-weights", dict),
    ]
    with pytest.raises(UsageError) as refused:
        find_files(wanted)
    message = str(refused.value)
    for part in (
        "resnet50 (--model.weights FILE) and vgg16 (--model.perceptual-weights FILE)",
        "HF_HUB_OFFLINE forbids it. Put",
        f"{server.endpoint}/timm/resnet50.tv_in1k/resolve/{hub.PUBLISHED['resnet50'].revision}/"
        "model.safetensors as resnet50.safetensors",
        "model.safetensors as vgg16.safetensors",
        "~/.cache/c3jax or the folder that C3JAX_WEIGHTS names",
    ):
        assert part in message
    assert message.count("HF_HUB_OFFLINE") == 1 and server.asked == []


def test_every_architecture_that_can_be_wanted_is_published():
    assert set(hub.PUBLISHED) == {"resnet18", "resnet50", "vgg16"}
    assert set(hub.BY_HAND) == {"resnet101", "dinov2_s14"}
    for name, (repository, revision, sha256) in hub.PUBLISHED.items():
        if name != NAME:
            assert repository == f"timm/{name}.tv_in1k"
            assert len(revision) == 40 and len(sha256) == 64


def test_weights_without_a_known_digest_are_taken_from_a_file_alone(server, cache):
    with pytest.raises(UsageError, match="resnet101 .*never fetched.* --model.weights FILE"):
        find(name="resnet101")
    assert server.asked == []


def test_nothing_is_fetched_where_something_else_is_missing(server, cache, tmp_path):
    wanted = [Pretrained("trunk", NAME, None, "--model.weights", dict)]
    wanted += [Pretrained("other", "lite0", tmp_path / "absent.pth", "--other", dict)]
    with pytest.raises(UsageError) as refused:
        find_files(wanted, besides=["photos: no such folder"])
    photos, absent, fetched = str(refused.value).split("\nerror: ")
    assert photos == "photos: no such folder" and "absent.pth: no weights of lite0" in absent
    assert "resnet18 (--model.weights FILE)" in fetched and server.asked == []
