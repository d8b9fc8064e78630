/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A JWE
 *
 * An envelope that a password opens. It owns what it is made of while it is being opened; all that is secret
 * (the key derived from the password, the content's key, the content) is in memory that is wiped. The header
 * is hostile: it is bounded before it is parsed, read strictly, and nothing is computed before all of it was
 * looked at.
 */

#include "issuers/keyholder/jwe.h"

#include "common/base64url.h"
#include "common/error.h"
#include "common/json.h"
#include "common/secret.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <nettle/nist-keywrap.h>
#include <string.h>
#include <sys/uio.h>

#define HEADER_MAX     (8 * 1024) /* characters */
#define SALT_MIN       8          /* RFC 7518, section 4.8.1.1 */
#define SALT_MAX       1024
#define WRAP_OVERHEAD  8 /* RFC 3394: one block of 64 bits more than the key */
#define DIGEST_MAX     64
#define CBC_BLOCK_SIZE 16

enum { PART_HEADER, PART_KEY, PART_IV, PART_CIPHERTEXT, PART_TAG, N_PARTS }; /* RFC 7516, section 7.1 */

/* RFC 7518, section 4.8: how a password becomes the key that the content's key is wrapped with. */
typedef struct KeyWrap {
        const char *name;
        gnutls_mac_algorithm_t mac;
        size_t size;
} KeyWrap;

static const KeyWrap wraps[] = {
        { "PBES2-HS256+A128KW", GNUTLS_MAC_SHA256, 16 },
        { "PBES2-HS384+A192KW", GNUTLS_MAC_SHA384, 24 },
        { "PBES2-HS512+A256KW", GNUTLS_MAC_SHA512, 32 },
};

/* RFC 7518, section 5. `key` is all of the content's key; CBC's first half authenticates. */
typedef struct Encryption {
        const char *name;
        gnutls_cipher_algorithm_t cipher;
        gnutls_mac_algorithm_t mac; /* unknown: the cipher itself authenticates */
        size_t key, iv, tag;
} Encryption;

static const Encryption encryptions[] = {
        { "A128GCM", GNUTLS_CIPHER_AES_128_GCM, GNUTLS_MAC_UNKNOWN, 16, 12, 16 },
        { "A192GCM", GNUTLS_CIPHER_AES_192_GCM, GNUTLS_MAC_UNKNOWN, 24, 12, 16 },
        { "A256GCM", GNUTLS_CIPHER_AES_256_GCM, GNUTLS_MAC_UNKNOWN, 32, 12, 16 },
        { "A128CBC-HS256", GNUTLS_CIPHER_AES_128_CBC, GNUTLS_MAC_SHA256, 32, 16, 16 },
        { "A192CBC-HS384", GNUTLS_CIPHER_AES_192_CBC, GNUTLS_MAC_SHA384, 48, 16, 24 },
        { "A256CBC-HS512", GNUTLS_CIPHER_AES_256_CBC, GNUTLS_MAC_SHA512, 64, 16, 32 },
};

typedef struct Jwe {
        const char *text; /* borrowed; its header is what is authenticated besides the content */
        size_t header_length;
        GBytes *parts[N_PARTS];
        const KeyWrap *wrap;
        const Encryption *encryption;
        GBytes *salt;        /* p2s */
        unsigned iterations; /* p2c */
} Jwe;

static void jwe_clear(Jwe *j)
{
        for (unsigned i = 0; i < N_PARTS; i++)
                g_clear_pointer(&j->parts[i], g_bytes_unref);
        g_clear_pointer(&j->salt, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Jwe, jwe_clear)

G_GNUC_PRINTF(3, 4)
static bool refuse(GError **error, CertError code, const char *format, ...)
{
        g_autofree char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error(error, CERT_ERROR, code,
                    "the account's encrypted key %s\nIt is what the CA hands out: ask its operator to make "
                    "the account "
                    "(the provisioner) anew.",
                    message);
        return false;
}

/* ---- Parts ---- */

static bool decode(const char *text, size_t length, GBytes **ret)
{
        size_t size;
        void *data = base64url_decode(text, length, &size);

        if (data)
                *ret = g_bytes_new_take(data, size);
        return data;
}

static bool split(const char *text, Jwe *j, GError **error)
{
        j->text = text;
        if (strnlen(text, JWE_SIZE_MAX + 1) > JWE_SIZE_MAX)
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "is larger than %d KiB",
                              JWE_SIZE_MAX / 1024);
        for (unsigned i = 0; i < N_PARTS; i++) {
                size_t length = strcspn(text, ".");

                if ((text[length] == '.') != (i < N_PARTS - 1))
                        return refuse(error, CERT_ERROR_ISSUER_PROTOCOL,
                                      "is no JWE: it must have five parts with dots between them");
                if (i == PART_HEADER)
                        j->header_length = length;
                if (!decode(text, length, &j->parts[i]))
                        return refuse(error, CERT_ERROR_ISSUER_PROTOCOL,
                                      "is no JWE: its part %u is no base64url", i + 1);
                text += length + 1;
        }
        return true;
}

/* ---- The header ---- */

/* A member that must be a string; NULL when it is none. */
static const char *header_string(const JsonValue *header, const char *key)
{
        const JsonValue *v = json_value_member(header, key);

        return v && v->kind == JSON_KIND_STRING ? v->string : NULL;
}

static bool take_algorithms(Jwe *j, const JsonValue *header, GError **error)
{
        const char *alg = header_string(header, "alg"), *enc = header_string(header, "enc");
        g_autofree char *shown = NULL;

        if (!alg || !enc)
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "is no JWE: its header has no \"%s\"",
                              alg ? "enc" : "alg");
        for (size_t i = 0; i < G_N_ELEMENTS(wraps); i++)
                if (strcmp(alg, wraps[i].name) == 0)
                        j->wrap = &wraps[i];
        for (size_t i = 0; i < G_N_ELEMENTS(encryptions); i++)
                if (strcmp(enc, encryptions[i].name) == 0)
                        j->encryption = &encryptions[i];
        if (j->wrap && j->encryption)
                return true;
        shown = cert_error_printable(j->wrap ? enc : alg, 64, "");
        return refuse(error, CERT_ERROR_NOT_SUPPORTED, "is encrypted by \"%s\", which is not known here",
                      shown);
}

