"""PyTorch's side of the race: the same protocol as bench/peer_attention.c.

Reads 'kind direction heads width features length' a line, runs it twice, prints the second time.
Inputs are [1, H, N, E], the layout that scaled_dot_product_attention likes best.
"""

import math
import os
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))


def favor_positive(q, k, v, projection):
    """FAVOR+ as published (Choromanski et al. 2021, appendix; stabilised, 1e-6 added)."""
    scale = q.shape[-1] ** -0.25
    features = projection.shape[0]

    def phi(x, query):
        x = x * scale
        log = x @ projection.T - x.square().sum(-1, keepdim=True) / 2
        top = log.amax(-1, keepdim=True) if query else log.amax((-1, -2), keepdim=True)
        return (torch.exp(log - top) + 1e-6) / math.sqrt(features)

    fq, fk = phi(q, True), phi(k, False)
    state = fk.transpose(-1, -2) @ v
    normaliser = fq @ fk.sum(-2).unsqueeze(-1)
    return (fq @ state) / normaliser


def elu(q, k, v):
    fq, fk = F.elu(q) + 1, F.elu(k) + 1
    return (fq @ (fk.transpose(-1, -2) @ v)) / (fq @ fk.sum(-2).unsqueeze(-1))


def materialised(q, k, v):
    return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v


def run(kind, both, tensors, projection, dout):
    q, k, v = tensors
    if kind == "tiled":
        out = F.scaled_dot_product_attention(q, k, v)
    elif kind == "tiled_causal":
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    elif kind == "favor_positive":
        out = favor_positive(q, k, v, projection)
    elif kind == "elu":
        out = elu(q, k, v)
    elif kind == "materialised":
        out = materialised(q, k, v)
    else:
        sys.exit(f"torch_attention: unknown kind {kind}")
    if both:
        torch.autograd.grad(out, tensors, dout)


def main():
    torch.manual_seed(1)
    for line in sys.stdin:
        kind, direction, heads, width, features, length = line.split()
        heads, width, features, length = int(heads), int(width), int(features), int(length)
        both = direction == "both"
        seconds = 0.0
        if kind == "gemm":
            a, b = torch.randn(length, length), torch.randn(length, length)
            for _ in range(2):
                start = time.perf_counter()
                a @ b
                seconds = time.perf_counter() - start
        else:
            shape = (1, heads, length, width)
            tensors = [torch.randn(shape, requires_grad=both) for _ in range(3)]
            dout, projection = torch.randn(shape), torch.randn(max(features, 1), width)
            with torch.set_grad_enabled(both):
                for _ in range(2):
                    start = time.perf_counter()
                    run(kind, both, tensors, projection, dout)
                    seconds = time.perf_counter() - start
        print(f"{seconds:.9f}", flush=True)


main()
