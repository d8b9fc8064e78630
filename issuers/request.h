/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"

#include <glib.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* What the agent asks for in Issue and Poll (org.certagent1.Issuer(5)), read by an issuer process, and the answers
 * to it. */

typedef struct IssuerRequest {
        char *certificate;     /* the name in the manifest */
        char *subject;         /* RFC 4514, may be empty */
        char **sans;           /* text forms, sorted */
        unsigned usage;        /* Usage bits */
        uint64_t lifetime;     /* microseconds; 0: the issuer's default */
        gnutls_x509_crq_t crq; /* parsed, not judged */
        GBytes *csr;           /* the same as DER */
        GPtrArray *current;    /* GBytes* of DER: the installed chain, leaf first; may be empty */
        GBytes *answer;        /* of Poll: what a person brought, as it came; cut after 1 MiB and a byte; NULL: nothing */
} IssuerRequest;

/* Reads the dictionary that comes next in `m`. ISSUER_PROTOCOL says what is missing or of a wrong type. */
IssuerRequest *issuer_request_read(sd_bus_message *m, GError **error);
IssuerRequest *issuer_request_free(IssuerRequest *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IssuerRequest, issuer_request_free)

/* The request proves that its key is there (its signature), asks for the names that the call names and no others,
 * and its key is of a kind that is safe to certify. ISSUER_REFUSED says which not. */
bool issuer_request_check(const IssuerRequest *r, GError **error);

/* The last of these alone; `hint` says what to do about a key that is of no such kind. ISSUER_REFUSED. */
bool issuer_request_check_key(gnutls_x509_crq_t crq, const char *hint, GError **error);

/* What org.certagent1.Issuer is made of; each handler as sd-bus calls it. */
#define ISSUER_VTABLE(describe, issue, poll, revoke, get_roots)                                                        \
        SD_BUS_VTABLE_START(0),                                                                                        \
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", facts), describe, 0),               \
        SD_BUS_METHOD_WITH_ARGS("Issue", SD_BUS_ARGS("s", config, "a{sv}", request),                                   \
                                SD_BUS_RESULT("s", status, "a{sv}", result), issue, 0),                                \
        SD_BUS_METHOD_WITH_ARGS("Poll", SD_BUS_ARGS("s", config, "a{sv}", request, "s", token),                        \
                                SD_BUS_RESULT("s", status, "a{sv}", result), poll, 0),                                 \
        SD_BUS_METHOD_WITH_ARGS("Revoke", SD_BUS_ARGS("s", config, "ay", certificate, "s", reason), SD_BUS_NO_RESULT,  \
                                revoke, 0),                                                                            \
        SD_BUS_METHOD_WITH_ARGS("GetRoots", SD_BUS_ARGS("s", config), SD_BUS_RESULT("aay", roots), get_roots, 0),      \
        SD_BUS_VTABLE_END

/* Poll of an issuer that answers at once. */
int issuer_method_no_poll(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);

/* The arguments of Revoke; config and reason are borrowed from `m`, the certificate (DER) is the caller's. */
int issuer_read_revocation(sd_bus_message *m, const char **ret_config, GBytes **ret_certificate,
                           const char **ret_reason);

#define ISSUER_POLL_NEVER UINT64_MAX /* PollAfter: a person will bring the answer */

/* The answers; they return as sd-bus callbacks do. `chain` and `roots` are GBytes* of DER; `key` is "new" or "current". */
int issuer_reply_issued(sd_bus_message *call, GPtrArray *chain, GPtrArray *roots);
int issuer_reply_issued_for(sd_bus_message *call, GPtrArray *chain, GPtrArray *roots, const char *key);
int issuer_reply_waiting(sd_bus_message *call, const char *token, uint64_t poll_after_usec);
int issuer_reply_later(sd_bus_message *call, const GError *refusal, uint64_t retry_after_usec);
