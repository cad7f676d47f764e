"""PyTorch's side of the race of recurrent layers: the same protocol as bench/peer_recurrent.c."""

import os
import sys
import time

import torch

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
KINDS = {"tanh": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def measure(kind, direction, width, batch, steps):
    both = direction == "both"
    layer = KINDS[kind](width, width)
    x = torch.randn(steps, batch, width, requires_grad=both)
    dy = torch.randn(steps, batch, width)
    inputs = [x, *layer.parameters()]

    def run():
        y, _ = layer(x)
        if both:
            torch.autograd.grad(y, inputs, dy)

    with torch.set_grad_enabled(both):
        run(), run()
        passes, start = 0, time.perf_counter()
        while True:
            run()
            passes += 1
            elapsed = time.perf_counter() - start
            if elapsed >= 0.1:
                return elapsed / passes


def main():
    torch.manual_seed(1)
    for line in sys.stdin:
        kind, direction, width, batch, steps = line.split()
        print(f"{measure(kind, direction, int(width), int(batch), int(steps)):.9f}", flush=True)


main()
