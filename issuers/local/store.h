/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The files of a local authority: CERT_AUTHORITY_DIR/NAME, 0700, with ca.key (0600) and ca.pem. Read by descriptor,
 * without following links; written once and never overwritten. All errors are KEY_STORAGE and say what to do. */

typedef struct Store Store;

/* Which two files were read. */
typedef struct StoreMark {
        dev_t device;
        ino_t inode[2];
        int64_t changed_ns[2]; /* ctime */
} StoreMark;

/* PEM; NULL where the file is missing. */
typedef struct StoreContent {
        GBytes *key, *certificate;
        StoreMark mark; /* when both are there */
} StoreContent;

void store_content_clear(StoreContent *c);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreContent, store_content_clear)

/* Opens the folder, made where it is missing. A folder or key that others own, or may read or change, is refused. */
Store *store_open(const char *name, GError **error);
Store *store_free(Store *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

bool store_lock(Store *s, GError **error); /* waits; until store_free() */
bool store_read(Store *s, StoreContent *content, GError **error); /* clears it first */

/* Atomic, synced with the folder. A file that is there is an error. */
bool store_write_key(Store *s, GBytes *pem, GError **error);
bool store_write_certificate(Store *s, GBytes *pem, GError **error);

bool store_mark_is_current(const char *name, const StoreMark *mark);

/* GBytes whose memory is wiped before it is freed; takes a copy. */
GBytes *store_secret_new(const void *data, size_t size);
