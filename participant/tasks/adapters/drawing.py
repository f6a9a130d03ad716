"""A backbone whose weights are drawn from a seed, by its configuration alone: to try an adapter on, or to start from
nothing. Other versions of PyTorch or transformers may draw others, which the digest shows.
"""

import shutil
from pathlib import Path

import torch

from ledger.errors import Malformed, UsageError
from participant.tasks.adapters.backbone import CONFIG, INDEX, TOKENIZER, WEIGHTS, configuration
from participant.tasks.adapters.libraries import require, transformers
from participant.tasks.optimisers import seeded


def draw(folder: Path, seed: int, target: Path) -> None:
    """Write to the empty folder `target` the backbone that the configuration in `folder` describes, its tokenizer
    beside it. Raises UsageError where `folder` has weights already, Malformed where no model can be made of it.
    """
    require()
    configuration(folder)
    if (folder / WEIGHTS).exists() or (folder / INDEX).exists():
        raise UsageError("the backbone has weights already", advice="leave --seed out", folder=str(folder))
    library = transformers()
    try:
        described = library.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with seeded(seed):
            model = library.AutoModel.from_config(described, trust_remote_code=False, dtype=torch.float32)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Malformed(
            f"no model can be made of this configuration: {str(error)[:300]}", file=str(folder / CONFIG)
        ) from error
    from safetensors.torch import save_model

    save_model(model, str(target / WEIGHTS), metadata={"format": "pt"})
    for name in (CONFIG, TOKENIZER):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)
