/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-validate: what `certctl validate` runs. It is a program of its own because the check loads GnuTLS and
 * json-glib, which certctl's other verbs shall not wait for. */

#include "agent/manifest.h"
#include "client/output-json.h"
#include "client/terminal.h"
#include "common/error.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static void print_json(JsonFormat format, const GPtrArray *problems)
{
        g_autoptr(JsonOut) j = json_out_new(format);

        json_out_begin(j, NULL, '[');
        for (guint i = 0; problems && i < problems->len; i++) {
                const ManifestProblem *p = problems->pdata[i];

                json_out_begin(j, NULL, '{');
                json_out_string(j, "file", p->file ?: "");
                json_out_number(j, "line", p->line);
                json_out_number(j, "column", p->column);
                json_out_string(j, "path", p->path ?: "");
                json_out_string(j, "message", p->message);
                json_out_string(j, "hint", p->hint ?: "");
                json_out_end(j);
        }
        json_out_end(j);
        json_out_print(j);
}

static void print_problems(const Terminal *t, const GPtrArray *problems)
{
        for (guint i = 0; problems && i < problems->len; i++) {
                g_autofree char *text = manifest_problem_to_string(problems->pdata[i]);
                g_autofree char *clean = terminal_clean(t, text, false);

                fprintf(stderr, "%s\n", clean);
        }
}

static const char *plural(unsigned n)
{
        return n == 1 ? "" : "s";
}

static void print_summary(const Manifest *manifest)
{
        unsigned issuers = g_hash_table_size(manifest->issuers), count[_MANIFEST_KIND_MAX] = { 0 };

        count[MANIFEST_KIND_CERTIFICATE] = manifest->certificates->len;
        for (unsigned i = 0; i < manifest->bundles->len; i++)
                count[((const ManifestCertificate *) manifest->bundles->pdata[i])->kind]++;
        printf("The manifest is without fault: %u certificate%s", count[MANIFEST_KIND_CERTIFICATE],
               plural(count[MANIFEST_KIND_CERTIFICATE]));
        if (count[MANIFEST_KIND_BUNDLE] > 0)
                printf(", %u bundle%s", count[MANIFEST_KIND_BUNDLE], plural(count[MANIFEST_KIND_BUNDLE]));
        if (count[MANIFEST_KIND_CRL] > 0)
                printf(", %u revocation list%s", count[MANIFEST_KIND_CRL], plural(count[MANIFEST_KIND_CRL]));
        printf(", %u issuer%s.\n", issuers, plural(issuers));
}

static int report(JsonFormat format, bool quiet, const Manifest *manifest, const GPtrArray *problems,
                  const GError *error)
{
        Terminal terminal;

        terminal_probe(&terminal);
        if (format != JSON_OFF)
                print_json(format, problems);
        else if (!manifest) {
                g_autofree char *summary = cert_error_summary(error);
                g_autofree char *clean = terminal_clean(&terminal, summary, false);

                /* the error's own words are those of the first problem again */
                print_problems(&terminal, problems);
                if (!problems || problems->len == 0)
                        fprintf(stderr, "certctl: %s\n", clean);
        } else if (!quiet)
                print_summary(manifest);
        return manifest ? 0 : 1;
}

/* The arguments are made by certctl alone: [--json=FORMAT] [--quiet] -- [FILE]. */
int main(int argc, char **argv)
{
        g_autoptr(GPtrArray) problems = NULL;
        g_autoptr(Manifest) manifest = NULL;
        g_autoptr(GError) error = NULL;
        JsonFormat format = JSON_OFF;
        bool quiet = false;
        int i;

        setlocale(LC_ALL, "");
        for (i = 1; i < argc && !g_str_equal(argv[i], "--"); i++) {
                quiet = quiet || g_str_equal(argv[i], "--quiet");
                if (g_str_has_prefix(argv[i], "--json="))
                        format = g_str_has_suffix(argv[i], "=short") ? JSON_SHORT : JSON_PRETTY;
        }
        if (i + 1 < argc)
                (void) manifest_load_file(argv[i + 1], &manifest, &problems, &error);
        else
                (void) manifest_load(&manifest, &problems, &error);
        return report(format, quiet, manifest, problems, error);
}
