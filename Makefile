# `make demo` and `make test` do all set-up themselves. PYTHON chooses another interpreter (3.11 to 3.13). What is built
# for the web needs Node 20 and npm; the demo needs none of it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
WHEEL_PIP := build/wheel/venv/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
EXAMPLE := examples/digits
KEY     := $(EXAMPLE)/out/demo-key.pem

# What runs in Node and in browsers is built from web/src and the packages that web/package-lock.json pins.
WEB         := web/dist/manifest.json
WEB_MODULES := web/node_modules/.package-lock.json
WEB_SOURCES := web/build.mjs web/declarations.mjs web/tsconfig.json $(shell find web/src web/licences -type f)

.PHONY: demo test lint types layers check conformance wheel-demo format clean web web-types web-test

demo: $(VENV)/.installed $(KEY)
	EDGEWRIGHT_SIGNING_KEY="$$(cat $(KEY))" $(BIN)/edgewright build --project $(EXAMPLE) --out $(EXAMPLE)/out
	$(BIN)/edgewright verify $(EXAMPLE)/out/bundle $(EXAMPLE)/out/bundle.zip --key $(KEY:.pem=.pub)

test: $(VENV)/.installed-dev $(WEB) check web-test
	$(BIN)/python -m pytest -n 2 --dist worksteal -q

check: lint types layers web-types

web: $(WEB)

web-types: $(WEB_MODULES)
	cd web && npm run --silent types

web-test: $(WEB_MODULES)
	cd web && npm run --silent test

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

layers: $(VENV)/.installed-dev
	$(BIN)/lint-imports

# ONNX's operator cases through every target; writes the kept records and docs/reference/ops.md, fails on any finding.
conformance: $(VENV)/.installed-dev $(WEB)
	$(BIN)/python -m edgewright.conformance --keep

# The wheel, in an environment of its own, runs the demo: what is packaged is what was tested. Before the extra of a
# target is installed, a build must name it and leave with 2.
wheel-demo: $(VENV)/.installed-dev $(WEB)
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/python -m build --wheel --outdir build/wheel . > build/wheel/build.log
	$(PYTHON) -m venv build/wheel/venv
	$(WHEEL_PIP) "$$(ls build/wheel/*.whl)"
	cp -r $(EXAMPLE) build/wheel/example && rm -rf build/wheel/example/out
	cd build/wheel && venv/bin/edgewright keygen key.pem
	cd build/wheel && { EDGEWRIGHT_SIGNING_KEY="$$(cat key.pem)" venv/bin/edgewright build --project example --out out \
	  2> missing.log; test $$? = 2; } && grep -F "pip install 'edgewright[tflite]'" missing.log && test ! -e out/bundle
	$(WHEEL_PIP) "$$(ls build/wheel/*.whl)[tflite]"
	cd build/wheel && EDGEWRIGHT_SIGNING_KEY="$$(cat key.pem)" venv/bin/edgewright build --project example --out out \
	  && venv/bin/edgewright verify out/bundle out/bundle.zip --key key.pub
	cd build/wheel && venv/bin/edgewright targets tflite | grep -E "conformance +[0-9,]+ of"  # the records are packaged

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build $(EXAMPLE)/out web/dist web/node_modules

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "edgewright needs Python 3.11 to 3.13, %s is %d.%d: run make PYTHON=python3.12" % (sys.executable, *v))'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[tflite]'
	@touch $@

# torch comes first and alone, at the version that the extra pins: a later resolution never looks for another.
$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[all,dev]'
	@touch $@ $(VENV)/.installed

# No package's own script is run: what is installed is what the lock file names, byte by byte.
$(WEB_MODULES): web/package.json web/package-lock.json
	@node -e 'const major = parseInt(process.versions.node); process.exit(major >= 20 ? 0 : 1)' && npm --version > /dev/null \
	  || { echo "edgewright builds what runs in browsers with Node 20 or later and npm: install them (nodejs.org, or apt-get install nodejs npm)" >&2; exit 1; }
	cd web && npm ci --legacy-peer-deps --ignore-scripts --no-audit --no-fund
	@touch $@

$(WEB): $(WEB_MODULES) $(WEB_SOURCES)
	cd web && npm run --silent types && npm run --silent build

$(KEY): | $(VENV)/.installed
	@mkdir -p $(@D)
	$(BIN)/edgewright keygen $@
