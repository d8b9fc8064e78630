/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call of a step issuer's, for tests. */

#include "tests/unit/step-call.h"

#include "agent/csr.h"
#include "common/timespan.h"
#include "issuers/step/step-private.h"

#define FINGERPRINT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

StepCall *step_call_new(const char *more, SignerThread *signer)
{
        StepCall *c = g_new0(StepCall, 1);
        g_autofree char *config = g_strconcat("{ \"name\": \"site\", \"type\": \"step\", \"provisioner\": \"admin\", "
                                              "\"root_fingerprint\": \"" FINGERPRINT "\"",
                                              more, " }", NULL);
        g_autoptr(GError) error = NULL;

        c->process = step_process_new();
        c->options = step_options_new(config, &error);
        g_assert_no_error(error);
        c->bus = signer->bus;
        c->deadline = (uint64_t) g_get_monotonic_time() + 60 * USEC_PER_SEC;
        return c;
}

void step_call_free(StepCall *c)
{
        step_process_free(c->process);
        step_options_free(c->options);
        g_free(c);
}

void step_call_know(StepCall *c, StepProvisionerType type)
{
        StepProvisioner *p = g_new0(StepProvisioner, 1);

        p->type = type;
        p->name = g_strdup(c->options->provisioner);
        p->key_id = type == STEP_PROVISIONER_JWK ? g_strdup("the key's id") : NULL;
        p->encrypted_key = type == STEP_PROVISIONER_JWK ? g_strdup("a.b.c.d.e") : NULL;
        g_hash_table_replace(c->process->provisioners, step_call_key(c, c->options->provisioner), p);
}

IssuerRequest *step_request_new(const ManifestCertificate *c, const Key *key, GBytes *leaf)
{
        IssuerRequest *r = g_new0(IssuerRequest, 1);
        g_autoptr(GError) error = NULL;
        gnutls_datum_t der;

        r->certificate = g_strdup(c->name);
        r->subject = g_strdup(c->subject);
        r->sans = g_strdupv(c->san_texts);
        r->usage = c->usage;
        r->lifetime = c->lifetime_usec;
        r->csr = csr_new(c, key, &error);
        g_assert_no_error(error);
        der = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(r->csr, NULL), (unsigned) g_bytes_get_size(r->csr) };
        g_assert_cmpint(gnutls_x509_crq_init(&r->crq), >=, 0);
        g_assert_cmpint(gnutls_x509_crq_import(r->crq, &der, GNUTLS_X509_FMT_DER), >=, 0);
        r->current = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        if (leaf)
                g_ptr_array_add(r->current, g_bytes_ref(leaf));
        return r;
}
