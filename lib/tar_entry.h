/* SPDX-License-Identifier: MIT */
/*
 * lib/tar_entry.h - a member of a tar archive, and the block it begins with.
 *
 * Shared by the reader and the writer. References: POSIX.1-2017 pax,
 * "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
#ifndef LIB_TAR_ENTRY_H
#define LIB_TAR_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/str.h"

enum {
	TAR_BLOCK = 512,
	TAR_RECORD = 20 * TAR_BLOCK, /* an archive is padded to whole records */
	TAR_META_MAX = 1 << 20,      /* bytes of one PAX or long-name header */
	TAR_SPARSE_MAX = 1 << 16,    /* regions of one sparse file */
};

/* files of more than this are no honest archive's (8 PiB) */
#define TAR_SIZE_MAX ((uint64_t)1 << 53)

enum tar_type {
	TAR_FILE,
	TAR_HARD_LINK,
	TAR_SYMLINK,
	TAR_CHAR,
	TAR_BLOCK_DEVICE,
	TAR_DIR,
	TAR_FIFO,
};

/* texts are NUL-terminated too, and hold no other NUL */
struct tar_entry {
	enum tar_type type;
	char flag; /* as it stands in the header */
	bool sparse;
	struct str name;
	struct str link; /* target of a link */
	uint32_t mode;   /* permission bits, 07777 */
	uint64_t uid;
	uint64_t gid;
	struct str user;
	struct str group;
	uint64_t size; /* of the file when it is written out */
	struct timespec mtime;
	uint32_t major;
	uint32_t minor;
	struct str xattrs; /* PAX records of extended attributes */
	const char *note;  /* something in its headers was refused, or NULL */
};

struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char sum[8];
	char flag;
	char link[100];
	char magic[8]; /* "ustar\0" "00", or GNU's "ustar  \0" */
	char user[32];
	char group[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char pad[12];
};

_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");

/* sum of all bytes, those of the field itself counted as spaces */
uint32_t tar_checksum(const struct tar_header *h);

/* bytes that bring n up to a whole block */
static inline uint64_t tar_padding(uint64_t n)
{
	return -n & (TAR_BLOCK - 1);
}

#endif
