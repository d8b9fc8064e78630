/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* polkit's text agent, pkttyagent(1), run beside a call so that a person without a desktop can be asked for a
 * password. Without it polkit simply refuses. */

#include "client/polkit-agent.h"

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM    "/usr/bin/pkttyagent"
#define READY_MSEC 2000

struct PolkitAgent {
        pid_t pid;
};

static void run_agent(int notify_fd, int other_fd)
{
        g_autofree char *fd_text = g_strdup_printf("%d", notify_fd);

        close(other_fd);
        fcntl(notify_fd, F_SETFD, 0);
        execl(PROGRAM, PROGRAM, "--notify-fd", fd_text, "--fallback", (char *) NULL);
        _exit(127);
}

PolkitAgent *polkit_agent_start(void)
{
        PolkitAgent *agent;
        struct pollfd ready = { .events = POLLHUP };
        int fds[2];
        pid_t pid;

        if (geteuid() == 0 || !isatty(STDIN_FILENO) || access(PROGRAM, X_OK) < 0 || pipe2(fds, O_CLOEXEC) < 0)
                return NULL;
        pid = fork();
        if (pid == 0)
                run_agent(fds[1], fds[0]);
        close(fds[1]);
        ready.fd = fds[0];
        if (pid > 0) /* it closes its end once it is registered */
                (void) poll(&ready, 1, READY_MSEC);
        close(fds[0]);
        if (pid < 0)
                return NULL;
        agent = g_new(PolkitAgent, 1);
        agent->pid = pid;
        return agent;
}

PolkitAgent *polkit_agent_stop(PolkitAgent *agent)
{
        if (!agent)
                return NULL;
        kill(agent->pid, SIGTERM);
        kill(agent->pid, SIGCONT);
        (void) waitpid(agent->pid, NULL, 0);
        g_free(agent);
        return NULL;
}
