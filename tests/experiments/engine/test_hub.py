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

from c3jax.weights import load_resnet
from experiments.engine import hub
from experiments.engine.errors import UsageError
from experiments.engine.hub import HubError, Published, fetch
from experiments.engine.networks import Pretrained, find_file, find_files
from tests.experiments.conftest import REPOSITORY

CONTENT = save({"other.weight": np.arange(60_000, dtype=np.float32)})
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "resnet101"  # of which no sha256 is pinned


class Hub(ThreadingHTTPServer):
    """One file, whatever is asked for; the tests change how it answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.announced = SHA256
        self.status = 200
        self.commit: str | None = "0123abc"  # a page that asks for a login has none
        self.delay = 0.0
        self.asked: list[tuple[str, str]] = []  # method and path

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def fetched(self):
        """How many times the file was sent."""
        return self.asked.count(("GET", f"/timm/{NAME}.tv_in1k/resolve/main/model.safetensors"))


class Answer(BaseHTTPRequestHandler):
    def do_HEAD(self):
        hub = self.server
        hub.asked.append((self.command, self.path))
        self.send_response(hub.status)
        self.send_header("ETag", f'"{hub.announced}"')
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


@pytest.fixture
def pinned(monkeypatch):
    """`pinned(sha256)` pins it."""

    def pin(sha256):
        monkeypatch.setitem(hub.PUBLISHED, NAME, Published("timm/x", "0123abc", sha256))

    return pin


def refuse(folder, match):
    with pytest.raises(HubError, match=match):
        fetch(NAME, folder)
    assert not list(folder.glob("[!.]*")) and not list(folder.glob(".*/*"))


def test_a_file_is_fetched_once_and_the_address_told(server, tmp_path, capsys):
    target = fetch(NAME, tmp_path / "new")
    assert target == tmp_path / "new" / f"{NAME}.safetensors" and target.read_bytes() == CONTENT
    address = f"{server.endpoint}/timm/resnet101.tv_in1k/resolve/main/model.safetensors"
    assert capsys.readouterr().out == f"fetching {address} to {target}\n"
    assert fetch(NAME, tmp_path / "new") == target
    assert server.fetched() == 1 and not list((tmp_path / "new").glob(".*/*"))
    assert capsys.readouterr().out == ""


def test_a_pinned_revision_and_sha256_are_asked_for_and_need_no_announcement(
    server, tmp_path, pinned
):
    pinned(SHA256)
    server.announced = "abc"
    assert fetch(NAME, tmp_path).read_bytes() == CONTENT
    assert ("GET", "/timm/x/resolve/0123abc/model.safetensors") in server.asked


@pytest.mark.parametrize("pin", [True, False])
def test_a_wrong_sha256_is_refused_and_nothing_is_kept(server, tmp_path, pinned, pin):
    wrong = "0" * 64
    if pin:
        pinned(wrong)
    else:
        server.announced = wrong
    refuse(tmp_path, f"has sha256 {SHA256}, and {wrong} was expected")


def test_without_any_sha256_nothing_is_accepted(server, tmp_path):
    server.announced = "abc"
    refuse(tmp_path, "no sha256 is known, and the server announces none")


def test_a_page_an_error_status_and_no_server_are_refused_in_one_line(
    server, tmp_path, pinned, monkeypatch
):
    server.status = 404
    refuse(tmp_path, r"^http.*/timm/resnet101.tv_in1k/resolve/main/model.safetensors: .*404.*$")
    pinned(SHA256)
    server.status, server.commit = 200, None
    refuse(tmp_path, "^http.*/timm/x/resolve/0123abc/model.safetensors: .*does not seem.*$")
    use("http://127.0.0.1:1", monkeypatch)
    refuse(tmp_path, "^http://127.0.0.1:1/timm/.*: .*refused.*$")


def test_two_processes_at_once_fetch_one_whole_file(server, tmp_path):
    server.delay = 0.5
    code = (
        "import sys; from pathlib import Path; from experiments.engine import hub\n"
        "assert 'huggingface_hub' not in sys.modules\n"
        f"hub.fetch({NAME!r}, Path(sys.argv[1]))\n"
        "assert not {'jax', 'c3jax'} & set(sys.modules)"
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


def test_a_file_with_other_keys_is_refused_by_key_when_it_is_loaded(server, cache, monkeypatch):
    monkeypatch.setitem(hub.PUBLISHED, "resnet18", Published("timm/x"))
    with pytest.raises(ValueError, match="resnet18.safetensors: unexpected key 'other.weight'"):
        load_resnet(find(name="resnet18"), "resnet18")


def test_offline_one_error_names_files_addresses_and_options(server, cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    wanted = [
        Pretrained("trunk", "resnet50", None, "--model.weights", dict),
        Pretrained("perceptual", "vgg19", None, "--model.perceptual-weights", dict),
    ]
    with pytest.raises(UsageError) as refused:
        find_files(wanted)
    message = str(refused.value)
    for part in (
        "resnet50 (--model.weights FILE) and vgg19 (--model.perceptual-weights FILE)",
        "HF_HUB_OFFLINE forbids it. Put",
        f"{server.endpoint}/timm/resnet50.tv_in1k/resolve/{hub.PUBLISHED['resnet50'].revision}/"
        "model.safetensors as resnet50.safetensors",
        f"{server.endpoint}/timm/vgg19.tv_in1k/resolve/main/model.safetensors as vgg19.safetensors",
        "~/.cache/c3jax or the folder that C3JAX_WEIGHTS names",
    ):
        assert part in message
    assert message.count("HF_HUB_OFFLINE") == 1 and server.asked == []


def test_every_architecture_that_can_be_wanted_is_published():
    assert set(hub.PUBLISHED) == {"resnet18", "resnet50", "resnet101", "vgg16", "vgg19"}
    for name, (repository, revision, sha256) in hub.PUBLISHED.items():
        assert repository == f"timm/{name}.tv_in1k"
        assert (revision == "main") == (sha256 is None)
        assert revision == "main" or len(revision) == 40 and len(sha256) == 64
