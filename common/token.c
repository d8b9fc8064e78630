/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A PKCS#11 token, named by a URI: whether it can be used, and finding, making, naming and removing one
 * private key in it. It owns the URI with the PIN in it, as GnuTLS takes it, which is wiped, and the lock of
 * the PIN's memory. GnuTLS tries the PIN of a URI once, which is why no callback for PINs is set: it would be
 * asked again. Each of the token's refusals is turned into words that say what to do. */

#include "common/token.h"

#include "common/error.h"
#include "common/pin.h"

#include <gnutls/crypto.h>
#include <gnutls/pkcs11.h>
#include <string.h>

struct Token {
        char *shown;    /* the URI, for people */
        char *bare;     /* without PIN */
        char *login;    /* with it: secret */
        char *identity; /* of the token: for the PIN's memory */
        Pin *pin;
        PinMemory *memory;
};

/* ---- Refusals ---- */

typedef struct TokenRefusal {
        int code;
        const char *what;
        const char *hint;
} TokenRefusal;

static const TokenRefusal refusals[] = {
        { GNUTLS_E_PKCS11_PIN_ERROR, "the token did not take the PIN",
          "Give the right PIN by pin-source=file:/path in the key's URI, before the token locks itself." },
        { GNUTLS_E_PKCS11_PIN_EXPIRED, "the token's PIN has expired",
          "Set a new PIN with the token's own tool." },
        { GNUTLS_E_PKCS11_PIN_LOCKED, "the token is locked after too many wrong PINs",
          "Unlock it with the security officer's PIN and the token's own tool." },
        { GNUTLS_E_PKCS11_LOAD_ERROR, "the PKCS#11 module cannot be loaded",
          "List the modules with: p11-kit list-modules" },
        { GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE, "no token matches the URI",
          "Check that it is plugged in, that its PKCS#11 module is installed and that the user of this "
          "process can reach "
          "it; list the tokens with: p11tool --list-tokens" },
        { GNUTLS_E_PKCS11_TOKEN_ERROR, "the token is not there or not ready",
          "Check that it is plugged in; list the tokens with: p11tool --list-tokens" },
        { GNUTLS_E_PKCS11_SLOT_ERROR, "the token's slot cannot be used",
          "Check that it is plugged in; list the tokens with: p11tool --list-tokens" },
        { GNUTLS_E_PKCS11_DEVICE_ERROR, "the token's device failed", "Check the device; see the journal." },
        { GNUTLS_E_PKCS11_SESSION_ERROR, "the token gave no session",
          "Close other users of the token, or wait." },
        { GNUTLS_E_PKCS11_USER_ERROR, "the token has no user PIN yet",
          "Initialise it: p11tool --initialize-pin" },
        { GNUTLS_E_PKCS11_UNSUPPORTED_FEATURE_ERROR, "the token cannot do this type of key",
          "Name another key.type in the manifest, such as ecdsa-p256 or rsa-2048." },
        { GNUTLS_E_PKCS11_ATTRIBUTE_ERROR, "the token refuses a key with these properties",
          "Make the key with the token's own tool, and name it in the URI." },
        { GNUTLS_E_PKCS11_KEY_ERROR, "the token refuses this key",
          "Look at the key with: p11tool --list-keys" },
        { GNUTLS_E_PARSING_ERROR, "the URI is not a pkcs11: URI",
          "Write it as RFC 7512 says: pkcs11:token=LABEL;object=NAME?pin-source=file:/path" },
};

char *token_uri_shown(const char *uri)
{
        const char *pin = strstr(uri, "pin-value=");

        return pin ? g_strdup_printf("%.*spin-value=…", (int) (pin - uri), uri) : g_strdup(uri);
}

static bool refuse(GError **error, const char *shown, const char *what, const char *hint)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "key %s: %s\n%s", shown, what, hint);
        return false;
}

