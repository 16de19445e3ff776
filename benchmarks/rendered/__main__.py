"""python -m benchmarks.rendered FOLDER --seed N"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.rendered.dataset import render


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Two machines, rendered as a DCASE-shaped data set.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in render(arguments.folder, seed=arguments.seed):
        print(arguments.folder / name)


if __name__ == "__main__":
    main()
