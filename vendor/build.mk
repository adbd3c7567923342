# SPDX-License-Identifier: MIT
#
# vendor/build.mk - compile the fetched sources into static libraries.
#
# Called by the Makefile once the sources are unpacked. "headers" copies the
# public ones to build/vendor/include: <bearssl.h>, <jsmn.h>, <isa-l/crc.h>,
# <isa-l/crc64.h>, <isa-l/igzip_lib.h>. "libs" makes
# build/vendor/FLAVOUR/lib{bearssl,isal}.a with FLAVOUR=musl (the release) or
# FLAVOUR=host (the machine's own libc, for sanitizers and tests). Paths are
# relative to the top, so the objects are the same wherever the tree lies.

FLAVOUR ?= musl
ARCH ?= $(shell uname -m)
SRC := build/vendor/src
OUT := build/vendor/$(FLAVOUR)
INC := build/vendor/include
# archives keep old times, so objects depend on when they were unpacked
TABLE := build/vendor/.fetched vendor/build.mk

CC := $(if $(filter musl,$(FLAVOUR)),musl-gcc,gcc)
COMMON := -std=gnu11 -w -g0 -fPIE -ffunction-sections -fdata-sections \
	-fstack-protector-strong -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -ffile-prefix-map=$(CURDIR)=.

# --- BearSSL: all of it; the linker drops what nobody calls.
# Seeds come from the kernel, not straight from a processor instruction.
BEARSSL_CFLAGS := $(COMMON) -Os -I$(SRC)/bearssl/inc -I$(SRC)/bearssl/src \
	-DBR_RDRAND=0 -DBR_USE_URANDOM=1 -DBR_USE_UNIX_TIME=1
BEARSSL := $(wildcard $(SRC)/bearssl/src/*.c $(SRC)/bearssl/src/*/*.c)

# --- ISA-L: the igzip and crc units. On x86_64 hand-written code chosen at
# run time by what the processor can do; elsewhere its portable C.
ISAL_CFLAGS := $(COMMON) -O2 -I$(SRC)/isal/include -I$(SRC)/isal/igzip
ISAL_C := igzip/igzip igzip/hufftables_c igzip/igzip_base \
	igzip/igzip_icf_base igzip/adler32_base igzip/flatten_ll \
	igzip/encode_df igzip/igzip_icf_body igzip/huff_codes \
	igzip/igzip_inflate crc/crc_base crc/crc64_base
ISAL_ASM :=
ifeq ($(ARCH),x86_64)
# encode_df_06 and the like are picked by the *multibinary files; files that
# only other files include are left out
ISAL_ASM := igzip/igzip_body igzip/igzip_finish \
	igzip/igzip_icf_body_h1_gr_bt igzip/igzip_icf_finish \
	igzip/rfc1951_lookup igzip/adler32_sse igzip/adler32_avx2_4 \
	igzip/igzip_multibinary igzip/igzip_update_histogram_01 \
	igzip/igzip_update_histogram_04 \
	igzip/igzip_decode_block_stateless_01 \
	igzip/igzip_decode_block_stateless_04 igzip/igzip_inflate_multibinary \
	igzip/encode_df_04 igzip/encode_df_06 igzip/proc_heap \
	igzip/igzip_deflate_hash igzip/igzip_gen_icf_map_lh1_06 \
	igzip/igzip_gen_icf_map_lh1_04 igzip/igzip_set_long_icf_fg_04 \
	igzip/igzip_set_long_icf_fg_06 \
	$(patsubst $(SRC)/isal/%.asm,%,$(wildcard $(SRC)/isal/crc/*.asm))
else
ISAL_C += igzip/igzip_base_aliases igzip/proc_heap_base \
	crc/crc_base_aliases
endif

BEARSSL_OBJ := $(BEARSSL:$(SRC)/%.c=$(OUT)/%.o)
ISAL_OBJ := $(ISAL_C:%=$(OUT)/isal/%.o) $(ISAL_ASM:%=$(OUT)/isal/%.asm.o)

.DELETE_ON_ERROR:
.PHONY: libs headers
libs: $(OUT)/libbearssl.a $(OUT)/libisal.a
headers: $(INC)/.done

$(OUT)/libbearssl.a: $(BEARSSL_OBJ)
$(OUT)/libisal.a: $(ISAL_OBJ)

%.a:
	@echo "  AR      $@"
	@rm -f $@.tmp && ar rcsD $@.tmp $^ && mv $@.tmp $@

$(OUT)/bearssl/%.o: $(SRC)/bearssl/%.c $(TABLE)
	@mkdir -p $(@D)
	@$(CC) $(BEARSSL_CFLAGS) -c $< -o $@

$(OUT)/isal/%.o: $(SRC)/isal/%.c $(TABLE)
	@mkdir -p $(@D)
	@$(CC) $(ISAL_CFLAGS) -c $< -o $@

$(OUT)/isal/%.asm.o: $(SRC)/isal/%.asm $(TABLE)
	@mkdir -p $(@D)
	@nasm -w-all -f elf64 -I$(SRC)/isal/include/ -I$(SRC)/isal/igzip/ \
		-I$(SRC)/isal/crc/ $< -o $@

$(INC)/.done: $(TABLE)
	@mkdir -p $(INC)/isa-l
	@cp $(SRC)/bearssl/inc/*.h $(SRC)/jsmn/jsmn.h $(INC)/
	@cp $(SRC)/isal/include/crc.h $(SRC)/isal/include/crc64.h \
		$(SRC)/isal/include/igzip_lib.h $(INC)/isa-l/
	@touch $@
