# SPDX-License-Identifier: MIT
#
# Makefile - every entry point; `make help` lists them.
#
# One tree of sources, three builds of it: release (static, musl), debug and
# SAN=1 (the machine's own libc). Each keeps its objects in build/NAME. The
# upstream sources in vendor/ are fetched and compiled first. What tests and
# measurements need is in mk/test.mk, the image in rootfs/rootfs.mk.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

PREFIX ?= /usr/local
ARCH := $(shell uname -m)
Q := $(if $(V),,@)

APPLET_SRC := $(wildcard init/*.c applets/*.c applets/*/*.c)
SRC := $(wildcard lib/*.c net/*.c) $(APPLET_SRC)
HEADERS := $(wildcard lib/*.h net/*.h init/*.h trampoline/*.h applets/*.h \
	applets/*/*.h)
# all that ever runs set-id
TRAMPOLINE_SRC := $(wildcard trampoline/*.c)
TRAMPOLINE_LIB := broker fd fmt layout policy str
RUN_AS_LIB := applet args buf clock dir kill_uid mem path private rand spawn \
	version
GEN := build/gen/applets.h build/gen/version.h build/vendor/include/.done

# --- flags ---------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wcast-qual -Wpointer-arith -Wundef -Wvla -Wformat=2 \
	-Wswitch-enum -Wnull-dereference -Wconversion -Werror
# paths in debug information start at the top of the tree, wherever it lies
CFLAGS_ALL := -std=gnu11 -D_GNU_SOURCE -I. -isystem build/vendor/include \
	-ffile-prefix-map=$(CURDIR)=. -fstack-protector-strong $(WARNINGS)
CFLAGS_RELEASE := -Os -g -fPIE -ffunction-sections -fdata-sections \
	-fno-asynchronous-unwind-tables -fno-unwind-tables
CFLAGS_DEBUG := -O0 -g -fPIE
CFLAGS_SAN := -O1 -g -fPIE -fno-omit-frame-pointer -DLEAKCHECK \
	-fsanitize=address,undefined -fno-sanitize-recover=all

CFLAGS_TRAP := $(CFLAGS_RELEASE) -fsanitize=undefined \
	-fsanitize-undefined-trap-on-error

# musl-gcc by itself starts a static-pie with the wrong object and asks for an
# interpreter, so the link names the start files: rcrt1.o relocates itself.
MUSL_LIB := /usr/lib/$(ARCH)-linux-musl
gcc_file = $(shell gcc -print-file-name=$(1))
START = $(MUSL_LIB)/rcrt1.o $(MUSL_LIB)/crti.o $(call gcc_file,crtbeginS.o)
END = $(call gcc_file,crtendS.o) $(MUSL_LIB)/crtn.o
LDFLAGS_RELEASE := -nostdlib -static -Wl,-pie,--no-dynamic-linker,-z,text \
	-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections \
	-Wl,--build-id=none -Wl,--fatal-warnings
LDFLAGS_HOST := -pie -Wl,-z,noexecstack

# --- entry points ----------------------------------------------------------

ifdef SAN
all: build/san/coracle
else
## all: build build/coracle, build/trampoline (SAN=1: build/san/coracle)
all: build/coracle build/trampoline build/run-as
endif
	@scripts/bytes $^

## debug: build build/coracle-debug (host compiler, -O0 -g)
debug: build/coracle-debug
	@scripts/bytes $<

## trap: build build/coracle-trap (static; undefined behaviour ends it)
trap: build/coracle-trap
	@scripts/bytes $<

## deps: install what the build needs, and nothing else
deps:
	@scripts/need install build

## install: copy the programs below $(DESTDIR)$(PREFIX)
install: build/coracle build/trampoline build/run-as
	install -D -m 755 build/coracle $(DESTDIR)$(PREFIX)/bin/coracle
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/lib/coracle \
		build/trampoline build/run-as

## clean: remove what was built, keep the fetched sources
clean:
	$(Q)if [ -d build ]; then find build -mindepth 1 -maxdepth 1 \
		! -name vendor ! -name venv ! -name node ! -name go \
		! -name conformance ! -name inspector ! -name "mcp-client-*" -exec rm -rf {} +; fi
	$(Q)rm -rf build/vendor/musl build/vendor/host build/vendor/include

## distclean: remove all of build/
distclean:
	$(Q)rm -rf build

## help: print this list
help:
	@sed -n 's/^## \([a-z-]*\): /\1|/p' $(wildcard Makefile */*.mk) | \
		awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

.PHONY: all debug trap deps install clean distclean help FORCE

# --- are the tools here? -----------------------------------------------------

# targets that install them first, or do without
NO_TOOLS := deps test test-san test-deps packages run stop clean \
	distclean help
