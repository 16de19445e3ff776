"""The files of real and synthetic teams of all years pass, and no shifted copy of them does."""

from __future__ import annotations

from pathlib import Path

import pytest

from gensup.evaluation.submission import Listing, Table, TestClip, check, read_tree, rules_of

SHARED = Path(__file__).resolve().parents[4] / "shared"
GOLDEN = SHARED / "dcase" / "golden"
TEAMS = sorted({path.parent for path in GOLDEN.glob("*/teams/**/anomaly_score_*.csv")})


def truth(year: int) -> Listing:
    """The clips that the ground truth lists, by what the names of its files say."""
    rules = rules_of(year)
    tables = {}
    for path in (GOLDEN / str(year) / "ground_truth_data").glob("*.csv"):
        said = rules.read_file(path.name.replace("ground_truth", "anomaly_score"))
        assert said is not None
        names = [line.split(",")[0] for line in path.read_text().split()]
        tables[said[1]] = tuple(TestClip(name, path) for name in names)
    return Listing(tables, ())


def test_there_are_teams() -> None:
    assert {int(team.relative_to(GOLDEN).parts[0]) for team in TEAMS} == set(range(2020, 2026))


@pytest.mark.parametrize("team", TEAMS, ids=lambda team: str(team.relative_to(GOLDEN)))
def test_a_teams_files_pass_and_a_shifted_row_does_not(team: Path) -> None:
    year = int(team.relative_to(GOLDEN).parts[0])
    tests = None if year == 2020 else truth(year)
    tree = read_tree(team)
    assert check(tree, team.name, rules_of(year), tests).problems == ()
    path = next(iter(sorted(tree)))
    rows = tree[path].splitlines(keepends=True)
    rows[1] = rows[0]
    spoilt = check({**tree, path: b"".join(rows)}, team.name, rules_of(year), tests).problems
    assert {(p.path, p.line) for p in spoilt} >= {(path, 0), (path, 2)}


def test_official_lists_are_in_the_order_of_their_names() -> None:
    lists = [path for path in (SHARED / "dcase" / "filenames").glob("*_eval_test_blind.txt") if path.stat().st_size]
    assert lists
    for path in lists:
        year = int(path.name[:4])
        seen: dict[Table, list[str]] = {}
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                machine, name = line.split("/")[0], line.rpartition("/")[2]
                said = rules_of(year).read_clip(name.removesuffix(".wav"))
                assert said is not None, line
                seen.setdefault(Table(machine, *said), []).append(name)  # type: ignore[arg-type]
        assert all(names == sorted(names) for names in seen.values()), path.name
