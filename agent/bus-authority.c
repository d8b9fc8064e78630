/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Authorities, bundles and revocation on the Manager object. A handler's order never varies: read, validate, authorise,
 * act, reply. Lists tell what is known; whoever asks about one authority, or for a plan, has the authorities asked first. */

#include "agent/bus.h"
#include "agent/inquiry.h"
#include "common/error.h"
#include "common/log.h"
#include "common/message.h"
#include "common/names.h"
#include "common/reason.h"
#include "common/state.h"

#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

/* Anybody may ask: of those who wait for an answer there are not more than so many. */
#define WAITING_MAX 16

/* ---- Waiting for the authorities ---- */

typedef struct Waiting {
        Bus *bus;
        sd_bus_message *message;
        BusAnswer answer;
} Waiting;

static void waiting_answer(Waiting *w)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = w->answer(w->bus, w->message, &error);

        if (r < 0)
                (void) sd_bus_reply_method_errno(w->message, r, &error);
        sd_bus_error_free(&error);
}

static void on_asked(void *userdata)
{
        g_autofree Waiting *w = userdata;

        waiting_answer(w);
        sd_bus_message_unref(w->message);
        agent_let_go(bus_agent(w->bus));
}

int bus_ask_authorities(Bus *b, sd_bus_message *m, GPtrArray *authorities, BusAnswer answer, sd_bus_error *ret_error)
{
        Agent *a = bus_agent(b);
        Waiting *w;

        if (authorities->len == 0 || agent_holds(a) >= WAITING_MAX)
                return answer(b, m, ret_error);
        w = g_new0(Waiting, 1);
        w->bus = b;
        w->message = sd_bus_message_ref(m);
        w->answer = answer;
        agent_hold(a);
        (void) inquiry_start(agent_event(a), agent_issue_pool(a), authorities, on_asked, w);
        return 1;
}

/* ---- Facts ---- */

static int append_text(sd_bus_message *m, const char *key, const char *value)
{
        return sd_bus_message_append(m, "{sv}", key, "s", value ?: "");
}

static int append_time(sd_bus_message *m, const char *key, uint64_t value)
{
        return sd_bus_message_append(m, "{sv}", key, "t", value);
}

static int append_reasons(sd_bus_message *m, ReasonSet set)
{
        g_auto(GStrv) reasons = reason_set_to_strv(set);

        return message_append_entry_strv(m, "Reasons", reasons);
}

/* What went wrong last: of the record, unless something newer is known. */
static int append_failure(sd_bus_message *m, const Record *r, const GError *newer, const char *hint)
{
        g_autofree char *summary = newer ? cert_error_summary(newer) : NULL;
        CertError code = newer ? (CertError) newer->code : r->error;
        const char *name = code < 0 ? "" : cert_error_to_name(code) + strlen(CERT_ERROR_PREFIX);
        int n = append_text(m, "Error", name);

        if (n >= 0)
                n = append_text(m, "Message", newer ? summary : r->message);
        if (n >= 0)
                n = append_text(m, "Hint", newer ? cert_error_hint(newer) : hint ?: r->hint);
        return n < 0 ? n : append_time(m, "RetryAt", r->retry_at);
}

static int append_current(sd_bus_message *m, const Authority *authority)
{
        const AuthorityCertificate *c =
                authority->facts ? authority_facts_in_role(authority->facts, AUTHORITY_ROLE_CURRENT) : NULL;
        int r = append_text(m, "Subject", c ? c->subject : NULL);

        if (r >= 0)
                r = append_text(m, "Fingerprint", c ? c->fingerprint : NULL);
        if (r >= 0)
                r = append_text(m, "SerialNumber", c ? c->serial : NULL);
        if (r >= 0)
                r = append_text(m, "KeyType", c ? key_type_to_string(c->key_type) : NULL);
        if (r >= 0)
                r = append_time(m, "NotBefore", c ? c->not_before : 0);
        return r < 0 ? r : append_time(m, "NotAfter", c ? c->not_after : 0);
}

/* With the name of one that a rotation waits for; its own state says why. NULL: nothing to say. Caller owns. */
static char *authority_hint(const Authority *authority)
{
        const char *hint = authority->plan.hint;

        if (!hint || !authority->waits_for || authority->plan.state != CERT_STATE_RENEWING)
                return g_strdup(hint);
        return g_strdup_printf("%s Not yet so (%u): %s%s. See: certctl status %s", hint, authority->use.not_trusting,
                               authority->waits_for, authority->use.not_trusting > 1 ? " and others" : "",
                               authority->waits_for);
}

