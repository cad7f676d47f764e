#!/usr/bin/env python3
"""Corpora and their BLEU by sacrebleu, for tests/unit/test_order.c.

    python tests/golden/bleu.py >tests/golden/bleu.tsv        # sacrebleu 2

Each corpus is some sentences of small made-up words and what was made of them: reordered fully,
slightly, with words forgotten and invented, none right. Rows: corpus, truth, answer; the corpus's
score stands in a row before them, as <corpus>.bleu. tokenize=none, all else sacrebleu's default.
"""

import random

import sacrebleu

words = "این یک دو سه چهار کتاب را به او داد که ۳٫۵ می‌رود خانه‌ها و در از www.a.ir".split()
draw = random.Random(7)


def swapped(sentence, times):
    out = list(sentence)
    for _ in range(times):
        i = draw.randrange(len(out) - 1)
        out[i], out[i + 1] = out[i + 1], out[i]
    return out


def shuffled(sentence):
    return draw.sample(sentence, len(sentence))


def lossy(sentence):
    out = [w for w in sentence if draw.random() > 0.2]
    return out + (["چیز"] if draw.random() > 0.5 else [])


corpora = {
    "same": (20, 4, 15, lambda s: list(s)),
    "swapped": (40, 4, 20, lambda s: swapped(s, 2)),
    "shuffled": (40, 4, 40, shuffled),
    "short": (6, 1, 3, shuffled),
    "few": (2, 4, 5, shuffled),
    "one": (1, 9, 9, shuffled),
    "lossy": (40, 4, 15, lossy),
    "longer": (20, 4, 15, lambda s: s + [draw.choice(words)]),
    "wrong": (5, 4, 9, lambda s: ["نه"] * len(s)),
    "empty": (5, 4, 9, lambda s: []),
}
print("# made by bleu.py with sacrebleu", sacrebleu.__version__)
print("corpus\ttruth\tanswer")
for name, (count, low, high, change) in corpora.items():
    truth = [[draw.choice(words) for _ in range(draw.randint(low, high))] for _ in range(count)]
    answer = [change(sentence) for sentence in truth]
    score = sacrebleu.corpus_bleu(
        [" ".join(a) for a in answer], [[" ".join(t) for t in truth]], tokenize="none"
    ).score
    print(f"{name}.bleu\t{score:.9f}\t")
    for t, a in zip(truth, answer):
        print(name, " ".join(t), " ".join(a), sep="\t")
