#!/usr/bin/env python3
"""Loads a model that q6_cola exported with transformers, and compares its answers with ours.

    build/bin/q6_cola --model all-MiniLM-L6-v2 --data cola --results /tmp/mine --export /tmp/mine/model
    cut -f4 cola/raw/in_domain_dev.tsv | head -50 | build/bin/q6_cola classify --model /tmp/mine/model >ours.tsv
    python tests/golden/export_check.py /tmp/mine/model ours.tsv

Run by hand. Ours is what `classify` writes (probability of label 1, sentence) or, with
--sentences in_domain_dev.tsv (CoLA, raw), a table of row (from 1), logit 0, logit 1; a first line
that is no number is a header. The folder must give config.json, model.safetensors and vocab.txt as
transformers wants them: no tensor missing and none left over. Exit status 1 where anything differs:
probabilities by more than 1e-4 (they have four decimals), logits by an NMSE of more than 1e-8.
"""
import argparse
import json
import pathlib
import sys

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, BertTokenizerFast, MPNetTokenizer


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def read_ours(path, sentences):
    """Sentences and our numbers, [N] probabilities or [N, 2] logits."""
    rows = [line.split("\t") for line in path.read_text().split("\n") if line]
    if rows and number(rows[0][0]) is None:
        rows = rows[1:]
    if not rows:
        sys.exit(f"{path}: no rows")
    if sentences is None:
        return [row[1] for row in rows], np.array([float(row[0]) for row in rows])
    lines = sentences.read_text().split("\n")
    return ([lines[int(row[0]) - 1].split("\t")[3] for row in rows],
            np.array([[float(row[1]), float(row[2])] for row in rows]))


def load(folder):
    model, report = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report.get(key):
            sys.exit(f"{folder}: {key}: {sorted(report[key])[:8]}")
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    tokenizer = MPNetTokenizer if kind == "mpnet" else BertTokenizerFast
    return model.eval(), tokenizer(vocab=str(folder / "vocab.txt"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("ours", type=pathlib.Path)
    parser.add_argument("--sentences", type=pathlib.Path)
    options = parser.parse_args()
    sentences, ours = read_ours(options.ours, options.sentences)
    model, tokenizer = load(options.folder)
    with torch.no_grad():
        theirs = torch.cat([model(input_ids=torch.tensor([tokenizer(s)["input_ids"]])).logits
                            for s in sentences]).double()
    if ours.ndim == 1:
        wanted = torch.softmax(theirs, 1)[:, 1].numpy()
        error, bound, what = np.abs(ours - wanted).max(), 1e-4, "largest difference of probability"
        spread = f"{wanted.min():.4f} to {wanted.max():.4f}"
    else:
        wanted = theirs.numpy()
        error, bound = ((ours - wanted) ** 2).sum() / (wanted ** 2).sum(), 1e-8
        what, spread = "NMSE of logits", f"{wanted.min():.3f} to {wanted.max():.3f}"
    good = error <= bound  # False for a NaN too
    print(f"{len(sentences)} sentences, transformers gives {spread}; {what} {error:.2e} "
          f"(at most {bound:g}): {'agrees' if good else 'DIFFERS'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
