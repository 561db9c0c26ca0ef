# make book   run the chapters that changed and build the pages    make test   run all checks
# Both set everything up first. Needed: Linux, python3 >= 3.11, git, make.

PYTHON ?= python3
UV := 0.13.9
BIN := .venv/bin
STAMP := .venv/.installed
SMOKE := .smoke
# The second run makes a book of the chapters that the first one executed.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
	--executed $(SMOKE)/executed

.DEFAULT_GOAL := book
.PHONY: book pdf test test-browser test-faults test-cluster bench launch lock setup clean

book: setup
	$(BIN)/python -m lkutils book

# Of the built pages, by Debian's Chromium: _build/book.pdf.
pdf: book
	$(BIN)/python -m lkutils.book.printed

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf $(SMOKE) && mkdir $(SMOKE)
	for chapter in notebooks/*.ipynb; do \
		$(BIN)/papermill $$chapter $(SMOKE)/$${chapter##*/} -f tests/smoke.yaml --prepare-only --no-progress-bar || exit 1; \
	done
	$(PYTEST) $(SMOKE) --nbval-lax --nbval-current-env
	$(PYTEST) tests lkutils --durations=5

# More kills, damaged files and random calls than in `make test`: it takes minutes.
test-faults: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 tests/faults --long --durations=5

# The pages of the real book, after `make book`; `make test` looks at those of a book of smoke chapters. Needs npm, which
# fetches the checks of accessibility as package-lock.json names them.
test-browser: book node_modules
	$(BIN)/pytest tests/book/test_pages.py tests/book/test_accessibility.py tests/book/test_printed.py --site _build/html

node_modules: package-lock.json
	npm ci --no-audit --no-fund
	touch $@

# The workflow on a SLURM of one node, with a job killed and the node drained; it took an hour on a busy machine. Needs
# root, slurm-wlm and munge, and works in copies of the repository.
test-cluster: setup
	$(BIN)/python tests/cluster/run.py

# For the workflow that publishes the book: chapters whose first cell installs the library, on a branch of their own.
launch: setup
	$(BIN)/python -m lkutils.book.launch "$(GITHUB_REPOSITORY)"
	git -c user.name=book -c user.email=book@localhost commit --quiet --message "Chapters to launch" -- notebooks
	git push --quiet --force origin HEAD:refs/heads/launch

bench: setup
	$(BIN)/python -m benchmarks

# After a change of the dependencies in pyproject.toml.
lock: setup
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --all-extras pyproject.toml --output-file requirements.lock

clean:
	rm -rf _build book/notebooks runs $(SMOKE)

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is $$($(PYTHON) --version); 3.11 or later is needed: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make environments; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
