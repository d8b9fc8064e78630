/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/revocation.h"

/* A local authority "site" in a test root of its own; nothing of it is there yet. Everything here aborts the
 * test when it fails. */

typedef struct AuthorityBench {
        char *root, *folder;      /* the test root, and the authority's folder in it */
        AuthorityOptions options; /* ECDSA P-256, ten years; nothing is freed */
        RevocationLists *lists;
} AuthorityBench;

AuthorityBench *authority_bench_new(void);
AuthorityBench *authority_bench_free(AuthorityBench *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AuthorityBench, authority_bench_free)

/* One of issuers/local/change.h. */
typedef bool (*AuthorityBenchChange)(const AuthorityOptions *o, GError **error);
void authority_bench_change(AuthorityBench *b, AuthorityBenchChange change);

/* A leaf "web" of the current certificate, DER; `lifetime` in microseconds, 0: the authority's default. */
GBytes *authority_bench_issue(AuthorityBench *b, uint64_t lifetime);
