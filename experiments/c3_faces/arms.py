"""`python -m experiments.c3_faces.arms`: C3 against IMM (C3 Table 2), as commands and as one file.

Each seed has its own stage 1, from which every arm goes on with the same batches and warps; the
weights of the last quarter are averaged. Runs that are finished are left out of the commands:

    python -m experiments.c3_faces.arms --seeds 5 | sh
    python -m experiments.c3_faces.arms --seeds 5 --collect arms.json
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from c3jax.tools.errors import UsageError, check_least
from experiments.engine import cli, runs

DATA = "--data.name rendered_faces --data.image-size 64 --data.fit-examples 4000 \
--data.test-examples 4000 --model.trunk-size 128"
BLOCKS = {
    "a": "--loss.synthetic 0 --loss.warp-consistency 0 --loss.separation 0",  # L_total alone
    "b": "",  # the preset's terms beside it
}
KEPT = "--loss.hard-match --loss.flow 0 --loss.joint-flow 0"  # the flow module, as it is
LONGER = 2.4  # steps of IMM in the time of one of both, on a CPU; `seconds` says how it came out
ARMS = {
    "imm": "--no-cycle --no-flow",
    "imm_longer": "--no-cycle --no-flow",
    "warps": "--no-flow --joint-pairs warps",
    "warped": "--no-flow --joint-pairs warped_photos",
    "flow": "--no-cycle",
    "cycle": "--no-flow",
    "both": "",
}
NUMBERS = ("landmarks", "swaps", "consistency", "seconds")


@dataclass(frozen=True)
class Options:
    """Print the commands of the arms that are not finished, a line each, a seed after the other.

    Those of a seed need its first. With --collect the numbers of the finished ones become one file.
    """

    seeds: int = 5
    """from 0 on"""
    block: Literal["a", "b"] = "a"
    """stage 2 by L_total alone, or beside the losses of stage 1, as in the preset"""
    steps: int = 1000
    """of every arm but the longer one"""
    stage1: int = 2000
    """steps of stage 1"""
    runs: Path = Path("runs")
    """folder of all runs"""
    collect: Path | None = None
    """JSON file to write: arm, then seed, then the objects of its results.json"""

    def name(self, seed: int, arm: str) -> str:
        """Of a run; that of its stage 1 is shared by the blocks."""
        return f"arms-seed{seed}" + (f"-{self.block}-{arm}" if arm else "")

    def folder(self, seed: int, arm: str) -> Path:
        """Of a run."""
        return self.runs / "c3_faces" / self.name(seed, arm)

    def arguments(self, seed: int, arm: str) -> str:
        """Of `experiments.c3_faces`: an arm or, without a name, the stage 1 of a seed."""
        shared = f"{DATA} --seed {seed} --runs {self.runs} --name {self.name(seed, arm)}"
        if not arm:
            return f"{shared} --no-flow --pretrain.steps {self.stage1} --joint.steps 0"
        steps = round(self.steps * (LONGER if arm == "imm_longer" else 1))
        stages = f"--warmup.steps 0 --pretrain.steps 0 --joint.steps {steps} --joint.averaged 0.25"
        start = f"--init-from {self.folder(seed, '')}"
        return " ".join((shared, stages, start, BLOCKS[self.block], KEPT, ARMS[arm]))


def collected(options: Options) -> dict[str, dict[int, dict[str, Any]]]:
    """Arm, then seed, then the objects of a finished run; `stage1` is what all started from."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for seed in range(options.seeds):
        for arm in ("", *ARMS):
            path = options.folder(seed, arm) / "results.json"
            if path.exists():
                results = runs.read_json(path)
                numbers = {name: results[name] for name in NUMBERS if name in results}
                found.setdefault(arm or "stage1", {})[seed] = numbers
    return found


def main() -> None:
    """Prints commands, or writes what they led to."""
    options = tyro.cli(Options, prog="python -m experiments.c3_faces.arms")
    check_least("--seeds", options.seeds, 1)
    if options.collect is not None:
        found = collected(options)
        if not found:
            raise UsageError(f"no arm is finished in {options.runs / 'c3_faces'}")
        runs.write_json(options.collect, found)
        return
    for seed in range(options.seeds):
        for arm in ("", *ARMS):
            if not (options.folder(seed, arm) / "results.json").exists():
                print("python -m experiments.c3_faces", options.arguments(seed, arm))


if __name__ == "__main__":
    cli.guarded(main)
