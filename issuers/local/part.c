/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of a local authority: read from its folder and judged. It owns the parsed certificates and the
 * contents of the key files. Nothing is changed here: issuers/local/change.c does that. */

#include "issuers/local/part.h"

#include "common/enum-table.h"
#include "common/error.h"
#include "common/timespan.h"
#include "issuers/local/authority-key.h"

#include <gnutls/crypto.h>
#include <string.h>

static const char *const role_table[_PART_ROLE_MAX] = {
        [PART_CURRENT] = "current",
        [PART_NEXT] = "next",
        [PART_OLD] = "old",
};

ENUM_TABLE(part_role, PartRole, role_table, _PART_ROLE_MAX, _PART_ROLE_INVALID)

/* ---- Files ---- */

char *part_certificate_file(const char *stem)
{
        return g_strconcat(stem, ".pem", NULL);
}

char *part_key_file(const char *stem)
{
        return g_strconcat(stem, STORE_SUFFIX_KEY, NULL);
}

char *part_old_stem(const char *file)
{
        size_t length = strlen(PART_OLD_PREFIX) + PART_FINGERPRINT;

        if (!g_str_has_prefix(file, PART_OLD_PREFIX) || strlen(file) <= length ||
            strspn(file + strlen(PART_OLD_PREFIX), "0123456789abcdef") != PART_FINGERPRINT ||
            !(g_str_equal(file + length, ".pem") || g_str_equal(file + length, STORE_SUFFIX_KEY)))
                return NULL;
        return g_strndup(file, length);
}

/* ---- Judging ---- */

/* Caller owns. */
static char *remedy(const Store *s, PartRole role)
{
        g_autofree char *issuer = g_path_get_basename(store_shown(s));

        switch (role) {
        case PART_NEXT:
                return g_strdup("Restore it from a backup. Without one remove next.pem and next.key: the rotation "
                                "begins anew.");
        case PART_OLD:
                return g_strdup("Restore it from a backup. Without one remove both files of that name: what it "
                                "signed is trusted no longer.");
        default:
                return g_strdup_printf("Restore it from a backup. To give it up and begin a new authority, which no "
                                       "client trusts yet: certctl authority rotate --now %s",
                                       issuer);
        }
}

G_GNUC_PRINTF(5, 6)
static bool damaged(const Store *s, const Part *part, const char *suffix, GError **error, const char *format,
                    ...)
{
        g_autofree char *what = NULL, *advice = remedy(s, part->role);
        va_list arguments;

        va_start(arguments, format);
        what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s/%s%s %s\n%s", store_shown(s), part->stem,
                    suffix, what, advice);
        return false;
}

static void to_hex(const unsigned char *data, char ret[PART_FINGERPRINT + 1])
{
        for (size_t i = 0; i < PART_FINGERPRINT / 2; i++)
                g_snprintf(ret + 2 * i, 3, "%02x", data[i]);
}

static bool fingerprint(gnutls_x509_crt_t crt, char ret[PART_FINGERPRINT + 1])
{
        unsigned char digest[32];
        size_t size = sizeof(digest);

        if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest, &size) < 0)
                return false;
        to_hex(digest, ret);
        return true;
}

static gnutls_x509_crt_t import(GBytes *pem, int *ret_r)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(pem, NULL),
                             (unsigned) g_bytes_get_size(pem) };
        gnutls_x509_crt_t crt;

        *ret_r = gnutls_x509_crt_init(&crt);
        if (*ret_r < 0)
                return NULL;
        *ret_r = gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_PEM);
        if (*ret_r >= 0)
                return crt;
        gnutls_x509_crt_deinit(crt);
        return NULL;
}

bool part_fingerprint(GBytes *pem, char ret[PART_FINGERPRINT + 1])
{
        int r;
        gnutls_x509_crt_t crt = import(pem, &r);
        bool good = crt && fingerprint(crt, ret);

        if (crt)
                gnutls_x509_crt_deinit(crt);
        return good;
}

/* Signed by its own key, whatever the time. */
static bool is_self_signed(gnutls_x509_crt_t crt)
{
        unsigned status = 0;

        return gnutls_x509_crt_check_issuer(crt, crt) == 1 &&
               gnutls_x509_crt_verify(crt, &crt, 1,
                                      GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DO_NOT_ALLOW_SAME |
                                              GNUTLS_VERIFY_ALLOW_ANY_X509_V1_CA_CRT,
                                      &status) >= 0 &&
               !(status & (GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_FOUND));
}

static bool judge_profile(const Store *s, const Part *part, GError **error)
{
        unsigned critical, usage;

        if (gnutls_x509_crt_get_ca_status(part->crt, &critical) <= 0)
                return damaged(s, part, ".pem", error, "is no CA certificate (RFC 5280, 4.2.1.9)");
        if (gnutls_x509_crt_get_key_usage(part->crt, &usage, &critical) < 0 ||
            !(usage & GNUTLS_KEY_KEY_CERT_SIGN))
                return damaged(
                        s, part, ".pem", error,
                        "may not sign certificates: its key usage lacks keyCertSign (RFC 5280, 4.2.1.3)");
        return is_self_signed(part->crt) || damaged(s, part, ".pem", error, "is not signed by itself");
}

