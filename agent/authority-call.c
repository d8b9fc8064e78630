/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call to an authority's process. It owns what the call sends until it is answered. */

#include "agent/authority-call.h"

#include "agent/answer.h"
#include "agent/issuer.h"
#include "common/error.h"
#include "common/bounds.h"
#include "common/names.h"

#define LISTS_MAX 16 /* as many as an authority may have certificates */

struct AuthorityCall {
        const ManifestIssuer *issuer;
        const char *member;
        GBytes *certificate;
        char *reason;
        IssuerCall *call;
        AuthorityCallDone done;
        void *userdata;
};

static void call_free(AuthorityCall *c)
{
        issuer_call_discard(c->call);
        g_clear_pointer(&c->certificate, g_bytes_unref);
        g_free(c->reason);
        g_free(c);
}

AuthorityCall *authority_call_discard(AuthorityCall *c)
{
        if (c)
                call_free(c);
        return NULL;
}

/* What the method gives back, by its name. */
static void read_reply(const AuthorityCall *c, sd_bus_message *m, AuthorityReply *reply, GError **error)
{
        if (g_str_equal(c->member, "SignRevocationLists"))
                reply->lists = answer_read_blobs(m, LISTS_MAX, CERT_CRL_SIZE_MAX, c->issuer->name, error);
        else if (!g_str_equal(c->member, "Revoke"))
                reply->facts = authority_facts_read(m, c->issuer->name, error);
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
        authority_facts_unref(reply.facts);
        g_clear_pointer(&reply.lists, g_ptr_array_unref);
        call_free(c);
}

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

static int fill_revoke(sd_bus_message *m, void *userdata)
{
        const AuthorityCall *c = userdata;
        size_t size;
        const void *data = g_bytes_get_data(c->certificate, &size);
        int r = sd_bus_message_append_array(m, 'y', data, size);

        return r < 0 ? r : sd_bus_message_append(m, "s", c->reason);
}

AuthorityCall *authority_call_revoke(IssuePool *p, const ManifestIssuer *issuer, GBytes *certificate, const char *reason,
                                     AuthorityCallDone done, void *userdata)
{
        AuthorityCall *c = call_new(issuer, "Revoke", done, userdata);

        c->certificate = g_bytes_ref(certificate);
        c->reason = g_strdup(reason);
        c->call = issuer_call(issue_pool_issuers(p), issuer, CERT_INTERFACE_ISSUER, c->member, fill_revoke, NULL,
                              on_reply, c);
        return c;
}
