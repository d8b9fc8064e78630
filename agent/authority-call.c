/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call to an authority's process. It owns what the call sends until it is answered. */

#include "agent/authority-call.h"

#include "agent/answer.h"
#include "agent/chain.h"
#include "agent/issuer.h"
#include "common/error.h"
#include "common/bounds.h"
#include "common/names.h"

#define LISTS_MAX 16 /* as many as an authority may have certificates */
#define ISSUED_MAX 4096
#define CERTIFICATE_MAX (64 * 1024)

struct AuthorityCall {
        const ManifestIssuer *issuer;
        const char *member;
        GBytes *data; /* the certificate or request that it is about */
        char *text;   /* the reason or serial number */
        SignOptions *options;
        IssuerCall *call;
        AuthorityCallDone done;
        void *userdata;
};

static void call_free(AuthorityCall *c)
{
        issuer_call_discard(c->call);
        g_clear_pointer(&c->data, g_bytes_unref);
        g_free(c->text);
        sign_options_free(c->options);
        g_free(c);
}

AuthorityCall *authority_call_discard(AuthorityCall *c)
{
        if (c)
                call_free(c);
        return NULL;
}

/* ---- What comes back ---- */

static void read_signed(sd_bus_message *m, const char *issuer, AuthorityReply *reply, GError **error)
{
        reply->chain = answer_read_certificates(m, CHAIN_MAX, issuer, error);
        if (!reply->chain)
                return;
        reply->roots = answer_read_certificates(m, ANSWER_ROOTS_MAX, issuer, error);
        if (reply->roots && reply->chain->len == 0)
                answer_broken(error, issuer, "a chain without a certificate");
}

static void read_certificate(sd_bus_message *m, const char *issuer, AuthorityReply *reply, GError **error)
{
        const void *data;
        size_t size;

        if (sd_bus_message_read_array(m, 'y', &data, &size) < 0 || size == 0 || size > CERTIFICATE_MAX)
                answer_broken(error, issuer, "no certificate of at most %d bytes", CERTIFICATE_MAX);
        else
                reply->certificate = g_bytes_new(data, size);
}

/* What the method gives back, by its name. */
static void read_reply(const AuthorityCall *c, sd_bus_message *m, AuthorityReply *reply, GError **error)
{
        const char *issuer = c->issuer->name;

        if (g_str_equal(c->member, "SignRevocationLists"))
                reply->lists = answer_read_blobs(m, LISTS_MAX, CERT_CRL_SIZE_MAX, issuer, error);
        else if (g_str_equal(c->member, "SignRequest"))
                read_signed(m, issuer, reply, error);
        else if (g_str_equal(c->member, "ListIssued"))
                reply->issued = answer_read_certificates(m, ISSUED_MAX, issuer, error);
        else if (g_str_equal(c->member, "GetIssued"))
                read_certificate(m, issuer, reply, error);
        else if (!g_str_equal(c->member, "Revoke"))
                reply->facts = authority_facts_read(m, issuer, error);
}

static void reply_clear(AuthorityReply *reply)
{
        authority_facts_unref(reply->facts);
        g_clear_pointer(&reply->lists, g_ptr_array_unref);
        g_clear_pointer(&reply->chain, g_ptr_array_unref);
        g_clear_pointer(&reply->roots, g_ptr_array_unref);
        g_clear_pointer(&reply->issued, g_ptr_array_unref);
        g_clear_pointer(&reply->certificate, g_bytes_unref);
}

static void on_reply(sd_bus_message *m, const GError *refusal, void *userdata)
{
        AuthorityCall *c = userdata;
        AuthorityReply reply = {};
        g_autoptr(GError) error = NULL;

        c->call = NULL;
        if (m)
                read_reply(c, m, &reply, &error);
        reply.error = m ? error : refusal;
        c->done(&reply, c->userdata);
        reply_clear(&reply);
        call_free(c);
}

/* ---- Calls ---- */

static AuthorityCall *call_new(const ManifestIssuer *issuer, const char *member, AuthorityCallDone done, void *userdata)
{
        AuthorityCall *c = g_new0(AuthorityCall, 1);

        c->issuer = issuer;
        c->member = member;
        c->done = done;
        c->userdata = userdata;
        return c;
}

AuthorityCall *authority_call(IssuePool *p, const ManifestIssuer *issuer, const char *member, AuthorityCallDone done,
                              void *userdata)
{
        AuthorityCall *c = call_new(issuer, member, done, userdata);

        c->call = issuer_call(issue_pool_issuers(p), issuer, CERT_INTERFACE_AUTHORITY, member, NULL, NULL, on_reply, c);
        return c;
}

static int append_data(sd_bus_message *m, GBytes *bytes)
{
        size_t size;
        const void *data = g_bytes_get_data(bytes, &size);

        return sd_bus_message_append_array(m, 'y', data, size);
}

static int fill_revoke(sd_bus_message *m, void *userdata)
{
        const AuthorityCall *c = userdata;
        int r = append_data(m, c->data);

        return r < 0 ? r : sd_bus_message_append(m, "s", c->text);
}

AuthorityCall *authority_call_revoke(IssuePool *p, const ManifestIssuer *issuer, GBytes *certificate, const char *reason,
                                     AuthorityCallDone done, void *userdata)
{
        AuthorityCall *c = call_new(issuer, "Revoke", done, userdata);

        c->data = g_bytes_ref(certificate);
        c->text = g_strdup(reason);
        c->call = issuer_call(issue_pool_issuers(p), issuer, CERT_INTERFACE_ISSUER, c->member, fill_revoke, NULL,
                              on_reply, c);
        return c;
}

static int fill_sign(sd_bus_message *m, void *userdata)
{
        const AuthorityCall *c = userdata;
        int r = append_data(m, c->data);

        return r < 0 ? r : sign_options_append(m, c->options);
}

AuthorityCall *authority_call_sign(IssuePool *p, const ManifestIssuer *issuer, GBytes *request, const SignOptions *options,
                                   AuthorityCallDone done, void *userdata)
{
        AuthorityCall *c = call_new(issuer, "SignRequest", done, userdata);

        c->data = g_bytes_ref(request);
        c->options = sign_options_copy(options);
        c->call = issuer_call(issue_pool_issuers(p), issuer, CERT_INTERFACE_AUTHORITY, c->member, fill_sign, NULL,
                              on_reply, c);
        return c;
}

static int fill_get_issued(sd_bus_message *m, void *userdata)
{
        return sd_bus_message_append(m, "s", ((const AuthorityCall *) userdata)->text);
}

AuthorityCall *authority_call_get_issued(IssuePool *p, const ManifestIssuer *issuer, const char *serial,
                                         AuthorityCallDone done, void *userdata)
{
        AuthorityCall *c = call_new(issuer, "GetIssued", done, userdata);

        c->text = g_strdup(serial);
        c->call = issuer_call(issue_pool_issuers(p), issuer, CERT_INTERFACE_AUTHORITY, c->member, fill_get_issued, NULL,
                              on_reply, c);
        return c;
}
