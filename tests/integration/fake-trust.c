/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The scripted agent's authorities and bundles: one that is in order, one in the midst of a rotation, one
 * that cannot be asked, and bundles to match. */

#include "fake-agent.h"

#include "common/names.h"

typedef struct FakeAuthority {
        const char *issuer, *state, *phase, *error, *message, *hint;
        int64_t expires_sec, rotation_sec;
        uint32_t certificates, revoked;
        bool has_old;
} FakeAuthority;

static const FakeAuthority scripted_authorities[] = {
        { "site", "valid", "steady", "", "", "", 3000 * 86400, 2000 * 86400 + 30, 8, 2, false },
        { "lab", "valid", "retiring", "", "", "", 3650LL * 86400, 2400 * 86400, 3, 0, true },
        { "vault", "blocked", "missing", "KeyStorage",
          "the token of the authority \"vault\" is locked: " HOSTILE, "Unlock it, then: certctl renew --due",
          0, 0, 1, 0, false },
};

typedef struct FakeBundle {
        const char *name, *state, *path, *issuers[3], *error, *message, *hint;
        int64_t change_sec, update_sec;
} FakeBundle;

static const FakeBundle scripted_bundles[] = {
        { "bundle:site-ca", "valid", "/etc/ssl/site-ca.pem", { "site", "lab" }, "", "", "", -7200, 0 },
        { "crl:site", "valid", "/etc/ssl/site.crl", { "site" }, "", "", "", -86400, 6 * 86400 },
        { "bundle:edge-ca",
          "degraded",
          "/etc/ssl/edge-ca.pem",
          { "site" },
          "UnitFailed",
          "edge.service did not take the bundle: " HOSTILE,
          "See: journalctl -u edge.service",
          -7200,
          0 },
        { "crl:lab",
          "failed",
          "/etc/ssl/lab.crl",
          { "lab" },
          "IssuerTimeout",
          "the authority does not answer",
          "",
          -8 * 86400,
          -86400 },
};

/* ---- Lists ---- */

static int append_string(sd_bus_message *m, const char *key, const char *value)
{
        return sd_bus_message_append(m, "{sv}", key, "s", value);
}

static int append_time(sd_bus_message *m, const char *key, int64_t seconds)
{
        return sd_bus_message_append(m, "{sv}", key, "t", from_now(seconds));
}

static int append_strings(sd_bus_message *m, const char *key, const char *const *values)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) values);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static const char *serial_of(const FakeAuthority *a)
{
        return g_str_equal(a->phase, "missing") ? "" : "1a2b";
}

static const char *rotated_phase(void)
{
        return g_str_equal(fake.job, "failed") ? "introducing" : "retiring";
}

/* Between the parentheses of an a{sv}. Each call's failure shows in the next: a message that failed takes no
 * more. */
static int append_authority(sd_bus_message *m, const FakeAuthority *a)
{
        static const char *const none[] = { NULL }, *const rotated[] = { "authority-rotated", NULL };
        bool rotating = g_strcmp0(fake.rotating, a->issuer) == 0;

        (void) append_string(m, "State", a->state);
        (void) append_string(m, "Phase", rotating ? rotated_phase() : a->phase);
        (void) append_string(m, "Subject", "CN=" HOSTILE);
        (void) append_string(m, "Fingerprint", "abcd");
        (void) append_string(m, "SerialNumber", serial_of(a));
        (void) append_string(m, "KeyType", "ecdsa-p384");
        (void) append_time(m, "NotBefore", a->expires_sec ? -86400 : 0);
        (void) append_time(m, "NotAfter", fake.late ? fake.late * 86400 : a->expires_sec);
        (void) append_time(m, "NextRotation", fake.late ? -1000 * 86400 : a->rotation_sec);
        (void) append_time(m, "Retirement", rotating || a->has_old ? 86400 + 30 : 0);
        (void) append_strings(m, "Reasons", a->has_old ? rotated : none);
        (void) append_string(m, "Error", a->error);
        (void) append_string(m, "Message", a->message);
        (void) append_string(m, "Hint", a->hint);
        (void) append_time(m, "RetryAt", *a->error ? 3600 : 0);
        (void) sd_bus_message_append(m, "{sv}", "Certificates", "u", a->certificates);
        (void) sd_bus_message_append(m, "{sv}", "FromTheFuture", "(sau)", "?", 1, 7);
        return sd_bus_message_append(m, "{sv}", "Revoked", "u", a->revoked);
}

static int append_trusted(sd_bus_message *m, const FakeAuthority *a)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "Trusted");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(ssttsss)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(ssttsss)");
        if (r >= 0 && a->has_old)
                r = sd_bus_message_append(m, "(ssttsss)", "old", "0123", from_now(-86400), from_now(86400),
                                          "01", "CN=old", "OLD PEM\n");
        if (r >= 0)
                r = sd_bus_message_append(m, "(ssttsss)", "current", "abcd", from_now(-86400),
                                          from_now(a->expires_sec), "1a2b", "CN=" HOSTILE, "CURRENT PEM\n");
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_bundle(sd_bus_message *m, const FakeBundle *b)
{
        static const char *const units[] = { "edge.service", NULL }, *const none[] = { NULL };

        (void) append_string(m, "State", b->state);
        (void) append_string(m, "Path", b->path);
        (void) append_strings(m, "Issuers", b->issuers);
        (void) append_string(m, "Fingerprint", "beef");
        (void) append_strings(m, "Units", units);
        (void) append_strings(m, "Reasons", none);
        (void) append_time(m, "NextUpdate", b->update_sec);
        (void) append_time(m, "LastChange", b->change_sec);
        (void) append_string(m, "Error", b->error);
        (void) append_string(m, "Message", b->message);
        (void) append_string(m, "Hint", b->hint);
        (void) append_time(m, "RetryAt", *b->error ? 3600 : 0);
        return sd_bus_message_append(m, "{sv}", "Certificates", "u", 2);
}

