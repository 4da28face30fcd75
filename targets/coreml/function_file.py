"""The file by which one function of a shared package is opened: it names the package beside it, and the function.

Standard library only, as runtimes need it.
"""

from __future__ import annotations

import json
from pathlib import Path

SUFFIX = ".function.json"


def encode(package: str, function: str) -> str:
    """Give the file's text; `package` is a name in the same folder."""
    return json.dumps({"function": function, "package": package}, sort_keys=True) + "\n"


def opened(artifact: Path) -> tuple[Path, str | None]:
    """Give the package that a file stands for, and the function; None is the package's own choice.

    Raises:
        ValueError: when it is such a file, and names no package beside it and no function.
    """
    if not artifact.name.endswith(SUFFIX):
        return artifact, None
    try:
        told = json.loads(artifact.read_bytes())
        package, function = told["package"], told["function"]
        if told.keys() != {"package", "function"} or not isinstance(function, str) or Path(package).name != package:
            raise ValueError("it does not name a package beside it and a function")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{artifact}: no function of a package: {error}") from error
    return artifact.parent / package, function