static bool take_salt(Jwe *j, const JsonValue *header, GError **error)
{
        const char *salt = header_string(header, "p2s");

        if (!salt || !decode(salt, strlen(salt), &j->salt))
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "is no JWE: its header has no \"p2s\"");
        if (g_bytes_get_size(j->salt) >= SALT_MIN && g_bytes_get_size(j->salt) <= SALT_MAX)
                return true;
        return refuse(error, CERT_ERROR_ISSUER_PROTOCOL,
                      "has a salt (\"p2s\") of %zu bytes; %d to %d are taken", g_bytes_get_size(j->salt),
                      SALT_MIN, SALT_MAX);
}

static bool take_iterations(Jwe *j, const JsonValue *header, GError **error)
{
        const JsonValue *v = json_value_member(header, "p2c");

        if (!v || v->kind != JSON_KIND_NUMBER)
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "is no JWE: its header has no \"p2c\"");
        if (!v->is_integer || v->integer < JWE_ITERATIONS_MIN || v->integer > JWE_ITERATIONS_MAX)
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL,
                              "wants its password hashed (\"p2c\") fewer than %d or more than %d times, or "
                              "not a whole "
                              "number of times",
                              JWE_ITERATIONS_MIN, JWE_ITERATIONS_MAX);
        j->iterations = (unsigned) v->integer;
        return true;
}

/* RFC 7516, section 4.1.13: who does not understand what is critical must refuse it. Nothing is, here.
 * Compressed content can be a thousand times as large as it looks, and no key needs that. */
static bool check_extensions(const JsonValue *header, GError **error)
{
        static const char *const refused[] = { "crit", "zip" };

        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
                if (json_value_member(header, refused[i]))
                        return refuse(error, CERT_ERROR_NOT_SUPPORTED, "has a \"%s\" in its header",
                                      refused[i]);
        return true;
}

static bool take_header(Jwe *j, GError **error)
{
        size_t size;
        const char *text = g_bytes_get_data(j->parts[PART_HEADER], &size);
        g_autoptr(JsonDocument) d = NULL;
        const JsonValue *header;

        if (j->header_length > HEADER_MAX)
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "has a header of more than %d bytes",
                              HEADER_MAX);
        d = json_document_new(g_memdup2(text, size), size);
        header = json_document_root(d);
        if (!header || header->kind != JSON_KIND_OBJECT || json_document_faults(d)->len > 0)
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "is no JWE: its header is no JSON object");
        return check_extensions(header, error) && take_algorithms(j, header, error) &&
               take_salt(j, header, error) && take_iterations(j, header, error);
}