static bool token_error(const char *shown, int r, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (refusals[i].code == r)
                        return refuse(error, shown, refusals[i].what, refusals[i].hint);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "key %s: %s (%d)\nTry the token by hand: p11tool --list-privkeys --login URI", shown,
                    gnutls_strerror(r), r);
        return false;
}

/* What GnuTLS answered after a login: a refused PIN is remembered, and forgotten when one was taken. */
static bool answer(Token *t, int r, GError **error)
{
        if (r == GNUTLS_E_PKCS11_PIN_ERROR && pin_value(t->pin)) {
                g_autoptr(GError) forgetful = NULL;

                if (!pin_memory_refused(t->memory, t->pin, t->identity, &forgetful))
                        return refuse(error, t->shown, "the token did not take the PIN", forgetful->message);
        }
        if (r >= 0) {
                pin_memory_accepted(t->memory, t->identity);
                return true;
        }
        return token_error(t->shown, r, error);
}

static bool is_missing(int r)
{
        return r == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE ||
               r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

/* ---- Opening ---- */

/* One attribute of the URI's path part ("object", "id"), percent-decoded; NULL when it is not there. */
static GBytes *path_attribute(const char *uri, const char *name)
{
        size_t prefix = strlen("pkcs11:"), length = strlen(name);
        g_autofree char *path = g_strndup(uri + prefix, strcspn(uri + prefix, "?"));
        g_auto(GStrv) parts = g_strsplit(path, ";", -1);

        for (char **p = parts; *p; p++)
                if (strncmp(*p, name, length) == 0 && (*p)[length] == '=')
                        return g_uri_unescape_bytes(*p + length + 1, -1, NULL, NULL);
        return NULL;
}

/* Whether a token, by its own URI, is one that a URI names. */
static bool is_named(const char *token, const char *uri)
{
        static const char *const attributes[] = { "token", "serial", "manufacturer", "model" };

        for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
                g_autoptr(GBytes) wanted = path_attribute(uri, attributes[i]),
                                  own = path_attribute(token, attributes[i]);

                if (wanted && (!own || !g_bytes_equal(wanted, own)))
                        return false;
        }
        return true;
}

/* The tokens that a URI names, by their own URIs. */
static GPtrArray *tokens_named(const char *uri)
{
        GPtrArray *tokens = g_ptr_array_new_with_free_func(g_free);
        char *token;

        for (unsigned i = 0; gnutls_pkcs11_token_get_url(i, GNUTLS_PKCS11_URL_GENERIC, &token) >= 0; i++) {
                if (is_named(token, uri))
                        g_ptr_array_add(tokens, g_strdup(token));
                gnutls_free(token);
        }
        return tokens;
}

/* A PIN is for one token, and not to be shown to others. */
static bool identify(Token *t, GError **error)
{
        g_autoptr(GPtrArray) tokens = tokens_named(t->bare);

        if (tokens->len == 0)
                return token_error(t->shown, GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE, error);
        if (tokens->len > 1)
                return refuse(
                        error, t->shown, "several tokens match the URI",
                        "List them with: p11tool --list-tokens; and name one by its serial number: serial=");
        t->identity = g_strdup(tokens->pdata[0]);
        return true;
}

/* CKF_USER_PIN_COUNT_LOW is set by one wrong PIN until a right one: if it alone kept us away, a corrected PIN
 * would never be tried. How many were wrong is what the memory is for. */
