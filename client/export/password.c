/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Passwords: owns where they come from, a terminal, a file or a descriptor, and that they are wiped. While a terminal shows
 * nothing, signals are taken from a descriptor: each finds the terminal as it was, and acts only then. */

#include "client/export/password.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define TERMINAL "/dev/tty"

static Secret *fail(CertError code, GError **error, const char *what, const char *todo)
{
        g_set_error(error, CERT_ERROR, code, "%s\n%s", what, todo);
        return NULL;
}

/* RFC 8265, 4.2: no control characters; other programs could not type them. */
static bool is_text(const Secret *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (g_ascii_iscntrl((char) text->data[i]))
                        return false;
        return g_utf8_validate((const char *) text->data, (gssize) size, NULL);
}

/* Takes over `text`, of `size` bytes and room for one more. */
static Secret *check(Secret *text, size_t size, GError **error)
{
        g_autoptr(Secret) given = text, password = NULL;

        if (size == 0)
                return fail(CERT_ERROR_NOT_SUPPORTED, error, "The password is empty", "Give one: the file holds a private key.");
        if (size > PASSWORD_SIZE_MAX)
                return fail(CERT_ERROR_NOT_SUPPORTED, error, "The password is longer than 512 bytes", "Give a shorter one.");
        if (!is_text(given, size))
                return fail(CERT_ERROR_NOT_SUPPORTED, error, "The password is no text of one line in UTF-8",
                            "Give one of letters, digits and signs.");
        password = secret_new(size + 1);
        memcpy(password->data, given->data, size);
        password->data[size] = '\0';
        return g_steal_pointer(&password);
}

/* ---- The terminal ---- */

typedef struct Asking {
        int tty, signals;
        struct termios before, silent;
        sigset_t awaited, mask;
} Asking;

static bool asking_begin(Asking *a, GError **error)
{
        static const int deadly[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM, SIGTSTP };

        *a = (Asking) { .tty = open(TERMINAL, O_RDWR | O_NOCTTY | O_CLOEXEC), .signals = -1 };
        if (a->tty < 0 || tcgetattr(a->tty, &a->before) < 0)
                return fail(CERT_ERROR_NOT_SUPPORTED, error, "There is no terminal to ask for the password on",
                            "Give it in a file: --password-file=FILE") != NULL;
        a->silent = a->before;
        a->silent.c_lflag &= ~(tcflag_t) (ECHO | ECHOE | ECHOK | ECHONL);
        a->silent.c_lflag |= ICANON | ISIG;
        (void) sigemptyset(&a->awaited);
        for (size_t i = 0; i < G_N_ELEMENTS(deadly); i++)
                (void) sigaddset(&a->awaited, deadly[i]);
        (void) sigprocmask(SIG_BLOCK, &a->awaited, &a->mask);
        a->signals = signalfd(-1, &a->awaited, SFD_CLOEXEC | SFD_NONBLOCK);
        return true;
}

static void asking_show(const Asking *a)
{
        (void) tcsetattr(a->tty, TCSAFLUSH, &a->before);
}

static void asking_hide(const Asking *a)
{
        (void) tcsetattr(a->tty, TCSAFLUSH, &a->silent);
}

static void asking_end(Asking *a)
{
        if (a->signals >= 0) {
                asking_show(a);
                close(a->signals);
                (void) sigprocmask(SIG_SETMASK, &a->mask, NULL);
        }
        if (a->tty >= 0)
                close(a->tty);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Asking, asking_end)

static void say(const Asking *a, const char *text)
{
        (void) !write(a->tty, text, strlen(text));
}

/* It does what it does to any program; after a stop the question is asked again. */
static void take_signal(Asking *a, const char *prompt)
{
        struct signalfd_siginfo info;

        if (read(a->signals, &info, sizeof info) != sizeof info)
                return;
        say(a, "\n");
        asking_show(a);
        (void) kill(getpid(), (int) info.ssi_signo);
        (void) sigprocmask(SIG_UNBLOCK, &a->awaited, NULL); /* here it comes */
        (void) sigprocmask(SIG_BLOCK, &a->awaited, NULL);
        asking_hide(a);
        say(a, prompt);
}

