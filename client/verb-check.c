/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl check`: the host's certificates, authorities and bundles in one line and one exit status, as
 * monitoring systems want them (the convention of Nagios's plugins: 0 ok, 1 warning, 2 critical, 3 unknown;
 * after '|' what can be drawn).
 */

#include "client/connect.h"
#include "client/finding.h"
#include "client/host.h"
#include "client/manager.h"
#include "client/waiting.h"
#include "client/when.h"
#include "common/error.h"
#include "common/state.h"
#include "common/timespan.h"

#include <inttypes.h>
#include <stdio.h>

typedef enum Verdict {
        VERDICT_OK,
        VERDICT_WARNING,
        VERDICT_CRITICAL,
        VERDICT_UNKNOWN,
} Verdict;

static const char *const verdicts[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/* So many are named in the line; the rest is counted. */
#define NAMES_SHOWN 5

typedef struct Summary {
        Verdict verdict;
        guint troubles;
        GString *names;         /* of those that are not OK */
        const CertRow *soonest; /* the next to end, or NULL */
        char *findings;         /* about files, in words; NULL: none */
        guint n_findings;
} Summary;

/* A renewal that should long have happened: the timer does not run, or nothing comes of it. The time between
 * the planned renewal and the end is the yardstick, so that it holds for certificates of a day and of a year
 * alike. */
static Verdict judge_overdue(const CertRow *row, uint64_t now)
{
        uint64_t reserve, left = row->not_after - now;

        if (row->next_renewal == 0 || row->next_renewal >= row->not_after || row->next_renewal > now)
                return VERDICT_OK;
        reserve = row->not_after - row->next_renewal;
        if (left < reserve / 10)
                return VERDICT_CRITICAL;
        return left < reserve / 3 ? VERDICT_WARNING : VERDICT_OK;
}

static Verdict judge(const CertRow *row, uint64_t now)
{
        CertState state = cert_state_from_string(row->state);
        Verdict overdue;

        if (cert_row_is_expired(row, now))
                return VERDICT_CRITICAL;
        if (state == CERT_STATE_BLOCKED || state == CERT_STATE_DEGRADED || state < 0)
                return VERDICT_CRITICAL;
        if (row->not_after == 0) /* there is none yet */
                return state == CERT_STATE_FAILED ? VERDICT_CRITICAL : VERDICT_WARNING;
        overdue = judge_overdue(row, now);
        return state == CERT_STATE_FAILED || state == CERT_STATE_WAITING ? MAX(overdue, VERDICT_WARNING)
                                                                         : overdue;
}

/* A bundle has no end, so that it is not there yet must be read from its state. */
static Verdict judge_bundle(const Bundle *b, uint64_t now)
{
        CertState state = cert_state_from_string(b->state);
        CertRow row = bundle_row(b);

        if (row.not_after > 0)
                return judge(&row, now);
        if (state == CERT_STATE_BLOCKED || state == CERT_STATE_DEGRADED || state < 0)
                return VERDICT_CRITICAL;
        if (state == CERT_STATE_FAILED)
                return b->last_change == 0 ? VERDICT_CRITICAL : VERDICT_WARNING;
        return b->last_change == 0 ? VERDICT_WARNING : VERDICT_OK;
}

static void count_text(Summary *s, Verdict v, const char *text)
{
        s->verdict = MAX(s->verdict, v);
        if (v != VERDICT_OK && s->troubles++ < NAMES_SHOWN)
                g_string_append_printf(s->names, "%s%s", s->names->len ? ", " : "", text);
}

static void count(Summary *s, const CertRow *row, Verdict v, uint64_t now)
{
        g_autofree char *text = g_strdup_printf("%s %s", row->name, cert_row_word(row, now));

        count_text(s, v, text);
}

/* No renewal is planned while a person is waited for. The request was made when it was time to renew, so what
 * there was of the certificate's time then is the yardstick. */
static void count_waiting(Summary *s, sd_bus *bus, const CertRow *row, uint64_t now)
{
        g_autoptr(CertDetail) d = cert_detail_get(bus, row->name, NULL);
        g_autofree char *text = d ? waiting_text(d) : NULL;

        if (!d || cert_row_is_expired(row, now))
                count(s, row, judge(row, now), now);
        else
                count_text(s, waiting_urgency(d, now) == WAITING_URGENT ? VERDICT_CRITICAL : VERDICT_WARNING,
                           text);
}

static void summarise(sd_bus *bus, const Host *host, uint64_t now, Summary *s)
{
        const GArray *certificates = host->certificates.rows;

        for (guint i = 0; i < host->authorities->len; i++) {
                CertRow row = authority_row(host->authorities->pdata[i]);

                count(s, &row, judge(&row, now), now);
        }
        for (guint i = 0; i < certificates->len; i++) {
                const CertRow *row = &g_array_index(certificates, CertRow, i);

                if (waiting_is_by_hand(row))
                        count_waiting(s, bus, row, now);
                else
                        count(s, row, judge(row, now), now);
                if (row->not_after > 0 && (!s->soonest || row->not_after < s->soonest->not_after))
                        s->soonest = row;
        }
        for (guint i = 0; i < host->bundles->len; i++) {
                CertRow row = bundle_row(host->bundles->pdata[i]);

                count(s, &row, judge_bundle(host->bundles->pdata[i], now), now);
        }
        if (s->troubles > NAMES_SHOWN)
                g_string_append_printf(s->names, " and %u more", s->troubles - NAMES_SHOWN);
}

/* A good certificate whose key others can read is no good. */
static void add_findings(Summary *s, sd_bus *bus)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) findings = finding_rows_get(bus, NULL, &error);
        g_autofree char *reason = findings ? NULL : cert_error_summary(error);
        const FindingRow *first = findings && findings->len > 0 ? &g_array_index(findings, FindingRow, 0) : NULL;

        if (findings && !first)
                return;
        s->verdict = MAX(s->verdict, VERDICT_WARNING);
        s->n_findings = findings ? findings->len : 0;
        if (first)
                s->findings = g_strdup_printf("%u finding%s about files, of %s first: %s", s->n_findings,
                                              s->n_findings == 1 ? "" : "s", first->certificate, first->code);
        else
                s->findings = g_strdup_printf("the files could not be looked at: %s", reason);
}

/* '|' ends the text for the monitoring system. */
static char *clean(const Client *client, const char *text)
{
        char *c = terminal_clean(&client->terminal, text, false);

        return g_strdelimit(c, "|", '/');
}

static void print_line(const Client *client, const Summary *s, const Host *host, bool refused, uint64_t now)
{
        guint certificates = host->certificates.rows->len;
        g_autofree char *names = clean(client, s->names->str), *soonest = NULL, *left = NULL;
        g_autofree char *findings = s->findings ? clean(client, s->findings) : NULL;

        printf("CERTIFICATES %s - ", verdicts[s->verdict]);
        if (refused)
                printf("%s; ", host_rows(host) > 0 ? "manifest refused, the last good one is in force"
                                                   : "the manifest cannot be used");
        if (s->troubles > 0)
                printf("%u of %u: %s", s->troubles, host_rows(host), names);
        else
                printf("%u certificate%s", certificates, certificates == 1 ? "" : "s");
        if (s->findings)
                printf("; %s", findings);
        if (s->soonest) {
                soonest = clean(client, s->soonest->name);
                left = when_relative(s->soonest->not_after, now);
                printf("; %s ends first, %s", soonest, left);
        }
        printf(" | total=%u;;;0 trouble=%u;;;0", certificates, s->troubles);
        if (s->soonest)
                printf(" soonest=%" PRIu64 "s;;;0",
                       s->soonest->not_after > now ? (s->soonest->not_after - now) / USEC_PER_SEC : 0);
        if (s->n_findings > 0)
                printf(" findings=%u;;;0", s->n_findings);
        putchar('\n');
}

static ExitStatus unknown(const Client *client, const GError *error)
{
        g_autofree char *summary = cert_error_summary(error);
        g_autofree char *text = clean(client, summary);

        printf("CERTIFICATES UNKNOWN - %s\n", text);
        return (ExitStatus) VERDICT_UNKNOWN;
}

ExitStatus verb_check(const Client *client, char **arguments)
{
        g_autoptr(GString) names = g_string_new(NULL);
        g_auto(GStrv) problems = NULL;
        g_auto(Host) host = {};
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        Summary s = { .verdict = VERDICT_OK, .names = names };
        uint64_t now = now_realtime();
        bool refused;

        if (!client_connect(client, &bus, &error) || !host_get(bus, &host, &error))
                return unknown(client, error);
        problems = manager_manifest_problems(bus, &error);
        if (!problems)
                return unknown(client, error);
        refused = *problems != NULL;
        summarise(bus, &host, now, &s);
        add_findings(&s, bus);
        if (refused)
                s.verdict = MAX(s.verdict, VERDICT_WARNING);
        if (!client->options.quiet)
                print_line(client, &s, &host, refused, now);
        g_free(s.findings);
        return (ExitStatus) s.verdict;
}