static bool check_pin(const Token *t, unsigned flags, GError **error)
{
        g_autoptr(GError) remembered = NULL;

        if (flags & GNUTLS_PKCS11_TOKEN_USER_PIN_LOCKED)
                return token_error(t->shown, GNUTLS_E_PKCS11_PIN_LOCKED, error);
        if (!(flags & GNUTLS_PKCS11_TOKEN_LOGIN_REQUIRED))
                return true;
        if (!(flags & GNUTLS_PKCS11_TOKEN_USER_PIN_INITIALIZED))
                return token_error(t->shown, GNUTLS_E_PKCS11_USER_ERROR, error);
        if (!pin_value(t->pin))
                return refuse(error, t->shown, "the token wants a PIN, and the URI gives none",
                              "Write the PIN into a file and add to the key's URI: ?pin-source=file:/path");
        if (flags & GNUTLS_PKCS11_TOKEN_USER_PIN_FINAL_TRY)
                return refuse(error, t->shown, "the next wrong PIN locks the token, so none is tried",
                              "Log in once by hand with the right PIN: p11tool --login --list-privkeys");
        if (!pin_memory_check(t->memory, t->pin, t->identity, &remembered)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "key %s: %s", t->shown,
                            remembered->message);
                return false;
        }
        return true;
}

static char *with_pin(const char *bare, const char *pin)
{
        g_autofree char *escaped = g_uri_escape_bytes((const guint8 *) pin, strlen(pin), NULL);
        char *uri = g_strdup_printf("%s%cpin-value=%s", bare, strchr(bare, '?') ? '&' : '?', escaped);

        gnutls_memset(escaped, 0, strlen(escaped));
        return uri;
}

static bool token_fill(Token *t, const char *uri, const char *memory, GError **error)
{
        g_autoptr(GError) wrong = NULL;
        unsigned flags = 0;
        int r;

        t->pin = pin_new(uri, &wrong);
        if (t->pin)
                t->memory = pin_memory_open(memory, &wrong);
        if (!t->memory) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "key %s: %s", t->shown,
                            wrong->message);
                return false;
        }
        t->bare = pin_uri_without(uri);
        t->login = pin_value(t->pin) ? with_pin(t->bare, pin_value(t->pin)) : g_strdup(t->bare);
        if (!identify(t, error))
                return false;
        r = gnutls_pkcs11_token_get_flags(t->identity, &flags);
        return r < 0 ? token_error(t->shown, r, error) : check_pin(t, flags, error);
}

Token *token_open(const char *uri, const char *memory, GError **error)
{
        g_autoptr(Token) t = g_new0(Token, 1);

        t->shown = token_uri_shown(uri);
        if (!g_str_has_prefix(uri, "pkcs11:")) {
                token_error(t->shown, GNUTLS_E_PARSING_ERROR, error);
                return NULL;
        }
        return token_fill(t, uri, memory, error) ? g_steal_pointer(&t) : NULL;
}

Token *token_free(Token *t)
{
        if (!t)
                return NULL;
        if (t->login)
                gnutls_memset(t->login, 0, strlen(t->login));
        g_free(t->login);
        g_free(t->shown);
        g_free(t->bare);
        g_free(t->identity);
        pin_free(t->pin);
        pin_memory_free(t->memory);
        g_free(t);
        return NULL;
}

/* ---- Finding ---- */

/* The public half: from the private object where it has it (RSA), else from the public object beside it. */
static int import_public(const char *uri, gnutls_privkey_t private_key, gnutls_pubkey_t *ret_key)
{
        gnutls_pubkey_t key;
        int r = gnutls_pubkey_init(&key);

        if (r < 0)
                return r;
        r = gnutls_pubkey_import_privkey(key, private_key, 0, 0);
        if (r < 0)
                r = gnutls_pubkey_import_url(key, uri, 0);
        if (r < 0) {
                gnutls_pubkey_deinit(key);
                return r;
        }
        *ret_key = key;
        return 0;
}

bool token_find_key(Token *t, gnutls_privkey_t *ret_private, gnutls_pubkey_t *ret_public, GError **error)
{
        gnutls_privkey_t private_key = NULL;
        gnutls_pubkey_t public_key = NULL;
        int r = gnutls_privkey_init(&private_key);
        bool missing;

        if (r >= 0)
                r = gnutls_privkey_import_url(private_key, t->login, 0);
        missing = is_missing(r);
        if (r >= 0)
                r = import_public(t->login, private_key, &public_key);
        if (r < 0)
                g_clear_pointer(&private_key, gnutls_privkey_deinit);
        if (!answer(t, missing ? 0 : r, error))
                return false;
        *ret_private = private_key;
        *ret_public = public_key;
        return true;
}

