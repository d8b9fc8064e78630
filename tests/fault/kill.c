/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A child that is traced, and killed at the system call at which it is to die. */

#include "tests/fault/kill.h"

#include <glib.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* <linux/ptrace.h> and glibc's header cannot both be had; this is the kernel's structure as far as it is
 * used. */
typedef struct CallInfo {
        unsigned char op; /* 1: entering */
        unsigned char pad[3];
        unsigned arch;
        unsigned long long instruction, stack;
        unsigned long long number, arguments[6];
} CallInfo;

static bool changes_disk(const CallInfo *c)
{
        switch (c->number) {
        case SYS_openat:
                return c->arguments[2] & (O_CREAT | O_TRUNC);
        case SYS_write:
                return c->arguments[0] > STDERR_FILENO;
        case SYS_fsync:
        case SYS_fdatasync:
        case SYS_ftruncate:
        case SYS_renameat:
        case SYS_renameat2:
        case SYS_linkat:
        case SYS_unlinkat:
        case SYS_mkdirat:
#ifdef SYS_mkdir
        case SYS_mkdir:
        case SYS_rename:
        case SYS_unlink:
#endif
                return true;
        default:
                return false;
        }
}

static bool counts(pid_t pid, KillAt at)
{
        CallInfo c = { 0 };

        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(c), &c) <= 0)
                g_error("PTRACE_GET_SYSCALL_INFO failed");
        return c.op == PTRACE_SYSCALL_INFO_ENTRY && (at == KILL_AT_ANY || changes_disk(&c));
}

static pid_t start(void (*work)(void *data), void *data)
{
        int status;
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                g_assert_cmpint(ptrace(PTRACE_TRACEME, 0, NULL, NULL), ==, 0);
                raise(SIGSTOP);
                work(data);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSTOPPED(status));
        g_assert_cmpint(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), ==,
                        0);
        return pid;
}

bool kill_at_call(void (*work)(void *data), void *data, KillAt at, unsigned n)
{
        pid_t pid = start(work, data);
        int status;

        for (;;) {
                g_assert_cmpint(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), ==, 0);
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                if (WIFEXITED(status)) {
                        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
                        return false;
                }
                g_assert_true(WIFSTOPPED(status));
                if (WSTOPSIG(status) != (SIGTRAP | 0x80) || !counts(pid, at) || --n > 0)
                        continue;
                g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
                g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
                g_assert_true(WIFSIGNALED(status));
                return true;
        }
}
