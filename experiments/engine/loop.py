"""The training loop: the only one in the project."""

import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import jax
import numpy as np

from c3jax.files.progress import EVERY_S, progress_bar
from c3jax.tools.errors import UsageError
from c3jax.tools.outputs import json_text
from c3jax.tools.process import stop_signals
from c3jax.training.checkpoints import Checkpoints, digest
from c3jax.training.state import TrainState
from c3jax.training.step import local, make_train_step, replicate, shard_batch
from experiments.engine import processes
from experiments.engine.errors import Interrupted
from experiments.engine.runs import replace_text
from experiments.engine.stages import Stage, stage_at

MAX_SKIPPED_IN_A_ROW = 5


def train(
    stages: list[Stage],
    state: TrainState,
    *,
    folder: Path,
    seed: int,
    log_every: int,
    checkpoint_every: int,
    keep: int = 2,
    check_every: int,
    check: Callable[[TrainState], list[str]],
    ended: Callable[[Stage, TrainState], None] = lambda stage, state: None,
    devices: list | None = None,
) -> tuple[TrainState, float]:
    """Runs the stages one after the other; resumes from the newest checkpoint in `folder`.

    Of several processes the first writes, prints, and calls `check` and `ended`. A first stage
    without steps ends before the first step.

    Args:
      stages: what to do.
      state: at step 0, the optimiser state of the first stage in it.
      folder: the run's folder; `checkpoints` and `metrics.jsonl` are written there.
      seed: of the augmentation keys.
      log_every, checkpoint_every, check_every: in steps.
      keep: how many checkpoints are kept.
      check: warnings about a state, printed when there are any.
      ended: looks at the last state of a stage before it is saved; again if the run is killed in
        between.
      devices: to run on; by default all, over all processes.

    Returns:
      the last state, and the seconds spent training, over all resumptions.
    """
    devices, first = devices or jax.devices(), processes.is_first()
    total = sum(stage.steps for stage in stages)
    key = jax.random.key(seed)
    # Stages with the same loss and optimiser share a compiled step.
    make_step = functools.cache(functools.partial(make_train_step, devices=devices))
    with ExitStack() as stack:
        checkpoints = stack.enter_context(Checkpoints(folder / "checkpoints", keep=keep))
        signals, vote = stack.enter_context(_noted_signals()), processes.make_vote()
        step, seconds = processes.agree(checkpoints.latest_step() or 0), 0.0
        if step:
            state, seconds = _resume(checkpoints, stages, state, step)
            print(f"resumed at step {step:,} of {total:,}", flush=True)
        elif processes.several():
            processes.check_same("first state", digest(state))
        path = folder / "metrics.jsonl" if first else None
        log = _Log(path, step, total)
        stack.callback(log.close)
        started = time.monotonic() - seconds

        def save() -> None:
            elapsed = time.monotonic() - started
            log.flush()
            checkpoints.save(step, state, {"stage": stage.name, "seconds": elapsed})

        end = 0
        for stage in stages:
            begin, end = end, end + stage.steps
            if step == end == 0 and first:
                ended(stage, state)
            if step >= end:
                continue
            if step == begin:
                state = stage.begun(state)
            state = replicate(state, devices)
            compiled = make_step.cache_info().hits
            train_step = make_step(stage.loss_fn, stage.optimizer)
            batches = _sharded(stage, step - begin, len(local(devices)))
            log.begin(stage.name, end, compiles=make_step.cache_info().hits == compiled)
            while step < end:
                state, metrics = train_step(state, next(batches), key)
                step += 1
                if step == end:
                    state = stage.finished(state)
                log.step(stage.name, step, metrics, write=step % log_every == 0 or step == end)
                if step % check_every == 0 and first:
                    for warning in check(state):
                        log.say(f"step {step:,}: {warning}")
                if step == end and first:
                    log.flush()
                    ended(stage, state)
                told = vote(signals[0] if signals else 0)
                if step % checkpoint_every == 0 or step == end or told:
                    save()
                if told:
                    raise Interrupted(told, step, folder, several=processes.several())
        return state, time.monotonic() - started


def _sharded(stage: Stage, start_step: int, num_devices: int) -> Iterator[dict[str, np.ndarray]]:
    """The stage's batches with the global index of each example, spread over the devices."""
    for batch in stage.batches(start_step):
        count = len(batch["source"])
        index = np.arange(count, dtype=np.int32) + np.int32(jax.process_index() * count)
        yield shard_batch({**batch, "example_index": index}, num_devices)


