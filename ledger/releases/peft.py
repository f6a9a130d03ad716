"""A released adapter as PEFT reads it: the names of its files, and `adapter_config.json`, which follows from the job.

LoRA (E. Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models") puts beside a matrix W of the backbone
the product of two narrow ones: W + alpha / rank · B A. The ledger holds A and B, and the modules that are trained
whole, under PEFT's own names; the backbone stays off it. Nothing here needs PEFT.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.formats.text import json_text
from ledger.jobs.document import Job, Setting
from ledger.releases.markdown import fenced

TASK = "adapter"
"""The ready task whose jobs train adapters."""
MODEL, CONFIG = "adapter_model.safetensors", "adapter_config.json"
RANK, ALPHA = 8, 16
TARGETS = ("query", "value")
WHOLE = ("classifier", "score")
"""Modules that are trained whole: the classification heads of transformers' models; a model has one of them."""


@dataclass(frozen=True, slots=True)
class Lora:
    """What a job says of its adapter. `targets` are the ends of names of the modules that get one."""

    rank: int
    alpha: int
    targets: tuple[str, ...]
    whole: tuple[str, ...]

    @classmethod
    def of(cls, settings: Mapping[str, Setting]) -> "Lora":
        """By a task's settings; where one is left out, or is of no use here, what the task takes instead."""
        rank, alpha = (settings.get(name, default) for name, default in (("rank", RANK), ("alpha", ALPHA)))
        return cls(
            rank if isinstance(rank, int) else RANK,
            alpha if isinstance(alpha, int) else ALPHA,
            _texts(settings.get("target_modules"), TARGETS),
            _texts(settings.get("modules_to_save"), WHOLE),
        )

    def config(self) -> dict[str, object]:
        """The fields of PEFT's `LoraConfig` that are not its defaults."""
        return {
            "bias": "none",
            "inference_mode": True,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "modules_to_save": list(self.whole),
            "peft_type": "LORA",
            "r": self.rank,
            "target_modules": list(self.targets),
            "task_type": "SEQ_CLS",
        }


def lora_of(job: Job) -> Lora | None:
    """A job's adapter; None for any other job."""
    return Lora.of(job.task.settings) if job.task.name == TASK else None


def config_file(job: Job) -> bytes | None:
    """The file `adapter_config.json` of a job's models; None for jobs without adapters."""
    lora = lora_of(job)
    return None if lora is None else (json_text(lora.config()) + "\n").encode()


def backbone_of(settings: Mapping[str, Setting]) -> str:
    """The digest of an adapter's backbone, where the job's text is one."""
    said = str(settings.get("backbone"))
    return said if len(said) == 64 and said.isalnum() and said.isascii() else "none"


def use(settings: Mapping[str, Setting]) -> Iterator[str]:
    """Of a card: how PEFT puts an adapter on its backbone."""
    classes = settings.get("classes")
    count = len(classes) if isinstance(classes, list) else 2
    yield f"This is an adapter (LoRA), for a backbone that is not part of it: `{backbone_of(settings)}`,"
    yield "which `fedledger task backbone FOLDER` says of the right one. With PEFT, in this folder:"
    yield ""
    made = f'AutoModelForSequenceClassification.from_pretrained("FOLDER", num_labels={count})'
    lines = ("from peft import PeftModel", "from transformers import AutoModelForSequenceClassification", "")
    yield from fenced("python", *lines, f"base = {made}", 'model = PeftModel.from_pretrained(base, ".")')


def _texts(value: Setting | None, default: Sequence[str]) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else tuple(default)
