# SPDX-License-Identifier: MIT
#
# mk/test.mk - tests, lint, fuzzing and measurements.
#
# Unit tests and fuzz harnesses are linked with all of lib/, net/ and init/ under
# sanitizers; everything else treats the built program as a black box. pytest
# runs it all, one item a C test function.

LIB_SRC := $(wildcard lib/*.c net/*.c init/*.c)
UNIT := $(patsubst tests/unit/%.c,build/san/tests/%,\
	$(wildcard tests/unit/*_test.c))
# programs that pytest asks, linked as unit tests are
ORACLE := build/san/tests/json_oracle build/san/tests/sigv4_oracle
FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_SECONDS ?= 10
PYTEST := build/venv/bin/python -B -m pytest -c tests/pytest.ini \
	-o cache_dir=$(CURDIR)/build/pytest
PYTEST_ARGS ?=
MCP_CLIENTS := build/mcp-client-1/.done build/mcp-client-2/.done
# all processors, unless the caller said how many
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# --- entry points --------------------------------------------------------------

## test: install what tests need, run them all (PYTEST_ARGS="-k name -x")
test: test-deps
	@$(MAKE) $(JOBS) all test-programs
	@$(PYTEST) $(PYTEST_ARGS) tests

## test-san: the black-box tests again, with the sanitizer build
test-san: test-deps
	@$(MAKE) $(JOBS) test-programs
	@$(PYTEST) --san $(PYTEST_ARGS) tests/integration

## test-deps: install what the tests need: packages, build/venv, build/node ...
test-deps: packages
	@$(MAKE) build/venv/.done build/node/.done build/conformance/.done \
		build/inspector/.done $(MCP_CLIENTS)
	@$(MAKE) -s s3-server || echo "no S3 store to test with"
	@$(MAKE) -s aws-cli || echo "no AWS CLI to test with"

## s3-server: build the store that the tests of s3 talk to (needs Go)
s3-server:
	@if command -v go >/dev/null; then $(MAKE) build/go/bin/versitygw; fi

## aws-cli: install the other client that the tests of s3 use (from PyPI)
aws-cli: build/aws-cli/.done

## s3-long: the tests of s3 beside the AWS CLI with 5 GiB and 10,000 keys
s3-long: build/coracle s3-server aws-cli
	@S3_LONG=1 $(PYTEST) $(PYTEST_ARGS) tests/integration/test_s3_clients.py

packages:
	@scripts/need install build test

## unit: build and run the unit tests (UNIT_FILTER=name)
unit: $(UNIT)
	@failed=0; for t in $(UNIT); do \
		echo "# $$t"; $$t $(UNIT_FILTER) || failed=1; \
	done; exit $$failed

# everything that pytest runs but does not build
test-programs: build/san/coracle $(UNIT) $(FUZZ) $(ORACLE)

## fuzz: run each harness of tests/fuzz for FUZZ_SECONDS=10
fuzz: $(FUZZ)
	@failed=0; for f in $(FUZZ); do \
		scripts/fuzz $$f $(FUZZ_SECONDS) || failed=1; \
	done; exit $$failed

## soak: a million MCP calls while all goes wrong (SOAK_ARGS="--calls 20000")
soak: build/coracle build/venv/.done
	@build/venv/bin/python -B tests/soak/soak.py --program build/coracle \
		$(SOAK_ARGS)

## bench: measure size and speed, side by side with others
bench: build/coracle build/trampoline build/rootfs.tar build/rootfs-shell.tar test-deps
	@scripts/need install bench || echo "bench: measured without them"
	@tests/bench/run
	@tests/bench/data
	@tests/bench/s3
	@tests/bench/init
	@tests/bench/mcp_client
	@tests/bench/trampoline
	@tests/bench/verify

## lint: check format, layers, banned functions, limits (RULES=name)
lint: build/venv/.done
	@scripts/need check test
	@build/venv/bin/python -B tests/lint $(RULES)

## format: let clang-format rewrite the C files
format:
	@clang-format -i $(SRC) $(HEADERS) $(wildcard tests/*/*.[ch])

## tidy: run clang-tidy over the sources
tidy: $(GEN)
	@clang-tidy --quiet $(SRC) -- $(CFLAGS_ALL) -Wno-unknown-warning-option

