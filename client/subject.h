/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/certificate.h"
#include "common/error.h"

/* A subject: whatever the agent keeps and gives a name. */

typedef enum SubjectKind {
        SUBJECT_CERTIFICATE, /* "web" */
        SUBJECT_AUTHORITY,   /* "authority:site", of the issuer "site" */
        SUBJECT_BUNDLE,      /* "bundle:site-ca" */
        SUBJECT_CRL,         /* "crl:site" */
        _SUBJECT_KIND_MAX,
        _SUBJECT_KIND_INVALID = -EINVAL,
} SubjectKind;

#define SUBJECT_AUTHORITY_PREFIX "authority:"
#define SUBJECT_BUNDLE_PREFIX    "bundle:"
#define SUBJECT_CRL_PREFIX       "crl:"

SubjectKind subject_kind_of(const char *name);
const char *subject_kind_to_string(SubjectKind kind); /* "certificate" "authority" "bundle" "crl" */

const FieldTable *subject_table(SubjectKind kind);

typedef struct Subject {
        SubjectKind kind;
        const FieldTable *table;
        void *object; /* CertDetail, Authority or Bundle */
} Subject;

/* Gets it by its name. `ask`: an authority's process is asked as well; what that cannot say is in
 * *ret_unasked then, which may be NULL. */
Subject *subject_get(sd_bus *bus, const char *name, bool ask, GError **ret_unasked, GError **error);
Subject *subject_free(Subject *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Subject, subject_free)

/* As a row; borrows. */
CertRow subject_row(const Subject *s);

/* What its last failure said and what to do, borrowed, "" when there is none; and when the agent tries again.
 */
typedef struct SubjectFailure {
        const char *message, *hint;
        uint64_t retry_at;
} SubjectFailure;

SubjectFailure subject_failure(const Subject *s);

/* ---- Lists of objects that have names ---- */

typedef const char *(*SubjectNameFunction)(const void *object);

bool subject_find(GPtrArray *list, SubjectNameFunction name_of, const char *name, guint *ret_index);

/* There is no `kind` of this name; says which one may have been meant, or else where the names are to be
 * seen. */
void subject_no_such(GPtrArray *list, SubjectNameFunction name_of, const char *name, CertError code,
                     const char *kind, const char *command, GError **error);
