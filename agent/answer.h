/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* An issuer's answer to Issue and Poll, as it came over the connection: bounded, but not judged yet. */

typedef enum AnswerStatus {
        ANSWER_ISSUED,  /* chain, roots, for_current */
        ANSWER_WAITING, /* token, poll_after */
        ANSWER_LATER,   /* refusal, retry_after */
} AnswerStatus;

typedef struct Answer {
        AnswerStatus status;
        GPtrArray *chain;     /* GBytes* of DER, at least one */
        GPtrArray *roots;     /* GBytes* of DER, may be empty */
        char *token;
        bool for_current;     /* it is for the key of what is installed */
        uint64_t poll_after;  /* span, microseconds: from a second to a week; UINT64_MAX: do not ask again */
        uint64_t retry_after; /* span, microseconds: at most a week, 0: not said */
        GError *refusal;
} Answer;

/* Reads the reply of Issue and Poll. ISSUER_PROTOCOL says what of it breaks org.certagent1.Issuer(5). */
bool answer_read(sd_bus_message *m, const char *issuer, Answer **ret_answer, GError **error);

Answer *answer_free(Answer *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Answer, answer_free)

/* Reads an array of certificates (aay): at most `max`, each of 1 byte to 64 KiB. NULL with ISSUER_PROTOCOL. */
GPtrArray *answer_read_certificates(sd_bus_message *m, unsigned max, const char *issuer, GError **error);
/* The same of values of up to `max_size` bytes each. */
GPtrArray *answer_read_blobs(sd_bus_message *m, unsigned max, size_t max_size, const char *issuer, GError **error);

#define ANSWER_ROOTS_MAX 64

/* ISSUER_PROTOCOL: what is wrong with an answer of this issuer; what it quotes is made printable. Returns false. */
G_GNUC_PRINTF(3, 4)
bool answer_broken(GError **error, const char *issuer, const char *format, ...);
