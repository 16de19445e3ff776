"""A family says what diffusers' own pipeline says: of captions, at every step, and in sound. Two sizes of each."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from gensup.errors import GensupError
from gensup.synthesis.diffusion.checkpoint import open_checkpoint
from gensup.synthesis.diffusion.family import FAMILIES, Embedding
from tests.support.tiny_diffusion import AudioLDM2Pipeline, AudioLDMPipeline, DDIMScheduler, GPT2LMHeadModel, save_tiny

CAPTION = "The sound of a fan with a rattling noise"
OTHER = "The sound of a fan with a whirring noise"  # as many letters, and so as many of the tiny T5's tokens
SHORT = "a normal valve"
SIZES: dict[str, dict[str, Any]] = {
    "base": {},
    "other": {"channels": (8, 12), "layers": 2, "scaling": 0.31, "halvings": 2, "seed": 5},
}
Two = tuple[Any, Any]  # ours, and diffusers' pipeline


@pytest.fixture(scope="module", params=[f"{family}-{size}" for family in ("audioldm", "audioldm2") for size in SIZES])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Two:
    family, size = request.param.split("-")
    folder = save_tiny(tmp_path_factory.mktemp("tiny") / "model", family, **SIZES[size])
    ours = FAMILIES.load(family).open(open_checkpoint(str(folder)))
    if family == "audioldm":
        theirs = AudioLDMPipeline.from_pretrained(folder)
    else:
        language_model = GPT2LMHeadModel.from_pretrained(folder / "language_model")
        theirs = AudioLDM2Pipeline.from_pretrained(folder, language_model=language_model)
    theirs.set_progress_bar_config(disable=True)
    return ours, theirs


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_loaded_without_a_word(folder: Path, dtype: str) -> None:
    """diffusers warns of modules to be kept in float32 at every cast, also where there are none."""
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("diffusers").addHandler(listener)
    try:
        family = opened(folder, dtype=dtype, channels_last=True)
        family.encode_text([CAPTION])
        assert family.unet is not None
        family.decode(noise(family, 1, 0.3))
    finally:
        logging.getLogger("diffusers").removeHandler(listener)
    assert said == []


@pytest.fixture(scope="module", params=["audioldm", "audioldm2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("tiny") / "model", request.param)


def opened(folder: Path, **how: Any) -> Any:
    checkpoint = open_checkpoint(str(folder))
    return FAMILIES.load(checkpoint.family).open(checkpoint, **how)


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to / "copy")
    return to / "copy"


def noise(family: Any, rows: int, seconds: float, seed: int = 0) -> Tensor:
    return torch.randn(rows, *family.grid.latent(seconds), generator=torch.Generator().manual_seed(seed))


def of_pipeline(theirs: Any, caption: str) -> tuple[Embedding, Embedding]:
    """What diffusers makes of a caption, and of its unconditional branch."""
    with torch.no_grad():
        if isinstance(theirs, AudioLDMPipeline):
            empty, text = theirs._encode_prompt([caption], "cpu", 1, True).chunk(2)
            return {"text": text}, {"text": empty}
        found = [tensor.chunk(2) for tensor in theirs.encode_prompt([caption], "cpu", 1, True)]
        (empty, text), (empty_mask, mask), (empty_generated, generated) = found
        return (
            {"text": text, "mask": mask, "generated": generated},
            {"text": empty, "mask": empty_mask, "generated": empty_generated},
        )


def close(ours: Embedding, theirs: Embedding, tolerance: float = 1e-6) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=tolerance)


def ddim(family: Any, latents: Tensor, empty: Embedding, text: Embedding, steps: int, guidance: float) -> Tensor:
    """Classifier-free guidance in as few lines as it takes."""
    scheduler = DDIMScheduler.from_config(dict(family.scheduler_config))
    scheduler.set_timesteps(steps)
    rows = len(latents)
    stacked = family.stack([empty] * rows + [text] * rows)
    for timestep in scheduler.timesteps:
        without, towards = family.denoise(torch.cat([latents, latents]), timestep, stacked).chunk(2)
        latents = scheduler.step(without + guidance * (towards - without), timestep, latents).prev_sample
    return latents


def test_the_grid_is_what_the_configurations_say(both: Two) -> None:
    ours, theirs = both
    grid = ours.grid
    assert (grid.rate, grid.hop, grid.n_mels, grid.channels) == (16_000, 160, 64, 8)
    assert grid.factor == theirs.vae_scale_factor
    assert grid.scaling == theirs.vae.config.scaling_factor
    assert grid.stride == 2**theirs.unet.num_upsamplers
    assert (grid.factor, grid.stride, grid.scaling) in {(4, 8, 0.9227914214134216), (2, 4, 0.31)}
    assert ours.scheduler_config["beta_end"] == theirs.scheduler.config.beta_end


def test_a_caption_is_what_diffusers_makes_of_it(both: Two) -> None:
    ours, theirs = both
    for mine, caption in zip(ours.encode_text([CAPTION, SHORT]), [CAPTION, SHORT], strict=True):
        close(mine, of_pipeline(theirs, caption)[0])
        assert all(tensor.dtype in (torch.float32, torch.int64) and len(tensor) == 1 for tensor in mine.values())


def test_the_empty_caption_runs_through_the_whole_chain(both: Two) -> None:
    ours, theirs = both
    (empty,) = ours.encode_text([""])
    close(empty, of_pipeline(theirs, "")[1])
    assert all(tensor.abs().sum() > 0 for tensor in empty.values())


def test_a_caption_does_not_depend_on_its_company(both: Two) -> None:
    ours, _ = both
    (alone,) = ours.encode_text([SHORT])
    _, among, _ = ours.encode_text([CAPTION, SHORT, ""])
    close(alone, among, 0.0)
    (other,) = ours.encode_text([OTHER])
    assert any(not torch.equal(other[name], tensor) for name, tensor in ours.encode_text([CAPTION])[0].items())


def test_sound_is_what_diffusers_makes_of_the_same_noise(both: Two) -> None:
    """The pipeline is given two captions and nothing of ours. They are of one length, so that it pads neither."""
    ours, theirs = both
    latents = noise(ours, 1, 0.6)
    text, other = ours.encode_text([CAPTION, OTHER])
    assert text["text"].shape == other["text"].shape
    if ours.name == "audioldm":  # its pipeline takes the hidden size for the negative's length, and cuts it
        negative = {"prompt_embeds": text["text"], "negative_prompt_embeds": other["text"]}
    else:
        negative = {"prompt": CAPTION, "negative_prompt": OTHER}
    seconds = latents.shape[2] * ours.grid.factor * ours.grid.hop / ours.grid.rate
    expected = theirs(
        **negative,
        audio_length_in_s=seconds,
        num_inference_steps=4,
        guidance_scale=3.0,
        latents=latents,
        output_type="pt",
    ).audios
    found = ours.decode(ddim(ours, latents, other, text, 4, 3.0))
    assert found.shape == expected.shape == (1, ours.grid.samples(0.6))
    assert found.std() > 1e-3
    torch.testing.assert_close(found, torch.as_tensor(expected), rtol=0, atol=1e-5)


def test_rows_of_a_batch_are_what_they_are_alone(both: Two) -> None:
    """Captions of different lengths: what is padding counts for nothing."""
    ours, _ = both
    captions = ours.encode_text([CAPTION, "", SHORT, f"{CAPTION}, {OTHER}"])
    latents, timestep = noise(ours, len(captions), 0.6), torch.tensor(501)
    together = ours.denoise(latents, timestep, ours.stack(captions))
    for row, caption in enumerate(captions):
        alone = ours.denoise(latents[row : row + 1], timestep, ours.stack([caption]))
        torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=1e-5)
    assert not torch.allclose(together[0], ours.denoise(latents, timestep, ours.stack(captions[::-1]))[0], atol=1e-3)


def test_audioldm2_pads_words_to_one_shape_with_a_mask_of_none(folder: Path) -> None:
    family = opened(folder)
    if family.name == "audioldm":
        assert family.stack(family.encode_text(["", SHORT]))["text"].shape == (2, 16)
        return
    stacked = family.stack(family.encode_text(["", SHORT]))
    assert {name: tuple(tensor.shape) for name, tensor in stacked.items()} == {
        "generated": (2, 8, 16),
        "text": (2, 64, 16),
        "mask": (2, 64),
    }
    tokens = len(family.limits[1].tokenizer(SHORT)["input_ids"])
    assert stacked["mask"].sum(1).tolist() == [1, tokens]


def test_a_posterior_is_the_vaes_own(both: Two) -> None:
    ours, theirs = both
    mel = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(3))
    found = ours.encode_audio(mel)
    with torch.no_grad():
        expected = theirs.vae.encode(mel).latent_dist
    assert found.mean.shape == (2, 8, 64 // ours.grid.factor, 64 // ours.grid.factor)
    torch.testing.assert_close(found.mean, expected.mean)
    torch.testing.assert_close(found.log_variance, expected.logvar)
    assert not found.mean.requires_grad


@pytest.mark.parametrize("seconds", [0.32, 1.0])
def test_decode_gives_a_hop_of_samples_a_frame(both: Two, seconds: float) -> None:
    ours, _ = both
    sound = ours.decode(noise(ours, 2, seconds))
    assert sound.shape == (2, ours.grid.samples(seconds))
    assert sound.dtype == torch.float32
    assert sound.isfinite().all()


def test_parts_come_when_asked_for_and_encoders_go(folder: Path) -> None:
    family = opened(folder)
    assert family._models == {}
    assert family.limits[0].tokens == 77  # its tokenizer says 512
    assert family._models == {}
    (before,) = family.encode_text([SHORT])
    assert "text_encoder" in family._models
    assert "unet" not in family._models
    family.unload_encoders()
    assert family._models == {}
    family.decode(noise(family, 1, 0.32))
    assert set(family._models) == {"vae", "vocoder"}
    assert family.unet is family.unet
    assert not family.unet.training
    assert not any(weight.requires_grad for weight in family.unet.parameters())
    family.unload_encoders()
    assert set(family._models) == {"vae", "vocoder", "unet"}
    close(before, family.encode_text([SHORT])[0], 0.0)  # loaded again


def test_gradients_run_through_a_step_where_they_are_wanted(folder: Path) -> None:
    family = opened(folder)
    weight = next(iter(family.unet.parameters())).requires_grad_(True)
    family.denoise(noise(family, 1, 0.32), torch.tensor(3), family.stack(family.encode_text([SHORT]))).sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_near_and_leaves_text_alone(folder: Path, dtype: str) -> None:
    whole, half = opened(folder), opened(folder, dtype=dtype)
    (caption,) = half.encode_text([CAPTION])
    close(caption, whole.encode_text([CAPTION])[0], 0.0)
    assert half.unet.dtype == getattr(torch, dtype)
    latents, timestep = noise(whole, 1, 0.32), torch.tensor(301)
    stacked = half.stack([caption])
    assert {tensor.dtype for tensor in stacked.values()} == {getattr(torch, dtype)}
    expected, found = (family.denoise(latents, timestep, family.stack([caption])) for family in (whole, half))
    assert found.dtype == torch.float32
    assert 0 < (found - expected).std() < 0.05 * expected.std()
    exact, rounded = whole.decode(latents), half.decode(latents)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).std() < 0.25 * exact.std()
    assert half.encode_audio(torch.zeros(1, 1, 32, 64)).mean.dtype == torch.float32


def test_channels_last_changes_the_layout_alone(folder: Path) -> None:
    plain, last = opened(folder), opened(folder, channels_last=True)
    assert last.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert not plain.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    latents, text = noise(plain, 2, 0.32), plain.encode_text([CAPTION, SHORT])
    found = [family.denoise(latents, torch.tensor(301), family.stack(text)) for family in (plain, last)]
    torch.testing.assert_close(*found, rtol=0, atol=1e-5)


def test_a_language_model_saved_under_either_name_is_the_same(tmp_path: Path) -> None:
    embeddings = []
    for language_model in ("GPT2Model", "GPT2LMHeadModel"):
        folder = save_tiny(tmp_path / language_model, "audioldm2", language_model=language_model)  # type: ignore[arg-type]
        named = json.loads((folder / "model_index.json").read_text())["language_model"]
        assert named == ["transformers", language_model]
        embeddings.append(opened(folder).encode_text([CAPTION])[0])
    close(*embeddings, 0.0)


def test_a_caption_over_the_limit_is_refused_not_cut(folder: Path) -> None:
    family = opened(folder)
    with pytest.raises(GensupError, match=r"1 of 2 captions are over the limit.*at most 77"):
        family.encode_text([SHORT, "zebra " * 80])
    assert family._models == {}


def test_a_tokenizer_that_drops_spaces_is_refused(folder: Path, tmp_path: Path) -> None:
    """What transformers 5.0 to 5.16 made of tokenizers saved by 4.x."""
    copy = copied(folder, tmp_path)
    path = copy / "tokenizer" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["blank"] = vocabulary.pop("Ġ")
    tokenizer["model"] |= {"unk_token": None, "merges": [], "vocab": vocabulary}
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(GensupError, match=r"drops spaces \(got 'ab'\)"):
        opened(copy).limits  # noqa: B018


def test_weights_that_are_missing_are_not_made_up(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path)
    path = copy / "vae" / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    del state["decoder.conv_out.weight"]
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(GensupError, match=r"vae: weights are missing .*decoder\.conv_out\.weight"):
        opened(copy).decode(torch.zeros(1, 8, 8, 16))


def test_shared_weights_may_go_by_either_name(tmp_path: Path) -> None:
    """T5's words are ``shared`` and ``encoder.embed_tokens``; a checkpoint holds one of them, or both."""
    folder = save_tiny(tmp_path / "model", "audioldm2")
    before = opened(folder).encode_text([CAPTION])[0]
    path = folder / "text_encoder_2" / "model.safetensors"
    state = load_file(path)
    words = state.pop("shared.weight")
    for names in (["encoder.embed_tokens.weight"], ["encoder.embed_tokens.weight", "shared.weight"]):
        save_file(state | {name: words.clone() for name in names}, path, metadata={"format": "pt"})
        close(opened(folder).encode_text([CAPTION])[0], before, 0.0)


