"""A race between our code and PyTorch's, in one run, taking turns.

    make bench
    python3 -m venv build/peers && build/peers/bin/pip install -r bench/peers/requirements.txt
    build/peers/bin/python bench/peers/race.py [attention] [--repetitions 9]
    build/peers/bin/python bench/peers/race.py layer
    build/peers/bin/python bench/peers/race.py recurrent
    build/peers/bin/python bench/peers/race.py reorder
    build/peers/bin/python bench/peers/race.py decode [--model FILE]
    build/peers/bin/python bench/peers/race.py bert --model FOLDER --sentences in_domain_train.tsv

attention: one head's worth of every kind; with --device=cuda on a GPU, both sides by its events, with
--results=FOLDER into FOLDER/race_cuda, which the report reads. layer: one encoder layer of base size, forward and
backward, 32 sequences of 11. recurrent: a layer of cells, all steps. reorder: training
steps of question 5's word orderer. decode: its search, by beam, with the same weights (drawn, or
--model: what q5_reorder --model wrote) and the same bags on both sides; answers are compared.
bert: training steps on real batches of CoLA, --steps of them evenly
from an epoch (0: the whole epoch); a sample is the mean second of a step over them.

Both sides are processes that wait for a line and answer with a time, so a disturbance of the
machine hits both alike. Each repetition lets both run the same case, in alternating order (of bert:
batch by batch). Printed: medians, the ratio of medians, the range of the paired ratios (their 2nd to
2nd-last) and their median. A ratio of medians outside that range says that the machine changed its
speed between repetitions: then only the paired columns hold, or none. A side raced against itself
(--ours) shows what the machine does to equals. Lines that start with # are remarks.
"""

import argparse
import datetime
import os
import pathlib
import random
import shlex
import shutil
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
# 16 heads; kernel attention in its two precisions, exact attention in bf16 too.
CUDA_CASES = (
    [f"gemm forward 1 0 0 8192 {precision}" for precision in ("f32", "tf32", "bf16")]
    + [f"tiled forward 16 64 0 {length} bf16" for length in (4096, 8192, 16384)]
    + [f"tiled both 16 64 0 {length} bf16" for length in (4096, 16384)]
    + ["tiled_causal forward 16 64 0 16384 bf16", "tiled_causal both 16 64 0 16384 bf16"]
    + ["tiled forward 16 64 0 8192 f32", "tiled both 16 64 0 8192 f32"]
    + [f"materialised forward 16 64 0 4096 {precision}" for precision in ("tf32", "bf16")]
    + [f"favor_positive forward 16 64 256 {length} tf32" for length in (4096, 16384, 65536)]
    + ["favor_positive forward 16 64 256 16384 f32", "favor_positive both 16 64 256 16384 tf32"]
    + ["favor_causal forward 16 64 256 16384 tf32", "favor_causal both 16 64 256 16384 tf32"]
    + ["elu forward 16 64 0 16384 tf32", "elu both 16 64 0 16384 tf32"]
)

LAYERS = ["layer 768 12 3072 32 11 f32", "layer 768 12 3072 32 11 bf16"]

REORDER = ["reorder 400 5 bf16", "reorder 200 10 bf16", "reorder 133 15 bf16", "reorder 200 10 f32"]

# sentences, words, beam
DECODE = [(256, 10, 1), (128, 10, 8), (32, 10, 64), (256, 15, 1), (64, 15, 8), (16, 15, 64)]

RECURRENT = [
    "lstm both 512 8 64",
    "lstm forward 512 8 64",
    "gru both 512 8 64",
    "tanh both 512 8 64",
    "lstm both 64 32 16",
    "lstm forward 64 32 16",
    "gru both 64 32 16",
    "tanh both 64 32 16",
    "lstm both 256 32 64",
]


class Lacks(Exception):
    """A side has no such case; its words say why."""


class Side:
    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            sys.exit(f"race: a side died on '{line}'; run it by hand to see its message")
        return answer.strip()

    def time(self, case):
        answer = self.ask(case)
        if answer.startswith("lacks"):
            raise Lacks(answer[6:])
        return float(answer)


