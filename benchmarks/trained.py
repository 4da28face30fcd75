"""`trained.py ZOO FOLDER`: the trained models of `compare_quantizers.py`, with the rows that calibrate and judge them.

Of each model it writes `<name>.onnx` (batch 1) and, for each draw, `<name>.<draw>.npz`: `calibration` (rows without a
batch axis), `inputs` and `outputs` (the rows that judge, each with a batch axis of 1, and what onnxruntime answers to
them in float32) and `labels` where there are any. A model whose folder ZOO lacks is left out.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
import sklearn
import torch
from digits_encoder import digits, digits_encoder
from environments import python_of
from numpy.typing import NDArray

DRAWS = 3
CIFAR_MEAN, CIFAR_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Inputs, one a row, without the batch axis; `labels` are indices of the largest output, where they are known."""

    calibration: NDArray[np.generic]
    evaluation: NDArray[np.generic]
    labels: NDArray[np.int64] | None = None


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model and its rows: `source` is its folder in the zoo, empty for a model that is made here."""

    source: str
    write: Callable[[Path, Path], None]
    rows: Callable[[Path], list[Rows]]


def write_ds_cnn(source: Path, out: Path) -> None:
    """Export the keyword spotter."""
    _export(_python_file(source / "ds_cnn.py").load(source / "weights.pt"), torch.zeros(1, 1, 49, 10), out)


def ds_cnn_rows(source: Path) -> list[Rows]:
    """The first 200 of the recordings calibrate, the other 800 judge."""
    with np.load(source / "kws_1000_mfcc.npz") as data:
        return [Rows(calibration=data["mfcc"][:200], evaluation=data["mfcc"][200:], labels=data["label"][200:])]


def write_magika(source: Path, out: Path) -> None:
    """Fix the batch of the file type detector at 1."""
    model = onnx.load(source / "model.onnx")
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, out)


def magika_rows(source: Path) -> list[Rows]:
    """Three draws of 50 files that calibrate; each time the other 102 judge."""
    with np.load(source / "labelled_files_features.npz") as data:
        x, names = data["x"], list(data["label_space"])
        labels = np.array([names.index(label) for label in data["labels"]])
    draws = []
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(len(x))
        draws.append(Rows(calibration=x[order[:50]], evaluation=x[order[50:]], labels=labels[order[50:]]))
    return draws


def write_resnet20(source: Path, out: Path) -> None:
    """Export the picture classifier."""
    module = _python_file(source / "resnet20.py").load(source / "resnet20-12fca82f.th")
    _export(module, torch.zeros(1, 3, 32, 32), out)


def resnet20_rows(_: Path) -> list[Rows]:
    """Tiles of scikit-learn's two photographs: those of the left halves calibrate, those of the right halves judge."""
    photographs = [Path(sklearn.__file__).parent / f"datasets/images/{name}.jpg" for name in ("china", "flower")]
    calibration = _tiles(32, (64, 256), 128, [f"{path}@0:320" for path in photographs])
    evaluation = _tiles(32, (64, 256), 256, [f"{path}@320:640" for path in photographs])
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (CIFAR_MEAN, CIFAR_STD))
    return [Rows(calibration=(calibration - mean) / std, evaluation=(evaluation - mean) / std)]


def write_fastestdet(source: Path, out: Path) -> None:
    """Raise the object detector from opset 11 to 13: below, Q/DQ know one scale a tensor, and the peers lose by it."""
    onnx.save(onnx.version_converter.convert_version(onnx.load(source / "FastestDet.onnx"), 13), out)


def fastestdet_rows(source: Path) -> list[Rows]:
    """Tiles of two street pictures calibrate, tiles of the third judge. BGR, as the detector wants it."""
    calibration = _tiles(352, (250, 450), 24, [f"{source}/0.jpg", f"{source}/1.jpg"])
    evaluation = _tiles(352, (250, 450), 20, [f"{source}/2.jpg"])
    return [Rows(calibration=calibration[:, ::-1].copy(), evaluation=evaluation[:, ::-1].copy())]


def write_digits_encoder(_: Path, out: Path) -> None:
    """Train and export the encoder."""
    _export(digits_encoder(), torch.zeros(1, 8, 8), out)


def digits_encoder_rows(_: Path) -> list[Rows]:
    """The first 100 of the rows that it was trained on calibrate, the 797 that it never saw judge."""
    (trained, _), (unseen, labels) = digits()
    return [Rows(calibration=trained[:100], evaluation=unseen, labels=labels)]


TRAINED = {
    "ds_cnn": Trained(source="ds_cnn", write=write_ds_cnn, rows=ds_cnn_rows),
    "magika": Trained(source="magika", write=write_magika, rows=magika_rows),
    "resnet20": Trained(source="resnet20", write=write_resnet20, rows=resnet20_rows),
    "fastestdet": Trained(source="fastestdet", write=write_fastestdet, rows=fastestdet_rows),
    "digits_encoder": Trained(source="", write=write_digits_encoder, rows=digits_encoder_rows),
}


def main() -> None:
    """Write what is not there yet."""
    zoo, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name, trained in TRAINED.items():
        source, path = zoo / trained.source, folder / f"{name}.onnx"
        if path.exists() or not source.is_dir():
            continue
        trained.write(source, path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        wanted = session.get_inputs()[0].name
        for draw, rows in enumerate(trained.rows(source)):
            inputs = rows.evaluation[:, None]
            outputs = np.stack([session.run(None, {wanted: row})[0] for row in inputs])
            labels = {} if rows.labels is None else {"labels": rows.labels}
            arrays = {"calibration": rows.calibration, "inputs": inputs, "outputs": outputs, **labels}
            np.savez(folder / f"{name}.{draw}.npz", **arrays)
            right = "" if rows.labels is None else f", {(outputs[:, 0].argmax(1) == rows.labels).sum()} right"
            print(f"{name}, draw {draw}: {len(rows.calibration)} + {len(inputs)} rows{right}", flush=True)


def _python_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _export(module: torch.nn.Module, example: torch.Tensor, out: Path) -> None:
    names = {"input_names": ["input"], "output_names": ["output"]}
    torch.onnx.export(module.eval(), (example,), out, external_data=False, dynamo=True, verbose=False, **names)


def _tiles(size: int, sides: tuple[int, int], count: int, pictures: list[str]) -> NDArray[np.float32]:
    """Squares cut from pictures: float32[count, 3, size, size], see `tiles.py`."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/tiles.npy"
        command = [python_of("pictures"), str(Path(__file__).parent / "tiles.py")]
        subprocess.run([*command, str(size), *map(str, sides), str(count), out, *pictures], check=True)
        return np.load(out)


if __name__ == "__main__":
    main()
