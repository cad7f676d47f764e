"""PyTorch's side of a race of training steps of the word orderer (bench/peers/race.py reorder).

The same model as src/model/reorderer.c in PyTorch's own parts: embeddings, pre-norm layers with
scaled_dot_product_attention, a pointer over the words left, AdamW with fused=True. All sentences of
a batch have one length, so there is no padding to waste. Commands as bench/peer_reorder.c has them.
"""

import math
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

D, H, FF, LAYERS, WORDS, AFFIXES, FEATURES, PLACES = 256, 4, 1024, 3, 30000, 5000, 9, 40


class Attention(nn.Module):
    """Self-attention, or attention to a memory."""

    def __init__(self, cross):
        super().__init__()
        self.cross = cross
        self.norm = nn.LayerNorm(D)
        self.query = nn.Linear(D, D if cross else 3 * D)
        self.memory = nn.Linear(D, 2 * D) if cross else None
        self.out = nn.Linear(D, D)

    def forward(self, x, memory=None, mask=None, causal=False):
        b, n, _ = x.shape
        if self.cross:
            q = self.query(self.norm(x))
            k, v = self.memory(memory).chunk(2, -1)
        else:
            q, k, v = self.query(self.norm(x)).chunk(3, -1)
        q, k, v = (t.view(b, n, H, D // H).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return x + self.out(y.transpose(1, 2).reshape(b, n, D))


class Feed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(D), nn.Linear(D, FF), nn.Linear(FF, D)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x))))


class Reorderer(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS + 2, D)
        self.affixes = nn.Embedding(AFFIXES + 1, D)
        self.places = nn.Embedding(PLACES, D)
        self.left = nn.Embedding(PLACES + 1, D)
        self.encoder = nn.ModuleList(nn.ModuleList((Attention(False), Feed())) for _ in range(LAYERS))
        self.decoder = nn.ModuleList(
            nn.ModuleList((Attention(False), Attention(True), Feed())) for _ in range(LAYERS))
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(D), nn.LayerNorm(D)
        self.state, self.query, self.key = (nn.Linear(D, D, bias=False) for _ in range(3))

    def embed(self, features):
        return self.words(features[..., 0]) + self.affixes(features[..., 1:]).sum(-2)

    def forward(self, ids, features):
        b, n = ids.shape
        x = self.embed(features)
        for attention, feed in self.encoder:
            x = feed(attention(x))
        states = self.encoder_norm(x)
        begin = torch.zeros(b, 1, FEATURES, dtype=torch.long)
        begin[..., 0] = 1
        place = torch.arange(n)
        last = F.pad(states[:, :-1], (0, 0, 1, 0))
        y = (self.embed(torch.cat((begin, features[:, :-1]), 1)) + self.places(place)
             + self.left(n - place) + self.state(last))
        left = torch.ones(n, n, dtype=torch.bool).triu()
        for attention, cross, feed in self.decoder:
            y = feed(cross(attention(y, causal=True), states, mask=left))
        z = self.query(self.decoder_norm(y)) @ self.key(states).transpose(1, 2) / math.sqrt(D)
        z = z.float().masked_fill(~left, -math.inf)
        equal = ids[:, :, None] == ids[:, None, :]
        return (z.logsumexp(-1) - z.masked_fill(~equal, -math.inf).logsumexp(-1)).mean()


class Training:
    def __init__(self, precision):
        torch.manual_seed(1)
        self.model = Reorderer().train()
        self.bf16 = precision == "bf16"
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=1e-3, betas=(0.9, 0.99),
                                           fused=True)

    def step(self, sentences, words):
        ids = (WORDS ** torch.rand(sentences, words) - 1).long()
        features = torch.randint(1, AFFIXES + 1, (sentences, words, FEATURES))
        features[..., 0] = ids + 2
        start = time.perf_counter()
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = self.model(ids, features)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return time.perf_counter() - start


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    training = {}
    for line in sys.stdin:
        command, *words = line.split()
        if command != "reorder" or len(words) != 3:
            sys.exit(f"torch_reorder: expected reorder SENTENCES WORDS PRECISION, found: {line.strip()}")
        if words[2] not in training:
            training = {words[2]: Training(words[2])}
        print(f"{training[words[2]].step(int(words[0]), int(words[1])):.9f}", flush=True)


main()
