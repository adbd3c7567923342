/* SPDX-License-Identifier: MIT */
/*
 * lib/fd.h - file descriptors: closing, whole reads and writes, pipes.
 *
 * Everything returns a negative errno on failure; EINTR and short transfers
 * are dealt with here and nowhere else.
 */
#ifndef LIB_FD_H
#define LIB_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* close *fd if it is open and set it to -1 */
void fd_close(int *fd);

/* one read(2) or write(2), restarted on EINTR; -EAGAIN is passed on */
ssize_t fd_read(int fd, void *p, size_t n);
ssize_t fd_write(int fd, const void *p, size_t n);

/* until n bytes or the end; returns the bytes read */
ssize_t fd_read_full(int fd, void *p, size_t n);

/* all n bytes or an error; blocks, also when the fd is non-blocking */
int fd_write_full(int fd, const void *p, size_t n);

int fd_set_nonblock(int fd, bool on);

/* a pipe, both ends close-on-exec */
int fd_pipe(int ends[2]);

/* /dev/null on whichever of 0, 1 and 2 is closed, before anything is opened */
void fd_sanitise_std(void);

#endif
