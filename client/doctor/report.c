/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The report: one line of what was seen, then each diagnosis with what to do, wrapped to the terminal. */

#include "client/doctor/report.h"

#include "client/doctor/diagnosis.h"
#include "client/doctor/judge.h"
#include "client/output-json.h"
#include "client/when.h"
#include "common/san.h"
#include "common/timespan.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_MIN 40
#define COLUMNS_MAX 110
#define INDENT      4

/* ---- Lines ---- */

char *report_wrap(const char *text, unsigned indent, unsigned columns)
{
        g_auto(GStrv) words = g_strsplit_set(text, " \n", -1);
        GString *s = g_string_new(NULL);
        unsigned used = 0;

        for (char **word = words; *word; word++) {
                unsigned width = text_width(*word);

                if (width == 0)
                        continue;
                if (used > 0 && columns > 0 && used + 1 + width > columns) {
                        g_string_append_c(s, '\n');
                        used = 0;
                }
                if (used == 0)
                        g_string_append_printf(s, "%*s", (int) indent, "");
                else
                        g_string_append_c(s, ' ');
                used = (used == 0 ? indent : used + 1) + width;
                g_string_append(s, *word);
        }
        return g_string_free(s, FALSE);
}

static unsigned columns_of(const Client *client)
{
        return client->terminal.columns > 0 ? CLAMP(client->terminal.columns, COLUMNS_MIN, COLUMNS_MAX) : 0;
}

static void print_paragraph(const Client *client, const char *text, Style style)
{
        bool colour = client->terminal.colour_out;
        g_autofree char *clean = terminal_clean(&client->terminal, text, false);
        g_autofree char *lines = report_wrap(clean, INDENT, columns_of(client));

        if (*lines)
                printf("%s%s%s\n", style_on(colour, style), lines, style_off(colour, style));
}

/* ---- What was seen ---- */

static gnutls_x509_crt_t leaf_of(const Session *s)
{
        gnutls_x509_crt_t crt = NULL;
        gnutls_datum_t der;

        if (!s || s->chain->len == 0 || gnutls_x509_crt_init(&crt) < 0)
                return NULL;
        der = (gnutls_datum_t) { (unsigned char *) g_bytes_get_data(s->chain->pdata[0], NULL),
                                 (unsigned) g_bytes_get_size(s->chain->pdata[0]) };
        if (gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) >= 0)
                return crt;
        gnutls_x509_crt_deinit(crt);
        return NULL;
}

static char *where_words(const Report *r)
{
        const Target *t = r->target;

        if (!t->connect || g_str_equal(t->text, t->connect))
                return g_strdup(t->text);
        return g_strdup_printf("%s at %s", t->text, t->connect);
}

/* "web at 127.0.0.1:443: TLS1.3, serves "www.example.org" of "Site CA", ends 2026-12-24 …" */
static char *summary(const Report *r)
{
        g_autofree char *where = where_words(r);
        GString *s = g_string_new(where);
        gnutls_x509_crt_t leaf = leaf_of(r->session);

        if (r->session && *r->session->protocol && leaf) {
                g_autofree char *protocol = words_protocol(r->session);

                g_string_append_printf(s, ": %s", protocol);
        }
        if (r->session && leaf && r->starttls)
                g_string_append_printf(s, " after STARTTLS (%s)", r->starttls);
        if (leaf) {
                g_autofree char *name = words_subject(leaf), *issuer = words_issuer(leaf), *print = words_fingerprint(leaf);
                g_autofree char *end = NULL;
                uint64_t from, to, now = now_realtime();

                cert_validity(leaf, &from, &to);
                end = when_both(to, now);
                g_string_append_printf(s, ", serves %s of %s (%.16s…), %s %s", name, issuer, print,
                                       to > now ? "ends" : "ended", end);
                gnutls_x509_crt_deinit(leaf);
        } else if (r->target->connect)
                g_string_append(s, ": no certificate was seen");
        return g_string_free(s, FALSE);
}

/* ---- In words ---- */

static void print_diagnosis(const Client *client, const Diagnosis *d)
{
        bool colour = client->terminal.colour_out;
        Style style = d->is_warning ? STYLE_WARNING : STYLE_BAD;

        printf("\n%s%s %s%s%s\n", style_on(colour, style), terminal_dot(&client->terminal), diagnosis_code_to_string(d->code),
               d->is_warning ? " (warning)" : "", style_off(colour, style));
        print_paragraph(client, d->message, STYLE_NONE);
        print_paragraph(client, d->hint, STYLE_BOLD);
}

