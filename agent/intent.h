/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

#include <glib.h>
#include <stdbool.h>

/* An intent: what an install is about to rename, written and synced before the first rename, removed after
 * the last one is durable. Whoever finds one knows that an install was cut off, and how to finish it. One
 * JSON file each in CERT_INTENT_DIR; it holds paths, owners and digests, no secret but the digest of a random
 * key. */

/* One name that is replaced: by a staged file, or (a `directory`) by a symbolic link. */
typedef struct Change {
        ManagedFile file; /* _MANAGED_FILE_INVALID: the link of a `directory` */
        char *path;       /* absolute */
        char *staged;     /* bare name beside it */
        char *digest;     /* SHA-256 of the content, lower-case hex; NULL with a link */
        char *link;       /* the link's text; NULL with a file */
        FileAttributes attributes;
} Change;

Change *change_free(Change *c);

/* What an install does for one certificate, bundle or revocation list, with all of the manifest that is needed to do it
 * again. */
typedef struct IntentItem {
        ManifestKind kind;
        char *name;
        unsigned generation; /* its number */
        char *path[_MANAGED_FILE_MAX];
        char *directory;
        FileAttributes cert_attributes, key_attributes;
        unsigned keep;
        GPtrArray *changes; /* Change*, in the order of the renames */
} IntentItem;

/* Copies what it needs of `c`; `changes` (Change*) is referenced. */
IntentItem *intent_item_new(const ManifestCertificate *c, unsigned generation, GPtrArray *changes);
IntentItem *intent_item_free(IntentItem *item);

typedef struct Intent {
        char *file;       /* bare name in CERT_INTENT_DIR; NULL: not written yet */
        GPtrArray *items; /* IntentItem*, owned */
} Intent;

Intent *intent_new(void);
Intent *intent_free(Intent *intent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Intent, intent_free)

/* Writes it under a name of its own; with `sync` file and folder are durable when it returns, else the caller
 * syncs the file system. INSTALL_FAILED. */
bool intent_write(Intent *intent, bool sync, GError **error);

/* Removes its file, durably. One that is not there is fine. */
bool intent_remove(Intent *intent, GError **error);

/* The bare names of the intents that are there (char*, caller owns), and what a crash left of one that was
 * being written is removed. NULL with an error when the folder cannot be read. */
GPtrArray *intent_list(GError **error);

bool intent_is_there(void);

/* INSTALL_FAILED when the file cannot be read. NULL without an error, and *ret_damaged, when it was read but is
 * no intent. */
Intent *intent_read(const char *file, bool *ret_damaged, GError **error);

/* Moves a damaged one out of the folder, to CERT_STATE_DIR/FILE.damaged. */
bool intent_set_aside(const char *file, GError **error);
