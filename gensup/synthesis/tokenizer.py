"""The tokenizer of a text encoder, from a folder that is here: nothing is fetched, and no code in it is run."""

from __future__ import annotations

from pathlib import Path

from gensup._compat import ensure_torchaudio
from gensup.captions.tokens import Tokenizer
from gensup.errors import GensupError


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer in ``folder``, such as ``tokenizer/`` of a downloaded checkpoint.

    Raises:
        GensupError: no such folder, or no tokenizer that transformers can read in it.
    """
    if not folder.is_dir():
        raise GensupError("no such folder", where="--tokenizer", value=str(folder), remedy="name a tokenizer's folder")
    ensure_torchaudio()
    from transformers import AutoTokenizer

    try:
        tokenizer: Tokenizer = AutoTokenizer.from_pretrained(
            str(folder.resolve()), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # whatever its files hold: no JSON, an unknown class, a broken model
        inside = sorted(path.name for path in folder.glob("tokenizer*") if path.is_dir())
        raise GensupError(
            f"no tokenizer that transformers can read: {type(error).__name__}",
            where="--tokenizer",
            value=str(folder),
            rule="it holds tokenizer.json, or vocab.json and merges.txt",
            remedy=f"name {' or '.join(str(folder / name) for name in inside)}" if inside else "",
        ) from None
    return tokenizer
