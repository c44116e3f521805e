# LongTail: the two commands that matter are `make demo` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Installed programs look for libraries where the system has them.
LINK := --disable-local-rpath
BUILD := swift build -c release $(LINK)
TEST := swift test -c release --disable-testable-imports $(LINK)
BIN := .build/release
# MODULE=LTImage builds and tests one module and what it needs.
ifndef MODULE
# Kernels exist for several instruction sets; those below the machine's are asked for by name, and bfloat16 products also where
# they are slower.
LEVELS := avx2 portable avx512_bf16
else
TEST := LT_ONLY=$(MODULE)Tests $(TEST) --scratch-path .build/only-$(MODULE) --filter $(MODULE)Tests
endif

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: deps
deps: ## install the Debian packages that are missing (no-op when all are there)
	@Utilities/deps.sh

.PHONY: build
build: deps ## build the three tools and the C library in release mode
	$(BUILD)

.PHONY: cases
cases: deps ## fetch ONNX's own test cases of opset 25 (1,653 of one node each)
	@Utilities/onnx-cases.sh .build/onnx-cases

.PHONY: test
test: deps cases ## build and run the whole test suite (MODULE=LTImage for one module)
	$(TEST)
	for level in $(LEVELS); do LT_ISA=$$level $(TEST) --skip-build --filter LTRuntimeTests; done

.PHONY: demo
demo: build ## the main job on synthetic data: draw, train, export, infer, calibrate, evaluate (under demo/)
	@Utilities/demo.sh

.PHONY: demo-detection
demo-detection: build ## the same for a detector: draw, train, export, detect, evaluate by LVIS's rules (under demo/)
	@Utilities/demo-detection.sh

.PHONY: pack
pack: build ## lt-infer, lt-eval and the C library as longtail-tools.tar.xz, for Linux without Swift and Debian's packages
	@Utilities/pack-tools.sh

.PHONY: format
format: ## format the Swift sources in place
	swift format -i -r Sources Tests Package.swift

.PHONY: format-check
format-check: ## fail when a Swift source is not formatted
	swift format lint --strict -r Sources Tests Package.swift

.PHONY: bench
bench: build ## speed and memory as ratios against peers of the same run (sets up its own Python in .bench/)
	@Benchmarks/run.sh

.PHONY: compare
compare: build ## train every loss at equal budget on synthetic long-tailed sets (about three hours on two cores)
	@Benchmarks/compare.sh demo
	@Benchmarks/compare.sh losses
	@Benchmarks/compare.sh detection

# As root by sudo there is often no swift on the PATH: what was built is installed then.
.PHONY: install
install: $(if $(shell command -v swift),build) ## install tools, C library, manual pages, completions (PREFIX=/usr/local, LIBDIR, DESTDIR)
	@Utilities/packaging/install.sh install

.PHONY: uninstall
uninstall: ## remove what `make install` with the same variables installed
	@Utilities/packaging/install.sh uninstall

.PHONY: install-check
install-check: build ## install into a temporary folder, use it there, uninstall
	@Utilities/install-check.sh

.PHONY: deb
deb: build ## make Debian packages in .build/deb
	@Utilities/deps.sh debhelper
	@Utilities/deb.sh

.PHONY: deb-check
deb-check: deb ## install the packages on a fresh Debian in a temporary folder and use them there (as root)
	@Utilities/deps.sh debootstrap
	@Utilities/deb-check.sh

.PHONY: clean
clean: ## remove what was built; demo/ and .bench/ stay
	rm -rf .build