/* A line without its newline; 0: the terminal is gone, or its end was typed. */
static size_t read_line(Asking *a, const char *prompt, Secret *line)
{
        struct pollfd fds[] = { { .fd = a->signals, .events = POLLIN }, { .fd = a->tty, .events = POLLIN } };
        size_t size = 0;

        say(a, prompt);
        while (size < line->size) {
                ssize_t n;

                if (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return 0;
                }
                if (fds[0].revents) {
                        take_signal(a, prompt);
                        size = 0;
                        continue;
                }
                n = read(a->tty, line->data + size, line->size - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                size += (size_t) n;
                if (line->data[size - 1] == '\n') {
                        size--;
                        break;
                }
        }
        say(a, "\n");
        return size;
}

Secret *password_ask(const char *prompt, GError **error)
{
        g_autoptr(Secret) first = secret_new(PASSWORD_SIZE_MAX + 2), second = secret_new(PASSWORD_SIZE_MAX + 2);
        g_autofree char *question = g_strconcat(prompt, ": ", NULL);
        g_auto(Asking) a = { .tty = -1, .signals = -1 };
        size_t size, again;

        if (!asking_begin(&a, error))
                return NULL;
        asking_hide(&a);
        size = read_line(&a, question, first);
        if (size == 0 || size > PASSWORD_SIZE_MAX)
                return check(g_steal_pointer(&first), size, error);
        again = read_line(&a, "The same again: ", second);
        if (size != again || memcmp(first->data, second->data, size) != 0)
                return fail(CERT_ERROR_NOT_SUPPORTED, error, "The two passwords differ: nothing was written", "Try again.");
        return check(g_steal_pointer(&first), size, error);
}

/* ---- Files and descriptors ---- */

/* A descriptor of the caller's, or -1: the path is none's. */
static int handed_over(const char *path)
{
        guint64 fd;

        if (g_str_equal(path, "-") || g_str_equal(path, "/dev/stdin"))
                return STDIN_FILENO;
        if (!g_str_has_prefix(path, "/dev/fd/") ||
            !g_ascii_string_to_unsigned(path + strlen("/dev/fd/"), 10, 0, G_MAXINT, &fd, NULL))
                return -1;
        return (int) fd;
}

static bool set_error(const char *path, int number, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED, "Cannot read the password from %s: %s\nName a file that you can read.",
                    path, g_strerror(number));
        return false;
}

static bool refuse(const char *path, const char *what, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "Cannot read the password from %s: it is %s\nName a regular file%s",
                    path, what, ", or a descriptor such as /dev/fd/3.");
        return false;
}

/* What stands there must not hold the program up (a FIFO), nor be asked twice of a person (a terminal). */
static bool check_kind(const char *path, int fd, bool is_descriptor, bool *ret_exposed, GError **error)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return set_error(path, errno, error);
        if (S_ISDIR(st.st_mode))
                return refuse(path, "a folder", error);
        if (isatty(fd))
                return refuse(path, "a terminal", error);
        if (!S_ISREG(st.st_mode) && !is_descriptor)
                return refuse(path, "no regular file", error);
        *ret_exposed = S_ISREG(st.st_mode) && (st.st_mode & (S_IRGRP | S_IROTH));
        return true;
}

/* All of it; more than fits is as much as fits. */
static bool read_all(const char *path, int fd, Secret *text, size_t *ret_size, GError **error)
{
        size_t size = 0;

        while (size < text->size) {
                ssize_t n = read(fd, text->data + size, text->size - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return set_error(path, errno, error);
                if (n == 0)
                        break;
                size += (size_t) n;
        }
        *ret_size = size;
        return true;
}

static bool read_from(const char *path, int fd, bool is_descriptor, Secret *text, size_t *ret_size, bool *ret_exposed,
                      GError **error)
{
        return check_kind(path, fd, is_descriptor, ret_exposed, error) && read_all(path, fd, text, ret_size, error);
}

Secret *password_read(const char *path, bool *ret_exposed, GError **error)
{
        g_autoptr(Secret) text = secret_new(PASSWORD_SIZE_MAX + 2);
        int given = handed_over(path), fd;
        bool exposed = false, done;
        size_t size;

        fd = given >= 0 ? given : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0) {
                (void) set_error(path, errno, error);
                return NULL;
        }
        done = read_from(path, fd, given >= 0, text, &size, &exposed, error);
        if (given < 0)
                close(fd);
        if (!done)
                return NULL;
        if (size > 0 && text->data[size - 1] == '\n')
                size--;
        *ret_exposed = exposed;
        return check(g_steal_pointer(&text), size, error);
}
