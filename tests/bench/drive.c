/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* drive: starts the agent as its socket would, and times passes.
 *
 *     drive AGENT PASSES [ISSUER]
 *
 * in a test root (CERT_AGENT_TEST_ROOT). Asks for RenewDue() so many times, each after the last one's end, then, with
 * ISSUER, for that authority's rotation, and lets the agent exit. Prints, in microseconds: a line "cold" from the start of
 * the process to its exit when that was one pass, a line "pass" for each pass (from the call to JobRemoved), a line
 * "rotation", a line "pss" in KiB after the last, and the last job's "result". */

#include "common/error.h"
#include "common/names.h"
#include "common/path.h"
#include "common/peer.h"
#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Drive {
        sd_event *event;
        sd_bus *bus;
        const char *method; /* that is under way */
        char result[32];
        bool over;
} Drive;

static uint64_t clock_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

static void check(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "drive: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static int listen_on(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        check(fd >= 0, "socket");
        check(strlen(path) < sizeof(address.sun_path), "the test root's path is too long");
        strcpy(address.sun_path, path);
        (void) unlink(path);
        check(bind(fd, (struct sockaddr *) &address, sizeof(address)) >= 0 && listen(fd, 16) >= 0, path);
        return fd;
}

/* As PID 1 does it for a socket unit. */
static pid_t start_agent(const char *program, int listener)
{
        pid_t pid = fork();

        check(pid >= 0, "fork");
        if (pid == 0) {
                char own[32];

                snprintf(own, sizeof(own), "%d", (int) getpid());
                setenv("LISTEN_PID", own, 1);
                setenv("LISTEN_FDS", "1", 1);
                if (listener == 3 ? fcntl(3, F_SETFD, 0) < 0 : dup2(listener, 3) < 0)
                        _exit(127);
                execl(program, program, "--exit-idle-time=1ms", NULL);
                _exit(127);
        }
        return pid;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Drive *d = userdata;
        const char *result;

        if (!sd_bus_message_is_signal(m, CERT_INTERFACE_MANAGER, "JobRemoved"))
                return 0;
        check(sd_bus_message_read(m, "uos", NULL, NULL, &result) >= 0, "JobRemoved");
        snprintf(d->result, sizeof(d->result), "%s", result);
        d->over = true;
        return 0;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const Drive *d = userdata;

        if (sd_bus_message_is_method_error(m, NULL)) {
                fprintf(stderr, "drive: %s: %s\n", d->method, sd_bus_message_get_error(m)->message);
                exit(EXIT_FAILURE);
        }
        return 0;
}

/* A job, to its end; how long it took. `issuer` may be NULL: the method then takes nothing. */
static uint64_t run_job(Drive *d, const char *method, const char *issuer)
{
        uint64_t before = clock_usec();

        d->over = false;
        d->method = method;
        check(sd_bus_call_method_async(d->bus, NULL, NULL, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, method, on_reply, d,
                                       issuer ? "s" : NULL, issuer) >= 0,
              method);
        while (!d->over) {
                check(sd_bus_is_open(d->bus) > 0, "the agent went away");
                check(sd_event_run(d->event, 10 * 60 * USEC_PER_SEC) > 0, "the agent says nothing");
        }
        return clock_usec() - before;
}

static unsigned long pss_of(pid_t pid)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/smaps_rollup", (int) pid), *text = NULL;
        const char *pss;

        check(g_file_get_contents(path, &text, NULL, NULL), path);
        pss = strstr(text, "\nPss:");
        return pss ? strtoul(pss + 5, NULL, 10) : 0;
}

int main(int argc, char **argv)
{
        g_autofree char *path = host_path(CERT_SOCKET_BUS);
        unsigned passes = argc == 3 || argc == 4 ? (unsigned) strtoul(argv[2], NULL, 10) : 0;
        const char *issuer = argc == 4 ? argv[3] : NULL;
        g_autoptr(GError) error = NULL;
        Drive d = {};
        uint64_t start;
        int listener, status;
        pid_t agent;

        if (passes == 0) {
                fprintf(stderr, "drive AGENT PASSES [ISSUER]\n");
                return 2;
        }
        check(sd_event_default(&d.event) >= 0, "the event loop");
        listener = listen_on(path);
        start = clock_usec();
        agent = start_agent(argv[1], listener);
        if (!peer_connect(d.event, CERT_SOCKET_BUS, USEC_PER_MINUTE, &d.bus, &error)) {
                fprintf(stderr, "drive: %s\n", error->message);
                return EXIT_FAILURE;
        }
        check(sd_bus_add_filter(d.bus, NULL, on_job_removed, &d) >= 0, "the filter");
        for (unsigned i = 0; i < passes; i++)
                printf("pass %lu\n", (unsigned long) run_job(&d, "RenewDue", NULL));
        if (issuer)
                printf("rotation %lu\n", (unsigned long) run_job(&d, "RotateAuthority", issuer));
        if (passes > 1 || issuer)
                printf("pss %lu\n", pss_of(agent));
        sd_bus_flush_close_unref(d.bus);
        check(waitpid(agent, &status, 0) == agent, "waiting for the agent");
        if (passes == 1 && !issuer)
                printf("cold %lu\n", (unsigned long) (clock_usec() - start));
        printf("result %s\n", d.result);
        close(listener);
        (void) unlink(path);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