def test_weights_of_another_shape_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = copied(folder, tmp_path)
    for part, file, key in (
        ("unet", "diffusion_pytorch_model", "conv_in.weight"),
        ("vocoder", "model", "conv_pre.weight"),
    ):
        path = copy / part / f"{file}.safetensors"
        state = load_file(path)
        state[key] = state[key][:, :-1].contiguous()
        save_file(state, path, metadata={"format": "pt"})
    family = opened(copy)
    with pytest.raises(GensupError, match=r"unet: (cannot be loaded|weights are missing)"):
        family.unet  # noqa: B018
    with pytest.raises(GensupError, match=r"vocoder: (cannot be loaded|weights are missing)"):
        family.decode(torch.zeros(1, 8, 8, 16))


@pytest.mark.parametrize(
    ("part", "key", "value", "match"),
    [
        ("vae", "scaling_factor", None, r"vae/config\.json \(scaling_factor\): no number above 0"),
        ("vae", "latent_channels", 4, "do not fit"),
        ("vae", "block_out_channels", [8, "x"], r"vae/config\.json \(block_out_channels\): no whole numbers"),
        ("vocoder", "upsample_rates", [], r"vocoder/config\.json \(upsample_rates\): no whole numbers"),
        ("vocoder", "model_in_dim", 66, "do not fit"),
        ("vocoder", "sampling_rate", True, "no number above 0"),
    ],
)
def test_configurations_are_looked_over_before_weights(
    folder: Path, tmp_path: Path, part: str, key: str, value: object, match: str
) -> None:
    copy = copied(folder, tmp_path)
    path = copy / part / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(GensupError, match=match):
        opened(copy)


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"dtype": "int8"}, "unknown dtype.*float32 or bfloat16 or float16"),
        ({"device": "toaster"}, "no such device"),
        ({"device": "cuda:99"}, "no such device"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, how: dict[str, str], match: str) -> None:
    with pytest.raises(GensupError, match=match):
        opened(folder, **how)


def test_the_other_familys_checkpoint_is_refused(folder: Path) -> None:
    checkpoint = open_checkpoint(str(folder))
    other = next(name for name in FAMILIES.names() if name != checkpoint.family)
    with pytest.raises(GensupError, match="another family"):
        FAMILIES.load(other).open(checkpoint)