static bool judge_start(const Store *s, const Part *part, GError **error)
{
        uint64_t start = (uint64_t) gnutls_x509_crt_get_activation_time(part->crt) * USEC_PER_SEC;
        uint64_t now = now_realtime();
        g_autofree char *start_text = NULL, *now_text = NULL;

        if (now >= start)
                return true;
        start_text = timestamp_format(start);
        now_text = timestamp_format(now);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "%s/%s.pem is valid from %s only, and this host's clock says %s\n"
                    "Set the clock (timedatectl); nothing is made while it is behind.",
                    store_shown(s), part->stem, start_text, now_text);
        return false;
}

/* The key is that of the certificate. */
static bool fits(gnutls_x509_crt_t crt, gnutls_privkey_t key)
{
        unsigned char crt_id[32], key_id[32];
        size_t crt_size = sizeof(crt_id), key_size = sizeof(key_id);
        gnutls_pubkey_t public_key;
        bool good;

        if (gnutls_pubkey_init(&public_key) < 0)
                return false;
        good = gnutls_pubkey_import_privkey(public_key, key, 0, 0) >= 0 &&
               gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, key_id, &key_size) >= 0 &&
               gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, crt_id, &crt_size) >= 0 &&
               crt_size == key_size && memcmp(crt_id, key_id, crt_size) == 0;
        gnutls_pubkey_deinit(public_key);
        return good;
}

bool part_open_key(const Part *part, const Store *s, const AuthorityOptions *o, gnutls_privkey_t *ret_key,
                   GError **error)
{
        g_autoptr(GError) wrong = NULL;
        gnutls_privkey_t key;

        if (!part->key)
                return damaged(s, part, STORE_SUFFIX_KEY, error, "is missing");
        if (!authority_key_open(o, part->key, &key, &wrong)) {
                if (strchr(wrong->message, '\n')) /* it knows better what to do */
                        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s/%s" STORE_SUFFIX_KEY " %s",
                                    store_shown(s), part->stem, wrong->message);
                else
                        damaged(s, part, STORE_SUFFIX_KEY, error, "%s", wrong->message);
                return false;
        }
        if (!fits(part->crt, key)) {
                gnutls_privkey_deinit(key);
                return damaged(s, part, STORE_SUFFIX_KEY, error, "is not the key of %s.pem", part->stem);
        }
        *ret_key = key;
        return true;
}

static bool judge_key(const Store *s, const Part *part, const AuthorityOptions *o, GError **error)
{
        gnutls_privkey_t key;

        if (!part->key)
                return damaged(s, part, STORE_SUFFIX_KEY, error, "is missing");
        if (authority_key_is_on_token(part->key))
                return true;
        if (!part_open_key(part, s, o, &key, error))
                return false;
        gnutls_privkey_deinit(key);
        return true;
}

/* ---- Reading ---- */

static void part_free(void *data)
{
        Part *part = data;

        if (!part)
                return;
        g_free(part->stem);
        if (part->crt)
                gnutls_x509_crt_deinit(part->crt);
        g_clear_pointer(&part->der, g_bytes_unref);
        g_clear_pointer(&part->key, g_bytes_unref);
        g_free(part);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Part, part_free)

static bool parse(const Store *s, Part *part, GBytes *pem, GError **error)
{
        gnutls_datum_t der = { 0 };
        int r;

        part->crt = import(pem, &r);
        if (!part->crt)
                return damaged(s, part, ".pem", error, "holds no certificate: %s", gnutls_strerror(r));
        if (!fingerprint(part->crt, part->fingerprint) ||
            gnutls_x509_crt_export2(part->crt, GNUTLS_X509_FMT_DER, &der) < 0)
                return damaged(s, part, ".pem", error, "cannot be written as DER");
        part->der = g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
        if (part->role == PART_OLD && !g_str_has_suffix(part->stem, part->fingerprint))
                return damaged(s, part, ".pem", error, "holds another certificate than its name says");
        return true;
}

/* *ret stays NULL when the certificate's file is not there. */
static bool read_part(const Store *s, PartRole role, const char *stem, Part **ret, GError **error)
{
        g_autofree char *certificate = part_certificate_file(stem), *key = part_key_file(stem);
        g_autoptr(Part) part = g_new0(Part, 1);
        g_autoptr(GBytes) pem = NULL;

        part->role = role;
        part->stem = g_strdup(stem);
        if (!store_read(s, certificate, STORE_FILE_MAX, &pem, error))
                return false;
        if (!pem)
                return true;
        if (!store_read(s, key, STORE_FILE_MAX, &part->key, error) || !parse(s, part, pem, error))
                return false;
        *ret = g_steal_pointer(&part);
        return true;
}

static bool judge(const Store *s, const Part *part, const AuthorityOptions *o, GError **error)
{
        return judge_profile(s, part, error) && judge_start(s, part, error) && judge_key(s, part, o, error);
}

/* A certificate of the old ones that is the current one's is half of a promotion that was not gone through
 * with. */