/* ---- Making and removing ---- */

bool token_make_key(Token *t, KeyType type, const char *label, GBytes *id, GError **error)
{
        g_autoptr(GBytes) object = path_attribute(t->bare, "object"), own_id = path_attribute(t->bare, "id");
        g_autofree char *name = object ? g_strndup(g_bytes_get_data(object, NULL), g_bytes_get_size(object))
                                       : g_strdup(label);
        GBytes *used = id ?: own_id;
        gnutls_datum_t cid = { 0 };

        if (used)
                cid = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(used, NULL),
                                        (unsigned) g_bytes_get_size(used) };
        /* Sensitive and private: the token never gives it out, and uses it only for who knows the PIN. */
        return answer(t,
                      gnutls_pkcs11_privkey_generate3(t->login, key_type_algorithm(type), key_type_bits(type),
                                                      name, used ? &cid : NULL, GNUTLS_X509_FMT_DER, NULL, 0,
                                                      GNUTLS_PKCS11_OBJ_FLAG_LOGIN |
                                                              GNUTLS_PKCS11_OBJ_FLAG_MARK_PRIVATE |
                                                              GNUTLS_PKCS11_OBJ_FLAG_MARK_SENSITIVE),
                      error);
}

bool token_remove_key(Token *t, GError **error)
{
        int r = gnutls_pkcs11_delete_url(t->login, GNUTLS_PKCS11_OBJ_FLAG_LOGIN);

        return answer(t, is_missing(r) ? 0 : r, error);
}

/* ---- Naming ---- */

static void objects_free(gnutls_pkcs11_obj_t *list, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                gnutls_pkcs11_obj_deinit(list[i]);
        gnutls_free(list);
}

static bool has_id(gnutls_pkcs11_obj_t object, GBytes *id)
{
        unsigned char own[256];
        size_t size = sizeof(own);

        return !id || (gnutls_pkcs11_obj_get_info(object, GNUTLS_PKCS11_OBJ_ID, own, &size) >= 0 &&
                       size == g_bytes_get_size(id) && memcmp(own, g_bytes_get_data(id, NULL), size) == 0);
}

static char *export_uri(gnutls_pkcs11_obj_t object)
{
        char *uri = NULL, *copy;

        if (gnutls_pkcs11_obj_export_url(object, GNUTLS_PKCS11_URL_GENERIC, &uri) < 0)
                return NULL;
        copy = pin_uri_without(uri);
        gnutls_memset(uri, 0, strlen(uri));
        gnutls_free(uri);
        return copy;
}

char *token_key_reference(Token *t, GBytes *id, GError **error)
{
        gnutls_pkcs11_obj_t *list = NULL, only = NULL;
        unsigned n = 0, fitting = 0;
        char *uri = NULL;
        int r = gnutls_pkcs11_obj_list_import_url4(
                &list, &n, t->login, GNUTLS_PKCS11_OBJ_FLAG_PRIVKEY | GNUTLS_PKCS11_OBJ_FLAG_LOGIN);

        if (!answer(t, is_missing(r) ? 0 : r, error))
                return NULL;
        for (unsigned i = 0; i < n; i++)
                if (gnutls_pkcs11_obj_get_type(list[i]) == GNUTLS_PKCS11_OBJ_PRIVKEY && has_id(list[i], id)) {
                        only = list[i];
                        fitting++;
                }
        if (fitting == 1)
                uri = export_uri(only);
        objects_free(list, n);
        if (!uri)
                refuse(error, t->shown,
                       fitting > 1 ? "the token holds several private keys that it names"
                                   : "the token holds no such private key",
                       "List the keys with: p11tool --login --list-privkeys; and name one by its id: "
                       "id=%01%02");
        return uri;
}
