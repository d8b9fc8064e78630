/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/error.h"
#include "common/names.h"
#include "issuers/keyholder/source.h"
#include "tests/unit/fixture.h"
#include "tests/unit/jose-published.h"

#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* The real cert-keyholder in a test root, on a connection as the agent has it. Everything here aborts the
 * test when it fails. */

#define BENCH_PROGRAM  CERT_PROGRAM_DIR "/cert-keyholder"
#define BENCH_PASSWORD "/etc/step.password"
#define BENCH_STEP                                                                                           \
        {                                                                                                    \
                .password_file = BENCH_PASSWORD, .encrypted_key = STEP_JWE                                   \
        } /* a Source */

/* A test root with the program, and JOSE_PASSWORD in BENCH_PASSWORD. */
typedef struct Bench {
        char *root, *log; /* the log: what its processes write to standard error */
        sd_event *event;
} Bench;

void bench_make(Bench *b);
void bench_clear(Bench *b);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Bench, bench_clear)
void bench_put(const Bench *b, const char *path, const char *content, mode_t mode);
void bench_link_program(const Bench *b);

/* PEM: a key, encrypted if there is a password, and a certificate. Caller owns. */
char *bench_key_file(GBytes *pem, const char *password);
char *bench_certificate_file(GBytes *der);

typedef struct Worker {
        sd_bus *bus;
        pid_t pid;
} Worker;

void worker_make(const Bench *b, Worker *w);
/* It goes with its connection, and in order (with sanitizers: without a leak). */
void worker_clear(Worker *w);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Worker, worker_clear)

/* A call with its source; caller owns. */
sd_bus_message *worker_method(const Worker *w, const char *name, const Source *s);
/* The reply, owned by the caller; or NULL, and the error. Takes `m`. */
sd_bus_message *worker_ask(const Worker *w, sd_bus_message *m, GError **error);
/* The signature of "data". */
GBytes *worker_sign(const Worker *w, const Source *s, const char *algorithm, GError **error);

/* Open says this, and Sign makes signatures that its public key verifies. */
void worker_assert_signs(const Worker *w, const Source *s, const char *key_id, unsigned chain);
/* Both methods fail with this code, and say `part`. */
void worker_assert_refused(const Worker *w, const Source *s, CertError code, const char *part);