class Race:
    """Two sides and the order of their turns."""

    def __init__(self, options):
        # Passive waiting: an idle side must not keep a processor busy while the other runs.
        environment = dict(os.environ, OMP_WAIT_POLICY="passive")
        environment.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
        names = {"layer": "bert", "decode": "reorder"}
        name = names.get(options.race, options.race)
        ours = shlex.split(options.ours or shlex.quote(str(ROOT / f"build/bin/peer_{name}")))
        theirs = shlex.split(options.theirs or shlex.join(
            [sys.executable, str(ROOT / f"bench/peers/torch_{name}.py")]))
        if options.device != "cpu":
            ours.append(f"--device={options.device}")
            theirs.append(f"--device={options.device}")
        if not shutil.which(ours[0]):
            sys.exit(f"race: {ours[0]} is missing: make bench builds it")
        self.ours, self.theirs = Side(ours, environment), Side(theirs, environment)
        self.order = random.Random(1)
        print("case\tours_seconds\ttorch_seconds\tspeedup\tlow\thigh\tpaired", flush=True)

    def pair(self, line):
        if self.order.random() < 0.5:
            a = self.ours.time(line)
            b = self.theirs.time(line)
        else:
            b = self.theirs.time(line)
            a = self.ours.time(line)
        return a, b

    def both(self, line):
        return self.ours.ask(line), self.theirs.ask(line)

    @staticmethod
    def report(case, pairs):
        ratios = sorted(b / a for a, b in pairs)
        cut = 1 if len(ratios) > 4 else 0
        a, b = (statistics.median(side) for side in zip(*pairs))
        print(f"{case}\t{a:.5f}\t{b:.5f}\t{b / a:.2f}\t{ratios[cut]:.2f}\t{ratios[-1 - cut]:.2f}"
              f"\t{statistics.median(ratios):.2f}", flush=True)


def run_cases(race, cases, options, untimed):
    """Runs them, and returns (case, pairs) of those that both sides have."""
    done = []
    for case in cases:
        if options.filter not in case:
            continue
        try:
            for _ in range(untimed):
                race.both(case)
            pairs = [race.pair(case) for _ in range(options.repetitions)]
        except Lacks as why:
            print(f"# {case}: not raced: {why}", flush=True)
            continue
        race.report(case, pairs)
        done.append((case, pairs))
    return done


def commit():
    def git(*words):
        return subprocess.run(("git", "-C", str(ROOT)) + words, capture_output=True, text=True,
                              check=False).stdout.strip()

    head = git("rev-parse", "HEAD")
    return head + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "") \
        if head else "unknown"


def keep(race, done, options, began):
    """The folder race_cuda, whole or not at all (experiments/results.h says what stands in it)."""
    machine, device = race.ours.ask("describe").split("\t")
    now = datetime.datetime.now(datetime.timezone.utc)
    run = [
        ("command", "bench/peers/race.py attention --device=cuda"),
        ("date", began.strftime("%Y-%m-%dT%H:%M:%SZ")),
        ("commit", commit()),
        ("machine", machine),
        ("profile", "quick" if options.filter or options.case else "full"),
        ("device", "cuda"),
        ("gpu", device),
        ("gpu_name", device.split(",")[0]),
        ("peer", race.theirs.ask("describe")),
        ("repetitions", options.repetitions),
        ("wall_seconds", f"{(now - began).total_seconds():.3f}"),
    ]
    table, facts = [], []
    for case, pairs in done:
        kind, direction, heads, width, features, length, precision = (case.split() + ["f32"])[:7]
        ratios = sorted(theirs / ours for ours, theirs in pairs)
        cut = 1 if len(ratios) > 4 else 0
        low, high, paired = ratios[cut], ratios[-1 - cut], statistics.median(ratios)
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        table.append((kind, direction, precision, heads, width, features, length, f"{ours:.9g}",
                      f"{theirs:.9g}", f"{paired:.6g}", f"{low:.6g}", f"{high:.6g}"))
        name = f"race.cuda.{kind}.{direction}.{precision}.n{length}.speedup"
        facts.append((name, f"{paired:.6g}", f"{low:.6g}", f"{high:.6g}", "1"))
    final = options.results / "race_cuda"
    hidden = options.results / ".race_cuda.new"
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    columns = "kind direction precision heads width features length ours_seconds torch_seconds " \
              "paired low high"
    for file, header, rows in (("run", "key value", run), ("race", columns, table),
                               ("facts", "name value low high unit", facts)):
        lines = [header.split(" ")] + rows
        text = "".join("\t".join(str(field).replace("\t", ", ") for field in line) + "\n" for line in lines)
        (hidden / f"{file}.tsv").write_text(text)
    shutil.rmtree(final, ignore_errors=True)
    hidden.rename(final)
    print(f"# results: {final}")


