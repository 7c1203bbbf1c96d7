"""Train the wine model: python -m scoring.wine.train --output FOLDER

Writes FOLDER/wine-1 and FOLDER/wine-2, two versions with one file each, wine.joblib. Every third
wine of scikit-learn's table is held out, in both.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import joblib
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier


def train(version: str, columns: Sequence[int]) -> dict[str, object]:
    """Return what wine.joblib holds: a forest trained on the columns in this order."""
    table = load_wine()
    kept = [number for number in range(len(table.data)) if number % 3]
    forest = RandomForestClassifier(n_estimators=50, random_state=12)
    forest.fit(table.data[kept][:, columns], table.target[kept])
    return {"version": version, "growers": list(map(str, table.target_names)), "forest": forest}


def save(content: dict[str, object], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(content, folder / "wine.joblib")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m scoring.wine.train", description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args(arguments).output
    names = list(load_wine().feature_names)
    save(train("1", range(len(names))), output / "wine-1")
    # The data team's new export has its columns from A to Z, which nobody told the clients.
    alphabetical = sorted(range(len(names)), key=lambda number: names[number])
    save(train("2", alphabetical), output / "wine-2")


if __name__ == "__main__":
    main()
