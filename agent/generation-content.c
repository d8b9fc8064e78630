/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The generation of a bundle or a revocation list
 *
 * A text of PEM blocks of one kind (RFC 7468), which is kept and installed byte by byte. What an issuer gave holds
 * nothing beside the blocks; what somebody else had put in the file's place may explain itself between them, as
 * trust stores do.
 */

#include "agent/generation-private.h"

#include "agent/readfile.h"
#include "common/error.h"
#include "common/timespan.h"

#include <gnutls/x509.h>
#include <string.h>

#define BEGIN     "-----BEGIN "
#define END       "-----END "
#define DASHES    "-----"
#define LABEL_MAX 32

typedef enum BlockKind {
        BLOCK_CERTIFICATE,
        BLOCK_CRL,
        _BLOCK_KIND_MAX,
} BlockKind;

static const char *const labels[_BLOCK_KIND_MAX] = {
        [BLOCK_CERTIFICATE] = "CERTIFICATE", /* RFC 7468, 5.1 */
        [BLOCK_CRL] = "X509 CRL",            /* RFC 7468, 6 */
};

/* A text while it is read. */
typedef struct Text {
        const char *at, *end;
        ContentForm form;
        unsigned blocks[_BLOCK_KIND_MAX];
        uint64_t until; /* the earliest nextUpdate */
} Text;

G_GNUC_PRINTF(2, 3)
static bool bad(GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        if (error)
                *error = g_error_new_valist(CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, format, arguments);
        va_end(arguments);
        return false;
}

/* ---- One block ---- */

static int read_crl(const gnutls_datum_t *block, uint64_t *ret_until)
{
        gnutls_x509_crl_t crl;
        time_t next;
        int r = gnutls_x509_crl_init(&crl);

        if (r < 0)
                return r;
        r = gnutls_x509_crl_import(crl, block, GNUTLS_X509_FMT_PEM);
        next = r >= 0 ? gnutls_x509_crl_get_next_update(crl) : -1;
        gnutls_x509_crl_deinit(crl);
        if (r >= 0 && next > 0) /* it may say none (RFC 5280, 5.1.2.5, asks for one) */
                *ret_until = (uint64_t) next * USEC_PER_SEC;
        return r;
}

static int read_certificate(const gnutls_datum_t *block)
{
        gnutls_x509_crt_t crt;
        int r = gnutls_x509_crt_init(&crt);

        if (r < 0)
                return r;
        r = gnutls_x509_crt_import(crt, block, GNUTLS_X509_FMT_PEM);
        gnutls_x509_crt_deinit(crt);
        return r;
}

static bool read_block(Text *t, BlockKind kind, size_t size, GError **error)
{
        gnutls_datum_t block = { (unsigned char *) t->at, (unsigned) size };
        uint64_t until = UINT64_MAX;
        int r = kind == BLOCK_CRL ? read_crl(&block, &until) : read_certificate(&block);

        if (r < 0)
                return bad(error, "block %u of the PEM text cannot be read: %s",
                           t->blocks[BLOCK_CERTIFICATE] + t->blocks[BLOCK_CRL] + 1, gnutls_strerror(r));
        t->until = MIN(t->until, until);
        t->blocks[kind]++;
        t->at += size;
        return true;
}

/* The kind of block that `at` begins with; negative for any other. */
static int kind_at(const char *at, size_t size)
{
        for (int kind = 0; kind < _BLOCK_KIND_MAX; kind++) {
                g_autofree char *line = g_strconcat(BEGIN, labels[kind], DASHES, NULL);

                if (size > strlen(line) && memcmp(at, line, strlen(line)) == 0 && g_ascii_isspace(at[strlen(line)]))
                        return kind;
        }
        return -EINVAL;
}

/* Base64 and space between the two lines (RFC 7468, 3): GnuTLS would read on past a broken END. */
static bool body_is_base64(const char *at, const char *end)
{
        for (; at < end; at++)
                if (!g_ascii_isalnum(*at) && !g_ascii_isspace(*at) && !memchr("+/=", *at, 3))
                        return false;
        return true;
}

