"""How long edgewright takes to do nothing: `--help`, and `build` with nothing changed, as ratios to `python -c pass`.

The demo is copied to a temporary folder, with a cache of its own, and built once; then the commands take turns.
Prints a Markdown table; writes `results/startup.json`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from child import Usage, run

HERE = Path(__file__).parent
EDGEWRIGHT = str(Path(sys.executable).with_name("edgewright"))
PASS = "python -c pass"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    commands = {
        PASS: [sys.executable, "-c", "pass"],
        "edgewright --help": [EDGEWRIGHT, "--help"],
        "edgewright build, nothing changed": [EDGEWRIGHT, "build", "-C"],
    }
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "digits"
        shutil.copytree(HERE.parent / "examples/digits", project, ignore=shutil.ignore_patterns("out"))
        commands["edgewright build, nothing changed"].append(str(project))
        environment = {
            "EDGEWRIGHT_CACHE_DIR": f"{scratch}/cache",
            "EDGEWRIGHT_SIGNING_KEY": signing_key(Path(scratch)),
        }
        log = HERE / "results/logs/startup.log"
        first = run(commands["edgewright build, nothing changed"], log, environment)
        usages: dict[str, list[Usage]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                usages[name].append(run(command, log, environment))
    record = {name: [usage.wall_s for usage in found] for name, found in usages.items()}
    (HERE / "results/startup.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print("| command | median s | ratio to python | peak MB |\n|---|--:|--:|--:|")
    print(f"| edgewright build, empty cache (once) | {first.wall_s:.2f} | | {first.peak_bytes / 1e6:.0f} |")
    for name, seconds in record.items():
        ratio = statistics.median(own / plain for own, plain in zip(seconds, record[PASS], strict=True))
        peak = max(usage.peak_bytes for usage in usages[name]) / 1e6
        print(f"| {name} | {statistics.median(seconds):.3f} | {ratio:.1f} | {peak:.0f} |")


def signing_key(folder: Path) -> str:
    """Make a key pair and give the private key's PEM text."""
    subprocess.run([EDGEWRIGHT, "keygen", str(folder / "key.pem")], check=True, capture_output=True)
    return (folder / "key.pem").read_text("utf-8")


if __name__ == "__main__":
    main()
