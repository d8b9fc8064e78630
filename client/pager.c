/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pager: $PAGER or less(1), with options under which it quits by itself when all fits on one screen. */

#include "client/pager.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct Pager {
        pid_t pid;
        int stdout_before;
};

static char **pager_command(void)
{
        const char *text = g_getenv("PAGER");
        char **argv = NULL;

        if (!text)
                return g_strsplit("less", " ", -1);
        if (*text == '\0' || g_str_equal(text, "cat") || !g_shell_parse_argv(text, NULL, &argv, NULL))
                return NULL;
        return argv;
}

static void run_pager(char **argv, int input)
{
        dup2(input, STDIN_FILENO);
        /* Run by sudo, a pager must not be a way to a root shell. */
        g_setenv("LESSSECURE", "1", TRUE);
        g_setenv("LESS", "FRSXMK", FALSE);
        execvp(argv[0], argv);
        _exit(127);
}

/* A pager that cannot be started must not cost the output: whether it exists is asked first. */
Pager *pager_open(const Client *client)
{
        g_auto(GStrv) argv = NULL;
        g_autofree char *program = NULL;
        Pager *pager;
        int fds[2];
        pid_t pid;

        if (!client->terminal.out_is_tty || client->options.no_pager)
                return NULL;
        argv = pager_command();
        program = argv ? g_find_program_in_path(argv[0]) : NULL;
        if (!program || pipe2(fds, O_CLOEXEC) < 0)
                return NULL;
        fflush(stdout);
        pid = fork();
        if (pid == 0)
                run_pager(argv, fds[0]);
        close(fds[0]);
        if (pid < 0) {
                close(fds[1]);
                return NULL;
        }
        pager = g_new(Pager, 1);
        pager->pid = pid;
        pager->stdout_before = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        dup2(fds[1], STDOUT_FILENO);
        close(fds[1]);
        return pager;
}

Pager *pager_close(Pager *pager)
{
        if (!pager)
                return NULL;
        fflush(stdout);
        if (pager->stdout_before >= 0) {
                dup2(pager->stdout_before, STDOUT_FILENO);
                close(pager->stdout_before);
        } else
                close(STDOUT_FILENO);
        (void) waitpid(pager->pid, NULL, 0);
        g_free(pager);
        return NULL;
}
