/* SPDX-License-Identifier: MIT */
/*
 * net/peer_role.h - who is at the other end of a connection, by the kernel's
 * word: SO_PEERCRED (unix(7)) or the owner of the peer's socket
 * (sock_diag(7)).
 */
#ifndef NET_PEER_ROLE_H
#define NET_PEER_ROLE_H

#include "lib/role.h"

/*
 * true: the peer is in this network namespace, and *role is what its uid
 * means. One that cannot be asked for (its socket is closed already) is
 * ROLE_AGENT: nobody gains by hiding. false: it comes from outside.
 */
bool peer_role(int fd, enum role *role);

#endif
