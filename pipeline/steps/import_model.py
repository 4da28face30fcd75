"""Imports the user's model, and computes with the original what every artifact is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ..config import ModelSection, Project, Selection
from .base import own_code, versions

DRAWN_ROWS = 32
"""Rows drawn from the signature where no evaluation data is given."""
GOLDEN_ROWS = 8
"""Rows of the golden vectors that are shipped."""
GOLDEN_SEED = 1


class ImportModel(msgspec.Struct, frozen=True, kw_only=True, tag="import"):
    """One model with the data that judges it.

    Leaves `source/` (the hub model as imported), `hub/` (cleaned up), `inputs/`, `reference/` (the original's outputs
    on them), `labels/` when there are labels, `golden/inputs`, `golden/outputs`, `artifact.json` (the reference rung,
    its file under `source/`), `source.json` and `files.json`.
    """

    folder: str
    model: ModelSection
    evaluation: Selection | None
    golden_rows: str | None
    dims: dict[str, int]
    """The sizes at which symbolic dimensions are drawn where no data says them."""

    @classmethod
    def of(cls, project: Project, evaluation: Selection | None, dims: dict[str, int]) -> ImportModel:
        """Give the import of a project's model with these rows to judge by; golden rows are of its own rows alone."""
        own = evaluation == project.data.evaluation
        return cls(
            folder=str(project.folder),
            model=project.model,
            evaluation=evaluation,
            golden_rows=project.bundle.golden_rows if own else None,
            dims=dims,
        )

    @property
    def title(self) -> str:
        """`import model.onnx`."""
        return f"import {self.model.source}"

    def key_parts(self) -> Mapping[str, Plain]:
        """What is asked for and the tools; the content of the files comes from `files_read`.

        What the user's code does may depend on where it lies in ways that nobody sees: then the folder counts.
        """
        function = self.evaluation.function if self.evaluation is not None else None
        return {
            "folder": self.folder if ":" in self.model.source or function is not None else None,
            "model": msgspec.to_builtins(self.model),
            "evaluation": msgspec.to_builtins(self.evaluation),
            "golden_rows": self.golden_rows,
            "dims": dict(self.dims),
            "tools": versions("onnx", "onnx-ir", "onnxscript", "onnxruntime", "numpy", "ml_dtypes", "torch"),
            "code": own_code(),
        }

    def files_read(self, out: Path) -> tuple[Path, ...]:
        """The files of the model and the data, as found out while running."""
        return tuple(Path(path) for path in msgspec.json.decode((out / "files.json").read_bytes(), type=list[str]))

    def run(self, out: Path) -> None:
        """Import, clean up, and run the original.

        Raises:
            ModelError: when the model cannot be read, or its outputs cannot be told row from row.
            DataError: when the evaluation data does not fit the model.
        """
        from ..files_read import FilesRead, packages_of

        with FilesRead() as read:
            files = self._run(out)
        function = self.evaluation.function if self.evaluation is not None else None
        found = read.paths(Path(self.folder), packages=packages_of(self.model.source, function), without=(out,))
        (out / "files.json").write_bytes(encode_json(sorted({str(path.resolve()) for path in (*files, *found)})))

    def _run(self, out: Path) -> tuple[Path, ...]:
        """Do what `run` does, and give the files that the importer names."""
        from ...compiler.cleanup import CLEANUP
        from ...compiler.draw import draw_inputs
        from ...compiler.importers.request import Request
        from ...compiler.importers.table import import_model
        from ...vocabulary.tensor_folder import TensorFolder
        from ..data import load_rows
        from .original import run_original
        from .reference import reference_artifact

        folder = Path(self.folder)
        imported = import_model(
            Request(
                reference=self.model.source,
                folder=folder,
                args=self.model.args,
                inputs=self.model.inputs,
                outputs=self.model.outputs,
                dims=self.model.dims,
            )
        )
        for name, model in (("source", imported.model), ("hub", CLEANUP(imported.model))):
            (out / name).mkdir()
            model.save(out / name)
        (out / "source.json").write_bytes(encode_json(imported.model.source))
        (out / "artifact.json").write_bytes(encode_json(reference_artifact(imported.model, out / "source")))
        signature = imported.model.signature
        if self.evaluation is not None:
            inputs = load_rows(self.evaluation, folder, signature, out)
        else:
            inputs = TensorFolder.write(out / "inputs", draw_inputs(imported.model, DRAWN_ROWS, dims=self.dims))
        run_original(imported.original, signature, inputs, out / "reference")
        (out / "golden").mkdir()
        if self.golden_rows is not None and self.evaluation is not None:
            start, stop = msgspec.structs.replace(self.evaluation, rows=self.golden_rows).bounds(inputs.row_count)
            golden = TensorFolder.write(out / "golden" / "inputs", inputs.rows(start, stop))
        else:
            drawn = draw_inputs(imported.model, GOLDEN_ROWS, seed=GOLDEN_SEED, dims=self.dims)
            golden = TensorFolder.write(out / "golden" / "inputs", drawn)
        run_original(imported.original, signature, golden, out / "golden" / "outputs")
        return imported.files
