/* SPDX-License-Identifier: MIT */
/* init/dirs.h - the directories that every container has, with their modes. */
#ifndef INIT_DIRS_H
#define INIT_DIRS_H

/* make and mend them; failures are logged and boot goes on */
void dirs_setup(void);

#endif