static void print_words(const Client *client, const Report *r)
{
        bool quiet = client->options.quiet, healthy = diagnosis_list_is_healthy(r->diagnoses);
        g_autofree char *line = summary(r), *clean = terminal_clean(&client->terminal, line, false);
        g_autofree char *lines = report_wrap(clean, 0, columns_of(client));

        if (quiet && r->diagnoses->len == 0)
                return;
        printf("%s\n", lines);
        for (guint i = 0; i < r->diagnoses->len; i++)
                print_diagnosis(client, r->diagnoses->pdata[i]);
        if (quiet)
                return;
        if (r->notes->len > 0)
                printf("\n");
        for (guint i = 0; i < r->notes->len; i++) {
                g_autofree char *text = g_strdup_printf("Note: %s", (const char *) r->notes->pdata[i]);

                print_paragraph(client, text, STYLE_DIM);
        }
        if (healthy)
                printf("\n%s%s%s\n", style_on(client->terminal.colour_out, STYLE_GOOD),
                       r->diagnoses->len > 0 ? "Healthy, but for the warnings." : "Healthy.",
                       style_off(client->terminal.colour_out, STYLE_GOOD));
}

/* ---- For scripts ---- */

static void add_certificate(JsonOut *j, gnutls_x509_crt_t leaf)
{
        g_auto(GStrv) names = san_list_of_certificate(leaf, NULL);
        g_autofree char *print = words_fingerprint(leaf);
        gnutls_datum_t text = { 0 };
        uint64_t from, to;

        cert_validity(leaf, &from, &to);
        json_out_begin(j, "certificate", '{');
        if (gnutls_x509_crt_get_dn3(leaf, &text, 0) >= 0) {
                json_out_string(j, "subject", (const char *) text.data);
                gnutls_free(text.data);
        }
        if (gnutls_x509_crt_get_issuer_dn3(leaf, &text, 0) >= 0) {
                json_out_string(j, "issuer", (const char *) text.data);
                gnutls_free(text.data);
        }
        json_out_string(j, "fingerprint", print);
        if (names)
                json_out_strv(j, "names", names);
        json_out_number(j, "not_before", from);
        json_out_number(j, "not_after", to);
        json_out_end(j);
}

static void add_diagnoses(JsonOut *j, const GPtrArray *list)
{
        json_out_begin(j, "diagnoses", '[');
        for (guint i = 0; i < list->len; i++) {
                const Diagnosis *d = list->pdata[i];

                json_out_begin(j, NULL, '{');
                json_out_string(j, "code", diagnosis_code_to_string(d->code));
                json_out_string(j, "severity", d->is_warning ? "warning" : "error");
                json_out_string(j, "message", d->message);
                json_out_string(j, "hint", d->hint);
                json_out_end(j);
        }
        json_out_end(j);
}

static void print_json(const Client *client, const Report *r)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);
        gnutls_x509_crt_t leaf = leaf_of(r->session);

        json_out_begin(j, NULL, '{');
        json_out_string(j, "target", r->target->text);
        json_out_string(j, "connect", r->target->connect ?: "");
        json_out_string(j, "name", r->target->name ?: "");
        json_out_string(j, "starttls", r->starttls ?: "");
        json_out_bool(j, "healthy", diagnosis_list_is_healthy(r->diagnoses));
        json_out_string(j, "protocol", r->session ? r->session->protocol : "");
        json_out_string(j, "cipher", r->session ? r->session->cipher : "");
        json_out_bool(j, "client_certificate_wanted", r->session && r->session->asked);
        if (leaf) {
                add_certificate(j, leaf);
                gnutls_x509_crt_deinit(leaf);
        }
        add_diagnoses(j, r->diagnoses);
        json_out_begin(j, "notes", '[');
        for (guint i = 0; i < r->notes->len; i++)
                json_out_string(j, NULL, r->notes->pdata[i]);
        json_out_end(j);
        json_out_end(j);
        json_out_print(j);
}

ExitStatus report_print(const Client *client, const Report *r)
{
        if (client->options.json != JSON_OFF)
                print_json(client, r);
        else
                print_words(client, r);
        return diagnosis_list_is_healthy(r->diagnoses) ? EXIT_STATUS_DONE : EXIT_STATUS_TROUBLE;
}
