/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What this host knows. The agent is asked, but never waited for longer than a step may take, and without it the doctor goes
 * on with less. */

#include "client/doctor/host.h"

#include "client/connect.h"
#include "client/doctor/diagnosis.h"
#include "client/doctor/file.h"
#include "client/doctor/judge.h"
#include "common/error.h"
#include "common/names.h"
#include "common/path.h"
#include "common/timespan.h"

#include <string.h>
#include <sys/stat.h>

#define ASK_USEC         (10 * USEC_PER_SEC)
#define CERTIFICATES_MAX 200 /* whose files are looked at for a CA that is not known */
#define ISSUERS_MAX      16
#define CLIENTS_TOLD     8
#define CRL_BYTES_MAX    (UINT32_C(16) << 20)
#define TEXT_MAX         1024

/* Files that something writes as time goes by: systemd-timesyncd(8) keeps two of them for this very purpose. */
static const char *const clocks[] = {
        "/var/lib/systemd/timesync/clock",
        "/var/lib/private/systemd/timesync/clock",
        CERT_CLOCK_FILE,
        CERT_MANIFEST_FILE,
        "/etc/ssl/certs/ca-certificates.crt",
};

/* ---- The view ---- */

static void destroy_bundle(void *p)
{
        bundle_free(p);
}

static void clear_crl(void *p)
{
        gnutls_x509_crl_deinit(*(gnutls_x509_crl_t *) p);
}

static void note(HostView *v, const GError *error)
{
        g_autofree char *summary = cert_error_summary(error);

        g_ptr_array_add(v->notes, cert_error_printable(summary, TEXT_MAX, ""));
}

/* `where` is taken over. */
static void take_time(HostView *v, uint64_t time, char *where)
{
        if (time > v->seen) {
                v->seen = time;
                g_free(v->seen_where);
                v->seen_where = where;
        } else
                g_free(where);
}

static void look_at_files(HostView *v)
{
        for (size_t i = 0; i < G_N_ELEMENTS(clocks); i++) {
                g_autofree char *opened = host_path(clocks[i]);
                struct stat st;

                if (stat(opened, &st) == 0 && st.st_mtime > 0)
                        take_time(v, (uint64_t) st.st_mtime * USEC_PER_SEC, g_strdup_printf("the file %s", clocks[i]));
        }
}

static bool is_list(const Bundle *b)
{
        return g_str_has_prefix(b->name, "crl:");
}

static void read_crl(HostView *v, const char *path)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) pem = file_read(path, CRL_BYTES_MAX, &error);
        gnutls_x509_crl_t *list = NULL;
        unsigned n = 0;
        gnutls_datum_t d;

        if (!pem) {
                note(v, error);
                return;
        }
        d = (gnutls_datum_t) { (unsigned char *) g_bytes_get_data(pem, NULL), (unsigned) g_bytes_get_size(pem) };
        if (gnutls_x509_crl_list_import2(&list, &n, &d, GNUTLS_X509_FMT_PEM, 0) < 0)
                return;
        g_array_append_vals(v->crls, list, n);
        gnutls_free(list);
}

static void look_at_bundles(HostView *v)
{
        g_autoptr(GError) error = NULL;
        GPtrArray *bundles = bundle_list_get(v->bus, &error); /* the first call: whether there is an agent at all */

        if (!bundles && cert_error_code(error) == CERT_ERROR_ISSUER_UNREACHABLE) {
                v->bus = sd_bus_flush_close_unref(v->bus);
                v->no_agent = g_steal_pointer(&error);
                return;
        }
        if (!bundles) {
                note(v, error);
                return;
        }
        g_ptr_array_unref(v->bundles);
        v->bundles = bundles;
        for (guint i = 0; i < bundles->len; i++) {
                const Bundle *b = bundles->pdata[i];

                take_time(v, b->last_change, g_strdup_printf("the last change of \"%s\"", b->name));
                if (is_list(b) && *b->path)
                        read_crl(v, b->path);
        }
}

HostView *host_view_new(const Client *client)
{
        HostView *v = g_new0(HostView, 1);

        v->bundles = g_ptr_array_new_with_free_func(destroy_bundle);
        v->crls = g_array_new(FALSE, FALSE, sizeof(gnutls_x509_crl_t));
        g_array_set_clear_func(v->crls, clear_crl);
        v->notes = g_ptr_array_new_with_free_func(g_free);
        look_at_files(v);
        if (client_connect(client, &v->bus, &v->no_agent))
                look_at_bundles(v);
        return v;
}

