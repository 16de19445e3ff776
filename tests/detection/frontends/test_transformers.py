"""Frontends of transformers' models against the models themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gensup.audio.files import resampled
from gensup.detection.frontends.ast import Ast
from gensup.detection.frontends.clap import Clap
from gensup.detection.means import Means
from gensup.detection.parts import FRONTENDS
from tests.support.checkpoints import _transformers, sound


@pytest.mark.parametrize(
    ("kind", "cls"), [("wav2vec2", "Wav2Vec2Model"), ("hubert", "HubertModel"), ("wavlm", "WavLMModel")]
)
def test_frames_are_the_models(kind: str, cls: str, means: Means) -> None:
    assert means.weights is not None
    model = getattr(_transformers(), cls).from_pretrained(means.weights / f"{kind}-tiny").eval()
    audio = sound(1.0)
    normal = (audio[0] - audio[0].mean()) / np.sqrt(audio[0].var() + 1e-7)
    with torch.inference_mode():
        out = model(torch.from_numpy(normal)[None], output_hidden_states=True)
    front = FRONTENDS.load(kind)(f"{kind}-tiny", (1, 2)).untrained(means)
    expected = torch.cat([out.hidden_states[1], out.last_hidden_state], dim=-1)[0, :, None]
    np.testing.assert_allclose(front.tokens(audio, 16000).x, expected.numpy(), atol=1e-5)


def test_ast_patches_keep_their_places(means: Means) -> None:
    """The model sees a patch's place; its input grid, before any layer, tells which token is which."""
    assert means.weights is not None
    model = _transformers().ASTModel.from_pretrained(means.weights / "ast-tiny").eval()
    extractor = _transformers().ASTFeatureExtractor.from_pretrained(means.weights / "ast-tiny")
    audio = sound(1.0)
    values = extractor(audio[0], sampling_rate=16000, return_tensors="pt")["input_values"]
    with torch.inference_mode():
        grid = model.embeddings.patch_embeddings.projection(values[:, None].transpose(2, 3))[0]  # (dim, freq, time)
        places = model.embeddings.position_embeddings[0, 2:].reshape(12, -1, 16)
    found = Ast("ast-tiny", (0,)).untrained(means).tokens(audio, 16000).x
    expected = (grid.permute(2, 1, 0) + places.transpose(0, 1)).detach().numpy()
    assert found.shape == (9, 12, 16)  # 98 frames; what fills the window up to 200 gives none
    np.testing.assert_allclose(found, expected[:9], atol=1e-5)


def test_ast_hears_a_long_clip_in_windows(means: Means) -> None:
    front, audio = Ast("ast-tiny", (2,)).untrained(means), sound(5.0)
    whole = front.tokens(audio, 16000).x
    parts = [front.tokens(audio[:, a : a + 32240], 16000).x for a in (0, 32000, 64000)]
    np.testing.assert_allclose(whole, np.concatenate(parts), atol=1e-6)
    assert len(whole) == 19 + 19 + 9


def test_clap_is_the_audio_tower(means: Means) -> None:
    assert means.weights is not None
    model = _transformers().ClapModel.from_pretrained(means.weights / "clap-tiny").eval().audio_model
    extractor = _transformers().ClapFeatureExtractor.from_pretrained(means.weights / "clap-tiny")
    audio = sound(12.0)
    at_48k = resampled(audio, 16000, 48000)[0]
    with torch.inference_mode():
        windows = [
            model(extractor(at_48k[a:b], sampling_rate=48000, return_tensors="pt")["input_features"])
            for a, b in ((0, 480000), (480000, None))
        ]
    first, second = (out.last_hidden_state[0].permute(2, 1, 0).numpy() for out in windows)
    found = Clap("clap-tiny").untrained(means).tokens(audio, 16000).x
    np.testing.assert_allclose(found, np.concatenate([first, second[:7]]), atol=1e-5)
    # What the tower averages for its own embedding is these tokens.
    np.testing.assert_allclose(first.mean(axis=(0, 1)), windows[0].pooler_output[0].numpy(), atol=1e-5)
