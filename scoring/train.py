"""Train the two digit models of the course, on a laptop's processor and in seconds.

    python -m scoring.train --framework pytorch --output models/digits-pytorch

The data are the 1,797 handwritten digits inside scikit-learn (from the UCI repository): 8x8
grey images with pixel values 0 to 16, so nothing is downloaded. Seeds are fixed and sums are done
in one order, on one thread: the same versions on the same kind of processor give the same model.
"""

import argparse
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

Framework = Literal["pytorch", "keras"]
MODEL_FILE: dict[Framework, str] = {"pytorch": "digits.pt", "keras": "digits.keras"}
SEED = 0
EPOCHS = 12
BATCH_SIZE = 128
LEARNING_RATE = 3e-3


@dataclass(frozen=True)
class DigitsSplit:
    """Digits to learn from and digits held out: images (n, 8, 8) from 0 to 16, labels (n,)."""

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


@dataclass(frozen=True)
class Trained:
    """A trained model and how it does on the held-out digits.

    `losses` has the mean training loss of each epoch, `predictions` the digit named for each
    held-out image, `confusion[truth, prediction]` how often that pair occurred.
    """

    framework: Framework
    model: Any
    losses: list[float]
    predictions: NDArray[np.int64]
    accuracy: float
    confusion: NDArray[np.int64]


def load_digits_split() -> DigitsSplit:
    """Return the digits, a fifth of them held out, each digit equally common in both parts."""
    digits = load_digits()
    train_images, test_images, train_labels, test_labels = train_test_split(
        digits.images.astype(np.float32),
        digits.target.astype(np.int64),
        test_size=0.2,
        stratify=digits.target,
        random_state=SEED,
    )
    return DigitsSplit(train_images, train_labels, test_images, test_labels)


def shifted(split: DigitsSplit) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return each training digit three times: as it is and one pixel to either side.

    A drawn digit is never centred quite like the training data; this makes the models forgive it.
    """
    images = np.concatenate([np.roll(split.train_images, by, axis=2) for by in (-1, 0, 1)])
    return images, np.tile(split.train_labels, 3)


def train_pytorch(split: DigitsSplit, epochs: int = EPOCHS) -> Trained:
    """Train the network of `scoring/pytorch/network.py` and try it on the held-out digits."""
    import torch

    from scoring.pytorch.network import DigitNetwork

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    images, labels = map(torch.from_numpy, shifted(split))
    network = DigitNetwork()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    loss_of = torch.nn.CrossEntropyLoss()
    losses = []
    for _ in range(epochs):
        total = 0.0
        for batch in torch.split(torch.randperm(len(images)), BATCH_SIZE):
            optimizer.zero_grad()
            loss = loss_of(network(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        losses.append(total / len(images))

    network.eval()
    with torch.inference_mode():
        predictions = network(torch.from_numpy(split.test_images)).argmax(dim=1).numpy()
    torch.set_num_threads(threads)
    return _judged("pytorch", network, losses, predictions, split)


def train_keras(split: DigitsSplit, epochs: int = EPOCHS) -> Trained:
    """Train the same network written in Keras and try it on the held-out digits."""
    # Read once, on import: no notes about this machine, the same arithmetic on every processor.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import keras
    import tensorflow as tf

    with suppress(RuntimeError):  # TensorFlow was used before and keeps the threads it has
        tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(SEED)
    network = keras.Sequential(
        [
            keras.Input((8, 8)),
            keras.layers.Rescaling(1 / 16),
            keras.layers.Reshape((8, 8, 1)),
            keras.layers.Conv2D(16, 3, padding="same"),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Conv2D(32, 3, padding="same"),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile(keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy")
    images, labels = shifted(split)
    history = network.fit(images, labels, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    predictions = network.predict(split.test_images, batch_size=512, verbose=0).argmax(axis=1)
    return _judged("keras", network, history.history["loss"], predictions, split)


def train(framework: Framework, split: DigitsSplit, epochs: int = EPOCHS) -> Trained:
    """Train with the framework of that name."""
    trainers = {"pytorch": train_pytorch, "keras": train_keras}
    return trainers[framework](split, epochs)


def save(trained: Trained, folder: str | Path) -> Path:
    """Write the model into `folder` (made if need be) and return the file's path.

    The folder is what gets registered. PyTorch: a state dict, so that `weights_only=True` can
    load it. Keras: one `.keras` file.
    """
    path = Path(folder) / MODEL_FILE[trained.framework]
    path.parent.mkdir(parents=True, exist_ok=True)
    if trained.framework == "pytorch":
        import torch

        torch.save(trained.model.state_dict(), path)
    else:
        trained.model.save(path)
    return path


def report(trained: Trained) -> str:
    """Return accuracy and confusion matrix as text."""
    rows = [f"{trained.framework}: {trained.accuracy:.1%} of held-out digits right"]
    rows.append("rows: the digit, columns: the prediction")
    rows.append("    " + "".join(f"{digit:4d}" for digit in range(10)))
    for digit, counts in enumerate(trained.confusion):
        rows.append(f"{digit:4d}" + "".join(f"{count or '.':>4}" for count in counts))
    return "\n".join(rows)


def _judged(
    framework: Framework,
    model: object,
    losses: list[float],
    predictions: NDArray[np.int64],
    split: DigitsSplit,
) -> Trained:
    confusion = confusion_matrix(split.test_labels, predictions, labels=range(10))
    accuracy = float(np.mean(predictions == split.test_labels))
    return Trained(framework, model, losses, predictions, accuracy, confusion)


def main(arguments: list[str] | None = None) -> None:
    """Train one model from the command line, report on it and save it."""
    parser = argparse.ArgumentParser(
        prog="python -m scoring.train",
        description="Train a digit model, print its accuracy and confusion matrix, save it.",
    )
    parser.add_argument("--framework", choices=get_args(Framework), required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder for the model file")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="default: %(default)s")
    options = parser.parse_args(arguments)
    trained = train(options.framework, load_digits_split(), options.epochs)
    print(report(trained))
    print("saved:", save(trained, options.output))


if __name__ == "__main__":
    main()
