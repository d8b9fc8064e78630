/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/csr/import.h"
#include "tests/unit/pki.h"

#include <sys/types.h>

/* A company's CA, whose answers are imported. Everything here aborts the test when it fails. */

#define CORP_ROOTS "/etc/ssl/corp.pem"
#define DAY        (24 * 60 * 60)

/* A root, an intermediate below it, and a leaf for the key of a request. */
typedef struct Corp {
        char *folder;
        CsrOptions *options;
        gnutls_x509_privkey_t key;
        gnutls_pubkey_t public_key;
        PkiEntity *root, *middle, *leaf;
} Corp;

void corp_init(Corp *c, const void *data);
void corp_clear(Corp *c, const void *data);
/* The roots file, in place of what is there. */
void corp_write_roots(const Corp *c, GBytes *content, mode_t mode);
/* The request's key; the caller's. */
GBytes *corp_key_pem(const Corp *c);

/* What is in the answer, which is freed. */
ImportedChain *corp_import(const Corp *c, GBytes *answer);
void corp_assert_list(GPtrArray *ders, const PkiEntity *const *wanted, unsigned n);
#define assert_chain(got, ...)                                                                               \
        G_STMT_START                                                                                         \
        {                                                                                                    \
                const PkiEntity *wanted_[] = { __VA_ARGS__ };                                                \
                                                                                                             \
                corp_assert_list((got)->chain, wanted_, G_N_ELEMENTS(wanted_));                                   \
        }                                                                                                    \
        G_STMT_END

/* Each frees `answer`. Leaf and intermediate are found, and the root; or it is refused, with both parts (the second may be
 * NULL) in the message, and a hint; and it is the answer's fault. */
void assert_imports(const Corp *c, GBytes *answer);
void assert_refused(const Corp *c, GBytes *answer, const char *part, const char *other);
void assert_bad(const Corp *c, GBytes *answer, const char *part, const char *other);

/* Text as bytes, and two after one another, which are freed; the caller's. */
GBytes *bytes_of(const char *text);
GBytes *bytes_joined(GBytes *a, GBytes *b);

#define CORP_ADD(name, test) g_test_add("/csr/" name, Corp, NULL, corp_init, test, corp_clear)
