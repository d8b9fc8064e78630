/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The idle exit. The order matters: (1) PID 1 is told that we are stopping, so that whoever wants the agent from now on
 * starts another; (2) no more peers are accepted, theirs is the next agent; (3) the name is given up, and the loop goes
 * on until the bus has confirmed it, for until then calls still come to us; (4) work that such a call began is
 * finished; (5) the loop ends. */

#include "agent/idle.h"

#include "common/names.h"
#include "common/timespan.h"

#include <systemd/sd-daemon.h>

#define FINISH_USEC (20 * USEC_PER_MSEC)

struct Idle {
        sd_event *event;
        Bus *bus;
        CredentialSocket *credentials;
        sd_bus *system_bus;
        uint64_t usec;
        sd_event_source *timer;
        bool stopping;
};

static void idle_arm(Idle *i, uint64_t usec);

static bool idle_has_work(const Idle *i)
{
        return bus_peers(i->bus) > 0 || credential_socket_open(i->credentials) > 0 || !agent_is_idle(bus_agent(i->bus));
}

static void idle_finish(Idle *i)
{
        if (idle_has_work(i))
                idle_arm(i, FINISH_USEC);
        else
                (void) sd_event_exit(i->event, 0);
}

static int on_released(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        idle_finish(userdata);
        return 0;
}

static void idle_stop(Idle *i)
{
        i->stopping = true;
        (void) sd_notify(false, "STOPPING=1");
        bus_stop_listening(i->bus);
        credential_socket_stop_listening(i->credentials);
        if (!i->system_bus || sd_bus_release_name_async(i->system_bus, NULL, CERT_BUS_NAME, on_released, i) < 0)
                idle_finish(i);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
        Idle *i = userdata;
        uint64_t now = 0, quiet;

        if (i->stopping) {
                idle_finish(i);
                return 0;
        }
        (void) sd_event_now(i->event, CLOCK_MONOTONIC, &now);
        quiet = now - MIN(now, bus_last_activity(i->bus));
        /* Once it stops it stays for nothing more: what is due is the next agent's. */
        if (idle_has_work(i) || agent_is_staying(bus_agent(i->bus)))
                idle_arm(i, i->usec);
        else if (quiet < i->usec)
                idle_arm(i, i->usec - quiet);
        else
                idle_stop(i);
        return 0;
}

static void idle_arm(Idle *i, uint64_t usec)
{
        sd_event_source_disable_unref(i->timer);
        i->timer = NULL;
        (void) sd_event_add_time_relative(i->event, &i->timer, CLOCK_MONOTONIC, usec, 0, on_timer, i);
}

Idle *idle_new(sd_event *event, Bus *bus, CredentialSocket *credentials, sd_bus *system_bus, uint64_t usec)
{
        Idle *i = g_new0(Idle, 1);

        i->event = event;
        i->bus = bus;
        i->credentials = credentials;
        i->system_bus = system_bus;
        i->usec = usec;
        if (usec > 0)
                idle_arm(i, usec);
        return i;
}

Idle *idle_free(Idle *i)
{
        if (!i)
                return NULL;
        sd_event_source_disable_unref(i->timer);
        g_free(i);
        return NULL;
}

void idle_stop_now(Idle *i)
{
        (void) sd_notify(false, "STOPPING=1");
        (void) sd_event_exit(i->event, 0);
}
