"""Members are files: listed without being imported, loaded by name, missed with the nearest names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from gensup.errors import GensupError
from gensup.registry import Registry, unknown

numbers = count()


@pytest.fixture
def animals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    package = f"registry_animals_{next(numbers)}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text("from collections import OrderedDict\n")
    (folder / "grey_wolf.py").write_text(
        "from pathlib import Path\nclass Helper:\n    name = 'other'\nclass GreyWolf:\n    name = 'grey-wolf'\n"
    )
    (folder / "cat.py").write_text(
        f"from {package}.grey_wolf import GreyWolf\nGreyWolf.name = 'cat'\nclass Cat:\n    name = 'cat'\n"
    )
    (folder / "broken.py").write_text("raise RuntimeError('imported')\n")
    (folder / "nobody.py").write_text("class Nobody:\n    pass\n")
    (folder / "notes.txt").write_text("no member")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Registry(package, "animal")
    for name in [name for name in sys.modules if name.startswith(package)]:
        del sys.modules[name]


def test_names_import_no_member(animals: Registry) -> None:
    assert animals.names() == ("broken", "cat", "grey-wolf", "nobody")
    assert not any(name.startswith(animals.package + ".") for name in sys.modules)


def test_load_gives_the_modules_own_class_of_that_name(animals: Registry) -> None:
    assert animals.load("grey-wolf").__name__ == "GreyWolf"
    assert animals.load("cat").__name__ == "Cat"  # and not the one of that name that it imports


@pytest.mark.parametrize("name", ["grey_wolf", "Grey-Wolf", "gray-wolf"])
def test_a_miss_names_the_nearest(animals: Registry, name: str) -> None:
    with pytest.raises(GensupError) as caught:
        animals.load(name)
    assert str(caught.value) == (
        f"unknown animal (got '{name}'); known: broken, cat, grey-wolf, nobody; did you mean grey-wolf?"
    )


@pytest.mark.parametrize("name", ["", "..", "os", "cat.py", "../cat", "__init__"])
def test_only_a_listed_name_is_imported(animals: Registry, name: str) -> None:
    with pytest.raises(GensupError, match="unknown animal"):
        animals.load(name)


def test_a_module_without_its_class_is_a_mistake_of_the_program(animals: Registry) -> None:
    with pytest.raises(TypeError, match="no class named 'nobody'"):
        animals.load("nobody")


def test_a_package_that_is_not_there_lists_nothing_else() -> None:
    with pytest.raises(ModuleNotFoundError, match="gensup_no_such_package"):
        Registry("gensup_no_such_package", "animal").names()
    with pytest.raises(ModuleNotFoundError, match=r"json.decoder"):
        Registry("json.decoder", "animal").names()


def test_unknown_speaks_of_place_and_of_nothing_near() -> None:
    error = unknown("machine", "toycar", ["ToyCar", "ToyTrain", "fan"], where="--machine")
    assert str(error) == (
        "--machine: unknown machine (got 'toycar'); known: ToyCar, ToyTrain, fan; did you mean ToyCar?"
    )
    assert str(unknown("fault", "zzz", ())) == "unknown fault (got 'zzz'); known: none"
    assert error.remedy == "did you mean ToyCar?"
