"""A transformer with an adapter on it, by PEFT: what of it is trained, and under which names it is on the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ledger.errors import Malformed
from ledger.releases.peft import Lora
from participant.tasks.adapters.backbone import configuration
from participant.tasks.adapters.libraries import of_one_another, peft, transformers
from participant.tasks.adapters.texts import padding_of
from participant.tasks.optimisers import seeded

_TOGETHER = 64
"""Rows that a model reads at a time where it is not trained."""
_A = ".lora_A."


@dataclass(frozen=True, slots=True)
class AdapterShape:
    """What is built: the adapter, whether its A stays as it was drawn, tokens in a row, and how many classes."""

    lora: Lora
    freeze_a: bool
    length: int
    classes: int


class Adapted(nn.Module):
    """A PEFT model that takes tokens (int64, n × length) and returns what it says of each class (n × classes)."""

    def __init__(self, inner: nn.Module, padding: int) -> None:
        super().__init__()
        self.inner, self.padding = inner, padding

    def forward(self, tokens: Tensor) -> Tensor:
        if self.training:
            return self._logits(tokens)
        return torch.cat([self._logits(piece) for piece in torch.split(tokens, _TOGETHER)])

    def _logits(self, tokens: Tensor) -> Tensor:
        """Of as many columns as the longest row has."""
        known = tokens != self.padding
        places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        width = max(int((known * places).max()), 1)
        logits: Tensor = self.inner(input_ids=tokens[:, :width], attention_mask=known[:, :width].long()).logits
        return logits


def build(folder: Path, shape: AdapterShape, seed: int) -> Adapted:
    """The backbone in `folder` with an adapter on it; what is new is drawn from `seed`, B is zero.

    Raises Malformed where the backbone has no such modules, lacks tensors that nobody would train, or does not take
    rows of so many tokens.
    """
    config = configuration(folder)
    most = config.get("max_position_embeddings")
    if isinstance(most, int) and shape.length > most:
        raise Malformed(
            "the backbone does not take rows of so many tokens",
            advice="lower the setting length",
            length=shape.length,
            maximum=most,
        )
    padding = padding_of(config)
    with seeded(seed):
        backbone = _backbone(folder, shape)
        backbone.config.pad_token_id = padding
        return Adapted(_adapted(backbone, shape), padding)


def state(model: Adapted) -> dict[str, Tensor]:
    """The adapter's tensors and the modules trained whole, under the names that PEFT has for them in its files."""
    named: dict[str, Tensor] = peft().get_peft_model_state_dict(model.inner, save_embedding_layers=False)
    return named


def load(model: Adapted, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors with names of `state` into the model."""
    own = state(model)
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)


def parameters_of(model: Adapted) -> dict[str, str]:
    """The name of a tensor on the ledger → that of the same parameter in the model."""
    places = {parameter.data_ptr(): name for name, parameter in model.named_parameters()}
    return {name: places[tensor.data_ptr()] for name, tensor in state(model).items() if tensor.data_ptr() in places}


def _backbone(folder: Path, shape: AdapterShape) -> Any:
    """The backbone with a head for the classes, float32; of the folder nothing but the covered files is read."""
    kind = transformers().AutoModelForSequenceClassification
    try:
        made, found = kind.from_pretrained(
            folder,
            num_labels=shape.classes,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation="eager",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise Malformed(
            f"the backbone cannot be built: {str(error)[:300]}",
            advice="take one that transformers' AutoModelForSequenceClassification loads from safetensors",
            folder=str(folder),
        ) from error
    new = {str(one if isinstance(one, str) else one[0]) for one in (*found["missing_keys"], *found["mismatched_keys"])}
    drawn = sorted(name for name in new if not set(name.split(".")) & set(shape.lora.whole))
    if drawn:
        raise Malformed(
            "the backbone lacks tensors that nobody would train: they would be drawn at random and stay so",
            advice="name their module in modules_to_save, or take a backbone that has them",
            tensors=", ".join(drawn)[:300],
        )
    return made


def _adapted(backbone: nn.Module, shape: AdapterShape) -> nn.Module:
    library, lora = peft(), shape.lora
    said = library.LoraConfig(
        task_type="SEQ_CLS",
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=0.0,
        bias="none",
        target_modules=list(lora.targets),
        modules_to_save=list(lora.whole),
    )
    _require_modules(backbone, lora.targets)
    with of_one_another():
        model: nn.Module = library.get_peft_model(backbone, said)
    if shape.freeze_a:
        for name, parameter in model.named_parameters():
            if _A in name:
                parameter.requires_grad_(False)
    return model


def _require_modules(backbone: nn.Module, targets: Sequence[str]) -> None:
    """Raise Malformed where a target is no end of a module's name, or of one that takes no adapter."""
    linear = {name for name, module in backbone.named_modules() if isinstance(module, nn.Linear)}
    for target in targets:
        if not any(name == target or name.endswith(f".{target}") for name in linear):
            raise Malformed(
                f"target_modules: no linear module of the backbone is called {target!r}",
                advice="name modules by the ends of their names",
                modules=", ".join(sorted({name.rsplit(".", 1)[-1] for name in linear}))[:300],
            )