## size: section sizes, and symbols over 1 KiB
size: build/coracle
	@size -A -d build/coracle.debug | awk '$$3 > 0 || /Total/'
	@nm -S --size-sort -t d build/coracle.debug | \
		awk '$$2 + 0 >= 1024 { printf "%8d  %s  %s\n", $$2, $$3, $$4 }'

.PHONY: test test-san test-deps packages s3-server aws-cli s3-long unit test-programs fuzz soak bench lint \
	format tidy size

# --- what tests run in -------------------------------------------------------

build/venv/.done: tests/requirements.txt
	@echo "  VENV    build/venv"
	@rm -rf build/venv
	@python3 -m venv build/venv
	@build/venv/bin/pip -q --disable-pip-version-check install -r $<
	@touch $@

build/aws-cli/.done: tests/aws-cli.txt build/venv/.done
	@echo "  VENV    $(@D)"
	@rm -rf $(@D)
	@timeout 300 build/venv/bin/pip -q --disable-pip-version-check install \
		--target $(@D) -r $<
	@touch $@

build/mcp-client-%/.done: tests/mcp-client-%.txt build/venv/.done
	@echo "  VENV    $(@D)"
	@rm -rf $(@D)
	@build/venv/bin/pip -q --disable-pip-version-check install \
		--target $(@D) -r $<
	@touch $@

build/node/.done build/conformance/.done build/inspector/.done: build/%/.done: \
		tests/%/package.json tests/%/package-lock.json
	@echo "  NPM     $(@D)"
	@mkdir -p $(@D)
	@cp $^ $(@D)/
	@cd $(@D) && npm ci --silent --no-audit --no-fund
	@touch $@

build/go/bin/versitygw:
	@echo "  GO      $@"
	@GOBIN=$(CURDIR)/build/go/bin GOFLAGS=-modcacherw timeout 600 \
		go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

# --- unit tests --------------------------------------------------------------

build/san/libcoracle.a: $(LIB_SRC:%.c=build/san/%.o) \
		build/san/gen/licenses.o
	@echo "  AR      $@"
	@rm -f $@
	$(Q)ar rcsD $@ $^

build/san/tests/%: tests/unit/%.c build/san/libcoracle.a \
		$(call vendor_libs,host) | $(GEN)
	@echo "  TEST    $@"
	@mkdir -p $(@D)
	$(Q)gcc $(CFLAGS_ALL) $(CFLAGS_SAN) $(LDFLAGS_HOST) -MMD -MP -MF $@.d \
		-o $@ $< build/san/libcoracle.a $(call vendor_libs,host) \
		-pthread

-include $(UNIT:%=%.d) $(ORACLE:%=%.d)

# --- fuzz harnesses: libFuzzer where clang has it, else replay of files --------

LIBFUZZER := $(wildcard $(addsuffix /lib/linux/libclang_rt.fuzzer-$(ARCH).a,\
	$(shell clang -print-resource-dir 2>/dev/null)))
ifneq ($(LIBFUZZER),)
FUZZ_CC := clang
FUZZ_MAIN := -fsanitize=fuzzer
FUZZ_COVER := -fsanitize=fuzzer-no-link
else
FUZZ_CC := gcc
FUZZ_MAIN := tests/fuzz/replay.c
FUZZ_COVER :=
endif
CFLAGS_FUZZ := -O1 -g -fPIE -fno-omit-frame-pointer $(FUZZ_COVER) \
	-fsanitize=address,undefined -fno-sanitize-recover=all -w
$(eval $(call flavour,fuzz,$(FUZZ_CC),$(CFLAGS_FUZZ)))

build/fuzz/libcoracle.a: $(LIB_SRC:%.c=build/fuzz/%.o) \
		build/fuzz/gen/licenses.o
	@rm -f $@
	$(Q)ar rcsD $@ $^

build/fuzz/%_fuzz: tests/fuzz/%_fuzz.c build/fuzz/libcoracle.a \
		$(call vendor_libs,host) | $(GEN)
	@echo "  FUZZ    $@"
	$(Q)$(FUZZ_CC) $(CFLAGS_ALL) $(CFLAGS_FUZZ) -MMD -MP -MF $@.d -o $@ \
		$< $(FUZZ_MAIN) build/fuzz/libcoracle.a \
		$(call vendor_libs,host) -pthread

-include $(FUZZ:%=%.d)
