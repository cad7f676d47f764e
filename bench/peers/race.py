"""A race between our attention and PyTorch's, in one run, taking turns.

    make bench
    python3 -m venv build/peers && build/peers/bin/pip install -r bench/peers/requirements.txt
    build/peers/bin/python bench/peers/race.py [--repetitions 9]

Both sides are processes that wait for a line and answer with a time, so a disturbance of the
machine hits both alike. Each repetition lets both run the same case, in alternating order. Printed:
medians, the ratio of medians, and the range of the paired ratios (their 2nd to 2nd-last).
"""

import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = [
    "gemm forward 1 0 0 2048",
    "tiled forward 8 64 0 1024",
    "tiled forward 8 64 0 2048",
    "tiled forward 8 64 0 4096",
    "tiled both 8 64 0 2048",
    "tiled both 8 64 0 4096",
    "tiled_causal forward 8 64 0 4096",
    "tiled_causal both 8 64 0 4096",
    "materialised forward 8 64 0 2048",
    "materialised both 8 64 0 2048",
    "favor_positive forward 8 64 256 2048",
    "favor_positive forward 8 64 256 8192",
    "favor_positive both 8 64 256 8192",
    "elu forward 8 64 0 8192",
    "elu both 8 64 0 8192",
]


class Side:
    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def time(self, case):
        self.process.stdin.write(case + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"race: a side died on '{case}'; run it by hand to see its message")
        return float(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--filter", default="", help="only cases that contain this text")
    options = parser.parse_args()
    # Passive waiting: an idle side must not keep a processor busy while the other runs.
    environment = dict(os.environ, OMP_WAIT_POLICY="passive")
    environment.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    ours = Side([str(ROOT / "build/bin/peer_attention")], environment)
    theirs = Side([sys.executable, str(ROOT / "bench/peers/torch_attention.py")], environment)
    print("case\tours_seconds\ttorch_seconds\tspeedup\tlow\thigh")
    order = random.Random(1)
    for case in CASES:
        if options.filter not in case:
            continue
        pairs = []
        for _ in range(options.repetitions):
            if order.random() < 0.5:
                a = ours.time(case)
                b = theirs.time(case)
            else:
                b = theirs.time(case)
                a = ours.time(case)
            pairs.append((a, b))
        ratios = sorted(b / a for a, b in pairs)
        cut = 1 if len(ratios) > 4 else 0
        a, b = (statistics.median(side) for side in zip(*pairs))
        print(f"{case}\t{a:.5f}\t{b:.5f}\t{b / a:.2f}\t{ratios[cut]:.2f}\t{ratios[-1 - cut]:.2f}",
              flush=True)


main()
