"""PyTorch's side of races of the word orderer (bench/peers/race.py reorder, decode).

The same model as src/model/reorderer.c in PyTorch's own parts: embeddings, pre-norm layers with
scaled_dot_product_attention, a pointer over the words left, AdamW with fused=True. All sentences of
a batch have one length, so there is no padding to waste. Commands as bench/peer_reorder.c has them,
and `import FILE` for what its `export` wrote.

Decoding is a beam search over a batch of bags: the encoder, and keys and values of its states, run
once a bag and are shared by its hypotheses, which stand as queries beside each other; keys and
values of what is placed are kept and reordered with the hypotheses. Hypotheses in one state are not
merged, as ours are.
"""

import copy
import json
import math
import os
import struct
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


class Layer:
    """What a decoder layer keeps while it decodes."""

    def __init__(self, block, states, rows):
        self.attention, self.cross, self.feed = block
        b, n, _ = states.shape
        k, v = self.cross.memory(states).chunk(2, -1)
        self.memory = [t.view(b, n, H, D // H).transpose(1, 2) for t in (k, v)]
        self.past = [states.new_empty(rows, H, n, D // H) for _ in range(2)]

    def step(self, x, t, parent, left):
        """x [B, K, D]: K hypotheses of each of B bags; left [B, K, n]."""
        b, k, _ = x.shape
        q, *new = self.attention.query(self.attention.norm(x)).chunk(3, -1)
        for i, now in enumerate(new):
            if parent is not None and t:
                self.past[i] = self.past[i].index_select(0, parent)
            self.past[i][:, :, t] = now.reshape(b * k, H, D // H)
        y = F.scaled_dot_product_attention(q.reshape(b * k, H, 1, D // H),
                                           *(past[:, :, : t + 1] for past in self.past))
        x = x + self.attention.out(y.reshape(b, k, D))
        q = self.cross.query(self.cross.norm(x)).view(b, k, H, D // H).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, *self.memory, attn_mask=left[:, None])
        x = x + self.cross.out(y.transpose(1, 2).reshape(b, k, D))
        return self.feed(x)


def search(model, features, beam):
    """features [B, n, FEATURES], no word twice in a bag; indices [B, n] of the likeliest order."""
    b, n, _ = features.shape
    x = words = model.embed(features)
    for attention, feed in model.encoder:
        x = feed(attention(x))
    states = model.encoder_norm(x)
    projected, keys = model.state(states), model.key(states).transpose(1, 2) / math.sqrt(D)
    layers = [Layer(block, states, b * beam) for block in model.decoder]
    begin = torch.zeros(1, 1, FEATURES, dtype=torch.long)
    begin[..., 0] = 1
    x = model.embed(begin).expand(b, beam, D)
    left = torch.ones(b, beam, n, dtype=torch.bool)
    order = torch.zeros(b, beam, n, dtype=torch.long)
    score = torch.full((b, beam), -math.inf)
    score[:, 0] = 0  # one beginning, not `beam` of the same
    bag, parent = torch.arange(b)[:, None], None
    for t in range(n):
        x = x + model.places.weight[t] + model.left.weight[n - t]
        for layer in layers:
            x = layer.step(x, t, parent, left)
        z = (model.query(model.decoder_norm(x)) @ keys).float().masked_fill(~left, -math.inf)
        score, chosen = (score[..., None] + z.log_softmax(-1)).view(b, -1).topk(beam)
        parent, word = chosen // n, chosen % n
        order, left = order[bag, parent], left[bag, parent]
        order[:, :, t] = word
        # Where fewer orders are left than `beam`, the rest is of no likelihood and may repeat words.
        left.scatter_(2, word[..., None], (score == -math.inf)[..., None])
        x = words[bag, word] + projected[bag, word]
        parent = (parent + bag * beam).view(-1)
    return order[:, 0]


def read_tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    return {name: torch.frombuffer(data, dtype=torch.float32, offset=about["data_offsets"][0],
                                   count=math.prod(about["shape"])).view(about["shape"])
            for name, about in header.items() if name != "__metadata__"}


def rename(name):
    """Our names of this model's tensors."""
    fixed = {"words.weight": "reorderer.words", "affixes.weight": "reorderer.affixes",
             "places.weight": "reorderer.places", "left.weight": "reorderer.left",
             "state.weight": "reorderer.state", "query.weight": "reorderer.query",
             "key.weight": "reorderer.key"}
    if name in fixed:
        return fixed[name]
    half, _, rest = name.partition(".")
    kinds = {"norm.weight": "gain", "norm.bias": "shift"}
    if half.endswith("_norm"):
        return f"{half[:-5]}.norm.{kinds['norm.' + rest]}"
    layer, part, rest = rest.split(".", 2)
    last = half == "encoder" and part == "1" or part == "2"
    if last:
        part = {"norm": "feed_norm", "up": "up", "down": "down"}[rest.split(".")[0]]
    elif part == "0":
        part = {"norm": "attention_norm", "query": "qkv", "out": "attention_output"}[rest.split(".")[0]]
    else:
        part = {"norm": "cross_norm", "query": "cross_query", "memory": "cross_key_value",
                "out": "cross_output"}[rest.split(".")[0]]
    return f"{half}.{layer}.{part}.{kinds.get(rest, rest.split('.')[1])}"


class Decoding:
    """ROWS: hypotheses worked on together, at most."""

    ROWS = int(os.environ.get("ROWS", "2048"))

    def __init__(self, path):
        tensors = read_tensors(path)
        global WORDS
        WORDS = len(tensors["reorderer.words"]) - 2
        self.bags = tensors.pop("bags").long()
        self.model = Reorderer().eval()
        with torch.no_grad():
            for name, own in self.model.state_dict().items():
                own.copy_(tensors.pop(rename(name)))
        if tensors:
            sys.exit(f"torch_reorder: {path}: no place for {', '.join(tensors)}")
        # Wholly in bf16, which beats autocast: that rounds the weights again in every product.
        self.half = copy.deepcopy(self.model).bfloat16()

    def orders(self, beam, precision):
        count = max(1, self.ROWS // beam)
        model = self.half if precision == "bf16" else self.model
        with torch.inference_mode():
            return torch.cat([search(model, some, beam) for some in self.bags.split(count)])

    def time(self, beam, precision):
        start = time.perf_counter()
        self.orders(beam, precision)
        return time.perf_counter() - start

    def answers(self, beam, precision):
        return self.bags[..., 0].gather(1, self.orders(beam, precision)).flatten().tolist()


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
    training, decoding = {}, None
    for line in sys.stdin:
        command, *words = line.split()
        if command == "reorder" and len(words) == 3:
            if words[2] not in training:
                training = {words[2]: Training(words[2])}
            answer = f"{training[words[2]].step(int(words[0]), int(words[1])):.9f}"
        elif command == "import" and len(words) == 1:
            decoding = Decoding(words[0])
            answer = decoding.bags[..., 0].numel()
        elif command == "decode" and len(words) == 2:
            answer = f"{decoding.time(int(words[0]), words[1]):.9f}"
        elif command == "answers" and len(words) == 2:
            answer = " ".join(map(str, decoding.answers(int(words[0]), words[1])))
        else:
            sys.exit("torch_reorder: expected reorder SENTENCES WORDS PRECISION, import FILE, "
                     f"decode or answers BEAM PRECISION, found: {line.strip()}")
        print(answer, flush=True)


main()
