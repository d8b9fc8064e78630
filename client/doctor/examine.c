/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One examination: names all steps, in the order in which one needs the other. Whatever cannot be looked at becomes a note,
 * and the rest is done all the same. */

#include "client/doctor/examine.h"

#include "client/connect.h"
#include "client/doctor/diagnosis.h"
#include "client/doctor/file.h"
#include "client/doctor/host.h"
#include "client/doctor/judge.h"
#include "client/doctor/report.h"
#include "client/doctor/server.h"
#include "client/doctor/state.h"
#include "client/doctor/target.h"
#include "common/error.h"
#include "common/timespan.h"
#include "issuers/probe/starttls.h"

#include <limits.h>
#include <string.h>

#define FILE_BYTES_MAX (UINT32_C(1) << 20)
#define TEXT_MAX       1024

typedef struct Examination {
        const Client *client;
        HostView *host;
        Target *target;
        CertDetail *detail; /* of a certificate; else NULL */
        Anchors *trust;     /* NULL: there is nothing to judge by */
        bool trust_is_chosen;
        Identity *identity;
        CertList on_disk;   /* what is in the certificate's file */
        Server *server;     /* what was seen; NULL: nothing was connected to */
        GPtrArray *others;
        GPtrArray *diagnoses;
} Examination;

static void examination_clear(Examination *x)
{
        host_view_free(x->host);
        target_free(x->target);
        cert_detail_free(x->detail);
        anchors_free(x->trust);
        identity_free(x->identity);
        cert_list_clear(&x->on_disk);
        server_free(x->server);
        g_clear_pointer(&x->others, g_ptr_array_unref);
        g_clear_pointer(&x->diagnoses, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Examination, examination_clear)

/* A tolerated failure. */
static void note(Examination *x, const GError *error)
{
        g_autofree char *summary = cert_error_summary(error);

        g_ptr_array_add(x->host->notes, cert_error_printable(summary, TEXT_MAX, ""));
}

/* ---- What it is, and by what it is judged ---- */

/* Who leaves out the port of a server has said what could be a certificate's name. */
static bool no_certificate(const char *text, GError *e, GError **error)
{
        g_autofree char *summary = cert_error_summary(e), *shown = cert_error_printable(text, NAME_MAX, "");

        if (g_error_matches(e, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE) && strchr(text, '.')) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE,
                            "%s\nOf a server its port is said, too: certctl doctor %s:443", summary, shown);
                g_error_free(e);
        } else
                g_propagate_error(error, e);
        return false;
}

static bool find_target(Examination *x, TargetKind kind, const char *text, GError **error)
{
        const Options *o = &x->client->options;
        GError *e = NULL;

        if (kind == TARGET_SERVER) {
                x->target = target_of_server(text, o->server_name, o->starttls);
                return true;
        }
        x->detail = host_view_certificate(x->host, text, &e);
        if (!x->detail)
                return no_certificate(text, e, error);
        x->target = target_of_certificate(x->detail, o->server_name, o->starttls);
        if (!x->target->connect)
                g_ptr_array_add(x->host->notes,
                                g_strdup_printf("The manifest does not say where \"%s\" is served (\"verify\"), so no server was "
                                                "looked at; to look at one: certctl doctor HOST:PORT",
                                                text));
        return true;
}

/* A file that the caller names must be one; of the rest as much is taken as there is. */
static bool find_trust(Examination *x, GError **error)
{
        const char *ca = x->client->options.ca;
        g_autoptr(GError) local = NULL;

        x->trust_is_chosen = ca || x->detail;
        if (ca) {
                x->trust = anchors_of_file(ca, g_strdup_printf("the file %s", ca), NULL, error);
                return x->trust != NULL;
        }
        if (x->detail)
                x->trust = host_view_trust_for(x->host, x->detail, &local);
        if (local) {
                note(x, local);
                g_clear_error(&local);
        }
        if (!x->trust) {
                x->trust_is_chosen = false;
                x->trust = anchors_of_system(&local);
        }
        if (local)
                note(x, local);
        return true;
}

static bool find_identity(Examination *x, GError **error)
{
        const char *name = x->client->options.cert;
        g_autoptr(CertDetail) d = NULL;
        g_autoptr(GError) local = NULL;

        if (!name)
                return true;
        d = host_view_certificate(x->host, name, error);
        if (!d)
                return false;
        x->identity = identity_load(name, d->cert_path, d->chain_path, d->key_path, &local);
        if (local) {
                note(x, local);
                g_ptr_array_add(x->host->notes, g_strdup_printf("The certificate \"%s\" cannot be shown to the server.", name));
        }
        return true;
}

/* ---- What is on disk ---- */

static void read_file(Examination *x)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) pem = NULL;

        if (!x->detail || !*x->detail->cert_path)
                return;
        pem = file_read(x->detail->cert_path, FILE_BYTES_MAX, &error);
        if (!pem)
                note(x, error);
        else if (!cert_list_of_pem(pem, CHAIN_MAX, &x->on_disk)) {
                cert_list_clear(&x->on_disk);
                g_ptr_array_add(x->host->notes, g_strdup_printf("%s holds no certificate that can be read.", x->detail->cert_path));
        }
}

