/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/key.h"

#include <glib.h>
#include <systemd/sd-bus.h>

/* The agent's side of org.certagent1.Signer on a thread, so that what calls it may block as an issuer process does. The keys
 * are real; the answers can be made wrong. */

typedef struct SignerThread {
        /* Set before signer_thread_start(). */
        Key *account, *current; /* borrowed; NULL: there is none */
        const char *algorithm;  /* OpenAccount's; NULL: the one that suits the key */
        const char *key_id;
        GPtrArray *chain;       /* OpenAccount's; may be NULL */
        GBytes *signature;      /* instead of a true one; may be NULL */
        const char *failure;    /* every method's D-Bus error name; may be NULL */

        sd_bus *bus; /* the issuer's side, for the test */

        /* Read after signer_thread_end(). */
        unsigned opened, signed_by_account, signed_by_current;
        char *encrypted_key; /* what was to be opened last */

        GThread *thread;
        int fd;
        gint stop;
} SignerThread;

void signer_thread_start(SignerThread *s);
void signer_thread_end(SignerThread *s); /* may be called again */
void signer_thread_clear(SignerThread *s);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SignerThread, signer_thread_clear)
