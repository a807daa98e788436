"""The launcher: what it starts, passes on and says, with little programs for experiments."""

import os
import signal
import sys
import threading

import pytest

from experiments import launch
from tests.experiments.tiny import call

# Says who it is, then does what its argument of that number says.
PROGRAM = """
import os, signal, sys, time
index = int(next(a for a in sys.argv if "index" in a).partition("=")[2])
print("process", index, os.environ["JAX_NUM_CPU_DEVICES"], os.environ["JAX_LOCAL_DEVICE_IDS"])
print("and in error", file=sys.stderr, flush=True)
what = sys.argv[-2 + index]
if what == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "wait":
    signal.signal(signal.SIGTERM, lambda *_: (print("told"), sys.exit(0)))
    print("waits", flush=True)
    time.sleep(60)
sys.exit(int(what))
"""


@pytest.fixture(autouse=True)
def little_programs(monkeypatch):
    """Programs in place of experiments; handlers of signals are put back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(launch, "command", lambda experiment: [sys.executable, "-c", PROGRAM])
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_processes_get_their_devices_and_their_lines_a_number(capfd):
    assert call(launch.main, "-n", 2, "--devices", 3, "c3_faces", 0, 0) == 0
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == ["[0] process 0 3 0,1,2", "[1] process 1 3 3,4,5"]
    assert sorted(err.splitlines()) == ["[0] and in error", "[1] and in error"]


def test_all_get_one_address_and_their_numbers():
    options = launch.parse(["-n", "3", "c3_faces", "--seed", "1"])
    flags = launch.flags(options, 2, "127.0.0.1:9")
    assert flags == [
        "--processes.address=127.0.0.1:9",
        "--processes.count=3",
        "--processes.index=2",
        "--seed",
        "1",
    ]


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        (("0", "3"), 3, "process 1 of 2 failed (status 3) first"),
        (("kill", "0"), 137, "process 0 of 2 was ended by SIGKILL first"),
    ],
)
def test_a_death_is_told_with_the_way_on(capfd, what, status, said):
    assert call(launch.main, "-n", 2, "c3_faces", "--name", "a b", *what) == status
    err = capfd.readouterr().err
    assert said in err
    again = f"python -m experiments.launch -n 2 c3_faces --name 'a b' {' '.join(what)}"
    assert err.endswith(f"To go on from the last checkpoint: {again}\n")


def test_the_others_may_not_outlive_a_death_for_ever(capfd, monkeypatch):
    monkeypatch.setattr(launch, "GRACE_S", 0.2)
    assert call(launch.main, "-n", 2, "c3_faces", 1, "wait") == 137
    assert "process 0 of 2 failed (status 1) first" in capfd.readouterr().err


def test_a_signal_is_passed_on_to_all(capfd, monkeypatch):
    waiting, repeat = threading.Semaphore(0), launch.repeat

    class Listening:
        def __init__(self, to):
            self.to, self.flush = to, to.flush

        def write(self, line):
            self.to.write(line)
            if "waits" in line:
                waiting.release()

    def listen(pipe, prefix, to):
        repeat(pipe, prefix, Listening(to))

    def tell():
        for _ in range(2):
            waiting.acquire()
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(launch, "repeat", listen)
    threading.Thread(target=tell, daemon=True).start()
    assert call(launch.main, "-n", 2, "c3_faces", "wait", "wait") == 0
    out = capfd.readouterr().out
    assert "[0] told" in out and "[1] told" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: -n/--processes, experiment"),
        (["-n", "two", "c3_faces"], "argument -n/--processes: invalid int value: 'two'"),
        (["-n", "0", "c3_faces"], "-n must be at least 1, got 0"),
        (["-n", "2", "--devices", "0", "c3_faces"], "--devices must be at least 1, got 0"),
        (["-n", "2", "c3_face"], "argument experiment: invalid choice: 'c3_face' (choose from"),
        (["-n", "2", "jlad", "--processes.index", "1"], "--processes.index: the launcher gives it"),
    ],
)
def test_wrong_use_is_one_line(capfd, arguments, message):
    assert call(launch.main, *arguments) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.startswith(f"error: {message}") and err.count("\n") == 1
