/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-probe: one TLS handshake a call, to see which certificate a service serves. A worker of the agent: it
 * serves org.certagent1.Probe on fd 3, holds no secret, keeps nothing between calls. It may wait for the
 * service, since it does nothing else; who wants to probe two services at once keeps two of it. */

#include "common/error.h"
#include "common/log.h"
#include "common/message.h"
#include "common/names.h"
#include "common/peer.h"
#include "common/timespan.h"
#include "issuers/probe/connect.h"
#include "issuers/probe/deadline.h"
#include "issuers/probe/handshake.h"
#include "issuers/probe/starttls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_USEC     (3 * USEC_PER_SEC)
#define TIMEOUT_MAX_USEC (60 * USEC_PER_SEC)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

typedef struct Options {
        const char *server_name, *starttls; /* borrowed from the message */
        uint64_t timeout_usec;
} Options;

/* ---- The call ---- */

static int read_option(sd_bus_message *m, Options *o)
{
        const char *name;
        int r = sd_bus_message_read_basic(m, 's', &name);

        if (r < 0)
                return r;
        if (g_str_equal(name, "ServerName"))
                return sd_bus_message_read(m, "v", "s", &o->server_name);
        if (g_str_equal(name, "Starttls"))
                return sd_bus_message_read(m, "v", "s", &o->starttls);
        if (g_str_equal(name, "Timeout"))
                return sd_bus_message_read(m, "v", "t", &o->timeout_usec);
        return sd_bus_message_skip(m, "v");
}

static int read_options(sd_bus_message *m, Options *o)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_option(m, o);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static bool probe(const char *target, const Options *o, Handshake **ret_handshake, GError **error)
{
        uint64_t deadline = deadline_in(CLAMP(o->timeout_usec, 1, TIMEOUT_MAX_USEC));
        bool ok;
        int fd;

        if (!probe_connect(target, deadline, &fd, error))
                return false;
        ok = probe_starttls(fd, o->starttls, deadline, error) &&
             probe_handshake(fd, o->server_name, deadline, ret_handshake, error);
        close(fd);
        return ok;
}

static int reply_handshake(sd_bus_message *m, const Handshake *h)
{
        g_autoptr(sd_bus_message) reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = message_append_certificates(reply, h->chain);
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 3, "Protocol", "s", h->protocol, "Cipher", "s",
                                          h->cipher, "ClientCertificateWanted", "b",
                                          (int) h->wants_client_certificate);
        return r < 0 ? r : sd_bus_send(sd_bus_message_get_bus(m), reply, NULL);
}

static int method_probe(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Options options = { .timeout_usec = TIMEOUT_USEC };
        g_autoptr(Handshake) handshake = NULL;
        g_autoptr(GError) error = NULL;
        const char *target;
        int r;

        r = sd_bus_message_read(m, "s", &target);
        if (r >= 0)
                r = read_options(m, &options);
        if (r < 0)
                return r;
        if (!probe(target, &options, &handshake, &error))
                return cert_error_to_bus(error, ret_error);
        return reply_handshake(m, handshake);
}

/* ---- The worker ---- */

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Probe", "sa{sv}", "aaya{sv}", method_probe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int main(int argc, char **argv)
{
        log_open("cert-probe");
        if (argc > 1 && g_str_equal(argv[1], "--version")) {
                puts("cert-probe " PROJECT_VERSION);
                return EXIT_SUCCESS;
        }
        /* resolv.conf(5): a resolver that does not answer must not hold up more than its own probe, and that
         * not for long. */
        g_setenv("RES_OPTIONS", "timeout:1 attempts:1", TRUE);
        return peer_worker_run(CERT_BUS_PROBE_PATH, CERT_INTERFACE_PROBE, vtable, NULL);
}