/* What the header says must be there is there. */
static bool check_sizes(const Jwe *j, GError **error)
{
        const Encryption *e = j->encryption;
        size_t ciphertext = g_bytes_get_size(j->parts[PART_CIPHERTEXT]);

        if (g_bytes_get_size(j->parts[PART_KEY]) == e->key + WRAP_OVERHEAD &&
            g_bytes_get_size(j->parts[PART_IV]) == e->iv && g_bytes_get_size(j->parts[PART_TAG]) == e->tag &&
            ciphertext > 0 && (e->mac == GNUTLS_MAC_UNKNOWN || ciphertext % CBC_BLOCK_SIZE == 0))
                return true;
        return refuse(error, CERT_ERROR_ISSUER_PROTOCOL,
                      "is cut off, or was changed: its parts are not as long as "
                      "they must be");
}

/* ---- Keys ---- */

/* GnuTLS fails only for want of memory, or of the algorithm by the host's policy. */
static bool failed(GError **error, int r)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "opening the account's key: %s",
                    gnutls_strerror(r));
        return false;
}

/* RFC 7518, section 4.8.1.1: the salt is the algorithm's name, a zero byte, and what the header says. */
static bool derive(const Jwe *j, const void *password, size_t size, uint8_t *ret_key, GError **error)
{
        g_autoptr(GByteArray) salt = g_byte_array_new();
        gnutls_datum_t secret = { (unsigned char *) password, (unsigned) size }, salted;
        int r;

        g_byte_array_append(salt, (const guint8 *) j->wrap->name, (guint) strlen(j->wrap->name) + 1);
        g_byte_array_append(salt, g_bytes_get_data(j->salt, NULL), (guint) g_bytes_get_size(j->salt));
        salted = (gnutls_datum_t){ salt->data, salt->len };
        r = gnutls_pbkdf2(j->wrap->mac, &secret, &salted, j->iterations, ret_key, j->wrap->size);
        return r >= 0 || failed(error, r);
}

/* RFC 3394, section 2.2.2, which GnuTLS has not. False: not by this key. */
static bool unwrap(const KeyWrap *w, const uint8_t *kek, GBytes *wrapped, uint8_t *ret_key, size_t size)
{
        static const uint8_t iv[] = { 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6 }; /* section 2.2.3.1 */
        const uint8_t *in = g_bytes_get_data(wrapped, NULL);
        union {
                struct aes128_ctx aes128;
                struct aes192_ctx aes192;
                struct aes256_ctx aes256;
        } c;
        int good;

        if (w->size == 16) {
                aes128_set_decrypt_key(&c.aes128, kek);
                good = aes128_keyunwrap(&c.aes128, iv, size, ret_key, in);
        } else if (w->size == 24) {
                aes192_set_decrypt_key(&c.aes192, kek);
                good = aes192_keyunwrap(&c.aes192, iv, size, ret_key, in);
        } else {
                aes256_set_decrypt_key(&c.aes256, kek);
                good = aes256_keyunwrap(&c.aes256, iv, size, ret_key, in);
        }
        gnutls_memset(&c, 0, sizeof(c));
        return good;
}

static Secret *content_key(const Jwe *j, const void *password, size_t size, GError **error)
{
        g_autoptr(Secret) kek = secret_new(j->wrap->size), cek = secret_new(j->encryption->key);

        if (!derive(j, password, size, kek->data, error))
                return NULL;
        if (unwrap(j->wrap, kek->data, j->parts[PART_KEY], cek->data, cek->size))
                return g_steal_pointer(&cek);
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION,
                    "the account's key is not opened by this password");
        return NULL;
}

/* ---- The content ---- */

static bool was_changed(GError **error)
{
        return refuse(error, CERT_ERROR_ISSUER_PROTOCOL,
                      "was changed: the password is right, but the content is not "
                      "what was encrypted");
}