/* ---- Judging ---- */

/* What else this host has is looked at when the chain leads nowhere, and not before. */
static const GPtrArray *others(Examination *x, const Session *s)
{
        if (!x->trust || s->chain->len == 0 || judge_is_trusted(s, x->trust))
                return NULL;
        if (!x->others)
                x->others = host_view_others(x->host);
        return x->others;
}

static Case case_of(Examination *x, const Session *s, const char *on_disk)
{
        Case c = {
                .session = s,
                .name = x->target->name,
                .trust = x->trust,
                .trust_is_chosen = x->trust_is_chosen,
                .others = others(x, s),
                .crls = (const gnutls_x509_crl_t *) (void *) x->host->crls->data,
                .n_crls = x->host->crls->len,
                .identity = x->identity,
                .now = now_realtime(),
                .seen = x->host->seen,
                .seen_where = x->host->seen_where,
                .is_for_servers = true,
        };

        if (x->detail) {
                c.certificate = x->detail->name;
                c.fingerprint = on_disk ?: x->detail->fingerprint;
                c.units = x->detail->units;
                c.next_renewal = x->detail->next_renewal;
        }
        return c;
}

/* A server that does not know the name was asked once more without it: the second session shows which names there are. */
static void judge_server(Examination *x, const char *on_disk)
{
        Server *v = x->server;

        if (v->session) {
                Case c = case_of(x, v->session, on_disk);

                judge(&c, x->diagnoses, x->host->notes);
        }
        if (v->first && !diagnosis_list_has(x->diagnoses, DIAGNOSIS_NAME_MISMATCH)) {
                Case c = case_of(x, v->first, on_disk);

                judge_session(&c, x->diagnoses, x->host->notes);
        }
}

/* Where no server showed it. */
static void judge_file(Examination *x)
{
        g_autoptr(Session) nobody = session_new();
        Case c = case_of(x, nobody, NULL);
        gnutls_x509_crt_t places[CHAIN_MAX];
        CertList path;

        if (x->on_disk.n == 0)
                return;
        path = judge_path(&x->on_disk, places);
        c.name = NULL;
        c.fingerprint = NULL;
        c.is_for_servers = g_strv_contains((const char *const *) x->detail->usage, "server");
        judge_leaf(&c, &path, x->diagnoses);
}

static void name_clients(Examination *x)
{
        g_autofree char *names = NULL;

        if (!diagnosis_list_has(x->diagnoses, DIAGNOSIS_CLIENT_CERTIFICATE_MISSING) &&
            !diagnosis_list_has(x->diagnoses, DIAGNOSIS_CLIENT_CERTIFICATE_REFUSED))
                return;
        names = host_view_clients(x->host, x->server->session);
        if (names)
                g_ptr_array_add(x->host->notes,
                                g_strdup_printf("Of a CA that the server takes, this host has these certificates: %s.", names));
}

static void judge_all(Examination *x)
{
        g_autofree char *on_disk = x->on_disk.n > 0 ? words_fingerprint(x->on_disk.crt[0]) : NULL;
        bool is_shown = x->server && x->server->session && x->server->session->chain->len > 0;

        if (x->server)
                judge_server(x, on_disk);
        if (x->server && x->server->session)
                name_clients(x);
        if (!x->detail)
                return;
        if (!is_shown)
                judge_file(x);
        state_judge(x->detail, on_disk, now_realtime(), x->diagnoses);
        host_view_findings(x->host, x->detail->name, x->diagnoses);
}

/* ---- All of it ---- */

static ExitStatus run(Examination *x, TargetKind kind, const char *text)
{
        g_autoptr(GError) error = NULL;
        Report report;

        x->host = host_view_new(x->client);
        x->diagnoses = diagnosis_list_new();
        if (!find_target(x, kind, text, &error) || !find_trust(x, &error) || !find_identity(x, &error))
                return client_report(x->client, error);
        read_file(x);
        if (x->target->connect)
                x->server = server_look(x->target, x->identity, x->detail ? x->detail->units : NULL, x->diagnoses);
        judge_all(x);
        report = (Report) { .target = x->target, .diagnoses = x->diagnoses, .notes = x->host->notes };
        if (x->server) {
                report.session = x->server->session;
                report.starttls = x->server->starttls;
        }
        return report_print(x->client, &report);
}

ExitStatus examine(const Client *client, const char *text)
{
        g_auto(Examination) x = { .client = client };
        const char *starttls = client->options.starttls, *why = NULL;
        TargetKind kind = target_kind(text, &why);

        if (kind == TARGET_WRONG)
                return client_usage("\"%s\" cannot be examined: %s", text, why);
        if (starttls && !g_str_equal(starttls, "none") && !probe_starttls_knows(starttls))
                return client_usage("--starttls=%s is not known; there are smtp, imap, pop3, ftp, ldap, postgresql and none", starttls);
        return run(&x, kind, text);
}
