/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A local authority's options: taken from the configuration of a call, with defaults, and checked. */

#include "issuers/local/options.h"

#include "common/enum-table.h"
#include "common/error.h"
#include "common/timespan.h"
#include "issuers/config.h"

#include <string.h>

#define LIFETIME_DEFAULT             (3652 * USEC_PER_DAY) /* ten years */
#define CERTIFICATE_LIFETIME_DEFAULT (90 * USEC_PER_DAY)
#define CRL_LIFETIME_DEFAULT         (7 * USEC_PER_DAY)
#define LIFETIME_MIN                 USEC_PER_HOUR
#define LIFETIME_MAX                 (100 * 366 * USEC_PER_DAY)
#define PATH_LENGTH_MAX              8
#define NAMES_MAX                    256 /* of each list of name constraints */

/* What the agent alone uses; it has checked them. */
static const char *const agents_keys[] = {
        "renew_before", "bundle_drift", "stray", "rotation_grace", "watch", "crl_path", "crl_units",
};

/* A name becomes a folder's. */
static bool name_is_safe(const char *name)
{
        return *name && *name != '.' && *name != '-' && strlen(name) <= 128 &&
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                       strlen(name);
}

G_GNUC_PRINTF(4, 5)
static bool invalid(const AuthorityOptions *o, const char *key, GError **error, const char *format, ...)
{
        g_autofree char *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "issuers.%s.%s: %s", o->name, key, what);
        return false;
}

static bool check(const AuthorityOptions *o, GError **error)
{
        if (!name_is_safe(o->name)) {
                g_set_error(
                        error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                        "an issuer's name of type \"local\" is made of letters, digits, '.', '_' and '-'");
                return false;
        }
        if (o->lifetime < LIFETIME_MIN || o->lifetime > LIFETIME_MAX)
                return invalid(o, "lifetime", error, "an authority lives from one hour to a hundred years");
        if (o->crl_lifetime < LIFETIME_MIN || o->crl_lifetime > LIFETIME_MAX)
                return invalid(o, "crl_lifetime", error,
                               "a revocation list holds from one hour to a hundred years");
        if (o->path_length > PATH_LENGTH_MAX)
                return invalid(o, "path_length", error, "must be from 0 to %d", PATH_LENGTH_MAX);
        if (o->key_uri && !g_str_has_prefix(o->key_uri, "pkcs11:"))
                return invalid(o, "key.uri", error, "must begin with \"pkcs11:\"");
        return true;
}

static bool take_protection(AuthorityOptions *o, IssuerConfig *c, GError **error)
{
        g_autofree char *text = NULL;

        if (!issuer_config_take_string(c, "key.uri", &o->key_uri, error) ||
            !issuer_config_take_string(c, "key.protection", &text, error))
                return false;
        if (text && o->key_uri)
                return invalid(o, "key.protection", error, "a key in a token is protected by the token");
        o->key_protection = o->key_uri ? KEY_PROTECTION_TOKEN
                            : text     ? key_protection_from_string(text)
                                       : KEY_PROTECTION_FILE;
        return o->key_protection >= 0 ||
               invalid(o, "key.protection", error, "\"%s\" is neither \"file\" nor \"credential\"", text);
}

static bool take_path_length(AuthorityOptions *o, IssuerConfig *c, GError **error)
{
        uint64_t n = 0;

        if (!issuer_config_take_number(c, "path_length", &n, error))
                return false;
        o->path_length = (unsigned) MIN(n, PATH_LENGTH_MAX + 1);
        return true;
}

static bool take_names(AuthorityOptions *o, IssuerConfig *c, GError **error)
{
        g_auto(GStrv) permitted = NULL, excluded = NULL;

        if (!issuer_config_take_list(c, "names.permitted", NAMES_MAX, &permitted, error) ||
            !issuer_config_take_list(c, "names.excluded", NAMES_MAX, &excluded, error))
                return false;
        o->names = constraints_new(o->name, permitted, excluded, error);
        return o->names;
}

static bool take_all(AuthorityOptions *o, IssuerConfig *c, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(agents_keys); i++)
                issuer_config_pass_over(c, agents_keys[i]);
        return issuer_config_take_string(c, "subject", &o->subject, error) &&
               issuer_config_take_key_type(c, "key.type", &o->key_type, error) &&
               take_protection(o, c, error) && issuer_config_take_span(c, "lifetime", &o->lifetime, error) &&
               issuer_config_take_span(c, "certificate_lifetime", &o->certificate_lifetime, error) &&
               issuer_config_take_span(c, "crl_lifetime", &o->crl_lifetime, error) &&
               take_path_length(o, c, error) && take_names(o, c, error) && issuer_config_done(c, error);
}

AuthorityOptions *authority_options_new(const char *config, GError **error)
{
        g_autoptr(IssuerConfig) c = issuer_config_new(config, error);
        g_autoptr(AuthorityOptions) o = NULL;

        if (!c)
                return NULL;
        o = g_new0(AuthorityOptions, 1);
        o->name = g_strdup(issuer_config_name(c));
        o->environment = g_strdup(issuer_config_environment(c));
        o->key_type = KEY_TYPE_ECDSA_P256;
        o->lifetime = LIFETIME_DEFAULT;
        o->certificate_lifetime = CERTIFICATE_LIFETIME_DEFAULT;
        o->crl_lifetime = CRL_LIFETIME_DEFAULT;
        return take_all(o, c, error) && check(o, error) ? g_steal_pointer(&o) : NULL;
}

AuthorityOptions *authority_options_free(AuthorityOptions *o)
{
        if (!o)
                return NULL;
        g_free(o->name);
        g_free(o->environment);
        g_free(o->subject);
        g_free(o->key_uri);
        constraints_free(o->names);
        g_free(o);
        return NULL;
}

static const char *const protection_table[_KEY_PROTECTION_MAX] = {
        [KEY_PROTECTION_FILE] = "file",
        [KEY_PROTECTION_CREDENTIAL] = "credential",
};

ENUM_TABLE(key_protection, KeyProtection, protection_table, _KEY_PROTECTION_MAX, _KEY_PROTECTION_INVALID)
