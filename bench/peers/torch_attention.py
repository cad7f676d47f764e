"""PyTorch's side of the race: the same protocol as bench/peer_attention.c.

Reads 'kind direction heads width features length [precision]' a line, runs it twice, prints the second
time. Inputs are [1, H, N, E], the layout that scaled_dot_product_attention likes best.

--device=cuda: calls follow each other for a fiftieth of a second between two CUDA events, after three that
are not timed. Precisions there: f32 (no tensor cores), tf32 (f32 tensors, products on tensor cores), bf16
(tensors of bf16, which is how PyTorch's flash attention takes them). Exact attention is PyTorch's fused
one: flash for bf16, the memory-efficient one for f32 and tf32 (RACE_SDPA=default lets PyTorch choose). Kernel attention is what its users write
in plain PyTorch; its causal form goes by chunks of 128 rows, all at once.
"""

import argparse
import contextlib
import math
import os
import sys
import time

import torch
import torch.nn.functional as F

CHUNK = 128
GPU_SECONDS = 0.02
DEFAULT_SDPA = os.environ.get("RACE_SDPA") == "default"


def features_positive(q, k, projection):
    """FAVOR+ as published (Choromanski et al. 2021, appendix; stabilised, 1e-6 added)."""
    scale = q.shape[-1] ** -0.25
    features = projection.shape[0]

    def phi(x, query):
        x = x * scale
        log = x @ projection.T - x.square().sum(-1, keepdim=True) / 2
        top = log.amax(-1, keepdim=True) if query else log.amax((-1, -2), keepdim=True)
        return (torch.exp(log - top) + 1e-6) / math.sqrt(features)

    return phi(q, True), phi(k, False)


def linear(fq, fk, v):
    return (fq @ (fk.transpose(-1, -2) @ v)) / (fq @ fk.sum(-2).unsqueeze(-1))


def linear_causal(fq, fk, v):
    """Prefix sums between chunks, a masked product within each."""
    batch, heads, length, width = v.shape
    if length % CHUNK:
        sys.exit(f"torch_attention: causal kernel attention wants a length of whole chunks of {CHUNK}")
    fq, fk, v = (x.reshape(batch, heads, length // CHUNK, CHUNK, -1) for x in (fq, fk, v))
    states, sums = fk.transpose(-1, -2) @ v, fk.sum(-2)
    before = states.cumsum(2) - states
    sums_before = sums.cumsum(2) - sums
    scores = (fq @ fk.transpose(-1, -2)).tril()
    out = fq @ before + scores @ v
    normaliser = fq @ sums_before.unsqueeze(-1) + scores.sum(-1, keepdim=True)
    return (out / normaliser).reshape(batch, heads, length, width)


def materialised(q, k, v):
    return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1) @ v


def exact_backend(device, dtype):
    """Which of PyTorch's fused kernels may be used; the context to be in."""
    if device == "cpu" or DEFAULT_SDPA:
        return contextlib.nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    flash = dtype == torch.bfloat16
    return sdpa_kernel(SDPBackend.FLASH_ATTENTION if flash else SDPBackend.EFFICIENT_ATTENTION)


def run(kind, both, tensors, projection, dout):
    q, k, v = tensors
    if kind in ("tiled", "tiled_causal"):
        out = F.scaled_dot_product_attention(q, k, v, is_causal=kind == "tiled_causal")
    elif kind == "favor_positive":
        out = linear(*features_positive(q, k, projection), v)
    elif kind == "favor_causal":
        out = linear_causal(*features_positive(q, k, projection), v)
    elif kind == "elu":
        out = linear(F.elu(q) + 1, F.elu(k) + 1, v)
    elif kind == "materialised":
        out = materialised(q, k, v)
    else:
        sys.exit(f"torch_attention: unknown kind {kind}")
    if both:
        torch.autograd.grad(out, tensors, dout)


def seconds_on_cpu(work):
    for _ in range(2):
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
    return seconds


def seconds_on_gpu(work):
    def of(calls):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(calls):
            work()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1e3 / calls

    of(1)
    return of(max(1, int(GPU_SECONDS / max(of(2), 1e-6))))


def time_case(device, line):
    kind, direction, heads, width, features, length, *rest = line.split()
    heads, width, features, length = int(heads), int(width), int(features), int(length)
    precision = rest[0] if rest else "f32"
    both = direction == "both"
    if device == "cpu" and precision != "f32":
        return f"lacks {precision} on the CPU: this race has f32 alone there"
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    seconds = seconds_on_gpu if device == "cuda" else seconds_on_cpu

    def randn(*shape, **options):
        return torch.randn(*shape, device=device, dtype=dtype, **options)

    try:
        if kind == "gemm":
            a, b = randn(length, length), randn(length, length)
            return f"{seconds(lambda: a @ b):.9f}"
        shape = (1, heads, length, width)
        tensors = [randn(*shape, requires_grad=both) for _ in range(3)]
        dout, projection = randn(*shape), randn(max(features, 1), width)
        with torch.set_grad_enabled(both), exact_backend(device, dtype):
            return f"{seconds(lambda: run(kind, both, tensors, projection, dout)):.9f}"
    except RuntimeError as error:  # no memory, or no such kernel for this GPU
        return "lacks " + str(error).split("\n")[0]


def describe(device):
    words = f"PyTorch {torch.__version__}"
    if device == "cuda":
        words += f", CUDA {torch.version.cuda}, {torch.cuda.get_device_name()}"
    return words


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    device = parser.parse_args().device
    if device == "cuda" and not torch.cuda.is_available():
        sys.exit("torch_attention: this PyTorch finds no GPU")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    torch.manual_seed(1)
    for line in sys.stdin:
        print(describe(device) if line.strip() == "describe" else time_case(device, line), flush=True)
        if device == "cuda":
            torch.cuda.empty_cache()  # the other side needs the room


main()
