/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* An issuer's object of the manifest, as its process gets it with each call: JSON text, from which each key
 * is taken once and what is left over is an error. All errors are MANIFEST_INVALID and name the key. */

typedef struct IssuerConfig IssuerConfig;

/* Takes what every issuer has: "name", "type", "environment", "timeout". */
IssuerConfig *issuer_config_new(const char *json, GError **error);
IssuerConfig *issuer_config_free(IssuerConfig *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IssuerConfig, issuer_config_free)

const char *issuer_config_name(const IssuerConfig *c);        /* borrowed */
const char *issuer_config_environment(const IssuerConfig *c); /* borrowed; NULL: none */
uint64_t issuer_config_timeout_usec(const IssuerConfig *c);   /* span, microseconds; 0: not said */

/* Each leaves *ret as it is when the key is not there. `key` may be a path of two, as "key.type". */
bool issuer_config_take_string(IssuerConfig *c, const char *key, char **ret,
                               GError **error); /* replaces, frees */
bool issuer_config_take_span(IssuerConfig *c, const char *key, uint64_t *ret_usec, GError **error);
bool issuer_config_take_number(IssuerConfig *c, const char *key, uint64_t *ret, GError **error);
bool issuer_config_take_key_type(IssuerConfig *c, const char *key, KeyType *ret, GError **error);
/* Strings, at most `max`; replaces and frees. */
bool issuer_config_take_list(IssuerConfig *c, const char *key, size_t max, char ***ret, GError **error);
/* The same where a string alone may stand for a list of one. */
bool issuer_config_take_strings(IssuerConfig *c, const char *key, size_t max, char ***ret, GError **error);
/* Takes what is no matter of the process, whatever it is. */
void issuer_config_pass_over(IssuerConfig *c, const char *key);

/* The error of a value that was taken: "issuers.NAME.KEY: …". Returns false. */
G_GNUC_PRINTF(4, 5)
bool issuer_config_invalid(const IssuerConfig *c, const char *key, GError **error, const char *format, ...);

/* Fails when a key is left that nobody took. */
bool issuer_config_done(IssuerConfig *c, GError **error);