static int append_named(sd_bus_message *reply, bool authorities, const void *entry)
{
        int r = sd_bus_message_open_container(reply, 'r', "sa{sv}");

        if (r >= 0)
                r = sd_bus_message_append(reply, "s",
                                          authorities ? ((const FakeAuthority *) entry)->issuer
                                                      : ((const FakeBundle *) entry)->name);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = authorities ? append_authority(reply, entry) : append_bundle(reply, entry);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int reply_list(sd_bus_message *m, bool authorities)
{
        GPtrArray *list = authorities ? fake.authorities : fake.bundles;
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sa{sv})");
        for (guint i = 0; r >= 0 && i < list->len; i++)
                r = append_named(reply, authorities, list->pdata[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_list_authorities(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return reply_list(m, true);
}

static int method_list_bundles(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return reply_list(m, false);
}

/* 1 when the message names an authority, else what the handler returns. */
static int read_authority(sd_bus_message *m, const FakeAuthority **ret)
{
        const char *issuer;
        int r = sd_bus_message_read(m, "s", &issuer);

        for (guint i = 0; r >= 0 && i < fake.authorities->len; i++)
                if (g_str_equal(((FakeAuthority *) fake.authorities->pdata[i])->issuer, issuer)) {
                        *ret = fake.authorities->pdata[i];
                        return 1;
                }
        if (r < 0)
                return r;
        r = sd_bus_reply_method_errorf(m, CERT_ERROR_PREFIX "NoSuchIssuer",
                                       "the manifest has no issuer \"%s\"", issuer);
        return MIN(r, 0);
}

static int method_get_authority(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const FakeAuthority *a;
        sd_bus_message *reply = NULL;
        int r = read_authority(m, &a);

        if (r <= 0)
                return r;
        if (fake.mute || g_str_equal(a->state, "blocked"))
                return sd_bus_reply_method_errorf(
                        m, CERT_ERROR_PREFIX "IssuerUnreachable",
                        "the process of the authority does not answer\nLook at its log.");
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_authority(reply, a);
        if (r >= 0)
                r = append_trusted(reply, a);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_get_bundle(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const FakeAuthority *a;
        int r = read_authority(m, &a);

        return r <= 0 ? r
                      : sd_bus_reply_method_return(m, "s",
                                                   a->has_old ? "OLD PEM\nCURRENT PEM\n" : "CURRENT PEM\n");
}

static int method_rotate(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const FakeAuthority *a;
        int r = read_authority(m, &a);
        const char *names[] = { NULL, "web", "bundle:site-ca", NULL };
        g_autofree char *name = NULL;

        if (r <= 0)
                return r;
        name = g_strconcat("authority:", a->issuer, NULL);
        names[0] = name;
        fake.rotating = g_str_equal(sd_bus_message_get_member(m), "RotateAuthority") ? a->issuer : NULL;
        return start_job(m, g_strdupv((char **) names));
}

static int method_revoke(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *name, *reason;
        int r = sd_bus_message_read(m, "ss", &name, &reason);

        if (r < 0)
                return r;
        if (!find(name))
                return no_such(m, name);
        if (fake.deny)
                return denied(m);
        fake.revoked = true;
        return sd_bus_reply_method_return(m, NULL);
}

/* What the Manager's interface has besides; it follows the other methods in one table. */
const sd_bus_vtable trust_vtable[] = {
        SD_BUS_METHOD("ListAuthorities", "", "a(sa{sv})", method_list_authorities,
                      SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetAuthority", "s", "a{sv}", method_get_authority, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListBundles", "", "a(sa{sv})", method_list_bundles, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetBundle", "s", "s", method_get_bundle, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RotateAuthority", "s", "o", method_rotate, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("RecreateAuthority", "s", "o", method_rotate, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Revoke", "ss", "", method_revoke, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- What there is, and the plan ---- */

void fill_trust(bool trust, bool good)
{
        fake.authorities = g_ptr_array_new();
        fake.bundles = g_ptr_array_new();
        for (size_t i = 0; trust && i < (good ? 1 : G_N_ELEMENTS(scripted_authorities)); i++)
                g_ptr_array_add(fake.authorities, (void *) &scripted_authorities[i]);
        for (size_t i = 0; trust && i < (good ? 2 : G_N_ELEMENTS(scripted_bundles)); i++)
                g_ptr_array_add(fake.bundles, (void *) &scripted_bundles[i]);
}

int append_plan(sd_bus_message *reply, const char *name, const char *action, const char *const *reasons,
                uint64_t due)
{
        int r = sd_bus_message_open_container(reply, 'r', "ssast");

        if (r >= 0)
                r = sd_bus_message_append(reply, "ss", name, action);
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, (char **) reasons);
        if (r >= 0)
                r = sd_bus_message_append(reply, "t", due);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* In an order that is not the one to be shown. */
int append_trust_plan(sd_bus_message *reply)
{
        static const char *const differ[] = { "bundle-differ", NULL }, *const expiring[] = {
                "authority-expiring", NULL
        };
        int r = 0;

        for (guint i = 0; r >= 0 && i < fake.bundles->len; i++)
                r = append_plan(reply, ((FakeBundle *) fake.bundles->pdata[i])->name, "issue", differ, from_now(-1));
        for (guint i = 0; r >= 0 && i < fake.authorities->len; i++) {
                g_autofree char *name = g_strconcat(
                        "authority:", ((FakeAuthority *) fake.authorities->pdata[i])->issuer, NULL);

                r = append_plan(reply, name, "begin", expiring, from_now(-1));
        }
        return r;
}
