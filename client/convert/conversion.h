/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/convert/entry.h"
#include "client/convert/report.h"
#include "client/convert/words.h"

#include <glib.h>
#include <stdbool.h>

/* A conversion: from what another program was told to a manifest, with a report of everything that could not be said
 * in it. Reads; runs nothing, and changes nothing but the files that it was asked to write. */

typedef struct ConvertOptions {
        const char *issuer;                                 /* --issuer=, or NULL */
        const char *url, *root_fingerprint, *root;          /* of a step-ca */
        const char *provisioner, *password_file;
        const char *emit_units; /* a folder, or NULL */
        const char *output;     /* NULL: standard output */
        bool force;
        bool quiet;
} ConvertOptions;

/* An issuer of the manifest. */
typedef struct ConvertIssuer {
        char *name;
        char *type;
        GPtrArray *keys;  /* char*: a key, its value, and so on */
        char *challenge;  /* the type of "challenge", or NULL */
} ConvertIssuer;

typedef struct Conversion {
        const ConvertOptions *options;
        Report *report;
        GPtrArray *entries; /* Entry*, in the order of the source */
        GPtrArray *issuers; /* ConvertIssuer* */
        GHashTable *names;  /* name -> how many more began like it */
        GHashTable *paths;  /* path -> Entry* */
        unsigned units_written, units_failed;
} Conversion;

Conversion *conversion_new(const ConvertOptions *options);
Conversion *conversion_free(Conversion *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Conversion, conversion_free)

/* An issuer, unless one of that name is there; borrowed. */
ConvertIssuer *conversion_add_issuer(Conversion *c, const char *name, const char *type);
void convert_issuer_set(ConvertIssuer *i, const char *key, const char *value);

/* Says of an entry that it is not in the manifest, and frees it. */
void conversion_leave_out(Conversion *c, Entry *e, const char *format, ...) G_GNUC_PRINTF(3, 4);
void conversion_note(Conversion *c, const Entry *e, ReportKind kind, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* What was run after a renewal: becomes units of the entry, or a command of its one-shot unit. */
void conversion_add_hook(Conversion *c, Entry *e, const char *command, WordsReader reader);
/* The same of a program without arguments. */
void conversion_add_program(Conversion *c, Entry *e, const char *path);

/* The name, which paths are whose, and the one-shot unit; takes the entry over. False when it was left out. */
bool conversion_add(Conversion *c, Entry *e);

/* The manifest, JSON; caller owns. */
char *conversion_to_json(const Conversion *c);

/* ---- Where from (phoenix.c, certbot.c, certmonger.c) ---- */

/* Each reads its source and adds all entries. `path` NULL: where that program has it. False when nothing of it could be read. */
bool phoenix_convert(Conversion *c, const char *path, GError **error);
bool certbot_convert(Conversion *c, const char *path, GError **error);
bool certmonger_convert(Conversion *c, const char *path, GError **error);
