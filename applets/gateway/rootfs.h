/* SPDX-License-Identifier: MIT */
/* applets/gateway/rootfs.h - since when changes of the root count. */
#ifndef APPLETS_GATEWAY_ROOTFS_H
#define APPLETS_GATEWAY_ROOTFS_H

#include "applets/gateway/gateway.h"

/* the file whose time is the baseline, below the gateway's root */
#define ROOTFS_MARKER_DIR "run/rlstudio"
#define ROOTFS_MARKER_NAME ".rootfs_capture_baseline"
#define ROOTFS_MARKER ROOTFS_MARKER_DIR "/" ROOTFS_MARKER_NAME

/* has a baseline been set? */
bool rootfs_marked(const struct gateway *g);

#endif