/* The entries that ListAuthorities and GetAuthority have in common. */
static int append_authority(sd_bus_message *m, const Authority *authority)
{
        const AuthorityFacts *f = authority->facts;
        g_autofree char *hint = NULL;
        int r = append_text(m, "State", cert_state_to_string(authority_state(authority)));

        if (r >= 0)
                r = append_text(m, "Phase", authority_phase(authority));
        if (r >= 0)
                r = append_current(m, authority);
        if (r >= 0)
                r = append_time(m, "NextRotation", authority->plan.rotation);
        if (r >= 0)
                r = append_time(m, "Retirement", authority->plan.retirement);
        if (r >= 0)
                r = append_time(m, "IssuedUntil", f ? authority_facts_old_needed_until(f) : 0);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Certificates", "u", authority->use.certificates);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Revoked", "u", f ? g_strv_length(f->revoked) : 0);
        if (r >= 0)
                r = append_reasons(m, authority->plan.reasons);
        hint = authority_hint(authority);
        return r < 0 ? r : append_failure(m, authority->record, authority->error, hint);
}

static int append_trusted(sd_bus_message *m, const AuthorityFacts *f)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "Trusted");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(ssttsss)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(ssttsss)");
        for (guint i = 0; r >= 0 && f && i < f->certificates->len; i++) {
                const AuthorityCertificate *c = g_ptr_array_index(f->certificates, i);
                gnutls_datum_t pem = {};

                if (gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_PEM, &pem) < 0)
                        continue;
                r = sd_bus_message_append(m, "(ssttsss)", authority_role_to_string(c->role), c->fingerprint,
                                          c->not_before, c->not_after, c->serial, c->subject, (char *) pem.data);
                gnutls_free(pem.data);
        }
        for (int closing = 0; r >= 0 && closing < 3; closing++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* ---- Authorities ---- */

static int list_authorities(sd_bus_message *reply, GPtrArray *authorities)
{
        int r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");

        for (guint i = 0; r >= 0 && i < authorities->len; i++) {
                const Authority *authority = g_ptr_array_index(authorities, i);

                r = sd_bus_message_open_container(reply, 'r', "sa{sv}");
                if (r >= 0)
                        r = sd_bus_message_append(reply, "s", authority->issuer->name);
                if (r >= 0)
                        r = sd_bus_message_open_container(reply, 'a', "{sv}");
                if (r >= 0)
                        r = append_authority(reply, authority);
                for (int closing = 0; r >= 0 && closing < 2; closing++)
                        r = sd_bus_message_close_container(reply);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_method_list_authorities(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Agent *a = bus_agent(userdata);
        g_autoptr(sd_bus_message) reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        agent_judge_all(a);
        if (r >= 0)
                r = list_authorities(reply, agent_authorities(a));
        return r < 0 ? r : sd_bus_message_send(reply);
}

Authority *bus_find_authority(Bus *b, const char *issuer, int *ret_r, sd_bus_error *ret_error)
{
        Authority *authority = agent_find_authority(bus_agent(b), issuer);
        const Manifest *manifest = agent_manifest(bus_agent(b));
        g_autoptr(GError) error = NULL;

        if (authority)
                return authority;
        if (manifest && manifest_find_issuer(manifest, issuer))
                error = g_error_new(CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                                    "The issuer \"%s\" is no authority of this host: what it is and trusts is its own "
                                    "matter",
                                    issuer);
        else
                error = g_error_new(CERT_ERROR, CERT_ERROR_NO_SUCH_ISSUER, "The manifest has no issuer \"%s\"", issuer);
        *ret_r = cert_error_to_bus(error, ret_error);
        return NULL;
}

static int answer_get_authority(Bus *b, sd_bus_message *m, sd_bus_error *ret_error)
{
        g_autoptr(sd_bus_message) reply = NULL;
        const char *issuer;
        Authority *authority;
        int r = sd_bus_message_rewind(m, true);

        if (r >= 0)
                r = sd_bus_message_read(m, "s", &issuer);
        authority = r >= 0 ? bus_find_authority(b, issuer, &r, ret_error) : NULL;
        if (!authority)
                return r;
        agent_look_at_all(bus_agent(b));
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_authority(reply, authority);
        if (r >= 0)
                r = append_trusted(reply, authority->facts);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

int bus_ask_authority(Bus *b, sd_bus_message *m, BusAnswer answer, sd_bus_error *ret_error)
{
        g_autoptr(GPtrArray) one = g_ptr_array_new();
        const char *issuer;
        Authority *authority;
        int r = sd_bus_message_read(m, "s", &issuer);

        if (r < 0)
                return r;
        authority = bus_find_authority(b, issuer, &r, ret_error);
        if (!authority)
                return r;
        g_ptr_array_add(one, authority);
        return bus_ask_authorities(b, m, one, answer, ret_error);
}

int bus_method_get_authority(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return bus_ask_authority(userdata, m, answer_get_authority, ret_error);
}

static int replace_authority(sd_bus_message *m, Bus *b, sd_bus_message_handler_t handler, JobKind kind,
                             sd_bus_error *ret_error)
{
        const char *issuer;
        Authority *authority;
        int r = sd_bus_message_read(m, "s", &issuer);

        if (r < 0)
                return r;
        authority = bus_find_authority(b, issuer, &r, ret_error);
        if (!authority)
                return r;
        r = polkit_check(bus_polkit(b), m, handler, b, (const char *const[]) { "authority", issuer, NULL }, ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return bus_reply_job(b, m, kind, (const char *const[]) { authority->name, NULL }, false, ret_error);
}

int bus_method_rotate_authority(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return replace_authority(m, userdata, bus_method_rotate_authority, JOB_KIND_ROTATE, ret_error);
}

int bus_method_recreate_authority(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return replace_authority(m, userdata, bus_method_recreate_authority, JOB_KIND_RECREATE, ret_error);
}

/* ---- Bundles ---- */

static int append_units(sd_bus_message *m, const ManifestCertificate *wish)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (guint i = 0; i < wish->units->len; i++)
                g_ptr_array_add(names, ((UnitRef *) g_ptr_array_index(wish->units, i))->unit);
        g_ptr_array_add(names, NULL);
        return message_append_entry_strv(m, "Units", (char **) names->pdata);
}

static unsigned count_certificates(const Certificate *c)
{
        g_autoptr(Generation) g = c->record->generation > 0
                                          ? generation_load(c->wish->name, c->record->generation, NULL)
                                          : NULL;
        const char *text = g && g->ca_pem ? g_bytes_get_data(g->ca_pem, NULL) : NULL;
        gsize left = text ? g_bytes_get_size(g->ca_pem) : 0;
        unsigned n = 0;

        for (const char *p = text; p && (p = g_strstr_len(p, left - (p - text), "-----BEGIN ")); p++)
                n++;
        return n;
}

static int append_bundle(sd_bus_message *m, const Certificate *c)
{
        const CertificateFacts *f = c->facts;
        int r = append_text(m, "State", cert_state_to_string(certificate_state(c)));

        if (r >= 0)
                r = append_text(m, "Path", c->wish->path[MANAGED_FILE_CA]);
        if (r >= 0)
                r = message_append_entry_strv(m, "Issuers", c->wish->from);
        if (r >= 0)
                r = append_text(m, "Fingerprint", f ? f->content : NULL);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Certificates", "u", count_certificates(c));
        if (r >= 0)
                r = append_units(m, c->wish);
        if (r >= 0)
                r = append_reasons(m, c->item.reasons);
        if (r >= 0)
                r = append_time(m, "NextUpdate", f ? f->content_until : 0);
        if (r >= 0)
                r = append_time(m, "LastChange", c->record->last_renewal);
        return r < 0 ? r : append_failure(m, c->record, NULL, c->item.hint);
}

int bus_method_list_bundles(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Agent *a = bus_agent(userdata);
        GPtrArray *bundles = agent_bundles(a);
        g_autoptr(sd_bus_message) reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        for (guint i = 0; r >= 0 && i < bundles->len; i++) {
                Certificate *c = g_ptr_array_index(bundles, i);

                agent_look(a, c);
                r = sd_bus_message_open_container(reply, 'r', "sa{sv}");
                if (r >= 0)
                        r = sd_bus_message_append(reply, "s", c->wish->name);
                if (r >= 0)
                        r = sd_bus_message_open_container(reply, 'a', "{sv}");
                if (r >= 0)
                        r = append_bundle(reply, c);
                for (int closing = 0; r >= 0 && closing < 2; closing++)
                        r = sd_bus_message_close_container(reply);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

/* ---- Revocation ---- */

typedef struct Revocation {
        Bus *bus;
        sd_bus_message *message;
        char *name, *issuer, *fingerprint, *serial, *reason;
} Revocation;

/* It is listed for good. The new certificate and the lists are made whether or not the caller stays to see it. */
static int revocation_done(const Revocation *v, sd_bus_error *ret_error)
{
        g_autofree char *crl = g_strconcat(MANIFEST_CRL_PREFIX, v->issuer, NULL);
        bool has_crl = agent_find(bus_agent(v->bus), crl) != NULL;
        const char *names[] = { v->name, has_crl ? crl : NULL, NULL };
        g_autoptr(GError) error = NULL;

        log_full(LOG_NOTICE,
                 &(LogContext) { .message_id = CERT_MESSAGE_REVOKED,
                                 .name = v->name,
                                 .reason = reason_to_string(REASON_REVOKED),
                                 .issuer = v->issuer,
                                 .serial = v->serial },
                 "The certificate with serial number %s was revoked (%s).", v->serial, v->reason);
        agent_note_revoked(bus_agent(v->bus), v->name, v->fingerprint, v->serial, v->reason);
        if (!agent_start(bus_agent(v->bus), JOB_KIND_RENEW, names, false, NULL, &error))
                return cert_error_to_bus(error, ret_error);
        return sd_bus_reply_method_return(v->message, NULL);
}

static void on_revoked(const AuthorityReply *reply, void *userdata)
{
        Revocation *v = userdata;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = reply->error ? cert_error_to_bus(reply->error, &error) : revocation_done(v, &error);

        if (r < 0)
                (void) sd_bus_reply_method_errno(v->message, r, &error);
        sd_bus_error_free(&error);
        agent_let_go(bus_agent(v->bus));
        sd_bus_message_unref(v->message);
        g_free(v->name);
        g_free(v->issuer);
        g_free(v->fingerprint);
        g_free(v->serial);
        g_free(v->reason);
        g_free(v);
}

static GBytes *leaf_der(const Generation *g)
{
        gnutls_datum_t pem, der = {};
        size_t size;

        if (!g || !g->cert_pem)
                return NULL;
        pem.data = (unsigned char *) g_bytes_get_data(g->cert_pem, &size);
        pem.size = size;
        if (gnutls_pem_base64_decode2("CERTIFICATE", &pem, &der) < 0)
                return NULL;
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

/* Whose the certificate in place is: the record's word, or the one that it is wanted from. NULL with an error. */
static const ManifestIssuer *issuer_of(Agent *a, const Certificate *c, GError **error)
{
        const Manifest *m = agent_manifest(a);
        const char *recorded = c->record ? c->record->issuer : NULL;
        const ManifestIssuer *issuer = recorded ? manifest_find_issuer(m, recorded) : NULL;

        if (!issuer)
                issuer = manifest_find_issuer(m, c->wish->issuer);
        if (!issuer)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_ISSUER, "The manifest has no issuer \"%s\"",
                            c->wish->issuer);
        return issuer;
}

int bus_revoke(Bus *b, sd_bus_message *m, Certificate *c, const char *reason, sd_bus_error *ret_error)
{
        Agent *a = bus_agent(b);
        g_autoptr(Generation) current = NULL;
        g_autoptr(GBytes) der = NULL;
        g_autoptr(GError) error = NULL;
        const ManifestIssuer *issuer;
        Revocation *v;

        if (c->wish->kind != MANIFEST_KIND_CERTIFICATE)
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS, "%s is no certificate", c->wish->name);
        agent_look(a, c);
        issuer = issuer_of(a, c, &error);
        if (!issuer)
                return cert_error_to_bus(error, ret_error);
        current = certificate_current(c);
        der = leaf_der(current);
        if (!der) {
                error = g_error_new(CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE,
                                    "There is no certificate of \"%s\" in place that could be revoked", c->wish->name);
                return cert_error_to_bus(error, ret_error);
        }
        v = g_new0(Revocation, 1);
        v->bus = b;
        v->message = sd_bus_message_ref(m);
        v->name = g_strdup(c->wish->name);
        v->issuer = g_strdup(issuer->name);
        v->fingerprint = g_strdup(current->fingerprint);
        v->serial = g_strdup(current->serial);
        v->reason = g_strdup(*reason ? reason : "unspecified");
        agent_hold(a);
        (void) authority_call_revoke(agent_issue_pool(a), issuer, der, reason, on_revoked, v);
        return 1;
}
