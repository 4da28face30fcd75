"""The signed files of a bundle, read one by one after it was verified, from a folder or a zip alike."""

from __future__ import annotations

import io
import json

import numpy as np

from ..targets.runtime import Array
from ..vocabulary.digest import digest_bytes
from ..vocabulary.errors import TrustError
from .manifest import Manifest
from .verify import Verified


class SignedContent:
    """What the manifest lists; nothing else of a bundle can be read by it."""

    def __init__(self, verified: Verified) -> None:
        """Take a verified bundle."""
        self.manifest: Manifest = verified.manifest
        self._tree = verified.tree
        self._digests = {file.path: file.sha256 for file in verified.manifest.update.files}

    def __contains__(self, path: str) -> bool:
        return path in self._digests

    def read(self, path: str) -> bytes:
        """Give a file, its bytes checked once more: a folder may have been changed since it was verified.

        Raises:
            KeyError: when the manifest does not list it.
            TrustError: when it is no longer what was signed.
        """
        wanted = self._digests[path]
        try:
            data = self._tree.read(path)
        except OSError as error:
            raise TrustError(f"{path} went away after the bundle was verified: {error.strerror}") from error
        if digest_bytes(data) != wanted:
            raise TrustError(f"{path} was changed after the bundle was verified", hint="verify the bundle again")
        return data

    def tensors(self, folder: str) -> dict[str, Array]:
        """Read a `TensorFolder` of the bundle whole: name → array.

        Raises:
            KeyError: when the manifest does not list its files.
            TrustError: when one of them is no longer what was signed.
        """
        names: list[str] = json.loads(self.read(f"{folder}/index.json"))["names"]
        return {
            name: np.load(io.BytesIO(self.read(f"{folder}/{index}.npy")), allow_pickle=False)
            for index, name in enumerate(names)
        }