HostView *host_view_free(HostView *v)
{
        if (!v)
                return NULL;
        sd_bus_flush_close_unref(v->bus);
        g_ptr_array_unref(v->bundles);
        g_array_unref(v->crls);
        g_ptr_array_unref(v->notes);
        g_clear_error(&v->no_agent);
        g_free(v->seen_where);
        g_free(v);
        return NULL;
}

/* ---- One certificate ---- */

CertDetail *host_view_certificate(HostView *v, const char *name, GError **error)
{
        CertDetail *d;

        if (!v->bus) {
                g_propagate_error(error, g_error_copy(v->no_agent));
                return NULL;
        }
        d = cert_detail_get(v->bus, name, error);
        if (d)
                take_time(v, d->last_renewal, g_strdup_printf("the last renewal of \"%s\"", name));
        return d;
}

static bool is_unknown_method(const sd_bus_error *e)
{
        return sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_METHOD) ||
               sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_INTERFACE);
}

/* An agent that is older than the method knows of nothing. NULL also then, without an error. */
static sd_bus_message *ask(HostView *v, const char *method, const char *what, GError **error, const char *types, ...)
{
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, method, what, CALL_PLAIN };
        g_autoptr(sd_bus_message) m = NULL;
        g_auto(sd_bus_error) e = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        va_list ap;
        int r;

        if (!client_new_call(v->bus, &call, &m, error))
                return NULL;
        va_start(ap, types);
        r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r >= 0)
                r = sd_bus_call(v->bus, m, ASK_USEC, &e, &reply);
        if (r < 0 && !is_unknown_method(&e))
                cert_error_set_from_bus(error, &e, r, _CERT_ERROR_INVALID, what);
        return reply;
}

static void take_finding(const char *code, const char *message, const char *hint, GPtrArray *d)
{
        g_autofree char *shown = cert_error_printable(message, TEXT_MAX, ""), *todo = cert_error_printable(hint, TEXT_MAX, "");

        diagnosis_add(d, g_str_equal(code, "key-unreadable-for-unit") ? DIAGNOSIS_KEY_UNREADABLE : DIAGNOSIS_KEY_EXPOSED,
                      "%s\n%s", shown, todo);
}

void host_view_findings(HostView *v, const char *name, GPtrArray *d)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        const char *certificate, *code, *message, *hint;

        reply = v->bus ? ask(v, "Diagnose", "asking the agent about the files' permissions", &error, "as", 1, name) : NULL;
        if (error)
                note(v, error);
        if (!reply || sd_bus_message_enter_container(reply, 'a', "(ssss)") < 0)
                return;
        while (sd_bus_message_read(reply, "(ssss)", &certificate, &code, &message, &hint) > 0)
                take_finding(code, message, hint, d);
}

/* ---- Sets of CAs ---- */

static Anchors *of_issuer(HostView *v, const char *issuer, GError **error)
{
        g_autoptr(sd_bus_message) reply = ask(v, "GetBundle", "asking the agent for the roots of an issuer", error, "s", issuer);
        g_autoptr(GBytes) bytes = NULL;
        const char *pem;

        if (!reply || sd_bus_message_read(reply, "s", &pem) < 0)
                return NULL;
        bytes = g_bytes_new(pem, strlen(pem));
        return anchors_of_pem(bytes, g_strdup_printf("the issuer \"%s\" of this host's agent", issuer),
                              g_strdup_printf("Give clients its roots: certctl authority export %s >FILE, or a bundle in the manifest "
                                              "with \"from\": [\"%s\"].",
                                              issuer, issuer),
                              error);
}

static Anchors *of_ca_file(const char *path, GError **error)
{
        return anchors_of_file(path, g_strdup_printf("the file %s", path),
                               g_strdup_printf("Let clients use the file %s (here: --ca %s).", path, path), error);
}

Anchors *host_view_trust_for(HostView *v, const CertDetail *d, GError **error)
{
        g_autoptr(GError) local = NULL;
        Anchors *a = NULL;

        if (*d->ca_path)
                a = of_ca_file(d->ca_path, &local);
        if (a)
                return a;
        if (local)
                note(v, local);
        return of_issuer(v, d->issuer, error);
}

