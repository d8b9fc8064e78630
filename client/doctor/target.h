/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/certificate.h"

/* What is to be examined: a server that somebody named, or a certificate of the manifest with the server that it is
 * verified at. */

typedef enum TargetKind {
        TARGET_CERTIFICATE, /* a name of the manifest */
        TARGET_SERVER,      /* "HOST:PORT", "[V6]:PORT", or the absolute path of a unix socket */
        TARGET_WRONG,       /* neither can be meant; why is told */
} TargetKind;

/* *ret_why (static) of TARGET_WRONG. Pure. */
TargetKind target_kind(const char *text, const char **ret_why);

typedef struct Target {
        char *text;     /* as it was asked for */
        char *connect;  /* NULL: there is nothing to connect to */
        char *name;     /* that the server's certificate is to be for; NULL: unknown */
        char *starttls; /* NULL: TLS from the start */
} Target;

/* `server_name` and `starttls` are what the caller said, or NULL. */
Target *target_of_server(const char *text, const char *server_name, const char *starttls);
Target *target_of_certificate(const CertDetail *d, const char *server_name, const char *starttls);

Target *target_free(Target *t);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Target, target_free)
