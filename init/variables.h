/* SPDX-License-Identifier: MIT */
/* init/variables.h - variables whose values are in files, as secrets are. */
#ifndef INIT_VARIABLES_H
#define INIT_VARIABLES_H

#include "init/config.h"

/*
 * For each name of "file_variables": where NAME_FILE is set and NAME is not,
 * NAME becomes the text of that file without a last newline, and NAME_FILE
 * goes. It changes our own environment, which all children get; what /proc
 * shows as PID 1's environment stays as it was. A file that cannot be read is
 * logged, without its text.
 */
void variables_from_files(const struct config *c);

#endif