static void destroy_anchors(void *p)
{
        anchors_free(p);
}

static void add(GPtrArray *list, Anchors *a)
{
        if (a)
                g_ptr_array_add(list, a);
}

static void add_bundles(HostView *v, GPtrArray *list)
{
        for (guint i = 0; i < v->bundles->len; i++) {
                const Bundle *b = v->bundles->pdata[i];
                g_autoptr(GError) error = NULL;

                if (is_list(b) || !*b->path)
                        continue;
                add(list, anchors_of_file(b->path, g_strdup_printf("the bundle \"%s\" (%s)", b->name + strlen("bundle:"), b->path),
                                          g_strdup_printf("Let clients use the bundle %s (here: --ca %s).", b->path, b->path),
                                          &error));
                if (error)
                        note(v, error);
        }
}

static bool is_new(GHashTable *seen, const char *text)
{
        return *text && g_hash_table_add(seen, g_strdup(text));
}

/* Its CA file, and what may hold an intermediate certificate. Those that cannot be read are many where the caller is not root:
 * of these nothing is said. */
static void add_files(HostView *v, const char *name, GHashTable *seen, GPtrArray *list)
{
        g_autoptr(CertDetail) d = cert_detail_get(v->bus, name, NULL);

        if (!d)
                return;
        if (is_new(seen, d->ca_path))
                add(list, of_ca_file(d->ca_path, NULL));
        if (is_new(seen, d->chain_path))
                add(list, anchors_of_file(d->chain_path, g_strdup_printf("the file %s", d->chain_path), NULL, NULL));
        else if (is_new(seen, d->cert_path))
                add(list, anchors_of_file(d->cert_path, g_strdup_printf("the file %s", d->cert_path), NULL, NULL));
}

static void add_of_certificates(HostView *v, GPtrArray *list)
{
        int64_t until = g_get_monotonic_time() + (int64_t) ASK_USEC; /* an issuer may have to ask its CA */
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GHashTable) issuers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_auto(CertRows) rows = { 0 };

        if (!cert_rows_get(v->bus, &rows, NULL))
                return;
        for (guint i = 0; i < rows.rows->len; i++) {
                const CertRow *row = &g_array_index(rows.rows, CertRow, i);

                if (g_get_monotonic_time() > until)
                        return;
                if (g_hash_table_size(issuers) < ISSUERS_MAX && is_new(issuers, row->issuer))
                        add(list, of_issuer(v, row->issuer, NULL));
                if (i < CERTIFICATES_MAX)
                        add_files(v, row->name, seen, list);
        }
}

GPtrArray *host_view_others(HostView *v)
{
        GPtrArray *list = g_ptr_array_new_with_free_func(destroy_anchors);

        add_bundles(v, list);
        if (v->bus)
                add_of_certificates(v, list);
        else
                note(v, v->no_agent);
        add(list, anchors_of_system(NULL));
        return list;
}

/* ---- Clients ---- */

static bool would_be_taken(HostView *v, const char *name, const Session *s)
{
        g_autoptr(CertDetail) d = cert_detail_get(v->bus, name, NULL);
        g_autoptr(Anchors) file = NULL;
        bool taken = false;

        if (!d || !*d->cert_path || !g_strv_contains((const char *const *) d->usage, "client"))
                return false;
        file = anchors_of_file(d->cert_path, NULL, NULL, NULL);
        for (unsigned i = 0; file && i < file->list.n && !taken; i++)
                taken = judge_is_asked_for(s, file->list.crt[i]);
        return taken;
}

char *host_view_clients(HostView *v, const Session *s)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_auto(CertRows) rows = { 0 };

        if (!v->bus || s->asked_for->len == 0 || !cert_rows_get(v->bus, &rows, NULL))
                return NULL;
        for (guint i = 0; i < MIN(rows.rows->len, CERTIFICATES_MAX) && names->len < CLIENTS_TOLD; i++) {
                const char *name = g_array_index(rows.rows, CertRow, i).name;

                if (would_be_taken(v, name, s))
                        g_ptr_array_add(names, (gpointer) name);
        }
        g_ptr_array_add(names, NULL);
        return names->len > 1 ? g_strjoinv(", ", (char **) names->pdata) : NULL;
}
