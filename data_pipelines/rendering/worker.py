"""Rendering in other processes: no fork, and no second import of the caller's main module."""

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading


@contextlib.contextmanager
def started(count):
    """Worker processes that take pickled jobs on standard input and answer on standard output."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) for _ in range(count)
    ]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            worker.stdin.close()
            worker.stdout.close()


def serve(worker, function, jobs, results):
    """Feeds one worker until no job is left; an exception is a result too."""
    try:
        while True:
            key, job = jobs.get_nowait()
            pickle.dump((function, job), worker.stdin)
            worker.stdin.flush()
            results.put((key, pickle.load(worker.stdout)))
    except queue.Empty:
        pass
    except (OSError, EOFError, pickle.UnpicklingError, ValueError) as error:
        results.put(
            (
                None,
                RuntimeError(
                    f"a rendering process ended early ({error!r}); render with fewer workers"
                ),
            )
        )


def in_processes(function, jobs, workers):
    """Yields (key, function(*job)) for a dictionary of jobs, in the order of completion.

    The function goes to the workers by its name: its module must be importable.
    """
    todo, results = queue.SimpleQueue(), queue.SimpleQueue()
    for item in jobs.items():
        todo.put(item)
    with started(workers) as processes:
        for process in processes:
            work = (process, function, todo, results)
            threading.Thread(target=serve, args=work, daemon=True).start()
        for _ in jobs:
            key, result = results.get()
            if isinstance(result, Exception):
                raise result
            yield key, result


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    while True:
        try:
            function, job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = function(*job)
        except Exception as error:
            answer = error
        pickle.dump(answer, answers, protocol=5)
        answers.flush()
