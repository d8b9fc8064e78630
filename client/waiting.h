/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/certificate.h"

/* Certificates that wait: for a person who has their request signed and brings the answer, or for a CA that
 * takes its time. */

/* Of a row alone: it waits, and nobody but a person can end that. */
bool waiting_is_by_hand(const CertRow *row);

/* How much of the time that there was is left, when the request was made while a certificate was in place. */
typedef enum WaitingUrgency {
        WAITING_CALM,   /* or there is none in place yet */
        WAITING_URGENT, /* less than a tenth is left */
} WaitingUrgency;

WaitingUrgency waiting_urgency(const CertDetail *d, uint64_t now);

/* "web waits for its answer since 2026-11-18 20:00:00 UTC"; of one that waits for its CA "for its issuer".
 * Not cleaned; caller owns. */
char *waiting_text(const CertDetail *d);

/* What a person does about it: "certctl csr web > web.csr, have it signed, certctl import web FILE". NULL:
 * nothing, it comes by itself. Caller owns. */
char *waiting_advice(const CertDetail *d);

/* Prints both on a line of its own. */
void waiting_print(const Client *client, const CertDetail *d);
