"""From a bundle on disk to a site: verified first, with the rows that a person may pick."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...bundle.content import SignedContent
from ...bundle.verify import Verified, verify
from ...vocabulary.signature import Signature
from ...vocabulary.tensor_folder import TensorFolder
from ...web.assets import built
from ..config import Selection
from ..data import load_rows
from .examples import Examples, examples_of, golden_examples
from .site import Site

GOLDEN = "golden"
DATA = "data"


@contextmanager
def open_site(path: Path, key: Path | None, data: Selection | None) -> Iterator[tuple[Verified, Site]]:
    """Verify a bundle (a folder or a zip) and give the site that shows it; rows of data are copied for as long.

    Raises:
        TrustError: when the bundle is refused.
        RequestError: when it, the key or the data cannot be read, or the data does not fit the model.
        ToolError: when the page has not been built.
    """
    verified = verify(path, key)
    page = built("preview/index.html").parents[1]
    sets = {GOLDEN: golden_examples(SignedContent(verified))}
    with tempfile.TemporaryDirectory(prefix="edgewright-preview-") as scratch:
        if data is not None:
            sets[DATA] = _load(data, verified.manifest.signature, Path(scratch, "rows"))
        yield verified, Site(verified, sets, page)


def _load(data: Selection, signature: Signature, out: Path) -> Examples:
    inputs = load_rows(data, Path(), signature, out)
    labels = TensorFolder(out / "labels")["labels"] if data.labels is not None else None
    return examples_of(signature, inputs, labels=labels)
