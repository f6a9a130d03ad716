"""A tiny random transformer with a tokenizer of its own, made on the spot, and texts to learn from."""

import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CLASSES = ("calm", "urgent")
WORDS = {"calm": ("rest", "walk", "home", "mild"), "urgent": ("pain", "bleed", "faint", "acute")}
COMMON = ("the", "person", "says", "there", "is", "since", "noon", "some")
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *COMMON, *(word for words in WORDS.values() for word in words))
CONFIG = {
    "model_type": "bert",
    "vocab_size": 400,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
SETTINGS: dict[str, Any] = {"rank": 4, "length": 16, "classes": list(CLASSES), "optimiser": "adam"}


def describe(folder: Path, **changed: Any) -> Path:
    """A configuration and a tokenizer, without weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | changed))
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.save(str(folder / "tokenizer.json"))
    return folder


def drawn(folder: Path, seed: int = 7, **changed: Any) -> Path:
    """The folder of a backbone with weights from a seed; it is not kept yet."""
    from participant.tasks.adapters.drawing import draw

    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as described:
        draw(describe(Path(described), **changed), seed, folder)
    return folder


def backbone() -> str:
    """The digest of a backbone that is kept on this machine."""
    from participant.tasks.adapters.backbone import keep

    with TemporaryDirectory() as folder:
        return keep(drawn(Path(folder)))


def write_texts(path: Path, seed: int, rows: int = 60, share: float = 0.5) -> Path:
    """Sentences of made-up words; a party's share of urgent ones may differ."""
    draw = random.Random(seed)
    lines = ["text,label"]
    for _ in range(rows):
        label = CLASSES[draw.random() < share]
        words = draw.choices(COMMON, k=draw.randint(2, 6)) + draw.choices(WORDS[label], k=draw.randint(1, 3))
        draw.shuffle(words)
        lines.append(f"{' '.join(words)},{label}")
    path.write_text("\n".join(lines) + "\n")
    return path
