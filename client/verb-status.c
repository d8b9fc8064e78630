/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl status`: how the host's certificates, authorities and bundles are, as tables, or some of them in
 * full. */

#include "client/connect.h"
#include "client/detail-trust.h"
#include "client/detail.h"
#include "client/host.h"
#include "client/manager.h"
#include "client/pager.h"
#include "client/subject.h"
#include "client/table.h"
#include "client/waiting.h"
#include "client/when.h"
#include "common/timespan.h"

#include <inttypes.h>
#include <stdio.h>

/* So many troubles are told in full below the table (all with --full): each costs a call. */
#define TROUBLES_SHOWN 10

static void print_certificates(const Client *client, const CertRows *list, uint64_t now)
{
        static const char *const headings[] = { "NAME", "STATE", "ISSUER", "EXPIRES", "NEXT RENEWAL", NULL };
        g_autoptr(Table) table = table_new(&client->terminal, headings);

        for (guint i = 0; i < list->rows->len; i++) {
                const CertRow *row = &g_array_index(list->rows, CertRow, i);
                g_autofree char *expires = when_both(row->not_after, now);
                g_autofree char *renewal = when_relative(row->next_renewal, now);

                table_add(table, STYLE_NONE, row->name);
                table_add(table, style_of_state(row->state), row->state);
                table_add(table, STYLE_NONE, row->issuer);
                table_add(table, cert_row_is_expired(row, now) ? STYLE_BAD : STYLE_NONE, expires);
                table_add(table, STYLE_NONE, renewal);
        }
        table_print(table, client->options.no_legend, client->options.full);
}

static void print_authorities(const Client *client, GPtrArray *authorities, uint64_t now)
{
        static const char *const headings[] = { "NAME",          "STATE",        "PHASE", "EXPIRES",
                                                "NEXT ROTATION", "CERTIFICATES", NULL };
        g_autoptr(Table) table = table_new(&client->terminal, headings);

        for (guint i = 0; i < authorities->len; i++) {
                const Authority *a = authorities->pdata[i];
                g_autofree char *expires = when_both(a->not_after, now);
                g_autofree char *rotation = when_relative(a->next_rotation, now);
                g_autofree char *certificates = g_strdup_printf("%" PRIu32, a->certificates);
                CertRow row = authority_row(a);

                table_add(table, STYLE_NONE, a->name);
                table_add(table, style_of_state(a->state), a->state);
                table_add(table, STYLE_NONE, a->phase);
                table_add(table, cert_row_is_expired(&row, now) ? STYLE_BAD : STYLE_NONE, expires);
                table_add(table, STYLE_NONE, rotation);
                table_add(table, STYLE_NONE, certificates);
        }
        table_print(table, client->options.no_legend, client->options.full);
}

static void print_bundles(const Client *client, GPtrArray *bundles, uint64_t now)
{
        static const char *const headings[] = { "NAME",    "STATE",       "FROM", "PATH",
                                                "UPDATED", "NEXT UPDATE", NULL };
        g_autoptr(Table) table = table_new(&client->terminal, headings);

        for (guint i = 0; i < bundles->len; i++) {
                const Bundle *b = bundles->pdata[i];
                g_autofree char *updated = when_relative(b->last_change, now);
                g_autofree char *next = when_relative(b->next_update, now);
                CertRow row = bundle_row(b);

                table_add(table, STYLE_NONE, b->name);
                table_add(table, style_of_state(b->state), b->state);
                table_add(table, STYLE_NONE, b->from);
                table_add(table, STYLE_NONE, b->path);
                table_add(table, STYLE_NONE, updated);
                table_add(table, cert_row_is_expired(&row, now) ? STYLE_BAD : STYLE_NONE, next);
        }
        table_print(table, client->options.no_legend, client->options.full);
}

static void print_tables(const Client *client, const Host *host, uint64_t now)
{
        bool any = host->certificates.rows->len > 0;

        if (any)
                print_certificates(client, &host->certificates, now);
        if (host->authorities->len > 0) {
                if (any)
                        putchar('\n');
                print_authorities(client, host->authorities, now);
                any = true;
        }
        if (host->bundles->len > 0) {
                if (any)
                        putchar('\n');
                print_bundles(client, host->bundles, now);
        }
}

/* What is wrong with one, or with several alike: when a CA is away, that is said once. */
typedef struct Trouble {
        GString *names;
        char *what, *hint;
} Trouble;

static void trouble_free(void *p)
{
        Trouble *t = p;

        g_string_free(t->names, TRUE);
        g_free(t->what);
        g_free(t->hint);
        g_free(t);
}

static void print_trouble(const Terminal *t, const Trouble *trouble)
{
        printf("\n%s%s%s %s%s%s%s\n", style_on(t->colour_out, STYLE_BAD), terminal_dot(t),
               style_off(t->colour_out, STYLE_BAD), style_on(t->colour_out, STYLE_BOLD), trouble->names->str,
               style_off(t->colour_out, STYLE_BOLD), *trouble->what ? ":" : " is past its end");
        if (*trouble->what)
                detail_print_indented(trouble->what);
        if (*trouble->hint)
                detail_print_indented(trouble->hint);
}

static bool add_alike(GPtrArray *troubles, const char *name, const char *what, const char *hint)
{
        for (guint i = 0; i < troubles->len; i++) {
                Trouble *t = g_ptr_array_index(troubles, i);

                if (!*what || !g_str_equal(t->what, what) || !g_str_equal(t->hint, hint))
                        continue;
                g_string_append_printf(t->names, ", %s", name);
                return true;
        }
        return false;
}

/* The list was made a moment ago: what is gone meanwhile is no failure of `status`. */
static void add_trouble(GPtrArray *troubles, const Terminal *t, sd_bus *bus, const CertRow *row)
{
        g_autoptr(Subject) s = subject_get(bus, row->name, /* ask= */ false, NULL, NULL);
        g_autofree char *name = terminal_clean(t, row->name, false);
        g_autofree char *what = NULL, *hint = NULL;
        SubjectFailure failure;
        Trouble *trouble;

        if (!s)
                return;
        failure = subject_failure(s);
        what = terminal_clean(t, *failure.message ? failure.message : row->error, false);
        hint = terminal_clean(t, failure.hint, true);
        if (add_alike(troubles, name, what, hint))
                return;
        trouble = g_new(Trouble, 1);
        *trouble = (Trouble){ g_string_new(name), g_steal_pointer(&what), g_steal_pointer(&hint) };
        g_ptr_array_add(troubles, trouble);
}

static void print_troubles(const Client *client, sd_bus *bus, const Host *host, guint troubles, uint64_t now)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(trouble_free);
        guint shown = 0;

        for (guint i = 0; i < host_rows(host) && (client->options.full || shown < TROUBLES_SHOWN); i++) {
                CertRow row = host_row(host, i);

                if (cert_row_is_trouble(&row, now)) {
                        add_trouble(list, &client->terminal, bus, &row);
                        shown++;
                }
        }
        for (guint i = 0; i < list->len; i++)
                print_trouble(&client->terminal, g_ptr_array_index(list, i));
        if (shown < troubles)
                printf("\n... and %u more; see them all with: certctl status --full\n", troubles - shown);
}

/* Those for which a person must do something; what waits for its CA goes on by itself. */
static void print_waiting(const Client *client, sd_bus *bus, const Host *host)
{
        const GArray *certificates = host->certificates.rows;
        guint shown = 0, waiting = 0;

        for (guint i = 0; i < certificates->len; i++) {
                const CertRow *row = &g_array_index(certificates, CertRow, i);
                g_autoptr(CertDetail) d = NULL;

                if (!waiting_is_by_hand(row))
                        continue;
                if (waiting++ == 0)
                        putchar('\n');
                if (!client->options.full && shown >= TROUBLES_SHOWN)
                        continue;
                d = cert_detail_get(bus, row->name, NULL);
                if (d)
                        waiting_print(client, d);
                shown++;
        }
        if (shown < waiting)
                printf("... and %u more; see them all with: certctl status --full\n", waiting - shown);
}

static void print_legend(const Client *client, const Host *host, guint troubles)
{
        static const char *const words[_SUBJECT_KIND_MAX][2] = {
                [SUBJECT_CERTIFICATE] = { "certificate", "certificates" },
                [SUBJECT_AUTHORITY] = { "authority", "authorities" },
                [SUBJECT_BUNDLE] = { "bundle", "bundles" },
                [SUBJECT_CRL] = { "revocation list", "revocation lists" },
        };
        bool colour = client->terminal.colour_out;
        Style style = troubles ? STYLE_BAD : STYLE_NONE;
        guint counts[_SUBJECT_KIND_MAX] = {}, waiting = 0;

        if (host->certificates.rows->len == 0)
                printf("%sNo certificates. Add one to \"certificates\" in the manifest, "
                       "/etc/cert-agent/manifest.json, "
                       "then run: certctl reload\n",
                       host_rows(host) > 0 ? "\n" : "");
        if (host_rows(host) == 0)
                return;
        for (guint i = 0; i < host_rows(host); i++) {
                CertRow row = host_row(host, i);

                counts[subject_kind_of(row.name)]++;
                waiting += waiting_is_by_hand(&row);
        }
        printf("\n%u %s", counts[SUBJECT_CERTIFICATE],
               words[SUBJECT_CERTIFICATE][counts[SUBJECT_CERTIFICATE] != 1]);
        for (SubjectKind k = SUBJECT_AUTHORITY; k < _SUBJECT_KIND_MAX; k++)
                if (counts[k] > 0)
                        printf(", %u %s", counts[k], words[k][counts[k] != 1]);
        printf(", %s%u need%s attention%s", style_on(colour, style), troubles, troubles == 1 ? "s" : "",
               style_off(colour, style));
        if (waiting > 0)
                printf(", %u wait%s for an answer", waiting, waiting == 1 ? "s" : "");
        printf(".\n");
}

/* What every entry has, of whatever kind it is: who reads an entry without looking at its kind is not led
 * astray. */
static void begin_entry(JsonOut *j, const CertRow *row)
{
        json_out_begin(j, NULL, '{');
        json_out_string(j, "name", row->name);
        json_out_string(j, "kind", subject_kind_to_string(subject_kind_of(row->name)));
        json_out_string(j, "state", row->state);
        json_out_string(j, "issuer", row->issuer);
        json_out_number(j, "not_after", row->not_after);
        json_out_number(j, "next_renewal", row->next_renewal);
        json_out_string(j, "error", row->error);
}

/* One array, the certificates first. */
static void print_json(const Client *client, const Host *host)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);
        const GArray *certificates = host->certificates.rows;

        json_out_begin(j, NULL, '[');
        for (guint i = 0; i < certificates->len; i++) {
                begin_entry(j, &g_array_index(certificates, CertRow, i));
                json_out_end(j);
        }
        for (guint i = 0; i < host->authorities->len; i++) {
                const Authority *a = host->authorities->pdata[i];
                CertRow row = authority_row(a);

                begin_entry(j, &row);
                json_out_string(j, "phase", a->phase);
                json_out_number(j, "certificates", a->certificates);
                json_out_number(j, "revoked", a->revoked);
                json_out_end(j);
        }
        for (guint i = 0; i < host->bundles->len; i++) {
                const Bundle *b = host->bundles->pdata[i];
                CertRow row = bundle_row(b);

                begin_entry(j, &row);
                json_out_string(j, "path", b->path);
                json_out_strv(j, "from", b->issuers);
                json_out_number(j, "last_change", b->last_change);
                json_out_end(j);
        }
        json_out_end(j);
        json_out_print(j);
}

/* Before the first manifest there is none in force, and the problem is that there is none. */
static void print_problems(const Client *client, char *const *problems, bool any_certificates)
{
        fflush(stdout);
        fprintf(stderr, "%s\n",
                any_certificates ? "The manifest was refused, the last good one stays in force:"
                                 : "The manifest cannot be used:");
        manager_print_problems(client, problems);
}

static ExitStatus status_of_all(const Client *client, sd_bus *bus)
{
        g_auto(Host) host = {};
        g_autoptr(GError) error = NULL;
        g_autoptr(Pager) pager G_GNUC_UNUSED = NULL;
        uint64_t now = now_realtime();
        g_auto(GStrv) problems = NULL;
        guint troubles;

        if (!host_get(bus, &host, &error) || !(problems = manager_manifest_problems(bus, &error)))
                return client_report(client, error);
        troubles = host_count_troubles(&host, now);
        if (client->options.json != JSON_OFF)
                print_json(client, &host);
        else if (!client->options.quiet) {
                pager = pager_open(client);
                print_tables(client, &host, now);
                if (!client->options.no_legend) {
                        print_waiting(client, bus, &host);
                        print_troubles(client, bus, &host, troubles, now);
                        if (host_rows(&host) > 0 || !*problems)
                                print_legend(client, &host, troubles);
                }
        }
        g_clear_pointer(&pager, pager_close); /* what follows is for the terminal itself */
        if (*problems && !client->options.quiet)
                print_problems(client, problems, host_rows(&host) > 0);
        return troubles > 0 || *problems ? EXIT_STATUS_TROUBLE : EXIT_STATUS_DONE;
}

static void print_subject(const Client *client, const Subject *s, uint64_t now)
{
        if (s->kind == SUBJECT_CERTIFICATE)
                detail_print(client, s->object, now);
        else if (s->kind == SUBJECT_AUTHORITY)
                detail_authority(client, s->object, now);
        else
                detail_bundle(client, s->object, now);
}

/* What they are is no part of the state: that they cannot be had is no failure of `status`. */
static void add_findings(const Client *client, sd_bus *bus, CertDetail *d)
{
        g_autoptr(GError) error = NULL;

        if (!cert_detail_get_findings(bus, d, &error))
                (void) client_report(client, error);
}

/* Every name is answered for, also after one that is not there; the gravest status is the command's. */
static ExitStatus status_of_some(const Client *client, sd_bus *bus, char **names)
{
        g_autoptr(Pager) pager G_GNUC_UNUSED =
                client->options.json == JSON_OFF && !client->options.quiet ? pager_open(client) : NULL;
        g_autoptr(JsonOut) j = client->options.json != JSON_OFF ? json_out_new(client->options.json) : NULL;
        ExitStatus status = EXIT_STATUS_DONE;
        uint64_t now = now_realtime();

        if (j)
                json_out_begin(j, NULL, '[');
        for (char **name = names; *name; name++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Subject) s = subject_get(bus, *name, /* ask= */ false, NULL, &error);
                CertRow row;

                if (!s) {
                        ExitStatus failed = client_report(client, error);

                        if (failed != EXIT_STATUS_NO_SUCH)
                                return failed;
                        status = failed;
                        continue;
                }
                if (s->kind == SUBJECT_CERTIFICATE && !client->options.quiet)
                        add_findings(client, bus, s->object);
                row = subject_row(s);
                if (status == EXIT_STATUS_DONE && cert_row_is_trouble(&row, now))
                        status = EXIT_STATUS_TROUBLE;
                if (j)
                        field_object_json(s->table, s->object, NULL, j);
                else if (!client->options.quiet) {
                        if (name != names)
                                putchar('\n');
                        print_subject(client, s, now);
                }
        }
        if (j) {
                json_out_end(j);
                json_out_print(j);
        }
        return status;
}

ExitStatus verb_status(const Client *client, char **arguments)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;

        if (!client_connect(client, &bus, &error))
                return client_report(client, error);
        return *arguments ? status_of_some(client, bus, arguments) : status_of_all(client, bus);
}

/* For the shells' completions: the names, a line each, and no word when there is no agent. Of the
 * certificates alone, or "all", or the issuers of "authorities". */
ExitStatus verb_names(const Client *client, char **arguments)
{
        bool all = g_strcmp0(arguments[0], "all") == 0,
             authorities = g_strcmp0(arguments[0], "authorities") == 0;
        g_auto(Host) host = {};
        g_autoptr(sd_bus) bus = NULL;

        if (!client_connect(client, &bus, NULL) || !host_get(bus, &host, NULL))
                return EXIT_STATUS_FAILED;
        for (guint i = 0; i < host_rows(&host); i++) {
                CertRow row = host_row(&host, i);
                SubjectKind kind = subject_kind_of(row.name);
                bool wanted = all || kind == (authorities ? SUBJECT_AUTHORITY : SUBJECT_CERTIFICATE);
                g_autofree char *name =
                        terminal_clean(&client->terminal, authorities ? row.issuer : row.name, false);

                if (wanted)
                        printf("%s\n", name);
        }
        return EXIT_STATUS_DONE;
}
