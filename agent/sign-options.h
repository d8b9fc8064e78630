/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* The options of SignRequest: read from who asks, handed on to the authority's process, which judges what they mean. */

typedef struct SignOptions {
        char **usage;      /* "server" "client"; NULL: not said */
        uint64_t lifetime; /* microseconds; 0: not said */
        char **names;      /* NULL: not said */
} SignOptions;

/* Reads the a{sv} that comes next: "usage" as, "lifetime" t, "names" as, each at most once and nothing else. Returns as a
 * handler does. */
int sign_options_read(sd_bus_message *m, SignOptions *ret, sd_bus_error *ret_error);
/* Appends it; as sd-bus returns. */
int sign_options_append(sd_bus_message *m, const SignOptions *o);

SignOptions *sign_options_copy(const SignOptions *o);
SignOptions *sign_options_free(SignOptions *o);
void sign_options_clear(SignOptions *o);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SignOptions, sign_options_clear)
