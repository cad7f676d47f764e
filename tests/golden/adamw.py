#!/usr/bin/env python3
"""Ten steps of torch.optim.AdamW on a small problem, for tests/unit/test_adamw.c.

    python tests/golden/adamw.py        # PyTorch 2; prints the table that the test holds

Loss: sum_i (x_i - target_i)^2 * curvature_i / 2 with numbers that the test makes in the same way.
Rates follow 0.01 * (step + 1) / 4 up to step 3, then fall linearly; gradients are clipped to norm 1.
The single-tensor path (foreach=False) is the order of operations that src/train/adamw.h states.
"""

import torch

n, steps = 6, 10
target = torch.tensor([0.5, -1.0, 0.25, 2.0, -0.125, 0.0])
curvature = torch.tensor([1.0, 4.0, 0.5, 0.001, 0.0, 100.0])
x = torch.nn.Parameter(torch.tensor([0.9, -0.25, 1.0, -2.0, 0.75, 0.0625]))
optimiser = torch.optim.AdamW(
    [x], lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, foreach=False
)
for step in range(steps):
    for group in optimiser.param_groups:
        group["lr"] = 0.01 * ((step + 1) / 4 if step < 3 else (steps - step) / 7)
    optimiser.zero_grad()
    loss = ((x - target) ** 2 * curvature / 2).sum()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_([x], 1.0)
    optimiser.step()
    numbers = ", ".join(f"{value:.9g}" for value in x.detach().tolist())
    print(f"    {{{norm.item():.9g}, {{{numbers}}}}},")
