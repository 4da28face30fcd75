"""A metric that the user wrote: `file.py:function` beside the project file, or `package.module:function`."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..vocabulary.errors import ConfigError, DataError
from ..vocabulary.tables import load_object
from ..vocabulary.tensor_folder import Array, TensorFolder
from ..vocabulary.user_imports import user_imports
from .built_in_metric import PERCENT, SHARE
from .figures import Figures, MeanFigures, SampleFigures


@dataclass(frozen=True, kw_only=True)
class CustomMetric:
    """A function `(outputs: dict[str, ndarray], labels: ndarray) -> float`, or `-> float[N]`, whose mean counts."""

    name: str
    higher_is_better: bool
    unit: str
    function: Callable[[dict[str, Any], Any], Any]
    folder: Path
    """Where it may import other modules from."""

    def labels_from(self, reference: TensorFolder) -> Array:  # noqa: ARG002 - as every metric's
        """Refuse: a function always gets labels.

        Raises:
            DataError: always.
        """
        raise DataError(f"metric {self.name} needs labels", hint="name them with data.evaluation.labels")

    def figures(self, outputs: TensorFolder, labels: Array) -> Figures:
        """Call the function.

        Raises:
            DataError: when it raises, or gives neither a number nor one a row.
        """
        arrays = {name: outputs[name] for name in outputs}
        result = np.asarray(self._call(arrays, labels))
        if result.shape == (len(labels),) and result.dtype.kind in "biuf":
            return MeanFigures(result.astype(np.float64))
        if result.shape != () or result.dtype.kind not in "biuf":
            raise DataError(f"metric {self.name} gives neither a number nor one for each of the {len(labels)} rows")
        return SampleFigures(
            lambda index: float(self._call({name: array[index] for name, array in arrays.items()}, labels[index])),
            row_count=len(labels),
            row_bytes=sum(array.nbytes for array in arrays.values()) // len(labels),
        )

    def _call(self, arrays: Mapping[str, Array], labels: Array) -> Any:
        try:
            with user_imports(self.folder):
                return self.function(dict(arrays), labels)
        except Exception as error:
            raise DataError(f"metric {self.name} raised {type(error).__name__}: {error}") from error


def load_custom(name: str, higher_is_better: bool | None, folder: Path, where: str) -> CustomMetric:
    """Load a function; this runs its file. See `metrics.load`.

    Raises:
        ConfigError: when there is no such file or function, or it is not said which way is better.
    """
    path, _, attribute = name.partition(":")
    in_file = path.endswith(".py")
    home = (folder / path).absolute().parent if in_file else folder.absolute()
    try:
        with user_imports(home):
            function = _load_from_file(folder / path, attribute) if in_file else load_object(name)
    except (ImportError, AttributeError, OSError) as error:
        raise ConfigError(f"{where}: metric.name: cannot load {name}: {error}") from error
    except Exception as error:
        raise ConfigError(f"{where}: metric.name: {path} raised {type(error).__name__}: {error}") from error
    if not callable(function):
        raise ConfigError(f"{where}: metric.name: {name} is no function")
    better = getattr(function, "higher_is_better", None) if higher_is_better is None else higher_is_better
    if not isinstance(better, bool):
        raise ConfigError(
            f"{where}: it is not said whether more of {name} is better",
            hint=f"say metric.higher_is_better = true or false, or {attribute}.higher_is_better in the file",
        )
    unit = SHARE if getattr(function, "is_share", False) is True else PERCENT
    return CustomMetric(name=name, higher_is_better=better, unit=unit, function=function, folder=home)


def _load_from_file(path: Path, attribute: str) -> object:
    spec = importlib.util.spec_from_file_location(inspect.getmodulename(str(path)) or "metric", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, attribute)
