/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"
#include "common/secret.h"

#include <glib.h>
#include <stdbool.h>

/* A generation: one key, the certificate for it, its chain and roots, as they belong together. In memory
 * while it is made; in the state folder (NAME/NUMBER/{cert,key,chain,ca}.pem, 0600 in 0700 folders) so that
 * one can go back to it, and so that what was issued but not taken is not asked for twice. Bundles and revocation lists
 * are kept in the same way, as ca.pem alone, and a request that waits for its answer with its key (request.pem). */

typedef struct Generation {
        unsigned number;   /* 0: not saved yet; numbers of one certificate only grow */
        GBytes *key_pem;   /* PKCS#8, wiped when freed; NULL with a pkcs11: key, and of a bundle or a CRL */
        GBytes *cert_pem;  /* leaf; NULL of a bundle or a CRL */
        GBytes *chain_pem; /* intermediates, may be empty */
        GBytes *ca_pem;    /* roots, may be empty; of a bundle or a CRL: all of it */
        GBytes *request_pem; /* PKCS#10 that waits for its answer; NULL when there is a certificate */
        char *fingerprint; /* SHA-256 of the leaf's DER, or of the text of a bundle or a CRL, lower-case hex */
        char *serial;      /* lower-case hex; NULL of a bundle or a CRL */
        uint64_t not_before, not_after; /* microseconds since 1970 */
} Generation;

/* From DER: `chain` is GBytes* leaf first, `roots` GBytes*. Fails with BAD_CERTIFICATE when the leaf cannot
 * be parsed. `key_pem` is shared (may be NULL). */
Generation *generation_new(GBytes *key_pem, GPtrArray *chain, GPtrArray *roots, GError **error);
#define GENERATION_CONTENT_MAX (UINT32_C(8) << 20) /* bytes of a bundle or a CRL */

/* Of a bundle or a CRL: ca_pem alone. Its fingerprint is the SHA-256 of the text, not_after the earliest nextUpdate of
 * the lists in it, UINT64_MAX for certificates. BAD_CERTIFICATE when there is anything else in it (certificates and lists
 * together, text between the blocks), nothing, or more than GENERATION_CONTENT_MAX. */
Generation *generation_new_content(GBytes *pem, GError **error);
bool generation_is_content(const Generation *g);
/* The same key, certificate and chain with other roots (BAD_CERTIFICATE when they are no certificates). The same
 * generation, with its number, when it has these roots already. */
Generation *generation_with_roots(Generation *g, GBytes *ca_pem, GError **error);
/* Of a key and the request (DER) for it: what a request that waits for its answer is kept as. The key is NULL when a token
 * has it. Its other members are empty or NULL; it cannot be installed. */
Generation *generation_new_request(GBytes *key_pem, GBytes *request, GError **error);
GBytes *generation_request(const Generation *g); /* DER; caller owns; NULL when there is none that can be read */
Generation *generation_ref(Generation *g);
Generation *generation_unref(Generation *g);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Generation, generation_unref)

/* The content of a managed file for this generation; caller owns; NULL where there is none (the key file of a
 * pkcs11: key). */
GBytes *generation_file(const Generation *g, ManagedFile f);

/* Writes it below the state folder and syncs (file, folder); sets g->number. Numbers grow. */
bool generation_save(Generation *g, const char *name, GError **error);

typedef struct GenerationSave {
        Generation *generation;
        const char *name;
        GError *error; /* out: set when this one could not be saved; the caller clears it */
} GenerationSave;

/* The same for many, of different names: written first, then the file system is synced once for all. */
void generation_save_many(GenerationSave *items, size_t n);

Generation *generation_load(const char *name, unsigned number, GError **error);

/* Whether a file of a generation ("request.pem", "cert.pem") is on disk, or may be: what cannot be looked at is not lost. */
bool generation_has_file(const char *name, unsigned number, const char *file);
/* From the files on disk as they stand (for the state before the first install by us): BAD_CERTIFICATE when
 * they do not hold a pair, or the file of a bundle or a CRL nothing of that kind. */
Generation *generation_from_files(const ManifestCertificate *c, GError **error);
/* The numbers there are, ascending; guint array, caller owns. */
GArray *generation_list(const char *name);
/* The names under which generations are kept; NULL-terminated, caller owns. */
char **generation_names(void);
/* How many things (key files, and folders on the way to them) of the kept generations have modes by which others than the
 * agent's user get in, whatever the folders above say; *ret_path and *ret_mode are of the first, caller owns. */
guint generation_find_exposed(const char *name, char **ret_path, mode_t *ret_mode);
/* Removes all but the `keep` newest and those in `needed` (0 ends the list). */
void generation_prune(const char *name, unsigned keep, const unsigned *needed);
/* Removes one of them, if it is there. */
void generation_remove(const char *name, unsigned number);
/* Removes every generation of a certificate that the manifest no longer names. */
void generation_forget(const char *name);
