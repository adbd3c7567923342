# SPDX-License-Identifier: MIT
#
# rootfs/rootfs.mk - the image: its files, its archives, and running it.

PORT ?= 8080
ROOTFS_SRC := $(shell find rootfs -type f)

PROGRAMS := build/coracle build/trampoline build/run-as

build/rootfs.tar: $(PROGRAMS) $(ROOTFS_SRC)
	$(Q)rootfs/assemble $@ rootfs/manifest

build/rootfs-shell.tar: $(PROGRAMS) $(ROOTFS_SRC)
	$(Q)rootfs/assemble $@ rootfs/manifest rootfs/manifest.shell

build/coracle.oci.tar: build/rootfs.tar rootfs/image Dockerfile.scratch
	$(Q)rootfs/image $@ coracle:latest $< Dockerfile.scratch

build/coracle-shell.oci.tar: build/rootfs-shell.tar rootfs/image \
		Dockerfile.scratch
	$(Q)rootfs/image $@ coracle:shell $< Dockerfile.scratch

## rootfs: assemble the files of both images (build/rootfs*.tar)
rootfs: build/rootfs.tar build/rootfs-shell.tar

## image: archives for `docker load`, and coracle:latest where an engine is
image: build/coracle.oci.tar build/coracle-shell.oci.tar
	$(Q)rootfs/build

## run: start the image (Docker, else namespaces) and wait for it; PORT=8080
run: deps
	$(Q)$(MAKE) image
	$(Q)rootfs/run $(PORT)

## stop: end what `make run` started
stop:
	$(Q)rootfs/run stop

.PHONY: rootfs image run stop

EXAMPLES := rootfs/examples

## harbor-task: the example task, complete, in build/harbor-task
harbor-task: build/rootfs-shell.tar build/trampoline
	$(Q)rm -rf build/harbor-task
	$(Q)cp -R $(EXAMPLES)/harbor-task build/harbor-task
	$(Q)cp build/rootfs-shell.tar build/harbor-task/environment/rootfs.tar
	$(Q)cp build/trampoline build/harbor-task/environment/trampoline

## embed-example: the binary and a Dockerfile for it, in build/embed-example
embed-example: build/coracle
	$(Q)rm -rf build/embed-example
	$(Q)cp -R $(EXAMPLES)/embed build/embed-example
	$(Q)cp build/coracle build/embed-example/coracle

.PHONY: harbor-task embed-example
