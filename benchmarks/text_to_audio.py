"""How fast twins are made by text to audio, beside the plain call of diffusers: one prompt at a time.

    python -m benchmarks.text_to_audio [--family audioldm-s] [--device cuda] [--dtype float32,bfloat16] [--steps 20]
        [--clips 40] [--rows 8] [--ladder .5,1,2,4] [--seconds 10] [--compile] [--channels-last on] [--profile] [--tiny]

A model of the published size and random weights is saved to a folder and read from there by both. Both take equal
steps of one scheduler. The plain call guides a prompt away from "" with two UNet rows a clip and step; a normal twin
takes two as well, an anomaly three, because a third prediction says what severity is. So speed is said per clip and
per UNet row. Every way runs in a process of its own: peak memory is its own. Results are added to
benchmarks/results/text_to_audio.json, and the page beside it is written anew.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import torch

from benchmarks.architectures import SIZES, save
from gensup._compat import ensure_torchaudio
from gensup.cli.options import numbers, words
from gensup.store import read_json, write_json, write_text
from gensup.synthesis.diffusion import devices, models, schedules
from gensup.synthesis.diffusion.models import Place
from gensup.synthesis.diffusion.schedules import Schedule
from gensup.synthesis.diffusion.settings import Diffusion
from gensup.synthesis.diffusion.twins import DiffusionTwins
from gensup.synthesis.records import Order

RESULTS = Path(__file__).parent / "results" / "text_to_audio.json"
RATE = 16_000
LEVELS = (-30.0,)  # dB of full scale: where clips are placed
NORMAL = "a fan that runs, recorded in a factory"
WAYS = ("diffusers", "gensup")
PARTS = ("text", "unet", "vae", "vocoder")
TOP = 12  # operations of a profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One way of making clips, in one dtype."""

    folder: str
    way: str
    family: str
    device: str
    dtype: str
    steps: int = 20
    scheduler: str = "dpm++"
    clips: int = 40
    rows: int = 8
    ladder: tuple[float, ...] = (0.5, 1, 2, 4)
    seconds: float = 10
    compile: bool = False
    channels_last: str = "auto"
    profile: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What it took. Seconds of a part are those of the device: of a CPU its own time, whoever else runs there."""

    way: str
    dtype: str
    compile: bool
    clips: int
    wall_s: float
    busy_s: float  # of the process, all threads; of the GPU's parts on a GPU
    once_s: float  # captions embedded before the first clip, encoders loaded for it
    parts_s: dict[str, float]
    calls: int  # of the UNet
    columns: int  # rows of all those calls
    peak_bytes: int
    remade: int  # clips that overflowed and were made again in float32
    profile: str = field(default="", repr=False)


class Clock:
    """How long parts take on a device, without holding it up."""

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")
        self._spans: dict[str, list[tuple[Any, Any]]] = {part: [] for part in PARTS}
        self.calls = self.columns = 0

    def watch(self, owner: Any, method: str, part: str) -> None:
        """Have every call of a method counted as that part's."""
        do: Callable[..., Any] = getattr(owner, method)

        def watched(*words: Any, **named: Any) -> Any:
            began = self._now()
            done = do(*words, **named)
            self._spans[part].append((began, self._now()))
            if part == "unet":
                self.calls += 1
                self.columns += len(words[0])
            return done

        setattr(owner, method, watched)

    def forget(self) -> None:
        """What went before was warming up."""
        self._spans = {part: [] for part in PARTS}
        self.calls = self.columns = 0

    def seconds(self) -> dict[str, float]:
        """Of every part; waits for the device."""
        if self._cuda:
            torch.cuda.synchronize()
            return {part: sum(a.elapsed_time(b) for a, b in spans) / 1e3 for part, spans in self._spans.items()}
        return {part: sum(b - a for a, b in spans) for part, spans in self._spans.items()}

    def _now(self) -> Any:
        if not self._cuda:
            return process_time()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event


