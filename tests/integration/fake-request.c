/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The scripted agent's requests: two certificates that wait for an answer by hand, an authority that signs
 * what comes, and what it signed. The files that it gives out are the test's; it reads none of what it is
 * given, but keeps it. */

#include "fake-agent.h"

#include "common/names.h"

#include <string.h>

/* "paper" has never had a certificate; "letter" has one, and a request beside it that is twelve days old. */
static const FakeCert waiting[] = {
        { "paper", "waiting", "", "", "", 0, 0, { "missing-cert", "missing-key" } },
        { "letter", "waiting", "", "", "", 18 * 86400 + 30, 0, { "expiring" } },
        { "late", "waiting", "", "", "", 86400 + 30, 0, { "expiring" } },
};

void fill_requests(void)
{
        for (size_t i = 0; fake.request && i < G_N_ELEMENTS(waiting); i++)
                g_ptr_array_add(fake.certs, (void *) &waiting[i]);
}

bool is_waiting_by_hand(const FakeCert *c)
{
        return c >= waiting && c < waiting + G_N_ELEMENTS(waiting) && !fake.imported;
}

uint64_t requested_at(const FakeCert *c)
{
        if (!is_waiting_by_hand(c))
                return 0;
        return from_now(g_str_equal(c->name, "late")     ? -40 * 86400
                        : g_str_equal(c->name, "letter") ? -12 * 86400
                                                         : -3 * 86400 - 60);
}

static int reply_file(sd_bus_message *m, const char *path)
{
        g_autofree char *text = NULL;

        if (!path || !g_file_get_contents(path, &text, NULL, NULL))
                return -ENOENT;
        return sd_bus_reply_method_return(m, "s", text);
}

/* What was sent is kept for the test to look at. */
static void keep(const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(g_getenv(CERT_ENV_TEST_ROOT), name, NULL);

        (void) g_file_set_contents(path, text, -1, NULL);
}

static int method_get_request(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (!find(name))
                return no_such(m, name);
        if (!is_waiting_by_hand(find(name)))
                return sd_bus_reply_method_errorf(
                        m, CERT_ERROR_PREFIX "NotSupported",
                        "no request of \"%s\" waits for an answer\nMake one with: certctl renew %s", name,
                        name);
        return reply_file(m, fake.request);
}

static int method_import(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *name, *pem;
        int r = sd_bus_message_read(m, "ss", &name, &pem);

        if (r < 0)
                return r;
        if (!find(name))
                return no_such(m, name);
        if (fake.deny)
                return denied(m);
        if (fake.wrong_answer)
                return sd_bus_reply_method_errorf(m, CERT_ERROR_PREFIX "BadCertificate",
                                                  "this is a certificate for another key: " HOSTILE);
        keep("imported", pem);
        if (!g_str_equal(fake.job, "skipped"))
                fake.imported = true;
        return sd_bus_reply_method_return(m, NULL);
}

/* "usage=server,client lifetime=5 names=a,b" */
static int options_text(sd_bus_message *m, GString *s)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *key, *type;
                uint64_t number;

                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = sd_bus_message_peek_type(m, NULL, &type);
                if (r < 0)
                        return r;
                g_string_append_printf(s, "%s=", key);
                if (g_str_equal(type, "t")) {
                        r = sd_bus_message_read(m, "v", "t", &number);
                        g_string_append_printf(s, "%" G_GUINT64_FORMAT " ", number);
                } else {
                        g_auto(GStrv) list = NULL;
                        g_autofree char *text = NULL;

                        r = sd_bus_message_enter_container(m, 'v', "as");
                        if (r >= 0)
                                r = sd_bus_message_read_strv(m, &list);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(m);
                        text = list ? g_strjoinv(",", list) : g_strdup("");
                        g_string_append_printf(s, "%s ", text);
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int method_sign_request(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(GString) options = g_string_new(NULL);
        const char *issuer, *pem;
        int r = sd_bus_message_read(m, "ss", &issuer, &pem);

        if (r >= 0)
                r = options_text(m, options);
        if (r < 0)
                return r;
        if (!g_str_equal(issuer, "site"))
                return sd_bus_reply_method_errorf(m, CERT_ERROR_PREFIX "NoSuchIssuer",
                                                  "the manifest has no issuer \"%s\"", issuer);
        if (fake.deny)
                return denied(m);
        keep("signed", pem);
        keep("signed-options", options->str);
        return reply_file(m, fake.answer);
}

static int append_issued(sd_bus_message *m, const char *serial, const char *name, int64_t ends, bool revoked)
{
        return sd_bus_message_append(m, "a{sv}", 9, "SerialNumber", "s", serial, "Subject", "s",
                                     "CN=" HOSTILE, "SubjectAltNames", "as", 1, name, "Usage", "as", 1,
                                     "server", "NotBefore", "t", from_now(-86400), "NotAfter", "t",
                                     from_now(ends), "Fingerprint", "s", "abcd", "KeyType", "s", "ecdsa-p256",
                                     "Revoked", "b", (int) revoked);
}

static int method_list_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        sd_bus_message *reply = NULL;
        const char *issuer;
        int r = sd_bus_message_read(m, "s", &issuer);

        if (r >= 0 && fake.mute)
                return sd_bus_reply_method_errorf(m, CERT_ERROR_PREFIX "IssuerUnreachable",
                                                  "the process of the authority does not answer");
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0 && g_str_equal(issuer, "site")) {
                (void) append_issued(reply, "0a01", "www.example.org", 80 * 86400 + 30, false);
                (void) append_issued(reply, "0a02", "old.example.org", -86400, false);
                r = append_issued(reply, "0a03", HOSTILE, 80 * 86400 + 30, true);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_revoke_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *issuer, *serial, *reason;
        int r = sd_bus_message_read(m, "sss", &issuer, &serial, &reason);

        if (r < 0)
                return r;
        if (!g_str_equal(serial, "0a01"))
                return sd_bus_reply_method_errorf(m, CERT_ERROR_PREFIX "NoSuchCertificate",
                                                  "\"%s\" signed nothing with the serial number %s", issuer,
                                                  serial);
        if (fake.deny)
                return denied(m);
        keep("revoked", reason);
        return sd_bus_reply_method_return(m, NULL);
}

const sd_bus_vtable request_vtable[] = {
        SD_BUS_METHOD("GetRequest", "s", "s", method_get_request, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Import", "ss", "", method_import, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SignRequest", "ssa{sv}", "s", method_sign_request, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListIssued", "s", "aa{sv}", method_list_issued, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RevokeIssued", "sss", "", method_revoke_issued, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