static bool is_current_ones(const Parts *p, const Part *part)
{
        const Part *current = parts_in_role(p, PART_CURRENT);

        return part->role == PART_OLD && current && g_str_equal(part->fingerprint, current->fingerprint);
}

static bool add_part(Parts *p, const Store *s, PartRole role, const char *stem, GError **error)
{
        g_autoptr(GError) wrong = NULL;
        Part *part = NULL;

        if (read_part(s, role, stem, &part, &wrong)) {
                if (part && !is_current_ones(p, part))
                        g_ptr_array_add(p->list, part);
                else
                        part_free(part);
                return true;
        }
        if (p->missing) /* whatever is left of it will be put aside */
                return true;
        g_propagate_error(error, g_steal_pointer(&wrong));
        return false;
}

static bool add_old_parts(Parts *p, const Store *s, const char *const *names, GError **error)
{
        unsigned n = 0;

        for (; *names; names++) {
                g_autofree char *stem = part_old_stem(*names);

                if (!stem || !g_str_has_suffix(*names, ".pem"))
                        continue;
                if (++n > PART_OLD_MAX) {
                        g_set_error(
                                error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                                "%s holds more than %d old certificates\nRemove those that are not wanted.",
                                store_shown(s), PART_OLD_MAX);
                        return false;
                }
                if (!add_part(p, s, PART_OLD, stem, error))
                        return false;
        }
        return true;
}

/* The key of the current certificate is still that of an old one, and next.key is without its certificate:
 * the promotion stopped between its two renames. */
static bool promotion_is_cut_off(const Parts *p, const char *const *names)
{
        const Part *current = parts_in_role(p, PART_CURRENT);

        if (!current || !current->key || !g_strv_contains(names, PART_NEXT_STEM STORE_SUFFIX_KEY) ||
            g_strv_contains(names, PART_NEXT_STEM ".pem"))
                return false;
        for (unsigned i = 0; i < p->list->len; i++) {
                const Part *part = g_ptr_array_index(p->list, i);

                if (part->role == PART_OLD && part->key && g_bytes_equal(part->key, current->key))
                        return true;
        }
        return false;
}

static bool read_all(Parts *p, const Store *s, const AuthorityOptions *o, GError **error)
{
        g_auto(GStrv) names = store_list(s, error);
        const char *const *n = (const char *const *) names;

        if (!names)
                return false;
        p->is_cut_off =
                g_strv_contains(n, PART_MADE_STEM ".pem") || g_strv_contains(n, PART_RECREATED_STEM ".pem");
        p->missing = !g_strv_contains(n, PART_CURRENT_STEM ".pem") ||
                     !g_strv_contains(n, PART_CURRENT_STEM STORE_SUFFIX_KEY);
        if (p->is_cut_off)
                return true;
        if (!add_part(p, s, PART_CURRENT, PART_CURRENT_STEM, error) ||
            !add_part(p, s, PART_NEXT, PART_NEXT_STEM, error) || !add_old_parts(p, s, n, error))
                return false;
        p->is_cut_off = !p->missing && promotion_is_cut_off(p, n);
        for (unsigned i = 0; i < p->list->len && !p->missing && !p->is_cut_off; i++)
                if (!judge(s, g_ptr_array_index(p->list, i), o, error))
                        return false;
        if (p->is_cut_off)
                g_ptr_array_set_size(p->list, 0);
        return true;
}

Parts *parts_read(const Store *s, const AuthorityOptions *o, GError **error)
{
        g_autoptr(Parts) p = g_new0(Parts, 1);

        p->list = g_ptr_array_new_with_free_func(part_free);
        return read_all(p, s, o, error) ? g_steal_pointer(&p) : NULL;
}

Parts *parts_free(Parts *p)
{
        if (!p)
                return NULL;
        g_ptr_array_unref(p->list);
        g_free(p);
        return NULL;
}

const Part *parts_in_role(const Parts *p, PartRole role)
{
        for (unsigned i = 0; i < p->list->len; i++) {
                const Part *part = g_ptr_array_index(p->list, i);

                if (part->role == role)
                        return part;
        }
        return NULL;
}

static bool has_signed(const Part *part, gnutls_x509_crt_t crt)
{
        gnutls_x509_crt_t authority = part->crt;
        unsigned status = 0;

        return gnutls_x509_crt_check_issuer(crt, authority) == 1 &&
               gnutls_x509_crt_verify(crt, &authority, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) >= 0 &&
               !(status & (GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_FOUND));
}

const Part *parts_signer_of(const Parts *parts, gnutls_x509_crt_t crt)
{
        for (unsigned i = 0; i < parts->list->len; i++) {
                const Part *part = g_ptr_array_index(parts->list, i);

                if (!gnutls_x509_crt_equals(crt, part->crt) && has_signed(part, crt))
                        return part;
        }
        return NULL;
}

bool parts_fail_missing(const AuthorityOptions *o, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "the certificate or the key of the authority \"%s\" is missing\n"
                    "It is made by the agent's next pass: certctl renew --due",
                    o->name);
        return false;
}
