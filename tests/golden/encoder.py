#!/usr/bin/env python3
"""Makes what holds our BERT and MPNet to the reference, Hugging Face transformers on PyTorch.

    pip install torch transformers==5.24.0
    python tests/golden/encoder.py --tiny              bert_tiny/, mpnet_tiny/ and what they must give
    python tests/golden/encoder.py --random-bert-base FOLDER --vocabulary VOCAB.TXT
    python tests/golden/encoder.py --model FOLDER --sentences in_domain_train.tsv --out FILE

Run by hand; the small results are committed. README.md here says what the files hold, name by name.
Everything is computed on the CPU, in float32, with eager attention and dropout off; the same in
float64 and in bfloat16 autocast says how far two correct programs may differ.
"""
import argparse
import copy
import json
import pathlib
import shutil

import numpy as np
import safetensors.numpy
import torch
import transformers
from transformers import (AutoModelForSequenceClassification, BertConfig, BertTokenizerFast,
                          BertForSequenceClassification, MPNetConfig,
                          MPNetForSequenceClassification, MPNetTokenizer)

HERE = pathlib.Path(__file__).resolve().parent
STEPS, CLIP, DECAY = 10, 1.0, 0.01
SIGNS = 32


# --- models ---------------------------------------------------------------------------------------

def fill(model, seed, std=0.2):
    """Weights large enough for an error to show: nothing is 0, no gain is 1."""
    random = np.random.RandomState(seed)
    with torch.no_grad():
        for name, weight in model.state_dict().items():
            value = random.standard_normal(tuple(weight.shape)) * std
            if name.endswith("LayerNorm.weight"):
                value += 1
            weight.copy_(torch.from_numpy(value))
    return model


def tiny_models():
    size = dict(vocab_size=120, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                intermediate_size=64)
    bert = BertConfig(max_position_embeddings=40, **size)
    mpnet = MPNetConfig(max_position_embeddings=42, relative_attention_num_buckets=32,
                        layer_norm_eps=1e-5, **size)
    return {"bert_tiny": fill(BertForSequenceClassification(bert), 1),
            "mpnet_tiny": fill(MPNetForSequenceClassification(mpnet), 2)}


def random_bert_base(folder, vocabulary):
    """The shapes of bert-base-uncased, with its initialisation (normal, std 0.02) from a seed."""
    model = fill(BertForSequenceClassification(BertConfig()), 3, 0.02)
    model.save_pretrained(folder)
    shutil.copy(vocabulary, pathlib.Path(folder) / "vocab.txt")


def old_names(model):
    """The names of 2018, as bert-base-uncased has them; heads of pretraining, and no classifier."""
    tensors = {name.replace("LayerNorm.weight", "LayerNorm.gamma")
               .replace("LayerNorm.bias", "LayerNorm.beta"): weight.numpy()
               for name, weight in model.state_dict().items() if name.startswith("bert.")}
    random, width, words = np.random.RandomState(4), 32, 120
    for name, *shape in (("predictions.bias", words), ("predictions.transform.dense.weight", width, width),
                         ("predictions.transform.dense.bias", width),
                         ("predictions.transform.LayerNorm.gamma", width),
                         ("predictions.transform.LayerNorm.beta", width),
                         ("seq_relationship.weight", 2, width), ("seq_relationship.bias", 2)):
        tensors["cls." + name] = random.standard_normal(shape).astype(np.float32)
    tensors["bert.embeddings.position_ids"] = np.arange(40, dtype=np.int64)[None]
    return tensors


def load(folder):
    """A pretrained model with a classifier from a seed: normal, std 0.02, in the order of names."""
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, num_labels=2)
    random = np.random.RandomState(5)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if name.startswith("classifier."):
                weight.copy_(torch.from_numpy(0.02 * random.standard_normal(tuple(weight.shape))))
    return model


# --- batches: lists of ids, and labels ------------------------------------------------------------

def tiny_batch(kind):
    """Lengths 1 to 17, not in order; ids repeat within and across sentences, and none is padding."""
    random = np.random.RandomState(6)
    first, last = (2, 3) if kind == "bert" else (0, 2)
    sentences = [[first, *(int(i) for i in random.randint(4, 60, length - 2)), last][:length]
                 if length > 1 else [first] for length in (5, 1, 17, 9, 2)]
    return sentences, [1, 0, 1, 1, 0]


