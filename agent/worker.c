/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker: the connection to an issuer or the probe, and the process behind it where the agent itself had to
 * start that. Owns nothing after it returned: bus and process belong to the caller. */

#include "agent/worker.h"

#include "common/error.h"
#include "common/path.h"
#include "common/peer.h"
#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_USEC (250 * USEC_PER_MSEC)

/* As sd_booted(3), but in the test root: there no systemd runs. */
static bool systemd_runs(void)
{
        g_autofree char *path = host_path("/run/systemd/system/");
        struct stat st;

        return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- Starting the program ---- */

/* What concerns the agent's own process only must not be inherited: a worker that believed LISTEN_FDS or
 * NOTIFY_SOCKET would speak in the agent's name. */
static char **worker_environment(void)
{
        static const char *const dropped[] = { "LISTEN_FDS",    "LISTEN_PID",   "LISTEN_FDNAMES",
                                               "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
                                               "MAINPID",       "FDSTORE" };
        char **environment = g_get_environ();

        for (size_t i = 0; i < G_N_ELEMENTS(dropped); i++)
                environment = g_environ_unsetenv(environment, dropped[i]);
        return environment;
}

/* Standard input is empty, standard output goes where errors go, `fd` becomes 3, nothing else is inherited.
 */
static int set_files(posix_spawn_file_actions_t *files, int fd)
{
        int r = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

        if (r == 0)
                r = posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(files, fd, SD_LISTEN_FDS_START);
        if (r == 0)
                r = posix_spawn_file_actions_addclosefrom_np(files, SD_LISTEN_FDS_START + 1);
        return r;
}

/* The agent's blocked and ignored signals are not the worker's. */
static int set_signals(posix_spawnattr_t *attributes)
{
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        r = posix_spawnattr_setsigmask(attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(attributes, &all);
        if (r == 0)
                r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        return r;
}

/* posix_spawn() and not fork(): the agent makes keys on threads. Returns 0 or an errno. */
static int spawn(const char *program, int fd, pid_t *ret_pid)
{
        g_auto(GStrv) environment = worker_environment();
        char *arguments[] = { (char *) program, NULL };
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        int r = posix_spawn_file_actions_init(&files);

        if (r != 0)
                return r;
        r = posix_spawnattr_init(&attributes);
        if (r == 0) {
                r = set_files(&files, fd);
                if (r == 0)
                        r = set_signals(&attributes);
                if (r == 0)
                        r = posix_spawn(ret_pid, program, &files, &attributes, arguments, environment);
                posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&files);
        return r;
}

static bool start(const char *program, int *ret_fd, pid_t *ret_pid, GError **error)
{
        g_autofree char *opened = host_path(program);
        int pair[2], r;

        r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ? errno : 0;
        if (r == 0) {
                r = spawn(opened, pair[1], ret_pid);
                close(pair[1]);
                if (r != 0)
                        close(pair[0]);
        }
        if (r != 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                            "starting %s: %s\nInstall the package that holds this program.", program,
                            g_strerror(r));
                return false;
        }
        *ret_fd = pair[0];
        return true;
}

/* ---- Connecting ---- */

bool worker_open(const char *socket_path, const char *program, int *ret_fd, pid_t *ret_pid, GError **error)
{
        g_autofree char *noun = g_path_get_basename(program);
        g_autoptr(GError) refused = NULL;

        *ret_pid = 0;
        if (peer_open(socket_path, CONNECT_TIMEOUT_USEC, ret_fd, &refused))
                return true;
        if (!systemd_runs())
                return start(program, ret_fd, ret_pid, error);
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                    "%s\nRun: systemctl enable --now %s.socket (is its package installed?)", refused->message,
                    noun);
        return false;
}

pid_t worker_end(pid_t pid)
{
        if (pid <= 0)
                return 0;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return 0;
}

static int on_ended(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        (void) waitpid((pid_t) GPOINTER_TO_INT(userdata), NULL, WNOHANG);
        (void) sd_event_source_set_floating(s, false); /* the loop had it; this frees it */
        return 0;
}

/* Without SIGCHLD, which sd_event_add_child() would have blocked on all threads. Where no descriptor is left, init reaps
 * it after us. */
void worker_end_later(sd_event *event, pid_t pid)
{
        sd_event_source *source = NULL;
        int fd;

        if (pid <= 0)
                return;
        fd = pidfd_open(pid, 0);
        kill(pid, SIGKILL);
        if (fd < 0)
                return;
        if (sd_event_add_io(event, &source, fd, EPOLLIN, on_ended, GINT_TO_POINTER(pid)) < 0) {
                close(fd);
                return;
        }
        (void) sd_event_source_set_io_fd_own(source, true);
        (void) sd_event_source_set_floating(source, true);
        sd_event_source_unref(source);
}
