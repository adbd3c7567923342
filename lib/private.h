/* SPDX-License-Identifier: MIT */
/*
 * lib/private.h - what a process sees in namespaces of its own.
 *
 * Called in the new process, still as root, before it becomes anybody:
 *   CLONE_NEWNS   an empty /tmp of its own, and no mount made outside
 *                 afterwards; nor is one made here seen outside
 *   CLONE_NEWPID  (with CLONE_NEWNS) a /proc that shows its processes only
 *   CLONE_NEWNET  a loopback device, which is up where we have the capability
 *                 net_admin, and nothing else
 *   CLONE_NEWIPC  no System V objects of others
 */
#ifndef LIB_PRIVATE_H
#define LIB_PRIVATE_H

/* 0 or a negative errno */
int private_setup(int namespaces);

#endif