def _resume(checkpoints: Checkpoints, stages: list[Stage], state: TrainState, step: int):
    """The stored state, with the optimiser state of the stage that it was saved in; seconds."""
    state = state.replace(opt_state=stage_at(stages, step).optimizer.init(state.params))
    return checkpoints.restore(state, step), checkpoints.meta(step)["seconds"]


class _Log:
    """Progress for people, JSON lines for programs; metrics are read a step late.

    Without a `path`, in all processes but the first, nothing is written.
    """

    def __init__(self, path: Path | None, step: int, total: int):
        self._pending: tuple[str, int, dict[str, jax.Array], bool] | None = None
        if path is not None:
            _drop_rows_after(path, step)
        self._file = open(path or os.devnull, "a", encoding="utf-8")
        self._tty = path is not None and sys.stderr.isatty()
        self._bar = progress_bar(
            label="",
            unit="step",
            total=total,
            initial=step,
            disable=not self._tty,
            bar_format="{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}",
        )
        self._total, self._told, self._every = total, 0.0, 1 if self._tty else EVERY_S

    def close(self) -> None:
        self._bar.close()
        self._file.close()

    def begin(self, stage: str, end: int, *, compiles: bool) -> None:
        """A stage begins, which ends with that step: the rate is its own, compilation left out."""
        self._end = end
        self._first: tuple[int, float] | None = None
        self._show(stage, "compiling" if compiles else "")

    def step(self, stage: str, step: int, metrics: dict[str, jax.Array], *, write: bool) -> None:
        """Takes note of a step; looks at the metrics of the one before."""
        self._read()
        self._pending = (stage, step, metrics, write)
        self._bar.update()
        if write:
            self.flush()

    def flush(self) -> None:
        """Reads and writes what is pending."""
        self._read()
        self._file.flush()

    def say(self, text: str) -> None:
        """Prints a line without tearing the bar."""
        self._bar.write(text, file=sys.stderr)

    def _read(self) -> None:
        if self._pending is None:
            return
        stage, step, metrics, write = self._pending
        self._pending = None
        if int(metrics["skipped_in_a_row"]) >= MAX_SKIPPED_IN_A_ROW:
            raise UsageError(
                f"the loss or the new parameters were not finite in {MAX_SKIPPED_IN_A_ROW} steps "
                f"in a row, up to step {step:,}; lower --{stage}.learning-rate and give the run "
                "another --name"
            )
        now = time.monotonic()
        self._first = self._first or (step, now)
        due = now - self._told >= self._every or step == self._end
        if not (write or due):
            return
        row = {name: float(value) for name, value in metrics.items()}
        if write:
            self._file.write(json_text({"step": step, "stage": stage, **row}) + "\n")
        if due:
            self._told = now
            self._tell(stage, step, row, now)

    def _tell(self, stage: str, step: int, row: dict[str, float], now: float) -> None:
        terms = " ".join(
            f"{name} {value:.3g}"
            for name, value in row.items()
            if not (name[-1].isdigit() or name in ("skipped_in_a_row", "gradient_norm"))
        )
        first, since = self._first or (step, now)
        rate = (step - first) / max(now - since, 1e-9)
        left = self._bar.format_interval((self._end - step) / rate) if rate else "?"
        place = "" if self._tty else f"{step:,}/{self._total:,} "
        self._show(stage, f"{place}{rate:.1f} steps/s {left} left of {stage}  {terms}")

    def _show(self, stage: str, text: str) -> None:
        if self._tty:
            self._bar.set_description(stage, refresh=False)
            self._bar.set_postfix_str(text)
        elif text:
            print(f"{stage} {text}", flush=True)


def _drop_rows_after(path: Path, step: int) -> None:
    """Removes the rows of steps after the checkpoint, and a torn last line."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError):
            break
    replace_text(path, "".join(kept))


@contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """Notes the `stop_signals`, so that the loop can save first; a second one interrupts."""
    noted: list[int] = []

    def note(number, frame):
        if noted:
            raise KeyboardInterrupt
        noted.append(number)

    main = threading.current_thread() is threading.main_thread()  # others may handle no signals
    numbers = stop_signals() if main else ()
    handlers = {number: signal.signal(number, note) for number in numbers}
    try:
        yield noted
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
