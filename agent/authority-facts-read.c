/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An authority's facts, read from what its process answered. As with agent/answer.c: keys that this version does not know
 * are passed over; a known one of another type, a missing one, or one beyond its bounds makes the whole answer wrong. */

#include "agent/authority-facts.h"

#include "agent/answer.h"
#include "agent/authority-facts-private.h"
#include "common/error.h"

/* The dictionary, flat. Strings are borrowed from the message. */
typedef struct Said {
        const char *state;
        GPtrArray *ders;
        AuthorityRole roles[AUTHORITY_CERTIFICATES_MAX];
        GPtrArray *revoked; /* const char*, NULL at the end */
        struct {
                const char *fingerprint;
                uint64_t until;
        } issued[AUTHORITY_CERTIFICATES_MAX];
        unsigned n_issued;
} Said;

static void said_clear(Said *s)
{
        g_clear_pointer(&s->ders, g_ptr_array_unref);
        g_clear_pointer(&s->revoked, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Said, said_clear)

static bool read_certificate(sd_bus_message *m, const char *issuer, Said *said, GError **error)
{
        const char *name;
        const void *data;
        size_t size;
        AuthorityRole role;

        if (sd_bus_message_read(m, "s", &name) < 0 || sd_bus_message_read_array(m, 'y', &data, &size) < 0)
                return answer_broken(error, issuer, "Certificates is not of type a(say)");
        role = authority_role_from_string(name);
        if (role < 0)
                return answer_broken(error, issuer, "a certificate as \"%.64s\", which is none of current, next, old",
                                     name);
        if (size == 0 || size > AUTHORITY_CERTIFICATE_MAX || said->ders->len >= AUTHORITY_CERTIFICATES_MAX)
                return answer_broken(error, issuer, "a certificate of %zu bytes as number %u (at most %d of %d bytes)",
                                     size, said->ders->len + 1, AUTHORITY_CERTIFICATES_MAX, AUTHORITY_CERTIFICATE_MAX);
        said->roles[said->ders->len] = role;
        g_ptr_array_add(said->ders, g_bytes_new(data, size));
        return true;
}

static bool read_certificates(sd_bus_message *m, const char *issuer, Said *said, GError **error)
{
        int r = sd_bus_message_enter_container(m, 'v', "a(say)");

        if (said->ders)
                return answer_broken(error, issuer, "Certificates stands there twice");
        said->ders = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(say)");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "say")) > 0) {
                if (!read_certificate(m, issuer, said, error))
                        return false;
                r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r >= 0 || answer_broken(error, issuer, "Certificates is not of type a(say)");
}

static bool take_serial(const char *serial, const char *issuer, Said *said, GError **error)
{
        if (!authority_serial_is_sane(serial))
                return answer_broken(error, issuer, "\"%.64s\" as a revoked serial number", serial);
        if (said->revoked->len >= AUTHORITY_REVOKED_MAX)
                return answer_broken(error, issuer, "more than %d revoked serial numbers", AUTHORITY_REVOKED_MAX);
        g_ptr_array_add(said->revoked, (char *) serial);
        return true;
}

static bool read_revoked(sd_bus_message *m, const char *issuer, Said *said, GError **error)
{
        int r = sd_bus_message_enter_container(m, 'v', "as");
        const char *serial;

        if (said->revoked)
                return answer_broken(error, issuer, "Revoked stands there twice");
        said->revoked = g_ptr_array_new();
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &serial)) > 0)
                if (!take_serial(serial, issuer, said, error))
                        return false;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        g_ptr_array_add(said->revoked, NULL);
        return r >= 0 || answer_broken(error, issuer, "Revoked is not of type as");
}

static bool read_issued_until(sd_bus_message *m, const char *issuer, Said *said, GError **error)
{
        int r = sd_bus_message_enter_container(m, 'v', "a{st}");
        const char *fingerprint;
        uint64_t until;

        if (said->n_issued > 0)
                return answer_broken(error, issuer, "IssuedUntil stands there twice");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{st}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{st}", &fingerprint, &until)) > 0) {
                if (said->n_issued >= AUTHORITY_CERTIFICATES_MAX)
                        return answer_broken(error, issuer, "more than %d entries in IssuedUntil",
                                             AUTHORITY_CERTIFICATES_MAX);
                said->issued[said->n_issued].fingerprint = fingerprint;
                said->issued[said->n_issued++].until = until;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r >= 0 || answer_broken(error, issuer, "IssuedUntil is not of type a{st}");
}

static bool read_entry(sd_bus_message *m, const char *issuer, Said *said, GError **error)
{
        const char *key;

        if (sd_bus_message_read(m, "s", &key) < 0)
                return answer_broken(error, issuer, "a key is no string");
        if (g_str_equal(key, "State"))
                return sd_bus_message_read(m, "v", "s", &said->state) >= 0 ||
                       answer_broken(error, issuer, "State is not of type s");
        if (g_str_equal(key, "Certificates"))
                return read_certificates(m, issuer, said, error);
        if (g_str_equal(key, "Revoked"))
                return read_revoked(m, issuer, said, error);
        if (g_str_equal(key, "IssuedUntil"))
                return read_issued_until(m, issuer, said, error);
        return sd_bus_message_skip(m, "v") >= 0 || answer_broken(error, issuer, "its dictionary cannot be read");
}

static bool read_entries(sd_bus_message *m, const char *issuer, Said *said, GError **error)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                if (!read_entry(m, issuer, said, error))
                        return false;
                r = sd_bus_message_exit_container(m);
        }
        return r >= 0 || answer_broken(error, issuer, "its facts are not of type a{sv}");
}

AuthorityFacts *authority_facts_read(sd_bus_message *m, const char *issuer, GError **error)
{
        g_auto(Said) said = {};
        g_autoptr(GError) wrong = NULL;
        AuthorityFacts *f;
        bool missing;

        if (!sd_bus_message_has_signature(m, "a{sv}")) {
                answer_broken(error, issuer, "its type is %.64s in place of a{sv}",
                              sd_bus_message_get_signature(m, true) ?: "unreadable");
                return NULL;
        }
        if (!read_entries(m, issuer, &said, error))
                return NULL;
        missing = g_strcmp0(said.state, "missing") == 0;
        if (!missing && g_strcmp0(said.state, "present") != 0) {
                answer_broken(error, issuer, "its State is \"%.64s\", which is neither present nor missing",
                              said.state ?: "");
                return NULL;
        }
        if (!said.ders)
                said.ders = g_ptr_array_new();
        f = authority_facts_new(missing, said.ders, said.roles, said.revoked ? (char **) said.revoked->pdata : NULL,
                                &wrong);
        if (!f)
                answer_broken(error, issuer, "%s", wrong->message);
        for (unsigned i = 0; f && i < said.n_issued; i++)
                authority_facts_set_issued_until(f, said.issued[i].fingerprint, said.issued[i].until);
        return f;
}
