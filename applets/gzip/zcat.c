/* SPDX-License-Identifier: MIT */
/* applets/gzip/zcat.c - gzip -dc. */
#include "applets/gzip/gzip.h"

APPLET(zcat, "Decompress .gz files to standard output.",
	"usage: zcat [OPTION]... [FILE]...\n"
	"\n"
	"  zcat log.1.gz log.2.gz | grep error\n"
	"  zcat -f log log.1.gz         one is not compressed\n" GZIP_STATUSES);

int zcat_main(int argc, char **argv)
{
	struct gzip_options o = {.decompress = true, .to_stdout = true};
	return gzip_start(&applet_zcat, &o, argc, argv);
}