ifneq ($(filter-out $(NO_TOOLS),$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell scripts/need check build 2>&1 >/dev/null),)
$(shell scripts/need check build >&2)
$(error the build cannot start)
endif
endif

# --- upstream sources ----------------------------------------------------------

build/vendor/.fetched: vendor/sources vendor/fetch
	@vendor/fetch
	@touch $@

build/vendor/include/.done: build/vendor/.fetched vendor/build.mk
	@$(MAKE) -f vendor/build.mk headers

vendor_libs = build/vendor/$(1)/libbearssl.a build/vendor/$(1)/libisal.a
define vendor_flavour
$(call vendor_libs,$(1)) &: build/vendor/.fetched vendor/build.mk
	@echo "  VENDOR  $(1)"
	@$$(MAKE) -f vendor/build.mk FLAVOUR=$(1) ARCH=$(ARCH) libs
	@touch $(call vendor_libs,$(1))
endef
$(eval $(call vendor_flavour,musl))
$(eval $(call vendor_flavour,host))

# --- generated sources: rewritten only when they change --------------------------

build/gen/applets.h: FORCE
	@scripts/gen-applets $@ $(APPLET_SRC)

build/gen/version.h: FORCE
	@scripts/gen-version $@

build/gen/licenses.c: LICENSE vendor/sources scripts/gen-licenses \
		build/vendor/.fetched
	@scripts/gen-licenses $@
	@touch $@

# --- the builds: $(1) is the directory, $(2) compiler, $(3) flags --------------------

define flavour
# what these objects were compiled with; they are made anew when it changes
build/$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@echo '$(2) $(CFLAGS_ALL) $(3)' | cmp -s - $$@ || \
		echo '$(2) $(CFLAGS_ALL) $(3)' >$$@

build/$(1)/%.o: %.c build/$(1)/flags | $(GEN)
	@echo "  CC      $$@"
	@mkdir -p $$(@D)
	$(Q)$(2) $(CFLAGS_ALL) $(3) -MMD -MP -c $$< -o $$@

build/$(1)/gen/licenses.o: build/gen/licenses.c build/$(1)/flags | $(GEN)
	@mkdir -p $$(@D)
	$(Q)$(2) $(CFLAGS_ALL) $(3) -MMD -MP -c $$< -o $$@

-include $(SRC:%.c=build/$(1)/%.d) $(TRAMPOLINE_SRC:%.c=build/$(1)/%.d)
endef
$(eval $(call flavour,release,musl-gcc,$(CFLAGS_RELEASE)))
$(eval $(call flavour,trap,musl-gcc,$(CFLAGS_TRAP)))
$(eval $(call flavour,debug,gcc,$(CFLAGS_DEBUG)))
$(eval $(call flavour,san,gcc,$(CFLAGS_SAN)))
objects = $(SRC:%.c=build/$(1)/%.o) build/$(1)/gen/licenses.o

build/coracle.debug: $(call objects,release) $(call vendor_libs,musl)
build/coracle-trap: $(call objects,trap) $(call vendor_libs,musl)
build/coracle.debug build/coracle-trap:
	@echo "  LD      $@"
	$(Q)musl-gcc $(LDFLAGS_RELEASE) -o $@ $(START) $^ \
		-Wl,--start-group -lc -lgcc -Wl,--end-group $(END)

build/coracle: build/coracle.debug
	@echo "  STRIP   $@"
	$(Q)strip -s -R .comment -o $@ $<

# noseparate-code: no page of padding between so few of them
release = $(1:%=build/release/%.o)
build/trampoline: $(call release,trampoline/trampoline trampoline/reset \
		trampoline/say $(TRAMPOLINE_LIB:%=lib/%))
build/run-as: $(call release,trampoline/run_as trampoline/reset \
		trampoline/say applets/run_as/run_as applets/run_as/job \
		applets/run_as/clone $(TRAMPOLINE_LIB:%=lib/%) \
		$(RUN_AS_LIB:%=lib/%))
build/trampoline build/run-as:
	@echo "  LD      $@"
	$(Q)musl-gcc $(LDFLAGS_RELEASE) -Wl,-z,noseparate-code -s -o $@ \
		$(START) $^ -Wl,--start-group -lc -lgcc -Wl,--end-group $(END)

build/coracle-debug: $(call objects,debug) $(call vendor_libs,host)
	@echo "  LD      $@"
	$(Q)gcc $(CFLAGS_DEBUG) $(LDFLAGS_HOST) -o $@ $^ -pthread

build/san/coracle: $(call objects,san) $(call vendor_libs,host)
	@echo "  LD      $@"
	$(Q)gcc $(CFLAGS_SAN) $(LDFLAGS_HOST) -o $@ $^ -pthread

include mk/test.mk
-include rootfs/rootfs.mk