def measured(asked: Asked) -> Result:
    """Load, warm up (on a GPU), make the clips. For a process of its own."""
    torch.set_num_threads(1 if asked.device == "cpu" else torch.get_num_threads())
    clock = Clock(asked.device)
    began = perf_counter()
    make, remade = (_plain if asked.way == "diffusers" else _ours)(asked, clock)
    once = perf_counter() - began if asked.way == "gensup" else 0.0
    if asked.device.startswith("cuda"):
        make(asked.clips)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    clock.forget()
    remade.clear()
    wall, busy = perf_counter(), process_time()
    made = make(asked.clips)
    parts = clock.seconds()
    wall, busy = perf_counter() - wall, process_time() - busy
    result = Result(
        way=asked.way,
        dtype=asked.dtype,
        compile=asked.compile and asked.way == "gensup",
        clips=made,
        wall_s=wall,
        busy_s=sum(parts.values()) if asked.device.startswith("cuda") else busy,
        once_s=once,
        parts_s=parts,
        calls=clock.calls,
        columns=clock.columns,
        peak_bytes=_peak(asked.device),
        remade=len(remade),
    )
    return replace(result, profile=_profiled(asked, make)) if asked.profile else result


def _plain(asked: Asked, clock: Clock) -> tuple[Callable[[int], int], list[str]]:
    """The call that everybody knows."""
    ensure_torchaudio()
    import diffusers

    name = "AudioLDM2Pipeline" if asked.family.startswith("audioldm2") else "AudioLDMPipeline"
    pipeline: Any = getattr(diffusers, name).from_pretrained(
        asked.folder, dtype=getattr(torch, asked.dtype), local_files_only=True
    )
    pipeline.to(asked.device)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = schedules.make_scheduler(Schedule(asked.scheduler, asked.steps), pipeline.scheduler.config)
    clock.watch(pipeline, "encode_prompt" if name == "AudioLDM2Pipeline" else "_encode_prompt", "text")
    clock.watch(pipeline.unet, "forward", "unet")
    clock.watch(pipeline.vae, "decode", "vae")
    clock.watch(pipeline.vocoder, "forward", "vocoder")

    def make(clips: int) -> int:
        for clip in range(clips):
            pipeline(_caption(clip), num_inference_steps=asked.steps, audio_length_in_s=asked.seconds)
        return clips

    return make, []


def _ours(asked: Asked, clock: Clock) -> tuple[Callable[[int], int], list[str]]:
    """Twins of one noise, their captions embedded before; all clips of a twin count."""
    settings = Diffusion(
        model=asked.folder,
        twins="seed",
        steps=asked.steps,
        scheduler=asked.scheduler,
        rows=asked.rows,
        dtype=asked.dtype,  # type: ignore[arg-type]
        device=asked.device,
        compile=asked.compile,
        offline=True,
    )
    opened = DiffusionTwins.opened(settings, levels_db=LEVELS)
    orders = _orders(asked)
    opened = opened.prepared(orders, Path(asked.folder))
    place = Place(opened.checkpoint, opened.device, asked.dtype, asked.compile)
    family: Any = models.loaded(place).family
    if asked.channels_last != "auto":
        family.channels_last = asked.channels_last == "on"
    vae, vocoder = family._model("vae"), family._model("vocoder")
    assert family.unet is not None  # loaded before the clock runs, as the pipeline's is
    clock.watch(family, "denoise", "unet")
    clock.watch(vae, "decode", "vae")
    clock.watch(vocoder, "forward", "vocoder")
    remade: list[str] = []

    def make(clips: int) -> int:
        wanted = orders[: max(1, round(clips / (1 + len(asked.ladder)))) * len(asked.ladder)]
        for batch in opened.batches(wanted):
            twins = opened.make(batch, [None] * len(batch))
            remade.extend(str(twin.parameters["dtype"]) for twin in twins if twin.parameters["dtype"] != asked.dtype)
        return len(wanted) + len({order.twin for order in wanted})

    return make, remade


def _orders(asked: Asked) -> list[Order]:
    twins = max(1, round(asked.clips / (1 + len(asked.ladder))))
    return [
        Order(
            id=f"{twin} {severity:g}",
            twin=str(twin),
            source=None,
            source_key=None,
            family="benchmark",
            mechanism=asked.family,
            status="generic",
            severity=severity,
            captions=(NORMAL, _caption(twin)),
            parameters={},
            seed=twin,
            seconds=asked.seconds,
            rate=RATE,
            channels=1,
        )
        for twin in range(twins)
        for severity in asked.ladder
    ]


