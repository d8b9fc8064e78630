/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"
#include "common/timespan.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* The keyholder, from the agent's side: the process that opens accounts' keys and signs by them
 * (org.certagent1.KeyHolder). A connection for each issuer that needs it, so that a password file that hangs holds up that
 * issuer alone; one call at a time is on it, the others wait; kept for a while, then closed. */

/* For one call. A key derivation of the most iterations that are accepted takes a second or two under load; a file that
 * does not answer in this time is taken to hang: the connection is closed, the process ended, and all calls that wait for
 * this issuer's account fail. So do, at once, those that come in the next KEYHOLDER_TIMEOUT. */
#define KEYHOLDER_TIMEOUT (10 * USEC_PER_SEC)

typedef struct Keyholder Keyholder;
typedef struct KeyholderCall KeyholderCall;

Keyholder *keyholder_new(sd_event *event);
Keyholder *keyholder_free(Keyholder *k); /* ends all without calling back */

/* `reply` is positioned at what the method returns. Exactly one of the two is set; called once, never from within; the call is
 * gone. KEY_STORAGE also when the file does not answer in KEYHOLDER_TIMEOUT, and when the keyholder cannot be reached, ends in the
 * middle or sends more than an answer may hold. */
typedef void (*KeyholderDone)(sd_bus_message *reply, const GError *error, void *userdata);

/* `issuer`: its account is the source; `encrypted_key` may be "". All are copied. */
KeyholderCall *keyholder_open(Keyholder *k, const ManifestIssuer *issuer, const char *encrypted_key,
                              KeyholderDone done, void *userdata);
KeyholderCall *keyholder_sign(Keyholder *k, const ManifestIssuer *issuer, const char *encrypted_key,
                              const char *algorithm, GBytes *data, KeyholderDone done, void *userdata);
KeyholderCall *keyholder_call_discard(KeyholderCall *c); /* NULL is fine; returns NULL */
