/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-agent: the program. */

#include "agent/agent.h"
#include "agent/arguments.h"
#include "agent/bus.h"
#include "agent/credential-socket.h"
#include "agent/idle.h"
#include "agent/polkit.h"
#include "common/log.h"
#include "common/names.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
        idle_stop_now(userdata);
        return 0;
}

/* Before any thread is made: one that does not block them would be killed by them (GLib's pools have such). */
static void block_signals(void)
{
        sigset_t set;

        (void) signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
}

static void handle_signals(sd_event *event, Idle *idle)
{
        (void) sd_event_add_signal(event, NULL, SIGTERM, on_signal, idle);
        (void) sd_event_add_signal(event, NULL, SIGINT, on_signal, idle);
}

/* Without a system bus (early boot, a container) the private socket alone is served. */
static sd_bus *open_system_bus(sd_event *event)
{
        sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);

        if (r >= 0)
                r = sd_bus_attach_event(bus, event, 0);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(bus, true);
        if (r >= 0)
                return bus;
        log_notice("There is no system bus (%s): only the private socket is served, and no unit can be told.",
                   g_strerror(-r));
        return sd_bus_unref(bus);
}

static const Manifest *manifest_in_force(void *userdata)
{
        return agent_manifest(userdata);
}

/* The sockets that systemd has opened for us, told apart by FileDescriptorName=. */
static bool serve(Bus *bus, CredentialSocket *credentials, sd_bus *system_bus, GError **error)
{
        char **names = NULL;
        int n = sd_listen_fds_with_names(true, &names);
        bool good = true;

        for (int i = 0; i < n; i++)
                good = good && (g_str_equal(names[i], CERT_SOCKET_CREDENTIAL_NAME)
                                        ? credential_socket_listen(credentials, SD_LISTEN_FDS_START + i, error)
                                        : bus_listen(bus, SD_LISTEN_FDS_START + i, error));
        for (int i = 0; i < n; i++)
                free(names[i]);
        free(names);
        return good && (!system_bus || bus_serve(bus, system_bus, error));
}

static bool run(const Arguments *arguments, GError **error)
{
        g_autoptr(GError) refused = NULL;
        g_autoptr(Agent) agent = NULL;
        g_autoptr(Bus) bus = NULL;
        CredentialSocket *credentials;
        sd_event *event = NULL;
        sd_bus *system_bus;
        Polkit *polkit;
        Idle *idle;
        bool good;

        /* 1. The loop, and what it is told from outside */
        block_signals();
        if (sd_event_default(&event) < 0)
                return false;
        (void) sd_event_set_watchdog(event, true);

        /* 2. The agent and its bus */
        system_bus = open_system_bus(event);
        polkit = polkit_new(system_bus);
        agent = agent_new(event, system_bus);
        bus = bus_new(agent, event, polkit);
        credentials = credential_socket_new(event, manifest_in_force, agent);
        idle = idle_new(event, bus, credentials, system_bus, arguments->exit_idle_usec);
        handle_signals(event, idle);

        /* 3. What was cut off is finished before anything is read, then the manifest; a refused one does not stop us:
         *    the last good one is in force, and the problems can be asked for. */
        good = agent_recover(agent, error);
        if (good)
                (void) agent_reload(agent, &refused);

        /* 4. Served, then ready */
        good = good && serve(bus, credentials, system_bus, error);
        if (good) {
                (void) sd_notify(false, "READY=1");
                good = sd_event_loop(event) >= 0;
        }

        idle_free(idle);
        credential_socket_free(credentials);
        bus_free(g_steal_pointer(&bus));
        agent_free(g_steal_pointer(&agent));
        polkit_free(polkit);
        sd_bus_flush_close_unref(system_bus);
        sd_event_unref(event);
        return good;
}

static bool recover_only(GError **error)
{
        sd_event *event = NULL;
        g_autoptr(Agent) agent = NULL;
        bool good;

        if (sd_event_default(&event) < 0)
                return false;
        agent = agent_new(event, NULL);
        good = agent_recover(agent, error);
        agent_free(g_steal_pointer(&agent));
        sd_event_unref(event);
        return good;
}

int main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;
        Arguments arguments;
        int r = arguments_parse(argc, argv, &arguments);

        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        umask(0077);
        log_open("cert-agent");
        if (arguments.recover ? recover_only(&error) : run(&arguments, &error))
                return EXIT_SUCCESS;
        log_error("%s", error ? error->message : "The event loop failed");
        return EXIT_FAILURE;
}
