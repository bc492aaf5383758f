# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# A process a core, up to four; the tests of a file stay together, for they share what they build.
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

.PHONY: demo docs test test-long test-axe test-panoramax test-vlm check bench clean

demo: $(VENV)/installed
	$(BIN)/geoflood demo --out demo

test: $(VENV)/installed-dev
	$(PYTEST) -m "not long"

# What takes long: the demo, many kills where `make test` has a few, eight times the fuzz.
test-long: $(VENV)/installed-dev
	$(PYTEST) -m "long or hypothesis" --hypothesis-profile=long

# Whether everybody can read the pages and reach all in them, by axe-core: a script of 550 kB, for this test alone.
AXE := $(VENV)/axe/node_modules/axe-core/axe.min.js

test-axe: $(AXE) $(VENV)/installed-dev
	GEOFLOOD_AXE=$(abspath $(AXE)) $(BIN)/pytest tests/triage/test_accessibility.py

$(AXE):
	npm install --silent --no-audit --no-fund --prefix $(VENV)/axe axe-core@4.10.3

# A real Panoramax server, in an environment of its own: 400 MB, a minute. PostgreSQL is Debian's postgresql-postgis.
GEOVISIO := $(VENV)/geovisio

test-panoramax: $(GEOVISIO)/installed $(VENV)/installed-dev
	GEOFLOOD_GEOVISIO=$(abspath $(GEOVISIO))/bin/python $(BIN)/pytest tests/cli/test_panoramax_server.py

$(GEOVISIO)/installed:
	$(PYTHON) -m venv $(GEOVISIO)
	$(GEOVISIO)/bin/pip install --quiet geovisio==2.15.1
	touch $@

# The true image path: a llama-server built from a source package, and a vision model with random weights.
# Some six minutes on two cores, once; needs a C++ compiler, and no network but the package index.
LLAMA := $(VENV)/llama
LLAMA_VERSION := 0.3.36
LLAMA_OFF := OPENSSL BUILD_UI USE_PREBUILT_UI BUILD_TESTS BUILD_EXAMPLES CURL

test-vlm: $(LLAMA)/build/bin/llama-server
	GEOFLOOD_LLAMA_SERVER=$(abspath $<) $(BIN)/pytest tests/vlm/test_engine.py

$(LLAMA)/build/bin/llama-server: | $(VENV)/installed-dev
	$(BIN)/pip install --quiet -c constraints.txt cmake ninja gguf
	$(BIN)/pip download --quiet --no-deps --no-binary llama-cpp-python -d $(LLAMA) \
		llama-cpp-python==$(LLAMA_VERSION)
	tar -xzf $(LLAMA)/llama_cpp_python-$(LLAMA_VERSION).tar.gz -C $(LLAMA)
	PATH="$(abspath $(BIN)):$$PATH" cmake -G Ninja -DCMAKE_BUILD_TYPE=Release $(LLAMA_OFF:%=-DLLAMA_%=OFF) \
		-S $(LLAMA)/llama_cpp_python-$(LLAMA_VERSION)/vendor/llama.cpp -B $(LLAMA)/build
	$(BIN)/cmake --build $(LLAMA)/build --target llama-server -j 2

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -m "not long"

# The reference pages: cli.md out of --help, api.md out of docstrings.
docs: $(VENV)/installed
	$(BIN)/python docs/make_reference.py

bench: $(VENV)/installed-dev
	@test -n "$(DATA)" || { echo "say which street images: make bench DATA=FOLDER [OTHER=FOLDER]; see benchmarks/README.md"; exit 2; }
	$(BIN)/geoflood index $(notdir $(DATA)) $(DATA)/images.csv --select split=database --index-dir .bench
	$(BIN)/geoflood evaluate $(notdir $(DATA)) $(DATA)/images.csv --select split=query --index-dir .bench \
		--flood 0 --flood 0.3 --flood 0.45 --flood 0.55 --waterline true --ablate
	$(BIN)/geoflood evaluate $(notdir $(DATA)) $(DATA)/images.csv --select split=query --index-dir .bench \
		--rerank 20 $(if $(OTHER),--elsewhere $(OTHER)/images.csv --elsewhere-select split=query)
	$(BIN)/python benchmarks/speed.py $(DATA)

# The constraints are what the tests ran with, above all the version of torch.
$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt $(VENV)/installed
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) demo
