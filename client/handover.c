/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handing over to another program. What needs GnuTLS or json-glib is a program of its own, so that the verbs
 * which need neither do not wait until these are loaded. */

#include "client/handover.h"

#include "common/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM_DIR "/usr/lib/certctl"

struct Handover {
        char *path; /* as messages name it */
        GPtrArray *argv;
};

Handover *handover_new(const Client *client, const char *program)
{
        Handover *h = g_new(Handover, 1);
        JsonFormat json = client->options.json;

        h->path = g_strconcat(PROGRAM_DIR "/", program, NULL);
        h->argv = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(h->argv, host_path(h->path));
        if (json != JSON_OFF)
                handover_option(h, "--json", json == JSON_SHORT ? "short" : "pretty");
        handover_flag(h, "--quiet", client->options.quiet);
        return h;
}

Handover *handover_free(Handover *h)
{
        if (!h)
                return NULL;
        g_free(h->path);
        g_ptr_array_unref(h->argv);
        g_free(h);
        return NULL;
}

void handover_option(Handover *h, const char *name, const char *value)
{
        if (value)
                g_ptr_array_add(h->argv, g_strdup_printf("%s=%s", name, value));
}

void handover_flag(Handover *h, const char *name, bool given)
{
        if (given)
                g_ptr_array_add(h->argv, g_strdup(name));
}

static void end_options(Handover *h, char *const *arguments)
{
        g_ptr_array_add(h->argv, g_strdup("--"));
        for (; *arguments; arguments++)
                g_ptr_array_add(h->argv, g_strdup(*arguments));
        g_ptr_array_add(h->argv, NULL);
}

static ExitStatus run(const Handover *h)
{
        execv(h->argv->pdata[0], (char **) h->argv->pdata);
        fprintf(stderr, "certctl: cannot run %s: %s\nInstall the package of certctl again.\n", h->path,
                g_strerror(errno));
        return EXIT_STATUS_FAILED;
}

ExitStatus handover_run(Handover *h, char *const *arguments)
{
        end_options(h, arguments);
        return run(h);
}

/* ---- Beside this process ---- */

/* A file in memory, not a pipe: nobody waits for anybody, whoever ends first. */
static int input_of(const char *text)
{
        int fd = memfd_create("certctl", MFD_CLOEXEC);
        size_t left = strlen(text);
        ssize_t n;

        for (; fd >= 0 && left > 0; left -= (size_t) n) {
                n = write(fd, text + strlen(text) - left, left);
                if (n < 0) {
                        close(fd);
                        return -1;
                }
        }
        if (fd >= 0)
                (void) lseek(fd, 0, SEEK_SET);
        return fd;
}

static pid_t start(const Handover *h, int input, int output)
{
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid != 0)
                return pid;
        if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
                _exit(EXIT_STATUS_FAILED);
        _exit(run(h));
}

static ExitStatus wait_for(const Handover *h, pid_t pid)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EXIT_STATUS_FAILED;
        if (WIFEXITED(status))
                return (ExitStatus) WEXITSTATUS(status);
        fprintf(stderr, "certctl: %s was ended by signal %d\n", h->path, WTERMSIG(status));
        return EXIT_STATUS_FAILED;
}

ExitStatus handover_feed(Handover *h, const char *text, int output)
{
        char *const none[] = { NULL };
        int input = input_of(text);
        pid_t pid;

        end_options(h, none);
        pid = input < 0 ? -1 : start(h, input, output);
        if (pid < 0)
                fprintf(stderr, "certctl: cannot start %s: %s\n", h->path, g_strerror(errno));
        if (input >= 0)
                close(input);
        return pid < 0 ? EXIT_STATUS_FAILED : wait_for(h, pid);
}

bool handover_take(const char *argument, const char *name, char **value)
{
        size_t length = strlen(name);

        if (strncmp(argument, name, length) != 0 || argument[length] != '=')
                return false;
        g_free(*value);
        *value = g_strdup(argument + length + 1);
        return true;
}
