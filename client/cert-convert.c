/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-convert: what `certctl convert` runs. It is a program of its own because it reads certificates by GnuTLS, for which
 * certctl's other verbs shall not wait. */

#include "client/client.h"
#include "client/convert/conversion.h"
#include "client/newfile.h"
#include "common/error.h"
#include "common/suggest.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

typedef bool (*Converter)(Conversion *c, const char *path, GError **error);

typedef struct Source {
        const char *name;
        Converter convert;
} Source;

static const Source sources[] = {
        { "phoenix", phoenix_convert },
        { "certbot", certbot_convert },
        { "certmonger", certmonger_convert },
};

/* ---- Arguments ---- */

static int usage(const char *message)
{
        fprintf(stderr, "certctl: %s; see: certctl convert --help\n", message);
        return EXIT_STATUS_USAGE;
}

static bool take(const char *argument, const char *name, const char **value)
{
        size_t length = strlen(name);

        if (strncmp(argument, name, length) != 0 || argument[length] != '=')
                return false;
        *value = argument + length + 1;
        return true;
}

static void take_option(ConvertOptions *o, const char *argument)
{
        o->quiet = o->quiet || g_str_equal(argument, "--quiet");
        o->force = o->force || g_str_equal(argument, "--force");
        (void) (take(argument, "--issuer", &o->issuer) || take(argument, "--url", &o->url) ||
                take(argument, "--root-fingerprint", &o->root_fingerprint) || take(argument, "--root", &o->root) ||
                take(argument, "--provisioner", &o->provisioner) || take(argument, "--password-file", &o->password_file) ||
                take(argument, "--emit-units", &o->emit_units) || take(argument, "--output", &o->output));
}

static const Source *find_source(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
                if (g_str_equal(sources[i].name, name))
                        return &sources[i];
        return NULL;
}

/* What is said of an issuer goes into the one that phoenix's entries get. */
static bool says_issuer(const ConvertOptions *o)
{
        return o->url || o->root || o->root_fingerprint || o->provisioner || o->password_file;
}

static int unknown_source(const char *name)
{
        const char *names[G_N_ELEMENTS(sources)], *meant;
        g_autofree char *message = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
                names[i] = sources[i].name;
        meant = suggest_word(name, names, G_N_ELEMENTS(names));
        message = meant ? g_strdup_printf("\"%s\" cannot be converted from; did you mean \"%s\"?", name, meant)
                        : g_strdup_printf("\"%s\" cannot be converted from; there are phoenix, certbot and certmonger", name);
        return usage(message);
}

/* ---- The result ---- */

static int fail(const Terminal *t, const GError *error)
{
        g_autofree char *clean = terminal_clean(t, error->message, true);

        fprintf(stderr, "certctl: %s\n", clean);
        return EXIT_STATUS_FAILED;
}

static bool write_output(const ConvertOptions *o, const char *json)
{
        int r;

        if (!o->output) {
                if (fputs(json, stdout) >= 0 && fflush(stdout) == 0)
                        return true;
                perror("certctl: writing the manifest");
                return false;
        }
        r = newfile_write(o->output, json, o->force);
        if (r == 0)
                return true;
        fprintf(stderr, r == -EEXIST ? "certctl: %s is there already, and stays as it is; --force replaces it\n"
                                     : "certctl: cannot write %s: %s\n",
                o->output, g_strerror(-r));
        return false;
}

static void print_summary(const Conversion *c)
{
        const Report *r = c->report;

        if (c->options->quiet)
                return;
        fprintf(stderr, "%u certificate%s converted", c->entries->len, c->entries->len == 1 ? "" : "s");
        if (r->count[REPORT_LEFT_OUT] > 0)
                fprintf(stderr, ", %u left out", r->count[REPORT_LEFT_OUT]);
        fprintf(stderr, ". Nothing was run. %s: certctl validate %s\n",
                c->options->output ? "Check the manifest" : "Once the manifest is in a file, check it",
                c->options->output ?: "FILE");
}

static bool is_units_folder(const char *folder)
{
        return g_str_equal(folder, "/etc/systemd/system") || g_str_equal(folder, "/etc/systemd/system/");
}

/* The report comes before the manifest, so that on a terminal the end of it is not lost. */
static int finish(Conversion *c)
{
        g_autofree char *json = conversion_to_json(c);

        if (c->units_written > 0)
                report_add(c->report, REPORT_TO_DO, 0, NULL,
                           "%u one-shot unit%s written to %s: %s systemctl daemon-reload", c->units_written,
                           c->units_written == 1 ? " was" : "s were", c->options->emit_units,
                           is_units_folder(c->options->emit_units)
                                   ? "run:"
                                   : "copy them to /etc/systemd/system, then run:");
        report_print(c->report, c->options->quiet);
        if (!write_output(c->options, json))
                return EXIT_STATUS_FAILED;
        print_summary(c);
        return c->report->count[REPORT_LEFT_OUT] > 0 || c->units_failed > 0 ? EXIT_STATUS_FAILED : EXIT_STATUS_DONE;
}

/* The arguments are made by certctl alone: [OPTION=VALUE…] [--force] [--quiet] -- FROM [PATH]. */
int main(int argc, char **argv)
{
        g_autoptr(Conversion) c = NULL;
        g_autoptr(GError) error = NULL;
        ConvertOptions options = {};
        const Source *source;
        Terminal terminal;
        int i;

        setlocale(LC_ALL, "");
        terminal_probe(&terminal);
        for (i = 1; i < argc && !g_str_equal(argv[i], "--"); i++)
                take_option(&options, argv[i]);
        if (i + 1 >= argc)
                return usage("say what to convert from");
        source = find_source(argv[i + 1]);
        if (!source)
                return unknown_source(argv[i + 1]);
        if (says_issuer(&options) && source->convert != phoenix_convert)
                return usage("what is said of an issuer, such as --url, is for phoenix; name one by --issuer");
        if (options.root && options.root_fingerprint)
                return usage("--root and --root-fingerprint exclude each other");
        c = conversion_new(&options);
        if (!source->convert(c, argv[i + 2], &error))
                return fail(&terminal, error);
        return finish(c);
}
