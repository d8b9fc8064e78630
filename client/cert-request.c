/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-request: tells what a request is, or what a certificate became of one, for `certctl csr` and `certctl
 * sign`. It is a program of its own because it reads both by GnuTLS, for which certctl's other verbs shall
 * not wait, and because what it reads came from anybody: it has standard input and output, and can open
 * nothing else. */

#include "client/connect.h"
#include "client/request/describe.h"
#include "client/when.h"
#include "common/error.h"
#include "common/timespan.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define INPUT_MAX   (UINT32_C(2) << 20) /* bytes; PEM of what certctl takes at most */
#define CPU_SECONDS 10

typedef struct Arguments {
        Client client;
        Wish wish;
        GPtrArray *names;    /* --name */
        const char *name;    /* of the certificate whose request it is, or NULL */
        uint64_t made;       /* when, microseconds since 1970 */
        bool is_certificate; /* the input is what SignRequest gave */
} Arguments;

/* ---- Standard input, and no more ---- */

/* A leak check reads /proc when the program ends. */
#ifdef __SANITIZE_ADDRESS__
#define FILES_MAX 64
#else
#define FILES_MAX 0
#endif

/* What the parser of a hostile file can do, should it be led astray: use its time, and end. */
static void lock_in(void)
{
        static const struct rlimit none = { 0, 0 }, cpu = { CPU_SECONDS, CPU_SECONDS },
                                   files = { FILES_MAX, FILES_MAX };

        tzset(); /* reads a file */
        (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        (void) setrlimit(RLIMIT_CPU, &cpu);
        (void) setrlimit(RLIMIT_CORE, &none);
        (void) setrlimit(RLIMIT_NPROC, &none);
        (void) setrlimit(RLIMIT_NOFILE, &files);
}

static GBytes *read_input(GError **error)
{
        g_autoptr(GByteArray) all = g_byte_array_new();
        guint8 buffer[65536];
        ssize_t n;

        while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 || all->len + (size_t) n > INPUT_MAX) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                                    "cannot read the request: %s",
                                    n < 0 ? g_strerror(errno) : "it is too large");
                        return NULL;
                }
                g_byte_array_append(all, buffer, (guint) n);
        }
        return g_byte_array_free_to_bytes(g_steal_pointer(&all));
}

/* ---- Arguments ---- */

static const char *value_of(const char *argument, const char *name)
{
        size_t length = strlen(name);

        return strncmp(argument, name, length) == 0 && argument[length] == '=' ? argument + length + 1 : NULL;
}

static void take_argument(Arguments *a, const char *argument)
{
        const char *value;

        if ((value = value_of(argument, "--json")))
                a->client.options.json = g_str_equal(value, "short") ? JSON_SHORT : JSON_PRETTY;
        else if ((value = value_of(argument, "--of")))
                a->name = value;
        else if ((value = value_of(argument, "--made")))
                a->made = g_ascii_strtoull(value, NULL, 10);
        else if ((value = value_of(argument, "--issuer")))
                a->wish.issuer = value;
        else if ((value = value_of(argument, "--lifetime")))
                a->wish.lifetime = value;
        else if ((value = value_of(argument, "--usage")))
                a->wish.usage |= usage_from_string(value);
        else if ((value = value_of(argument, "--name")))
                g_ptr_array_add(a->names, (char *) value);
        else if (g_str_equal(argument, "--quiet"))
                a->client.options.quiet = true;
        else if (g_str_equal(argument, "--certificate"))
                a->is_certificate = true;
}

/* ---- A request ---- */

static void print_request_json(const Arguments *a, const RequestFacts *f, GBytes *input)
{
        g_autoptr(JsonOut) j = json_out_new(a->client.options.json);
        gsize size;
        const char *data = g_bytes_get_data(input, &size);
        g_autofree char *pem = g_strndup(data, size);

        json_out_begin(j, NULL, '{');
        if (a->name)
                json_out_string(j, "name", a->name);
        json_out_number(j, "requested_at", a->made);
        describe_request_json(f, j);
        json_out_string(j, "pem", pem);
        json_out_end(j);
        json_out_print(j);
}

/* EXIT_STATUS_TROUBLE: it is to be signed, and no authority signs it; why is in `error`. */
static ExitStatus tell_request(const Arguments *a, GBytes *input, GError **error)
{
        g_autoptr(RequestFacts) f = request_facts_new(input, error);
        bool sign = a->wish.issuer != NULL, good;

        if (!f)
                return EXIT_STATUS_FAILED;
        if (a->client.options.json != JSON_OFF) {
                print_request_json(a, f, input);
                return EXIT_STATUS_DONE;
        }
        good = !sign || describe_verdict(f, &a->wish, error);
        if (!a->client.options.quiet) {
                describe_request(&a->client, f, a->made);
                if (sign && good)
                        describe_wish(&a->client, f, &a->wish);
        }
        return good ? EXIT_STATUS_DONE : EXIT_STATUS_TROUBLE;
}

/* ---- A certificate ---- */

static ExitStatus tell_certificate(const Arguments *a, GBytes *input, GError **error)
{
        g_autoptr(IssuedFacts) f = issued_facts_new(input, error);
        g_autofree char *until = NULL;

        if (!f)
                return EXIT_STATUS_FAILED;
        if (a->client.options.json != JSON_OFF) {
                g_autoptr(JsonOut) j = json_out_new(a->client.options.json);

                json_out_begin(j, NULL, '{');
                json_out_string(j, "issuer", a->wish.issuer ?: "");
                describe_issued_json(f, j);
                json_out_end(j);
                json_out_print(j);
                return EXIT_STATUS_DONE;
        }
        until = when_both(f->not_after, now_realtime());
        printf("Signed: serial number %s, ends %s.\n", f->serial, until);
        return EXIT_STATUS_DONE;
}

/* The arguments are made by certctl alone: [OPTION...] -- */
int main(int argc, char **argv)
{
        Arguments a = { .names = g_ptr_array_new() };
        g_autoptr(GBytes) input = NULL;
        g_autoptr(GError) error = NULL;
        ExitStatus status = EXIT_STATUS_FAILED;

        setlocale(LC_ALL, "");
        terminal_probe(&a.client.terminal);
        for (int i = 1; i < argc && !g_str_equal(argv[i], "--"); i++)
                take_argument(&a, argv[i]);
        g_ptr_array_add(a.names, NULL);
        a.wish.names = a.names->len > 1 ? (char **) a.names->pdata : NULL;
        lock_in();
        input = read_input(&error);
        if (input)
                status = a.is_certificate ? tell_certificate(&a, input, &error)
                                          : tell_request(&a, input, &error);
        if (error)
                (void) client_report(&a.client, error);
        if (fflush(stdout) == EOF)
                status = EXIT_STATUS_FAILED;
        g_ptr_array_unref(a.names);
        return status;
}
