"""Build the engine of the model beside this file, on the GPU of this machine. Needs tensorrt, and nothing else.

`python build_engine.py` writes `model.engine` and `engine.json`, and says the equal `trtexec` line.
What is built how stands in `build.json`. Part of edgewright.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from .cuda_runtime import CudaError, Gpu

ENGINE, RECORD, PLAN = "model.engine", "engine.json", "build.json"
_HARDWARE = {"same_compute_capability": "sameComputeCapability", "ampere_plus": "ampere+"}


class BuildError(Exception):
    """The engine cannot be built here."""


def numbers(version: str) -> tuple[int, ...]:
    """Give the first three numbers of a version."""
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.split(".")[:3])


def is_typed(major: int, plan: dict[str, Any]) -> bool:
    """Whether types are those of the graph; else flags say in what TensorRT may compute."""
    return major >= 10 and not plan["flags"]


def flags(major: int, plan: dict[str, Any]) -> list[str]:
    """Give the flags of precision for a version. A strongly typed network takes none; version 11 has no other."""
    if plan["flags"] and major not in (9, 10):
        raise BuildError(f"{', '.join(plan['flags'])} is computed by a flag that TensorRT {major} does not have")
    return [] if is_typed(major, plan) else [*(plan["flags"] or plan["types"])]


def trtexec(major: int, plan: dict[str, Any], cache: str | None) -> str:
    """Give the line that does the same."""
    words = ["trtexec", f"--onnx={plan['model']}", f"--saveEngine={ENGINE}", "--skipInference"]
    words += ["--stronglyTyped"] if is_typed(major, plan) and major == 10 else []
    words += [f"--{flag}" for flag in flags(major, plan)]
    words += [] if plan["tf32"] else ["--noTF32"]
    if plan["profiled"]:
        for kind in ("min", "opt", "max"):
            shapes = (f"{entry['name']}:{'x'.join(map(str, entry[kind]))}" for entry in plan["inputs"] if entry[kind])
            words.append(f"--{kind}Shapes={','.join(shapes)}")
    words += [f"--memPoolSize=workspace:{plan['workspace'] / 2**20:g}M"] if plan["workspace"] else []
    words += [f"--timingCacheFile={cache}"] if cache else []
    words += ["--versionCompatible"] if plan["version_compatible"] else []
    words += [f"--hardwareCompatibilityLevel={_HARDWARE[plan['hardware']]}"] if plan["hardware"] in _HARDWARE else []
    return shlex.join(words)


def build(folder: Path, cache: Path | None, log: Any, trt: Any) -> dict[str, Any]:
    """Build, write, and give the record that lies beside the engine."""
    version, major = trt.__version__, numbers(trt.__version__)[0]
    plan = checked(folder, version)
    gpu = Gpu()
    builder = trt.Builder(log)
    network = builder.create_network(_network_flags(major, plan, trt))
    parser = trt.OnnxParser(network, log)  # lives as long as the network, which reads its weights
    if not parser.parse_from_file(str(folder / plan["model"])):
        errors = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
        raise BuildError(f"TensorRT {version} does not take the model: {errors}")
    config = _config(builder, major, plan, trt)
    _read_cache(config, cache)
    data = builder.build_serialized_network(network, config)
    if data is None:
        raise BuildError(f"TensorRT {version} built no engine; the reason stands above")
    engine = bytes(data)
    _write_cache(config, cache)
    write(folder / ENGINE, engine)
    record = {
        "engine": ENGINE,
        "engine_sha256": hashlib.sha256(engine).hexdigest(),
        "model_sha256": plan["sha256"],
        "tensorrt": version,
        "gpu": gpu.name,
        "compute_capability": gpu.compute_capability,
        "driver": gpu.driver,
        "cuda": gpu.cuda,
        "os": platform.system().lower(),
        "arch": platform.machine().lower(),
        "version_compatible": plan["version_compatible"],
        "hardware": plan["hardware"],
    }
    write(folder / RECORD, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    return record


def checked(folder: Path, version: str) -> dict[str, Any]:
    """Read what is to be built, and check that the files are those and this TensorRT is not too old.

    Raises:
        BuildError: when one of that is not so.
    """
    plan: dict[str, Any] = json.loads((folder / PLAN).read_text("utf-8"))
    for name, wanted in {plan["model"]: plan["sha256"], **plan["data"]}.items():
        if digest(folder / name) != wanted:
            raise BuildError(f"{name} is not the file that {PLAN} was written for")
    if numbers(version) < numbers(plan["release"]):
        raise BuildError(f"this model was written for TensorRT {plan['release']} or later, here is {version}")
    return plan


def _config(builder: Any, major: int, plan: dict[str, Any], trt: Any) -> Any:
    config = builder.create_builder_config()
    for flag in flags(major, plan):
        config.set_flag(getattr(trt.BuilderFlag, flag.upper()))
    if not plan["tf32"]:
        config.clear_flag(trt.BuilderFlag.TF32)
    if plan["version_compatible"]:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    if plan["hardware"] != "this_gpu":
        config.hardware_compatibility_level = getattr(trt.HardwareCompatibilityLevel, plan["hardware"].upper())
    if plan["workspace"]:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, plan["workspace"])
    if plan["profiled"]:
        profile = builder.create_optimization_profile()
        for entry in plan["inputs"]:
            if entry["min"]:
                profile.set_shape(entry["name"], entry["min"], entry["opt"], entry["max"])
        if config.add_optimization_profile(profile) < 0:
            raise BuildError("TensorRT does not take the profile of build.json")
    return config


def _network_flags(major: int, plan: dict[str, Any], trt: Any) -> int:
    names = ["EXPLICIT_BATCH"] if major < 10 else ["STRONGLY_TYPED"] if is_typed(major, plan) and major < 11 else []
    return sum(1 << int(getattr(trt.NetworkDefinitionCreationFlag, name)) for name in names)


def _read_cache(config: Any, cache: Path | None) -> None:
    """What kernels took on this GPU before; that of another GPU or version is not used."""
    if cache is None:
        return
    known = config.create_timing_cache(cache.read_bytes() if cache.is_file() else b"")
    if known is None or not config.set_timing_cache(known, False):
        say(f"{cache} is of another GPU or TensorRT, or damaged: begun anew")
        config.set_timing_cache(config.create_timing_cache(b""), False)


def _write_cache(config: Any, cache: Path | None) -> None:
    found = config.get_timing_cache() if cache is not None else None
    if cache is not None and found is not None:
        write(cache, bytes(found.serialize()))


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; who may read the folder's other files may read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.umask(mask := os.umask(0o077))
        os.chmod(name, 0o666 & ~mask)  # noqa: PTH101 - the name is a string
        os.replace(name, path)  # noqa: PTH105 - the name is a string
    except BaseException:
        os.unlink(name)  # noqa: PTH108 - as above
        raise


def digest(path: Path) -> str:
    """Give the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()


def say(line: str) -> None:
    """Print."""
    print(line, flush=True)  # noqa: T201 - a program's output


def main(arguments: list[str]) -> int:
    """Build; 0 when there is an engine."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--timing-cache", metavar="FILE", help="times of kernels, read and written")
    options = parser.parse_args(arguments)
    folder = Path(__file__).resolve().parent
    try:
        import tensorrt as trt
    except ImportError as error:
        say(f"tensorrt cannot be imported: {error}")
        return 1
    cache = Path(options.timing_cache).absolute() if options.timing_cache else None
    try:
        plan = json.loads((folder / PLAN).read_text("utf-8"))
        say(f"equal to: {trtexec(numbers(trt.__version__)[0], plan, options.timing_cache)}")
        record = build(folder, cache, trt.Logger(trt.Logger.WARNING), trt)
    except (BuildError, CudaError, OSError) as error:
        say(f"no engine: {error}")
        return 1
    except (KeyError, ValueError) as error:
        say(f"no engine: {PLAN} cannot be read: {error!r}")
        return 1
    say(f"{ENGINE}: {record['gpu']}, TensorRT {record['tensorrt']}, {(folder / ENGINE).stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