def _caption(clip: int) -> str:
    return f"a fan that {('rattles', 'hisses', 'squeals', 'knocks', 'hums', 'grinds', 'clicks')[clip % 7]}"


def _peak(device: str) -> int:
    """Of this process: what it held at most."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")  # what getrusage says begins with the parent's
    if status.is_file():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        if "VmHWM" in fields:
            return int(fields["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _profiled(asked: Asked, make: Callable[[int], int]) -> str:
    """The operations that take longest."""
    from torch.profiler import ProfilerActivity, profile

    cuda = asked.device.startswith("cuda")
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as seen:
        make(1 if asked.way == "diffusers" else 1 + len(asked.ladder))
    order = "self_cuda_time_total" if cuda else "self_cpu_time_total"
    return str(seen.key_averages().table(sort_by=order, row_limit=TOP, max_name_column_width=48))


# ---------------------------------------------------------------- the page


def page(runs: Sequence[dict[str, Any]]) -> str:
    """All runs that are kept, a table each."""
    said = ["# Text to audio: twins beside the plain call\n", _HOW]
    for run in runs:
        said += [
            f"\n## {run['family']}, {run['kind']}\n",
            _circumstances(run),
            _table(run),
            _shares(run),
            run["remarks"],
        ]
        for result in run["results"]:
            if result["profile"]:
                said.append(f"\n{result['way']}, {result['dtype']}:\n\n```\n{result['profile'].rstrip()}\n```\n")
    if not any(run["kind"] == "cuda" for run in runs):
        said.append(
            "\nNo run on a GPU is recorded: none was at hand. The command is the same there, with --device cuda.\n"
        )
    return "\n".join(said)


_HOW = """\
`python -m benchmarks.text_to_audio`: models of the published size and random weights, read from disk by both.
*diffusers* is the pipeline called with one prompt at a time, *gensup* `DiffusionTwins` with twins made from noise;
equal steps of one scheduler. A row is one prediction of the UNet for one clip at one step: the plain call takes two a
clip and step, a normal twin two, an anomaly three; rows that fill the last call count as well. The ratios are those of
clips per second to diffusers in float32, and to diffusers in the same dtype. On a CPU that others use too, its own time
stands for the clock's.
"""


def _circumstances(run: dict[str, Any]) -> str:
    ladder = ", ".join(f"{weight:g}" for weight in run["ladder"])
    return (
        f"{run['machine']}. torch {run['torch']}, diffusers {run['diffusers']}. Clips of {run['seconds']:g} s, "
        f"{run['steps']} steps of {run['scheduler']}, severities {ladder}, rows {run['rows']}.\n"
    )


def _table(run: dict[str, Any]) -> str:
    on_cpu = run["kind"] == "cpu"
    of = "CPU s" if on_cpu else "s"
    head = [
        "",
        "dtype",
        "clips",
        "clips/s",
        f"{of} a clip",
        f"{of} a clip and step",
        f"{of} a UNet row",
        "rows a clip and step",
    ]
    head += [f"VAE and vocoder, {of} a clip", "peak GiB", "ratio to float32", "to the same dtype"]
    plain = {row["dtype"]: _per_clip(row, on_cpu) for row in run["results"] if row["way"] == "diffusers"}
    lines = [head, ["---"] * len(head)]
    for row in run["results"]:
        clips, each = row["clips"], _per_clip(row, on_cpu)
        decoding = row["parts_s"]["vae"] + row["parts_s"]["vocoder"]
        ratios = [f"{plain[dtype] / each:.2f}" if dtype in plain else "" for dtype in ("float32", row["dtype"])]
        lines.append(
            [
                row["way"] + (", compiled" if row["compile"] else ""),
                row["dtype"],
                str(clips),
                f"{clips / row['wall_s']:.3g}",
                f"{each:.3g}",
                f"{row['parts_s']['unet'] / clips / run['steps']:.3g}",
                f"{row['parts_s']['unet'] / row['columns']:.3g}",
                f"{row['columns'] / clips / run['steps']:.2f}",
                f"{decoding / clips:.3g}",
                f"{row['peak_bytes'] / 2**30:.2f}",
                *ratios,
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _per_clip(row: dict[str, Any], on_cpu: bool) -> float:
    """Of a CPU that others use too, its own time."""
    return float((row["busy_s"] if on_cpu else row["wall_s"]) / row["clips"])


def _shares(run: dict[str, Any]) -> str:
    """Where the time goes."""
    lines = []
    for row in run["results"]:
        whole = row["busy_s"] if run["kind"] == "cpu" else row["wall_s"]
        shares = [f"{part} {row['parts_s'][part] / whole:.1%}" for part in PARTS if row["parts_s"][part]]
        rest = 1 - sum(row["parts_s"].values()) / whole
        once = f"; captions and loading before the first clip {row['once_s']:.1f} s" if row["once_s"] else ""
        again = f"; {row['remade']} made again in float32" if row["remade"] else ""
        lines.append(f"- {row['way']}, {row['dtype']}: {', '.join(shares)}, host {max(rest, 0):.1%}{once}{again}")
    return "\n".join(lines) + "\n"


def machine(device: str) -> str:
    """In words, without the machine's name."""
    if device.startswith("cuda"):
        its = torch.cuda.get_device_properties(device)
        return f"One {its.name} ({its.total_memory / 2**30:.0f} GiB)"
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, bfloat16 "
        f"{devices.computes('cpu', 'bfloat16')}), shared with others (load {load:.0f}); one thread"
    )


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    asked = _asked(given)
    device = models.device_of(asked.device)
    kind = device.partition(":")[0]
    dtypes = words(asked.dtype or ("float32,bfloat16" if kind == "cpu" else "float32,float16,bfloat16"))
    with tempfile.TemporaryDirectory(dir=asked.folder) as temporary:
        folder = save(Path(temporary) / asked.family, asked.family, tiny=asked.tiny)
        print(f"{asked.family} saved; {machine(device)}", file=sys.stderr, flush=True)
        results = []
        for dtype in dtypes:
            for way in WAYS:
                task = Asked(
                    folder=str(folder),
                    way=way,
                    family=asked.family,
                    device=device,
                    dtype=dtype,
                    steps=asked.steps,
                    scheduler=asked.scheduler,
                    clips=asked.clips,
                    rows=asked.rows,
                    ladder=numbers(asked.ladder, "--ladder"),
                    seconds=asked.seconds,
                    compile=asked.compile,
                    channels_last=asked.channels_last,
                    profile=asked.profile,
                )
                with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                    results.append(pool.submit(measured, task).result())
                print(results[-1], file=sys.stderr, flush=True)
    run = {
        "kind": kind,
        "family": asked.family + (" (tiny)" if asked.tiny else ""),
        "machine": machine(device),
        "torch": torch.__version__,
        "diffusers": version("diffusers"),
        "steps": asked.steps,
        "scheduler": asked.scheduler,
        "seconds": asked.seconds,
        "ladder": list(task.ladder),
        "rows": asked.rows if kind != "cpu" else 1,
        "remarks": asked.remarks,
        "results": [asdict(result) for result in results],
    }
    kept: Any = read_json(asked.out) if asked.out.is_file() else []
    runs = [old for old in kept if (old["kind"], old["family"]) != (run["kind"], run["family"])] + [run]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(asked.out, runs)
    write_text(asked.out.with_suffix(".md"), page(runs))
    print(page([run]))


def _asked(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=tuple(SIZES), default="audioldm-s")
    parser.add_argument("--tiny", action="store_true", help="a few thousand weights: what the host takes")
    parser.add_argument("--device", help="cuda where there is one, else cpu")
    parser.add_argument("--dtype", help="several by commas; all that make sense on the device unless said")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--scheduler", choices=tuple(schedules.SCHEDULERS), default="dpm++")
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--ladder", default=".5,1,2,4")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--compile", action="store_true", help="gensup's UNet")
    parser.add_argument("--channels-last", choices=("auto", "on", "off"), default="auto", help="gensup's images")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the model is kept meanwhile")
    parser.add_argument("--remarks", default="", help="a paragraph for the page")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
