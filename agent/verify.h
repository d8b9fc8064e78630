/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

#include <systemd/sd-event.h>

/* Verifying: the probe (issuers/cert-probe.c, a process of its own) shakes hands with the service until what is
 * wanted (this certificate, or a chain that this bundle trusts) was served `successes` times in a row, within the
 * deadline: old workers linger. */

typedef struct Prober Prober;
typedef struct VerifyRun VerifyRun;

typedef enum VerifyOutcome {
        VERIFY_SERVED,
        VERIFY_STALE,       /* something else is served at the deadline; `served` says which certificate */
        VERIFY_BROKEN,      /* the probe itself failed, so nothing is known of the service: error */
        VERIFY_UNREACHABLE, /* nothing listens, no TLS, the handshake fails: error */
} VerifyOutcome;

typedef struct VerifyResult {
        VerifyOutcome outcome;
        const char *served;  /* fingerprint of what was served last, lower-case hex, or NULL */
        const GError *error; /* with anything but SERVED: CERT_ERROR_NOT_SERVING in words */
} VerifyResult;

typedef void (*VerifyDone)(const char *name, const VerifyResult *result, void *userdata);

Prober *prober_new(sd_event *event);
Prober *prober_free(Prober *p);
unsigned prober_active(const Prober *p);
void prober_warm_up(Prober *p); /* connects now, so that the worker is ready when it is needed */

/* Called back exactly once, never from within. `v` and `name` are copied. `fingerprint` is wanted. */
VerifyRun *verify_start(Prober *p, const char *name, const Verify *v, const char *fingerprint, VerifyDone done,
                        void *userdata);
/* The same for a bundle, which is referenced: a chain is wanted that it trusts (trust_check_chain()). */
VerifyRun *verify_start_trust(Prober *p, const char *name, const Verify *v, GBytes *bundle_pem, VerifyDone done,
                              void *userdata);
/* One handshake, to see what is served (for the pass's look at running services): outcome SERVED or UNREACHABLE. */
VerifyRun *verify_look(Prober *p, const char *name, const Verify *v, VerifyDone done, void *userdata);
VerifyRun *verify_discard(VerifyRun *r);