static bool next_block(Text *t, GError **error)
{
        size_t left = (size_t) (t->end - t->at);
        int kind = kind_at(t->at, left);
        g_autofree char *last = NULL;
        const char *end;

        if (kind < 0)
                return bad(error, "the PEM text holds something else than certificates or revocation lists");
        last = g_strconcat(END, labels[kind], DASHES, NULL);
        end = memmem(t->at, left, last, strlen(last));
        if (!end)
                return bad(error, "the PEM text is cut off in the midst of a block");
        if (!body_is_base64(t->at + strlen(BEGIN) + strlen(labels[kind]) + strlen(DASHES), end))
                return bad(error, "the PEM text holds a block that is broken");
        return read_block(t, (BlockKind) kind, (size_t) (end - t->at) + strlen(last), error);
}

/* ---- The text ---- */

/* To the next block, or to the end. */
static bool skip_to_block(Text *t, GError **error)
{
        const char *begin = memmem(t->at, (size_t) (t->end - t->at), BEGIN, strlen(BEGIN));
        const char *stop = begin ?: t->end;

        if (memchr(t->at, '\0', (size_t) (stop - t->at)))
                return bad(error, "the PEM text is no text");
        if (memmem(t->at, (size_t) (stop - t->at), DASHES, strlen(DASHES)))
                return bad(error, "the PEM text holds a part of a block");
        for (; t->at < stop; t->at++)
                if (t->form == CONTENT_BARE && !g_ascii_isspace(*t->at))
                        return bad(error, "the PEM text holds something beside its blocks");
        return true;
}

/* Reads all of it; `t` then says what was in it. */
static bool read_text(Text *t, GBytes *pem, ContentForm form, GError **error)
{
        size_t size;
        const char *data = g_bytes_get_data(pem, &size) ?: "";

        *t = (Text) { .at = data, .end = data + size, .form = form, .until = UINT64_MAX };
        if (size > GENERATION_CONTENT_MAX)
                return bad(error, "the PEM text is larger than 8 MiB");
        while (size > 0) {
                if (!skip_to_block(t, error))
                        return false;
                if (t->at == t->end)
                        break;
                if (!next_block(t, error))
                        return false;
        }
        if (t->blocks[BLOCK_CERTIFICATE] > 0 && t->blocks[BLOCK_CRL] > 0)
                return bad(error, "the PEM text holds certificates and revocation lists together");
        if (t->blocks[BLOCK_CERTIFICATE] + t->blocks[BLOCK_CRL] == 0)
                return bad(error, "the PEM text holds neither a certificate nor a revocation list");
        return true;
}

/* ---- Generations ---- */

Generation *generation_new_content_as(GBytes *pem, ContentForm form, GError **error)
{
        Generation *g;
        Text t;

        if (!read_text(&t, pem, form, error))
                return NULL;
        g = generation_new_from_pem(NULL, NULL, NULL, pem, error);
        g->fingerprint = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, pem);
        g->not_after = t.until;
        return g;
}

Generation *generation_new_content(GBytes *pem, GError **error)
{
        return generation_new_content_as(pem, CONTENT_BARE, error);
}

Generation *generation_with_roots(Generation *g, GBytes *ca_pem, GError **error)
{
        Text t;

        if (g->cert_pem && g_bytes_equal(g->ca_pem, ca_pem))
                return generation_ref(g);
        if (!g->cert_pem) {
                bad(error, "generation %u holds no certificate", g->number);
                return NULL;
        }
        if (g_bytes_get_size(ca_pem) > READFILE_MAX) { /* its CA file could not be read again */
                bad(error, "the roots are larger than 1 MiB");
                return NULL;
        }
        if (!read_text(&t, ca_pem, CONTENT_BARE, error))
                return NULL;
        if (t.blocks[BLOCK_CRL] > 0) {
                bad(error, "the PEM text holds revocation lists in place of certificates");
                return NULL;
        }
        return generation_new_from_pem(g->key_pem, g->cert_pem, g->chain_pem, ca_pem, error);
}

bool generation_is_content(const Generation *g)
{
        return !g->key_pem && !g->cert_pem && g_bytes_get_size(g->ca_pem) > 0;
}
