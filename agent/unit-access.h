/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* Access of units: whether the user of a unit can read the files that are put in place for it. systemd is asked who that
 * is; the user database and the folders on the way are looked at on a thread, for both may be on a network. */

typedef struct UnitAccess UnitAccess;
typedef struct UnitAccessCheck UnitAccessCheck;

typedef struct AccessFile {
        char *path;        /* as the manifest has it */
        char *certificate; /* whose it is */
        bool is_key;
} AccessFile;

/* `bus` may be NULL: then nobody can be judged. Both are borrowed. */
UnitAccess *unit_access_new(sd_event *event, sd_bus *bus);
UnitAccess *unit_access_free(UnitAccess *a);

/* A file that the unit's user cannot read. */
typedef struct AccessObstacle {
        char *certificate;
        GError *error; /* CERT_ERROR_UNIT_FAILED: who cannot read what, and what to do */
} AccessObstacle;

/* `obstacles` (AccessObstacle, borrowed): the first of each certificate, in the files' order. Empty: its user can read all,
 * or nobody can tell. */
typedef void (*UnitAccessDone)(const GArray *obstacles, void *userdata);

/* `files` (AccessFile) is taken over. Calls back once from the loop; the check is gone afterwards. NULL: there is nothing
 * to find out about such a unit, and nobody is called. */
UnitAccessCheck *unit_access_start(UnitAccess *a, const char *unit, GArray *files, UnitAccessDone done, void *userdata);
UnitAccessCheck *unit_access_discard(UnitAccessCheck *c);

/* An empty list of AccessFile. */
GArray *access_files_new(void);
/* Adds those that a service reads. Borrowed: name, path, directory and key_uri alone are looked at. */
void access_files_add(GArray *files, const ManifestCertificate *wish);
