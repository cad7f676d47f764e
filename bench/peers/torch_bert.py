"""PyTorch's side of a race of training steps: the same work as bench/peer_bert.c.

A line in, a line out, both for this program and for ours:

    batches FOLDER TSV FILE      [this side only] writes the batches of one epoch; answers their number
    dropout RATE                 of the models that are opened from now on (at first: what their
                                 configuration says)
    open FOLDER PRECISION FILE   a model in the Hugging Face layout, f32 or bf16, and such batches;
                                 a fresh optimiser; answers the number of batches
    step K                       one training step on batch K (from 0); answers seconds
    loss                         of the last step
    memory                       the most bytes this process has had resident (VmHWM)
    layer D H F B N PRECISION    one encoder layer of width D, H heads, feed-forward F, forward and
                                 backward (to weights and input), B sequences of N tokens; seconds

A file of batches has a line a batch: labels, lengths, ids, separated by tabs, the numbers by single
spaces; ids of all sentences end to end, special tokens included. TSV is CoLA's raw
in_domain_train.tsv.

A step: forward, backward, gradients clipped to global norm 1, AdamW with bias correction (2e-5,
decay .01 but on biases and LayerNorm), dropout .1. This side pads a batch to its longest sentence
and takes what is fastest here: transformers' default attention and the fused optimiser; for bf16,
autocast over the forward pass. The batches are read and padded before they are timed.
A layer has no dropout, no padding and no optimiser. `step` and `layer` run once what they are asked;
the referee leaves the first rounds out.
"""

import os
import pathlib
import random
import sys
import time

import torch
from transformers import (AutoConfig, AutoModelForSequenceClassification, BertConfig,
                          BertTokenizerFast, MPNetTokenizer)
from transformers.models.bert.modeling_bert import BertLayer
from transformers.utils import logging

BATCH, POOL, RATE = 32, 8, 2e-5


def autocast(precision):
    if precision not in ("f32", "bf16"):
        sys.exit(f"torch_bert: precision {precision}: expected f32 or bf16")
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16")


def make_batches(folder, tsv, path):
    """One epoch as our trainer orders it: shuffled, pools of 8 batches sorted by length, shuffled."""
    kind = AutoConfig.from_pretrained(folder).model_type
    tokenizer = (MPNetTokenizer if kind == "mpnet" else BertTokenizerFast)(vocab=f"{folder}/vocab.txt")
    rows = [line.split("\t") for line in pathlib.Path(tsv).read_text().split("\n") if line]
    examples = [(int(row[1]), tokenizer(row[3])["input_ids"]) for row in rows]
    order = random.Random(1)
    order.shuffle(examples)
    batches = []
    for start in range(0, len(examples), BATCH * POOL):
        pool = sorted(examples[start : start + BATCH * POOL], key=lambda e: len(e[1]))
        batches += [pool[i : i + BATCH] for i in range(0, len(pool), BATCH)]
    batches = [b for b in batches if len(b) == BATCH]
    order.shuffle(batches)
    with open(path, "w") as out:
        for batch in batches:
            columns = ([label for label, _ in batch], [len(ids) for _, ids in batch],
                       [i for _, ids in batch for i in ids])
            print("\t".join(" ".join(map(str, column)) for column in columns), file=out)
    return len(batches)


def read_batches(path, padding):
    batches = []
    for line in pathlib.Path(path).read_text().splitlines():
        labels, lengths, ids = ([int(n) for n in column.split(" ")] for column in line.split("\t"))
        input_ids = torch.full((len(labels), max(lengths)), padding)
        mask = torch.zeros_like(input_ids)
        start = 0
        for row, length in enumerate(lengths):
            input_ids[row, :length] = torch.tensor(ids[start : start + length])
            mask[row, :length] = 1
            start += length
        batches.append(dict(input_ids=input_ids, attention_mask=mask, labels=torch.tensor(labels)))
    return batches


class Training:
    def __init__(self, folder, precision, batches, dropout):
        torch.manual_seed(1)
        config = AutoConfig.from_pretrained(folder, num_labels=2)
        if dropout is not None:
            config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
            config.classifier_dropout = dropout
        self.model = AutoModelForSequenceClassification.from_pretrained(
            folder, config=config, dtype=torch.float32)
        self.model.train()
        self.precision = precision
        self.batches = read_batches(batches, self.model.config.pad_token_id)
        plain = lambda name: name.endswith("bias") or "LayerNorm" in name
        named = list(self.model.named_parameters())
        self.optimiser = torch.optim.AdamW(
            [dict(params=[p for n, p in named if plain(n)], weight_decay=0.0),
             dict(params=[p for n, p in named if not plain(n)], weight_decay=0.01)],
            lr=RATE, fused=True)

    def step(self, k):
        batch = self.batches[k]
        start = time.perf_counter()
        self.optimiser.zero_grad(set_to_none=True)
        with autocast(self.precision):
            loss = self.model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.loss = float(loss.detach())
        return time.perf_counter() - start


class Layer:
    def __init__(self, width, heads, hidden, sequences, length, precision):
        torch.manual_seed(1)
        config = BertConfig(hidden_size=width, num_attention_heads=heads, intermediate_size=hidden,
                            attn_implementation="sdpa")
        self.layer = BertLayer(config).eval()
        self.precision = precision
        self.x = torch.randn(sequences, length, width, requires_grad=True)
        self.dout = torch.randn(sequences, length, width)

    def run(self):
        self.layer.zero_grad(set_to_none=True)
        self.x.grad = None
        start = time.perf_counter()
        with autocast(self.precision):
            out = self.layer(self.x)
        (out[0] if isinstance(out, tuple) else out).backward(self.dout)
        return time.perf_counter() - start


def resident_peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    training, layers, dropout = None, {}, None
    for line in sys.stdin:
        command, *words = line.split()
        if command == "batches":
            answer = make_batches(*words)
        elif command == "open":
            training = None  # its memory goes before the next model comes
            training = Training(*words, dropout)
            answer = len(training.batches)
        elif command == "dropout":
            answer = dropout = float(words[0])
        elif command == "step" and training:
            answer = f"{training.step(int(words[0])):.9f}"
        elif command == "loss" and training:
            answer = f"{training.loss:.6f}"
        elif command == "memory":
            answer = resident_peak()
        elif command == "layer":
            if line not in layers:
                layers = {line: Layer(*map(int, words[:5]), words[5])}
            answer = f"{layers[line].run():.9f}"
        else:
            sys.exit(f"torch_bert: expected a command of the list at the top, found: {line.strip()}")
        print(answer, flush=True)


main()
