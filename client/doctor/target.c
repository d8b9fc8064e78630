/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is to be examined, from what was typed and from what the agent says. */

#include "client/doctor/target.h"

#include "issuers/probe/connect.h"

#include <string.h>

static bool is_port(const char *text)
{
        guint64 port;

        return g_ascii_string_to_unsigned(text, 10, 1, 65535, &port, NULL);
}

TargetKind target_kind(const char *text, const char **ret_why)
{
        g_autofree char *host = NULL, *port = NULL;

        if (text[0] == '/')
                return TARGET_SERVER;
        if (strstr(text, "://")) {
                *ret_why = "it is a URL; say HOST:PORT, such as www.example.org:443";
                return TARGET_WRONG;
        }
        if (probe_split(text, &host, &port)) {
                if (is_port(port))
                        return TARGET_SERVER;
                *ret_why = "after the colon there must be the number of a port, from 1 to 65535";
                return TARGET_WRONG;
        }
        if (*text && !strchr(text, ':'))
                return TARGET_CERTIFICATE;
        *ret_why = "it is neither the name of a certificate nor HOST:PORT (of an IPv6 address [ADDRESS]:PORT)";
        return TARGET_WRONG;
}

/* "none" is what the manifest calls TLS from the start. */
static char *starttls_of(const char *said, const char *manifest)
{
        const char *name = said ?: manifest;

        return name && *name && !g_str_equal(name, "none") ? g_strdup(name) : NULL;
}

/* Without a final dot, and an address without its zone. */
static char *name_of(const char *said, const char *connect)
{
        g_autofree char *host = NULL, *port = NULL;
        char *name = NULL;

        if (said && *said)
                name = g_strdup(said);
        else if (connect[0] != '/' && probe_split(connect, &host, &port))
                name = g_steal_pointer(&host);
        if (name && g_str_has_suffix(name, "."))
                name[strlen(name) - 1] = '\0';
        if (name && strchr(name, ':') && strchr(name, '%'))
                *strchr(name, '%') = '\0';
        return name;
}

Target *target_of_server(const char *text, const char *server_name, const char *starttls)
{
        Target *t = g_new0(Target, 1);

        t->text = g_strdup(text);
        t->connect = g_strdup(text);
        t->name = name_of(server_name, text);
        t->starttls = starttls_of(starttls, NULL);
        return t;
}

/* Where the manifest names nobody, the certificate's own first name is what clients will use. */
Target *target_of_certificate(const CertDetail *d, const char *server_name, const char *starttls)
{
        Target *t = g_new0(Target, 1);
        const char *name = server_name ?: *d->verify_name ? d->verify_name : NULL;

        t->text = g_strdup(d->name);
        if (!*d->verify_connect)
                return t;
        for (char **san = d->sans; !name && *san; san++)
                if (!strchr(*san, ':') && **san != '*')
                        name = *san;
        t->connect = g_strdup(d->verify_connect);
        t->name = name ? name_of(name, "/") : NULL;
        t->starttls = starttls_of(starttls, d->verify_starttls);
        return t;
}

Target *target_free(Target *t)
{
        if (!t)
                return NULL;
        g_free(t->text);
        g_free(t->connect);
        g_free(t->name);
        g_free(t->starttls);
        g_free(t);
        return NULL;
}
