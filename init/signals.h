/* SPDX-License-Identifier: MIT */
/*
 * init/signals.h - what each signal that reaches init means.
 *
 * With a command, everything that can be caught goes on to it, except the
 * faults and SIGCHLD; SIGTERM begins the shutdown as well. Without one,
 * TERM, INT, QUIT and PWR mean stop, and the others nothing.
 */
#ifndef INIT_SIGNALS_H
#define INIT_SIGNALS_H

struct init;

/* block them and have them delivered to the loop; 0 or a negative errno */
int signals_setup(struct init *init);

#endif