def real_batch(folder, path, rows=8):
    """The first rows of a file of CoLA, which has columns code, label, mark, sentence."""
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    vocabulary = str(folder / "vocab.txt")
    tokenizer = (MPNetTokenizer if kind == "mpnet" else BertTokenizerFast)(vocab=vocabulary)
    fields = [line.split("\t") for line in path.read_text().splitlines()[:rows]]
    return [tokenizer(f[3])["input_ids"] for f in fields], [int(f[1]) for f in fields]


def pad(model, batch):
    sentences, labels = batch
    longest = max(map(len, sentences))
    filler = model.config.pad_token_id
    return dict(input_ids=torch.tensor([s + [filler] * (longest - len(s)) for s in sentences]),
                attention_mask=torch.tensor([[1] * len(s) + [0] * (longest - len(s))
                                             for s in sentences]),
                labels=torch.tensor(labels))


# --- what the reference computes ------------------------------------------------------------------

def evaluate(model, inputs, low=False):
    """One forward and backward pass: hidden states packed end to end, logits, loss, gradients."""
    model.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
        result = model(**inputs, output_hidden_states=True)
    result.loss.backward()
    real = inputs["attention_mask"].bool()
    return dict(hidden=[h[real].detach() for h in result.hidden_states],
                logits=result.logits.detach(), loss=result.loss.detach(),
                gradient={name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
                          for name, p in model.named_parameters()})


def train(model, inputs, rate):
    """Losses and global gradient norms (before clipping) of ten steps on one batch."""
    plain = [n for n, _ in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    groups = [dict(params=[p for n, p in model.named_parameters() if (n in plain) == is_plain],
                   weight_decay=0 if is_plain else DECAY) for is_plain in (False, True)]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8)
    losses, norms = [], []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = model(**inputs).loss
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
        losses.append(float(loss.detach()))
        optimiser.step()
    return np.array(losses), np.array(norms)


def nmse(found, wanted):
    """Squared error over squares, both summed over everything."""
    pairs = [(f.double(), w.double()) for f, w in zip(found, wanted)]
    return sum(float((f - w).square().sum()) for f, w in pairs) / \
        sum(float(w.square().sum()) for _, w in pairs)


def splitmix64(x):
    z = x + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return z ^ z >> np.uint64(31)


def project(gradient):
    """[33, 2]: the sum of squares, then 32 sums with random signs; each as float32 high + low.

    The sign of number i (row-major) in sum k is minus where bit k of splitmix64(i) is set.
    """
    values = gradient.double().numpy().ravel()
    index = np.flatnonzero(values)  # an embedding's rows out of use add nothing
    values = values[index]
    bits = splitmix64(index.astype(np.uint64))
    sums = [values @ values]
    for k in range(SIGNS):
        minus = (bits >> np.uint64(k) & np.uint64(1)).astype(bool)
        sums.append(values.sum() - 2 * values[minus].sum())
    exact = np.array(sums)
    high = exact.astype(np.float32)
    return np.stack([high, (exact - high).astype(np.float32)], 1)


def relative_buckets(model):
    """The bucket of every distance (key minus query) from -511 to 511, rounded as torch rounds."""
    distance = torch.arange(-511, 512)
    return model.mpnet.encoder.relative_position_bucket(distance).numpy()


# --- files ----------------------------------------------------------------------------------------

