"""Checkpoints of a training: safetensors and JSON, for an exact restart.

A checkpoint holds the weights, their average, the moments of the optimiser and the state of the
training.  Batches are drawn from (seed, epoch), so that a restarted training
is identical to an uninterrupted one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ase_voxpot.errors import ArchitectureError, SchemaError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["load_checkpoint", "save_checkpoint"]

FORMAT = "ase-voxpot checkpoint"
SCHEMA = 1


def _moments(optimiser: torch.optim.Optimizer | None, network: nn.Module) -> dict[str, torch.Tensor]:
    out: dict[str, torch.Tensor] = {}
    if optimiser is None:
        return out
    for name, parameter in network.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            out[f"adam/{key}/{name}"] = torch.as_tensor(value)
    return out


def save_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer | None, state: dict[str, Any]
) -> None:
    """Write everything; the old file is replaced only when the new one is whole."""
    tensors = {f"network/{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"average/{k}": v for k, v in average.state_dict().items()}
    tensors |= _moments(optimiser, network)
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    header = {"format": FORMAT, "schema": str(SCHEMA), "state": json.dumps(state)}
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(save(tensors, header))
    draft.replace(path)


def load_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer | None
) -> dict[str, Any]:
    """Fill network, average and optimiser; returns the state of the training.

    Raises:
        SchemaError: not a checkpoint of this package.
        ArchitectureError: a checkpoint of another network.
    """
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            # copies are aligned as new tensors are, on which the last bits of sums may depend
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise SchemaError(f"{path}: expected a training checkpoint, got something else ({error})") from None
    if header.get("format") != FORMAT or header.get("schema") != str(SCHEMA):
        raise SchemaError(f"{path}: expected a training checkpoint of schema {SCHEMA}, got a file from elsewhere")
    for prefix, module in (("network/", network), ("average/", average)):
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in module.state_dict().items()}:
            raise ArchitectureError(
                f"{path}: is the checkpoint of another network; remove it, or name another folder with --output"
            )
        module.load_state_dict(own)
    for name, parameter in network.named_parameters() if optimiser is not None else ():
        found = {k.split("/")[1]: v for k, v in tensors.items() if k.startswith("adam/") and k.endswith(f"/{name}")}
        if found and optimiser is not None:
            optimiser.state[parameter] = {
                k: v if k == "step" else v.to(parameter.device, parameter.dtype) for k, v in found.items()
            }
    state: dict[str, Any] = json.loads(header["state"])
    return state
