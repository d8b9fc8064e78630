/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/renewal.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* An issuer of the type "step", as the manifest says it and its process gets it. */

#define STEP_URLS_MAX         8
#define STEP_FINGERPRINTS_MAX 8

typedef struct StepOptions {
        char *name;
        char **urls;         /* https, without a slash at the end; tried in this order */
        char **fingerprints; /* of roots: SHA-256 of the DER, lower-case hex; or NULL */
        char *root_file;     /* PEM, in the place of fingerprints; or NULL */
        char *provisioner;
        Renewal renewal;
        uint64_t lifetime_usec; /* asked for where the request says none; 0: the provisioner's default */
        uint64_t timeout_usec;  /* for one call of the agent's, a little less than its own deadline */
        bool has_account;       /* the manifest names a password or a key file: tokens can be made */
        bool has_key_file;      /* ... and it is a key file: for an X5C provisioner */
} StepOptions;

StepOptions *step_options_new(const char *config, GError **error);
StepOptions *step_options_free(StepOptions *o);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StepOptions, step_options_free)
