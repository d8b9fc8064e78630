/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/convert/oneshot.h"
#include "client/convert/present.h"
#include "client/output-json.h"

#include <glib.h>
#include <stdbool.h>

/* A certificate on its way from another program's configuration into the manifest. */

typedef enum EntryFile {
        ENTRY_CERT,
        ENTRY_KEY,
        ENTRY_CHAIN, /* may be left out */
        _ENTRY_FILE_MAX,
} EntryFile;

/* Whose owner and mode can be said of their own. */
#define ENTRY_OWNED (ENTRY_KEY + 1)

typedef struct Entry {
        unsigned number; /* from 1, as people count them */
        char *label;     /* what people know it by */
        char *name;      /* in the manifest: before it is added a wish, by default the label */
        char *issuer;    /* or NULL: not known */
        char *common_name, *subject; /* at most one of them */
        GPtrArray *sans;             /* char*, in the manifest's text form */
        char *path[_ENTRY_FILE_MAX];
        char *owner[ENTRY_OWNED]; /* "user:group"; NULL: not said */
        int mode[ENTRY_OWNED];    /* -1: not said */
        char *renew_before;       /* NULL: the default */
        KeyType key_type;         /* _KEY_TYPE_INVALID: not said */
        bool reuse_key;
        unsigned usage;   /* 0: not said */
        GPtrArray *units; /* HookUnit* */
        Oneshot *oneshot; /* what must be run beside the units; may be without commands */
} Entry;

Entry *entry_new(unsigned number, const char *label);
Entry *entry_free(Entry *e);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Entry, entry_free)

/* Adds a name as people write it: addresses, mail addresses and URIs are known without a prefix. Once each. */
bool entry_add_san(Entry *e, const char *text, GError **error);
bool entry_has_san(const Entry *e, const char *text);
/* Which common name the manifest takes; the reason why not is static. NULL: it does. */
const char *entry_common_name_fault(const char *text);
/* Whether it is a subject as RFC 4514 writes it. */
bool entry_is_subject(const char *text);
/* An absolute path in normal form. NULL: it is. */
const char *entry_path_fault(const char *path);

/* Names for the manifest: letters, digits, ".", "_" and "-" of `text`; "*" becomes "wildcard". Caller owns; at most 56
 * bytes; "certificate" when nothing is left. */
char *entry_name_from(const char *text);

/* The value of `name` in "certificates". */
void entry_write(const Entry *e, JsonOut *j);
