"""Twenty steps of torch.optim.AdamW with two groups, a schedule and clipping. Writes adamw.json beside itself.

Made with torch 2.13.0.
"""
import json
import pathlib

import torch

torch.manual_seed(7)
STEPS, DECAY, CLIP = 20, 0.05, 0.7
shapes = {"matrix": [7, 5], "table": [33, 3], "bias": [5], "norm": [19]}
initial = {name: torch.randn(shape) for name, shape in shapes.items()}
gradients = [{name: torch.randn(shape) * 10 ** float(torch.empty(1).uniform_(-4, 0)) for name, shape in shapes.items()} for _ in range(STEPS)]
rates = [0.01 * (step + 1) / 5 if step < 5 else 0.01 * (STEPS - step) / 15 for step in range(STEPS)]

weights = {name: torch.nn.Parameter(value.clone()) for name, value in initial.items()}
groups = [{"params": [weights["matrix"], weights["table"]], "weight_decay": DECAY}, {"params": [weights["bias"], weights["norm"]], "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-7)
norms = []
for step in range(STEPS):
    for name, weight in weights.items():
        weight.grad = gradients[step][name].clone()
    norms.append(float(torch.nn.utils.clip_grad_norm_(weights.values(), CLIP)))
    for group in optimizer.param_groups:
        group["lr"] = rates[step]
    optimizer.step()

flat = lambda values: {name: [float(x) for x in value.detach().flatten()] for name, value in values.items()}
out = {"decay": DECAY, "clip": CLIP, "beta1": 0.9, "beta2": 0.98, "epsilon": 1e-7, "shapes": shapes, "initial": flat(initial),
       "rates": rates, "gradients": [flat(one) for one in gradients], "norms": norms, "final": flat(weights)}
(pathlib.Path(__file__).parent / "adamw.json").write_text(json.dumps(out))
