/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/folder-cache.h"
#include "agent/inventory.h"

/* A glance at one certificate's files: their states, identities and attributes, before anything is read. */

/* The managed files, and the one more that the `directory` layout has: the leaf alone, as cert.pem. */
#define SLOT_LEAF_ALONE ((unsigned) _MANAGED_FILE_MAX)
#define SLOT_MAX ((unsigned) _MANAGED_FILE_MAX + 1)

typedef struct Glance {
        FileFacts file[SLOT_MAX];
        uint32_t generation; /* that derived files are compared with */
        uint32_t uri;        /* hash of the key's URI; 0: a file */
} Glance;

Glance glance_take(FolderCache *folders, const ManifestCertificate *c, const Record *r);

/* The same file in the same state; owner and mode may differ. */
bool file_facts_same(const FileFacts *a, const FileFacts *b);

/* False when one of the files was changed so shortly ago that another change might not show. */
bool glance_is_settled(const Glance *g);

/* Calls back for each wanted file: `folder` is open (-1 with errno: it cannot be), `name` is the file's in it. */
typedef void (*SlotVisit)(int folder, const char *name, unsigned slot, void *userdata);
void slots_visit(FolderCache *folders, const ManifestCertificate *c, SlotVisit visit, void *userdata);