def run_decode(race, options):
    file = (ROOT / "build" / "race-reorder.safetensors").resolve()
    if options.model:
        race.ours.ask(f"load {options.model.resolve()}")
    for bags, words, beam in DECODE:
        for precision in ("f32", "bf16"):
            name = f"decode {bags} {words} beam {beam} {precision}"
            if options.filter not in name:
                continue
            race.ours.ask(f"export {file} {bags} {words}")
            race.theirs.ask(f"import {file}")
            ours, theirs = (a.split() for a in race.both(f"answers {beam} {precision}"))
            same = sum(ours[i:i + words] == theirs[i:i + words] for i in range(0, len(ours), words))
            race.report(name, [race.pair(f"decode {beam} {precision}")
                               for _ in range(options.repetitions)])
            print(f"# {name}: {same} of {bags} answers are the same", flush=True)
    file.unlink()


def run_bert(race, options):
    model = options.model.resolve()
    file = ROOT / "build" / f"race-{model.name}.tsv"
    file.parent.mkdir(exist_ok=True)
    for word in (model, options.sentences.resolve(), file):
        if any(c.isspace() for c in str(word)):
            sys.exit(f"race: {word}: the protocol has no paths with spaces")
    race.theirs.ask(f"batches {model} {options.sentences.resolve()} {file}")
    for precision in ("f32", "bf16"):
        if options.filter not in precision:
            continue
        count = int(race.theirs.ask(f"open {model} {precision} {file}"))
        if int(race.ours.ask(f"open {model} {precision} {file}")) != count:
            sys.exit(f"race: the sides disagree about the batches in {file}")
        steps = range(count)
        if 0 < options.steps < count:
            steps = [int((i + 0.5) * count / options.steps) for i in range(options.steps)]
        lines = [f"step {k}" for k in steps]
        # Untimed: both prepare themselves for every shape that comes.
        for line in lines[:64]:
            race.both(line)
        pairs = []
        for _ in range(options.repetitions):
            times = [race.pair(line) for line in lines]
            pairs.append(tuple(sum(side) / len(lines) for side in zip(*times)))
        name = f"bert {model.name} {precision}"
        race.report(f"{name}, mean of {len(lines)} steps", pairs)
        a, b = (statistics.median(side) * count for side in zip(*pairs))
        print(f"# {name}: an epoch of {count} such steps: ours {a:.1f} s, torch {b:.1f} s")
        for what in ("loss", "memory"):
            print(f"# {name}: {what}: ours %s, torch %s" % race.both(what), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, add_help=True,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("race", nargs="?", default="attention",
                        choices=("attention", "layer", "recurrent", "reorder", "decode", "bert"))
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--filter", default="", help="only cases (bert: precisions) with this text")
    parser.add_argument("--ours", help="our side's command, if not build/bin/peer_*")
    parser.add_argument("--theirs", help="the other side's, if not bench/peers/torch_*.py")
    parser.add_argument("--model", type=pathlib.Path, help="bert: a folder with vocab.txt; decode: weights")
    parser.add_argument("--sentences", type=pathlib.Path, help="bert: CoLA's raw training file")
    parser.add_argument("--steps", type=int, default=12, help="bert: batches of a sample; 0: all")
    parser.add_argument("--case", action="append", metavar="WORDS",
                        help="instead of the cases that are there, this one, as the sides read it: "
                             "'kind direction heads width features length precision'; several "
                             "times for several")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"),
                        help="attention: where both sides compute")
    parser.add_argument("--results", type=pathlib.Path,
                        help="attention on a GPU: the folder that will hold race_cuda")
    options = parser.parse_args()
    if options.device != "cpu" and options.race != "attention":
        parser.error("only attention is raced on a GPU")
    if options.results and options.device == "cpu":
        parser.error("--results keeps a race on a GPU; it needs --device=cuda")
    if options.race == "bert" and not (options.model and options.sentences):
        parser.error("bert needs --model and --sentences")
    race = Race(options)
    began = datetime.datetime.now(datetime.timezone.utc)
    if options.race == "attention":
        # these sides run a case once untimed by themselves
        cases = options.case or (CASES if options.device == "cpu" else CUDA_CASES)
        done = run_cases(race, cases, options, untimed=0)
        if options.results and done:
            keep(race, done, options, began)
    elif options.race == "recurrent":
        run_cases(race, RECURRENT, options, untimed=0)
    elif options.race == "reorder":
        run_cases(race, options.case or REORDER, options, untimed=2)
    elif options.race == "decode":
        run_decode(race, options)
    elif options.race == "layer":
        run_cases(race, LAYERS, options, untimed=2)
    else:
        run_bert(race, options)


main()