static bool decrypt_gcm(const Jwe *j, const Secret *key, uint8_t *content, size_t size, GError **error)
{
        gnutls_datum_t k = { (unsigned char *) key->data, (unsigned) key->size };
        giovec_t aad = { (void *) j->text, j->header_length }, in = { content, size };
        gnutls_aead_cipher_hd_t h;
        int r = gnutls_aead_cipher_init(&h, j->encryption->cipher, &k);

        if (r < 0)
                return failed(error, r);
        r = gnutls_aead_cipher_decryptv2(h, g_bytes_get_data(j->parts[PART_IV], NULL), j->encryption->iv,
                                         &aad, 1, &in, 1, (void *) g_bytes_get_data(j->parts[PART_TAG], NULL),
                                         j->encryption->tag);
        gnutls_aead_cipher_deinit(h);
        return r >= 0 || was_changed(error);
}

/* RFC 7518, section 5.2.2.1, steps 4 to 6: of the header, its length in bits, and what is between. */
static bool authenticate(const Jwe *j, const uint8_t *key, GError **error)
{
        const Encryption *e = j->encryption;
        uint64_t bits = GUINT64_TO_BE((uint64_t) j->header_length * 8);
        uint8_t digest[DIGEST_MAX] = { 0 };
        gnutls_hmac_hd_t h;
        bool same;
        int r = gnutls_hmac_init(&h, e->mac, key, e->key / 2);

        if (r < 0)
                return failed(error, r);
        gnutls_hmac(h, j->text, j->header_length);
        for (unsigned i = PART_IV; i <= PART_CIPHERTEXT; i++)
                gnutls_hmac(h, g_bytes_get_data(j->parts[i], NULL), g_bytes_get_size(j->parts[i]));
        gnutls_hmac(h, &bits, sizeof(bits));
        gnutls_hmac_deinit(h, digest);
        same = gnutls_memcmp(digest, g_bytes_get_data(j->parts[PART_TAG], NULL), e->tag) == 0;
        return same || was_changed(error);
}

/* PKCS#7's padding (RFC 5652, section 6.3), which is authentic by now. */
static bool remove_padding(const uint8_t *content, size_t *size)
{
        uint8_t n = content[*size - 1];

        if (n == 0 || n > CBC_BLOCK_SIZE || n > *size)
                return false;
        for (size_t i = *size - n; i < *size; i++)
                if (content[i] != n)
                        return false;
        *size -= n;
        return true;
}

static bool decrypt_cbc(const Jwe *j, const Secret *key, uint8_t *content, size_t *size, GError **error)
{
        size_t half = key->size / 2;
        gnutls_datum_t k = { (unsigned char *) key->data + half, (unsigned) half };
        gnutls_datum_t iv = { (unsigned char *) g_bytes_get_data(j->parts[PART_IV], NULL),
                              (unsigned) j->encryption->iv };
        gnutls_cipher_hd_t h;
        int r;

        if (!authenticate(j, key->data, error))
                return false;
        r = gnutls_cipher_init(&h, j->encryption->cipher, &k, &iv);
        if (r < 0)
                return failed(error, r);
        r = gnutls_cipher_decrypt(h, content, *size);
        gnutls_cipher_deinit(h);
        if (r < 0)
                return failed(error, r);
        return remove_padding(content, size) || was_changed(error);
}

static GBytes *decrypt(const Jwe *j, const Secret *key, GError **error)
{
        size_t size;
        const void *ciphertext = g_bytes_get_data(j->parts[PART_CIPHERTEXT], &size);
        g_autoptr(Secret) content = secret_new(size);
        bool good;

        memcpy(content->data, ciphertext, size);
        if (j->encryption->mac == GNUTLS_MAC_UNKNOWN)
                good = decrypt_gcm(j, key, content->data, size, error);
        else
                good = decrypt_cbc(j, key, content->data, &size, error);
        return good ? secret_to_bytes(g_steal_pointer(&content), size) : NULL;
}

GBytes *jwe_open(const char *text, const void *password, size_t password_size, GError **error)
{
        g_auto(Jwe) j = { 0 };
        g_autoptr(Secret) key = NULL;

        if (!split(text, &j, error) || !take_header(&j, error) || !check_sizes(&j, error))
                return NULL;
        key = content_key(&j, password, password_size, error);
        return key ? decrypt(&j, key, error) : NULL;
}