def expected(model, batch, rate, whole_gradients, hidden_bytes):
    """Every tensor that README.md names, and a line of figures for the reader of the terminal."""
    model.eval()
    inputs = pad(model, batch)
    sentences, labels = batch
    result = evaluate(model, inputs)
    low = evaluate(model, inputs, low=True)
    exact = evaluate(copy.deepcopy(model).double(), inputs)
    losses, norms = train(copy.deepcopy(model), inputs, rate)
    exact_losses, _ = train(copy.deepcopy(model).double(), inputs, rate)

    lengths = [len(s) for s in sentences]
    ends = np.cumsum(lengths)
    row_bytes = sum(h.shape[1] * 4 for h in result["hidden"])
    rows = max([int(e) for e in ends if e * row_bytes <= hidden_bytes], default=int(ends[0]))
    tensors = dict(ids=np.concatenate(sentences), lengths=lengths, labels=labels,
                   logits=result["logits"].numpy(), loss=[result["loss"]])
    for i, hidden in enumerate(result["hidden"]):
        tensors[f"hidden.{i}"] = hidden[:rows].numpy()
    for name, gradient in result["gradient"].items():
        if whole_gradients:
            tensors["gradient." + name] = gradient.numpy()
        else:
            tensors["projection." + name] = project(gradient)
            if name.startswith("classifier."):
                tensors[name] = model.get_parameter(name).detach().numpy()
    tensors["adamw.losses"], tensors["adamw.norms"] = losses, norms
    if model.config.model_type == "mpnet":
        tensors["relative_buckets"] = relative_buckets(model)

    gradients = list(result["gradient"].values())
    floors = {}
    for kind, other, true in (("bf16", low, result), ("f64", result, exact)):
        tensors[kind + ".hidden_nmse"] = [nmse([f], [w]) for f, w in
                                          zip(other["hidden"], true["hidden"])]
        tensors[kind + ".logits_nmse"] = [nmse([other["logits"]], [true["logits"]])]
        tensors[kind + ".gradient_nmse"] = [nmse(other["gradient"].values(),
                                                 true["gradient"].values())]
        floors[kind] = {name: nmse([other["gradient"][name]], [g])
                        for name, g in true["gradient"].items() if float(g.abs().sum()) > 0}
    tensors["f64.adamw_relative"] = [float(np.max(np.abs(losses / exact_losses - 1)))]
    whole = sum(float(g.double().square().sum()) for g in gradients)
    print(f"  {sum(lengths)} rows ({rows} stored), loss {losses[0]:.6f} to {losses[-1]:.6f}, "
          f"norms {norms[0]:.3f} to {norms[-1]:.3f}")
    for name in tensors:
        if name.startswith(("f64.", "bf16.")):
            print(f"  {name}: " + " ".join(f"{v:.2e}" for v in tensors[name]))
    for kind in floors:
        worst = sorted(floors[kind].items(), key=lambda pair: -pair[1])
        keys = [p for p in worst if p[0].endswith(("key.bias", ".k.bias"))]
        rest = [p for p in worst if p not in keys]
        print(f"  {kind} worst gradients: " + ", ".join(f"{n} {v:.1e}" for n, v in rest[:4]))
        print(f"  {kind} key biases: " + ", ".join(
            f"{v:.1e} (share of all squares "
            f"{float(result['gradient'][n].double().square().sum()) / whole:.1e})"
            for n, v in keys[:2]))
    return tensors


def write(path, tensors):
    # One pair: safetensors writes several in an order of its own, and files would differ in bytes.
    made = {"made_with": f"torch {torch.__version__}, transformers {transformers.__version__}, "
                         f"{torch.backends.cpu.get_cpu_capability()}"}
    safetensors.numpy.save_file(
        {name: np.ascontiguousarray(value, np.int64 if name.endswith("position_ids")
                                    else np.float32) for name, value in tensors.items()},
        path, metadata=made)
    pathlib.Path(path).chmod(0o644)
    print(f"  {path}: {pathlib.Path(path).stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tiny", action="store_true", help="all committed files of the tiny models")
    parser.add_argument("--random-bert-base", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--vocabulary", type=pathlib.Path, help="vocab.txt of bert-base-uncased")
    parser.add_argument("--model", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--sentences", type=pathlib.Path, help="CoLA's raw in_domain_train.tsv")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--hidden-bytes", type=float, default=8e6,
                        help="store hidden states of as many first sentences as fit (default 8e6)")
    options = parser.parse_args()
    if options.tiny:
        for name, model in tiny_models().items():
            print(name)
            model.save_pretrained(HERE / name)
            again = AutoModelForSequenceClassification.from_pretrained(
                HERE / name, attn_implementation="eager", dtype=torch.float32)
            batch = tiny_batch(name.split("_")[0])
            write(HERE / f"{name}_expected.safetensors", expected(again, batch, 1e-3, True, 1e6))
            if name == "bert_tiny":
                write(HERE / f"{name}_old_names.safetensors", old_names(again))
    if options.random_bert_base:
        random_bert_base(options.random_bert_base, options.vocabulary)
    if options.model:
        print(options.model.name)
        batch = real_batch(options.model, options.sentences)
        write(options.out, expected(load(options.model), batch, 2e-5, False, options.hidden_bytes))


if __name__ == "__main__":
    main()
