"""The backbone: a tiny transformer with random weights and a word each for a token, made on the spot."""

import atexit
import json
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from desks.data import WORDS

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
CONFIG = {
    "model_type": "bert",
    "vocab_size": 400,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "pad_token_id": 0,
}
SEED = 7


@cache
def backbone() -> str:
    """Its digest. It is kept as long as this process runs, in a folder of its own."""
    from participant.tasks.adapters.backbone import keep
    from participant.tasks.adapters.drawing import draw

    places = TemporaryDirectory(prefix="fedledger-backbones-")
    atexit.register(places.cleanup)
    os.environ["FEDLEDGER_BACKBONES"] = places.name
    with TemporaryDirectory() as described, TemporaryDirectory() as drawn:
        describe(Path(described))
        draw(Path(described), SEED, Path(drawn))
        return keep(Path(drawn))


def describe(folder: Path) -> None:
    """Its configuration and tokenizer: what `fedledger task backbone FOLDER --seed 7` makes the same of."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    numbers = {word: number for number, word in enumerate((*SPECIAL, *WORDS))}
    made = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))  # noqa: S106  (a token of text)
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.save(str(folder / "tokenizer.json"))
