/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-export: what `certctl export` runs. It is a program of its own because it reads certificates by GnuTLS, for which
 * certctl's other verbs shall not wait, and because it may hold a private key: which it reads as the caller may, and keeps
 * from core dumps and debuggers. */

#include "client/client.h"
#include "client/connect.h"
#include "client/export/material.h"
#include "client/export/password.h"
#include "client/export/pkcs12.h"
#include "client/handover.h"
#include "client/newfile.h"
#include "common/error.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Export {
        Client client;
        const char *name;
} Export;

/* ---- The process ---- */

static void keep_to_itself(void)
{
        static const struct rlimit none = { 0, 0 };

        (void) setrlimit(RLIMIT_CORE, &none);
        (void) prctl(PR_SET_DUMPABLE, 0);
}

static void take_option(Options *o, const char *argument)
{
        o->quiet |= g_str_equal(argument, "--quiet");
        o->pkcs12 |= g_str_equal(argument, "--pkcs12");
        o->force |= g_str_equal(argument, "--force");
        (void) (handover_take(argument, "--password-file", &o->password_file) || handover_take(argument, "--output", &o->output));
}

/* ---- Where it goes ---- */

static bool is_in_the_way(const Options *o)
{
        struct stat st;

        return o->output && !o->force && lstat(o->output, &st) == 0;
}

static ExitStatus say_in_the_way(const Options *o)
{
        fprintf(stderr, "certctl: %s is there already, and stays as it is; --force replaces it\n", o->output);
        return EXIT_STATUS_FAILED;
}

static ExitStatus write_file(const Options *o, GBytes *content)
{
        size_t size;
        const void *data = g_bytes_get_data(content, &size);
        int r = newfile_write_secret(o->output, data, size, o->force);

        if (r == -EEXIST && !o->force)
                return say_in_the_way(o);
        if (r == 0)
                return EXIT_STATUS_DONE;
        fprintf(stderr, "certctl: cannot write %s: %s\n", o->output,
                r == -EEXIST ? "it is no regular file, and stays as it is" : g_strerror(-r));
        return EXIT_STATUS_FAILED;
}

static ExitStatus write_output(const Options *o, GBytes *content)
{
        size_t size;
        const void *data = g_bytes_get_data(content, &size);

        if (o->output)
                return write_file(o, content);
        if (fwrite(data, 1, size, stdout) == size && fflush(stdout) == 0)
                return EXIT_STATUS_DONE;
        perror("certctl: writing the output");
        return EXIT_STATUS_FAILED;
}

/* ---- What is written ---- */

static Secret *get_password(const Export *e, GError **error)
{
        const char *file = e->client.options.password_file;
        g_autofree char *prompt = NULL;
        bool exposed = false;
        Secret *password;

        if (!file) {
                prompt = g_strdup_printf("Password for the PKCS#12 file of %s", e->name);
                return password_ask(prompt, error);
        }
        password = password_read(file, &exposed, error);
        if (password && exposed && !e->client.options.quiet)
                fprintf(stderr, "certctl: others than you can read the password in %s; run: chmod go= %s\n", file, file);
        return password;
}

static GBytes *make_pkcs12(const Export *e, const Material *m, GError **error)
{
        g_autoptr(Secret) password = get_password(e, error);

        return password ? pkcs12_make(m, e->name, password, error) : NULL;
}

static ExitStatus export(const Export *e)
{
        const Options *o = &e->client.options;
        g_autoptr(GError) error = NULL;
        g_autoptr(Material) m = material_get(&e->client, e->name, o->pkcs12, &error);
        g_autoptr(GBytes) content = NULL;

        if (!m)
                return client_report(&e->client, error);
        if (m->unknown_ca && !o->quiet)
                fprintf(stderr, "certctl: the CA's certificate is left out: %s\n", m->unknown_ca);
        content = o->pkcs12 ? make_pkcs12(e, m, &error) : material_to_pem(m, &error);
        return content ? write_output(o, content) : client_report(&e->client, error);
}

/* What can be known to be wrong before anything is read, and anybody asked. */
static ExitStatus check(const Export *e)
{
        const Options *o = &e->client.options;

        if (o->password_file && !o->pkcs12)
                return client_usage("--password-file is for --pkcs12: without it no key is exported");
        if (o->pkcs12 && !o->output && isatty(STDOUT_FILENO))
                return client_usage("PKCS#12 is not for a terminal; name a file: -o FILE");
        return is_in_the_way(o) ? say_in_the_way(o) : EXIT_STATUS_DONE;
}

/* The arguments are made by certctl alone: [--pkcs12] [--password-file=FILE] [--output=FILE] [--force] [--quiet] -- NAME. */
int main(int argc, char **argv)
{
        Export e = {};
        ExitStatus status;
        int i;

        keep_to_itself();
        setlocale(LC_ALL, "");
        for (i = 1; i < argc && !g_str_equal(argv[i], "--"); i++)
                take_option(&e.client.options, argv[i]);
        if (i + 2 != argc)
                return client_usage("say which certificate to export; see: certctl export --help");
        e.name = argv[i + 1];
        terminal_probe(&e.client.terminal);
        status = check(&e);
        if (status == EXIT_STATUS_DONE)
                status = export(&e);
        options_clear(&e.client.options);
        return status;
}
