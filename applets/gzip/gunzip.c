/* SPDX-License-Identifier: MIT */
/* applets/gzip/gunzip.c - gzip -d. */
#include "applets/gzip/gzip.h"

APPLET(gunzip, "Decompress .gz files.",
	"usage: gunzip [OPTION]... [FILE]...\n"
	"\n" GZIP_WORDS
	"  gunzip big.log.gz            big.log takes its place\n"
	"  gunzip -k -f *.gz            keep, and overwrite\n"
	"  gunzip -c a.gz | less\n" GZIP_STATUSES);

int gunzip_main(int argc, char **argv)
{
	struct gzip_options o = {.decompress = true};
	return gzip_start(&applet_gunzip, &o, argc, argv);
}
