"""Runs the same models in one Chromium with TF.js, LiteRT.js and onnxruntime-web: latency, loading, outputs.

The engines take turns. `compare_tfjs.py` has to have run: what it converted takes part too. Results go to
`results/web/race.json`, and tables to the terminal.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from child import run
from machine import facts, versions_in
from web_entrants import entrants
from web_page import Chromium, chromium
from web_table import markdown, of_model

from edgewright.web.assets import built

HERE = Path(__file__).parent
TRAINED = ("ds_cnn", "resnet20", "fastestdet")
MODELS = (*TRAINED, "mobilenet_v2_keras", "masked_encoder")
ROWS, ROWS_OF_OTHERS = 4, 1
"""How many rows of a model's data are compared, on wasm and on other backends; the first is timed."""
TURN_MS = 60
LOADS = 3


def main() -> None:
    """Do it all."""
    arguments = parse()
    results: Path = arguments.results.resolve()
    make_models(arguments.models, arguments.zoo, results)
    record: dict[str, Any] = {"context": facts(), "models": {}}
    for model in arguments.models:
        make_artifacts(model, results)
        references = write_rows(model, results)
        record["models"][model] = {"reference_max_abs": float(np.abs(references).max()), "races": []}
    dist = results / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    shutil.copytree(built("engine.js").parent, dist)  # a build while this runs shall not take it away
    folders = {"dist": dist, "page": HERE / "web", "results": results}
    with chromium(folders, arguments.chromium) as browser:
        record["context"]["browser"] = f"Chromium {browser.version}"
        for model in arguments.models:
            record["models"][model]["races"] = races(model, browser, results, arguments)
            (results / "race.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
            print("\n".join(of_model(model, record["models"][model])), flush=True)
    record["context"] |= {
        "rounds": arguments.rounds,
        "pages": arguments.pages,
        "load_after": os.getloadavg(),
        "onnxruntime": versions_in(sys.executable, ("onnxruntime",))["onnxruntime"],
    }
    (results / "race.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(markdown(record))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="of the wasm engines")
    parser.add_argument("--pages", type=int, default=1, help="pages in which latency is measured, for each of these")
    parser.add_argument("--rounds", type=int, default=12, help="turns of each artifact in each page")
    parser.add_argument("--others", nargs="*", default=["webgl", "webgpu", "cpu"], help="backends of TF.js, once each")
    parser.add_argument("--engine", default="", help="only this one: tfjs, litertjs or onnxruntime-web")
    parser.add_argument("--zoo", type=Path, default=HERE / "zoo", help="the folder of trained models, see README")
    parser.add_argument("--chromium", help="the browser's executable; found on the path when not given")
    parser.add_argument("--results", type=Path, default=HERE / "results/web")
    return parser.parse_args()


def make_models(models: list[str], zoo: Path, results: Path) -> None:
    """Write the ONNX files and their data that are not there yet."""
    folder = results / "models"
    missing = [model for model in models if not data_of(model, results).exists()]
    if set(missing) & set(TRAINED):
        run([sys.executable, str(HERE / "trained.py"), str(zoo), str(folder)], results / "logs/trained.log")
    if "masked_encoder" in missing:
        run([sys.executable, str(HERE / "masked_encoder.py"), str(folder)], results / "logs/encoder.log")
    if "mobilenet_v2_keras" in missing:
        sys.exit(f"there is no {data_of('mobilenet_v2_keras', results)}: run {HERE / 'compare_tfjs.py'} first")


def data_of(model: str, results: Path) -> Path:
    """Where the rows of a model lie: `calibration` and `inputs`."""
    return results / "models" / f"{model}{'.0' if model in TRAINED else ''}.npz"


def make_artifacts(model: str, results: Path) -> None:
    """Build a model for every target, anew."""
    out = results / "artifacts" / model
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, str(HERE / "converters/for_the_web.py"), str(results / f"models/{model}.onnx")]
    run([*command, str(data_of(model, results)), str(out)], results / f"logs/{model}.artifacts.log")


def write_rows(model: str, results: Path) -> np.ndarray:
    """Write the rows as pages fetch them; give what onnxruntime answers to them, float32[rows, …]."""
    session = onnxruntime.InferenceSession(results / f"models/{model}.onnx", providers=["CPUExecutionProvider"])
    name, out = session.get_inputs()[0].name, results / "rows"
    out.mkdir(exist_ok=True)
    with np.load(data_of(model, results), allow_pickle=False) as arrays:
        rows = arrays["inputs"][:ROWS]
    for index, row in enumerate(rows):
        (out / f"{model}.{index}.{row.dtype}.bin").write_bytes(np.ascontiguousarray(row).tobytes())
        if row.dtype == np.int64:
            (out / f"{model}.{index}.int32.bin").write_bytes(row.astype(np.int32).tobytes())
    references = np.stack([session.run(None, {name: row})[0] for row in rows])
    np.savez(out / f"{model}.npz", shape=rows.shape[1:], references=references)
    return references


def races(model: str, browser: Chromium, results: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """All that is measured of a model: an entry for each backend, number of threads, and page."""
    found: list[dict[str, Any]] = []
    taking_part = [each for each in entrants(model, results) if arguments.engine in ("", each.engine)]
    plans = [("wasm", threads, arguments.rounds) for threads in arguments.threads for _ in range(arguments.pages)]
    plans += [(backend, 1, 1) for backend in arguments.others]
    for seed, (backend, threads, rounds) in enumerate(plans):
        own = [entrant for entrant in taking_part if backend in entrant.backends]
        source = random.Random(seed)
        rows = ROWS if backend == "wasm" else ROWS_OF_OTHERS
        shuffled = source.sample(own, len(own))  # where the buffers come to lie must not follow the order of the table
        asked = {
            "entrants": {entrant.key: entrant.asked(backend, rows) for entrant in shuffled},
            "orders": [[entrant.key for entrant in source.sample(own, len(own))] for _ in range(rounds)],
            "turnMs": TURN_MS,
            "loads": LOADS if backend == "wasm" else 1,
            "threads": threads,
        }
        measured = {key: judged(value, model, results) for key, value in browser.race(asked).items()}
        found.append({"backend": backend, "threads": threads, "rows": measured})
        print(f"{model} {backend}, {threads} threads: {', '.join(measured)}", flush=True)
    return found


def judged(found: dict[str, Any], model: str, results: Path) -> dict[str, Any]:
    """What a page has measured, with the outputs' distance from onnxruntime's in place of the outputs."""
    if "failed" in found:
        return found
    with np.load(results / f"rows/{model}.npz") as arrays:
        references = arrays["references"]
    outputs = found.pop("outputs")
    values = [np.frombuffer(base64.b64decode(output["data"]), output["dtype"]) for output in outputs]
    gaps = [np.abs(value - row.ravel()).max() for value, row in zip(values, references, strict=False)]
    return {**found, "max_abs": float(np.max(gaps))}


if __name__ == "__main__":
    main()
