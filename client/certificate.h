/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"
#include "client/field.h"

#include <stdint.h>

/* A certificate as the agent tells of it: a row of the list, or all its properties. */

/* The strings are borrowed from the list's reply. */
typedef struct CertRow {
        const char *name, *state, *issuer;
        uint64_t not_after, next_renewal;
        const char *error; /* "NotServing", or "" */
} CertRow;

typedef struct CertRows {
        sd_bus_message *reply;
        GArray *rows; /* CertRow */
} CertRows;

bool cert_rows_get(sd_bus *bus, CertRows *ret_list, GError **error);
void cert_rows_clear(CertRows *list);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CertRows, cert_rows_clear)

bool cert_row_is_expired(const CertRow *row, uint64_t now);

/* The state as it is told where no time stands beside it: "expired", or the state. Borrowed. */
const char *cert_row_word(const CertRow *row, uint64_t now);

/* A row that is not as it should be: failed, blocked, degraded, or past its end. */
bool cert_row_is_trouble(const CertRow *row, uint64_t now);

typedef struct CertEvent {
        uint64_t time;
        char *kind, *reasons, *serial, *detail;
} CertEvent;

/* The properties of org.certagent1.Certificate; strings are never NULL. */
typedef struct CertDetail {
        char *name, *common_name, *issuer, *state, *serial_number, *fingerprint, *last_error, *hint, *served;
        char *cert_path, *key_path, *chain_path, *ca_path, *combined_path, *key_type;
        char *verify_connect, *verify_name, *verify_starttls; /* "" where the manifest says nothing */
        char **sans, **reasons, **units, **usage;
        uint64_t not_before, not_after, next_renewal, last_renewal, retry_at, requested_at;
        uint32_t failure_count, generation;
        GArray *history; /* CertEvent, oldest first as the agent gives them */
        GArray *findings; /* FindingRow (client/finding.h); empty until it is asked for them */
} CertDetail;

CertDetail *cert_detail_get(sd_bus *bus, const char *name, GError **error);
/* What the agent finds about its files; of an older agent nothing. */
bool cert_detail_get_findings(sd_bus *bus, CertDetail *d, GError **error);
CertDetail *cert_detail_free(CertDetail *detail);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CertDetail, cert_detail_free)

/* A service could work with its files: they are there, belong together, and are in their time. */
bool cert_detail_is_usable(const CertDetail *d, uint64_t now);

extern const FieldTable cert_detail_table;
