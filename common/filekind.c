/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kinds of files
 *
 * What a file is that somebody was given: PEM is told by its headings, DER by the tags that its outermost
 * structures begin with. Nothing is believed of what is inside; that is for whoever parses it. All of it
 * takes one pass over the bytes, and each copy that is made is wiped, for it may be of a key. It owns
 * nothing.
 */

#include "common/filekind.h"

#include "common/error.h"
#include "common/secret.h"

#include <stdint.h>
#include <string.h>

#define LABEL_MAX     64   /* bytes */
#define WEB_PAGE_HEAD 1024 /* where a web page says that it is one */
#define PEM_LINE      64   /* RFC 7468, section 2 */
#define HYPHENS       5    /* at each end of a heading */
#define BLOCKS_MAX    64   /* looked at to find one */
#define TAGS_MAX      16

static const char *const kind_words[_FILE_KIND_MAX] = {
        [FILE_KIND_EMPTY] = "an empty file",
        [FILE_KIND_CERTIFICATE] = "a certificate",
        [FILE_KIND_PKCS7] = "a collection of certificates (PKCS#7)",
        [FILE_KIND_REQUEST] = "a certificate signing request",
        [FILE_KIND_PRIVATE_KEY] = "a private key",
        [FILE_KIND_PKCS12] = "a PKCS#12 file, which may hold a private key",
        [FILE_KIND_REVOCATION_LIST] = "a revocation list",
        [FILE_KIND_WEB_PAGE] = "a web page",
        [FILE_KIND_TEXT] = "a text",
        [FILE_KIND_BINARY] = "a binary file of a kind that is not known here",
};

const char *file_kind_to_string(FileKind kind)
{
        return (int) kind >= 0 && kind < _FILE_KIND_MAX ? kind_words[kind] : NULL;
}

/* The later in this list wins, where a file is several things. */
static const FileKind claims[] = {
        FILE_KIND_TEXT,  FILE_KIND_BINARY,      FILE_KIND_REVOCATION_LIST, FILE_KIND_REQUEST,
        FILE_KIND_PKCS7, FILE_KIND_CERTIFICATE, FILE_KIND_PKCS12,          FILE_KIND_PRIVATE_KEY,
};

static FileKind stronger(FileKind a, FileKind b)
{
        FileKind strongest = FILE_KIND_TEXT;

        for (size_t i = 0; i < G_N_ELEMENTS(claims); i++)
                if (a == claims[i] || b == claims[i])
                        strongest = claims[i];
        return strongest;
}

typedef struct Span {
        const uint8_t *at, *end;
} Span;

static Span span_of(GBytes *bytes)
{
        size_t size;
        const uint8_t *data = g_bytes_get_data(bytes, &size);

        return (Span){ data, data ? data + size : data };
}

static size_t span_size(Span s)
{
        return (size_t) (s.end - s.at);
}

static bool span_begins(Span s, const void *with, size_t size)
{
        return span_size(s) >= size && memcmp(s.at, with, size) == 0;
}

static bool is_space(uint8_t c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- DER ---- */

#define TAG_INTEGER      0x02
#define TAG_BIT_STRING   0x03
#define TAG_OCTET_STRING 0x04
#define TAG_OID          0x06
#define TAG_UTC_TIME     0x17
#define TAG_TIME         0x18
#define TAG_SEQUENCE     0x30
#define TAG_0            0xa0

/* X.690, 8.1: one element off the front. Lengths that are not definite, and tags of more than a byte, are
 * none of ours. */
static bool take_element(Span *s, uint8_t *ret_tag, Span *ret_content)
{
        Span rest = *s;
        size_t length;

        if (span_size(rest) < 2 || (rest.at[0] & 0x1f) == 0x1f)
                return false;
        *ret_tag = *rest.at++;
        length = *rest.at++;
        if (length & 0x80) {
                size_t n = length & 0x7f;

                if (n == 0 || n > 4 || n > span_size(rest))
                        return false;
                for (length = 0; n > 0; n--)
                        length = length << 8 | *rest.at++;
        }
        if (length > span_size(rest))
                return false;
        *ret_content = (Span){ rest.at, rest.at + length };
        s->at = rest.at + length;
        return true;
}

/* The tags of what a structure is made of, as a string; "" for what is none. */
static void tags_of(Span content, char ret_tags[static TAGS_MAX])
{
        size_t n = 0;
        uint8_t tag;
        Span inner;

        while (n < TAGS_MAX - 1 && take_element(&content, &tag, &inner))
                ret_tags[n++] = (char) tag;
        ret_tags[n] = '\0';
}

/* The content of the first element. */
static Span first_of(Span content, uint8_t of_tag)
{
        uint8_t tag;
        Span inner;

        return take_element(&content, &tag, &inner) && tag == of_tag ? inner : (Span){ NULL, NULL };
}

static bool tags_begin(const char *tags, const char *with)
{
        return strncmp(tags, with, strlen(with)) == 0;
}

/* What is signed: of certificates (RFC 5280, 4.1: version, serialNumber, signature, issuer, validity, subject
 * …), requests (RFC 2986, 4.1: version, subject, subjectPKInfo, attributes) and revocation lists (RFC
 * 5280, 5.1: version, signature, issuer, thisUpdate). */
static FileKind kind_of_signed(Span content)
{
        char tags[TAGS_MAX];
        const char *after_version = tags;

        tags_of(first_of(content, TAG_SEQUENCE), tags);
        if (tags_begin(tags, "\xa0\x02\x30\x30\x30\x30\x30") || tags_begin(tags, "\x02\x30\x30\x30\x30\x30"))
                return FILE_KIND_CERTIFICATE;
        if (g_str_equal(tags, "\x02\x30\x30") || tags_begin(tags, "\x02\x30\x30\xa0"))
                return FILE_KIND_REQUEST;
        after_version += tags[0] == TAG_INTEGER;
        if (tags_begin(after_version, "\x30\x30\x17") || tags_begin(after_version, "\x30\x30\x18"))
                return FILE_KIND_REVOCATION_LIST;
        return FILE_KIND_BINARY;
}

/* 1.2.840.113549.1.7.x, the content types of PKCS#7 */
static const uint8_t pkcs7_oid[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07 };

static bool is_pkcs12(Span content, const char *tags)
{
        uint8_t tag;
        Span version, safe;

        return tags_begin(tags, "\x02\x30") && take_element(&content, &tag, &version) &&
               take_element(&content, &tag, &safe) && span_begins(safe, pkcs7_oid, sizeof(pkcs7_oid));
}

/* RFC 8017, A.1.2 (and DSA's as OpenSSL has it: numbers only), RFC 5915, RFC 5958, and its section 3
 * (encrypted). */
static bool is_private_key(const char *tags)
{
        return tags_begin(tags, "\x02\x02\x02\x02\x02\x02") || tags_begin(tags, "\x02\x04") ||
               tags_begin(tags, "\x02\x30\x04") || g_str_equal(tags, "\x30\x04");
}

static FileKind kind_of_element(Span content)
{
        char tags[TAGS_MAX];

        tags_of(content, tags);
        if (is_private_key(tags))
                return FILE_KIND_PRIVATE_KEY;
        if (is_pkcs12(content, tags))
                return FILE_KIND_PKCS12;
        if (span_begins(content, pkcs7_oid, sizeof(pkcs7_oid)))
                return FILE_KIND_PKCS7;
        return g_str_equal(tags, "\x30\x30\x03") ? kind_of_signed(content) : FILE_KIND_BINARY;
}

/* BER, as some write PKCS#7 and PKCS#12: with lengths that are not said before. */
static FileKind kind_of_ber(Span s)
{
        static const uint8_t pkcs12[] = { 0x02, 0x01, 0x03, 0x30, 0x80 };

        if (!span_begins(s, "\x30\x80", 2))
                return FILE_KIND_BINARY;
        s.at += 2;
        if (span_begins(s, pkcs7_oid, sizeof(pkcs7_oid)))
                return FILE_KIND_PKCS7;
        return span_begins(s, pkcs12, sizeof(pkcs12)) ? FILE_KIND_PKCS12 : FILE_KIND_BINARY;
}

/* Takes the elements that stand at the front, one after another; FILE_KIND_TEXT: none does. */
static FileKind take_elements(Span *s)
{
        FileKind kind = FILE_KIND_TEXT;
        uint8_t tag;
        Span content;

        while (span_size(*s) > 0 && *s->at == TAG_SEQUENCE && take_element(s, &tag, &content))
                kind = stronger(kind, kind_of_element(content));
        return kind;
}

static Span without_space(Span s)
{
        while (span_size(s) > 0 && is_space(*s.at))
                s.at++;
        return s;
}

/* ---- PEM ---- */

/* The first of a kind is what is written. */
static const struct {
        const char *label;
        FileKind kind;
} labels[] = {
        { "CERTIFICATE", FILE_KIND_CERTIFICATE },
        { "X509 CERTIFICATE", FILE_KIND_CERTIFICATE },
        { "TRUSTED CERTIFICATE", FILE_KIND_CERTIFICATE },
        { "PKCS7", FILE_KIND_PKCS7 },
        { "PKCS #7 SIGNED DATA", FILE_KIND_PKCS7 },
        { "CMS", FILE_KIND_PKCS7 },
        { "CERTIFICATE REQUEST", FILE_KIND_REQUEST },
        { "NEW CERTIFICATE REQUEST", FILE_KIND_REQUEST },
        { "X509 CRL", FILE_KIND_REVOCATION_LIST },
        { "CRL", FILE_KIND_REVOCATION_LIST },
        { "PKCS12", FILE_KIND_PKCS12 },
};

static FileKind kind_of_label(const char *label)
{
        if (strstr(label, "PRIVATE KEY"))
                return FILE_KIND_PRIVATE_KEY;
        for (size_t i = 0; i < G_N_ELEMENTS(labels); i++)
                if (g_str_equal(label, labels[i].label))
                        return labels[i].kind;
        return FILE_KIND_TEXT;
}

typedef struct Heading {
        char label[LABEL_MAX + 1];
        const uint8_t *begin; /* of the heading */
        Span body;            /* up to the next hyphen: base64 has none */
        bool ends;            /* and there is its end */
} Heading;

#define BEGIN "-----BEGIN "
#define END   "-----END "

static const uint8_t *find(Span s, const char *what)
{
        return span_size(s) > 0 ? memmem(s.at, span_size(s), what, strlen(what)) : NULL;
}

/* RFC 7468, section 3: printable characters but the hyphen, which may stand alone; ours have none. */
static bool take_label(Span *s, char ret_label[static LABEL_MAX + 1])
{
        size_t n = 0;

        while (n <= LABEL_MAX && n < span_size(*s) && s->at[n] >= ' ' && s->at[n] < 0x7f && s->at[n] != '-')
                n++;
        if (n > LABEL_MAX || !span_begins((Span){ s->at + n, s->end }, "-----", HYPHENS))
                return false;
        memcpy(ret_label, s->at, n);
        ret_label[n] = '\0';
        s->at += n + HYPHENS;
        return true;
}

/* Takes what is before the next heading, the heading, and what belongs to it. */
static bool take_heading(Span *s, Heading *ret)
{
        char end[LABEL_MAX + 1];

        while ((ret->begin = find(*s, BEGIN))) {
                const uint8_t *hyphen;

                s->at = ret->begin + strlen(BEGIN);
                if (!take_label(s, ret->label))
                        continue;
                hyphen = span_size(*s) > 0 ? memchr(s->at, '-', span_size(*s)) : NULL;
                ret->body = (Span){ s->at, hyphen ?: s->end };
                s->at = ret->body.end;
                ret->ends = span_begins(*s, END, strlen(END));
                if (ret->ends) {
                        s->at += strlen(END);
                        ret->ends = take_label(s, end) && g_str_equal(end, ret->label);
                        if (ret->ends)
                                s->at -= HYPHENS; /* another heading may begin with them, and others find it */
                }
                return true;
        }
        return false;
}

/* Takes what is up to the end of the next block, whatever that is, and the white space after it. */
static bool take_block(Span *s)
{
        char label[LABEL_MAX + 1];
        const uint8_t *end;

        while ((end = find(*s, END))) {
                s->at = end + strlen(END);
                if (take_label(s, label)) {
                        *s = without_space(*s);
                        return true;
                }
        }
        return false;
}

/* Of all DER in a file: at its front, and after each block of PEM, as files are strung together.
 * FILE_KIND_TEXT: there is none. Where something is to be taken nothing else may follow it but text with PEM
 * in it. */
static FileKind kind_of_der(Span s)
{
        FileKind kind;

        if (span_begins(s, "\x30\x80", 2))
                return kind_of_ber(s);
        kind = take_elements(&s);
        s = without_space(s);
        if (kind != FILE_KIND_TEXT && kind != FILE_KIND_PRIVATE_KEY && span_size(s) > 0 && !find(s, BEGIN))
                return FILE_KIND_BINARY;
        while (take_block(&s))
                kind = stronger(kind, take_elements(&s));
        return kind;
}

/* RFC 4648, section 4, in lines of any length. */
static bool is_base64(Span s)
{
        size_t n = 0, padding = 0;

        for (; s.at < s.end; s.at++) {
                if (is_space(*s.at))
                        continue;
                if (*s.at == '=' ? ++padding > 2
                                 : padding > 0 || !(g_ascii_isalnum(*s.at) || *s.at == '+' || *s.at == '/'))
                        return false;
                n++;
        }
        return n > 0 && n % 4 == 0;
}

static GBytes *decode(Span s)
{
        g_autoptr(Secret) out = secret_new(span_size(s) / 4 * 3 + 6);
        int state = 0;
        unsigned save = 0;
        size_t size = g_base64_decode_step((const char *) s.at, span_size(s), out->data, &state, &save);

        return secret_to_bytes(g_steal_pointer(&out), size);
}

/* What OpenSSL puts behind a "TRUSTED CERTIFICATE" is not the certificate's. */
static GBytes *without_trust(GBytes *der)
{
        Span s = span_of(der), rest = s, content;
        GBytes *first;
        uint8_t tag;

        if (!take_element(&rest, &tag, &content))
                return der;
        first = g_bytes_new_from_bytes(der, 0, (size_t) (rest.at - s.at));
        g_bytes_unref(der);
        return first;
}

/* The block's content, or NULL when it is none or a key's; *ret_kind is what it is, whatever the label says
 * of keys. */
static GBytes *decode_block(const Heading *h, FileKind *ret_kind)
{
        GBytes *der;

        *ret_kind = kind_of_label(h->label);
        if (*ret_kind == FILE_KIND_PRIVATE_KEY || !h->ends || !is_base64(h->body))
                return NULL;
        der = decode(h->body);
        if (kind_of_der(span_of(der)) == FILE_KIND_PRIVATE_KEY) {
                *ret_kind = FILE_KIND_PRIVATE_KEY;
                g_clear_pointer(&der, g_bytes_unref);
        }
        return der && g_str_equal(h->label, "TRUSTED CERTIFICATE") ? without_trust(der) : der;
}

/* ---- Text ---- */

/* The content without NUL bytes, so that PEM is found in UTF-16 too, as some editors and shells write it: PEM
 * is ASCII. */
static GBytes *text_of(GBytes *content)
{
        Span s = span_of(content);
        g_autoptr(Secret) out = NULL;
        size_t n = 0;

        if (span_size(s) == 0 || !memchr(s.at, '\0', span_size(s)))
                return g_bytes_ref(content);
        out = secret_new(span_size(s));
        for (; s.at < s.end; s.at++)
                if (*s.at)
                        out->data[n++] = *s.at;
        return secret_to_bytes(g_steal_pointer(&out), n);
}

/* A heading of a key in whatever style, or its end alone: SSH's (RFC 4716) and PGP's differ from PEM's. */
static bool has_key_heading(Span text)
{
        static const char word[] = "PRIVATE KEY";
        const uint8_t *at;

        for (Span s = text; (at = find(s, word)); s.at = at + strlen(word)) {
                Span before = { at - MIN((size_t) (at - text.at), LABEL_MAX), at };

                for (const uint8_t *c = before.end; c > before.at && c[-1] != '\n' && c[-1] != '\r'; c--)
                        if (span_begins((Span){ c, before.end }, "BEGIN ", 6) ||
                            span_begins((Span){ c, before.end }, "END ", 4))
                                return true;
        }
        return false;
}

static bool is_other_key(Span text)
{
        static const char openssh[] = "openssh-key-v1", putty[] = "PuTTY-User-Key-File-";

        return has_key_heading(text) || span_begins(text, openssh, strlen(openssh)) || find(text, putty);
}

static FileKind kind_of_pem(Span text)
{
        FileKind strongest = FILE_KIND_TEXT;
        Heading h;

        while (take_heading(&text, &h)) {
                FileKind kind;
                GBytes *der = decode_block(&h, &kind);

                g_clear_pointer(&der, g_bytes_unref);
                strongest = stronger(strongest, kind);
        }
        return strongest;
}

static bool is_web_page(Span text)
{
        static const char *const tags[] = { "<!doctype html", "<html", "<head", "<body" };

        text.end = text.at + MIN(span_size(text), WEB_PAGE_HEAD);
        for (; text.at < text.end; text.at++)
                for (size_t i = 0; *text.at == '<' && i < G_N_ELEMENTS(tags); i++)
                        if (span_size(text) >= strlen(tags[i]) &&
                            g_ascii_strncasecmp((const char *) text.at, tags[i], strlen(tags[i])) == 0)
                                return true;
        return false;
}

static bool is_blank(Span text)
{
        if (span_begins(text, "\xef\xbb\xbf", 3))
                text.at += 3;
        while (text.at < text.end && is_space(*text.at))
                text.at++;
        return span_size(text) == 0;
}

static bool is_utf16(Span content)
{
        return span_begins(content, "\xff\xfe", 2) || span_begins(content, "\xfe\xff", 2);
}

static bool is_text(Span text)
{
        for (; text.at < text.end; text.at++)
                if ((*text.at < ' ' && !is_space(*text.at) && *text.at != '\033') || *text.at == 0x7f)
                        return false;
        return true;
}

/* DER as base64 without any heading, as it is copied out of forms. */
static FileKind kind_of_bare_base64(Span text)
{
        g_autoptr(GBytes) der = NULL;

        if (!is_base64(text))
                return FILE_KIND_TEXT;
        der = decode(text);
        return kind_of_der(span_of(der)) == FILE_KIND_PRIVATE_KEY ? FILE_KIND_PRIVATE_KEY : FILE_KIND_TEXT;
}

FileKind file_kind(GBytes *content)
{
        g_autoptr(GBytes) plain = text_of(content);
        Span text = span_of(plain), bytes = span_of(content);
        FileKind der, pem;

        if (is_blank(bytes))
                return FILE_KIND_EMPTY;
        der = kind_of_der(bytes);
        pem = kind_of_pem(text);
        if (is_other_key(text) || kind_of_bare_base64(text) == FILE_KIND_PRIVATE_KEY)
                return FILE_KIND_PRIVATE_KEY;
        if (stronger(der, pem) != FILE_KIND_TEXT && stronger(der, pem) != FILE_KIND_BINARY)
                return stronger(der, pem);
        if (is_web_page(text))
                return FILE_KIND_WEB_PAGE;
        return (span_size(text) == span_size(bytes) || is_utf16(bytes)) && is_text(text) ? FILE_KIND_TEXT
                                                                                         : FILE_KIND_BINARY;
}

/* ---- Blocks ---- */

static void pem_block_clear(void *data)
{
        PemBlock *b = data;

        g_clear_pointer(&b->der, g_bytes_unref);
}

static unsigned line_of(Span text, const uint8_t *at)
{
        unsigned line = 1;

        for (; text.at < at; text.at++)
                line += *text.at == '\n';
        return line;
}

static bool complain(GError **error, Span text, const Heading *h)
{
        g_set_error(
                error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                h->ends ? "the block \"%s\" that begins in line %u is damaged: it is no base64\nGet the file "
                          "again, and copy it as it is."
                        : "the block \"%s\" that begins in line %u does not end\nThe file seems to be cut "
                          "off; "
                          "get it again.",
                h->label, line_of(text, h->begin));
        return false;
}

static bool add_block(GArray *blocks, Span text, const Heading *h, GError **error)
{
        PemBlock block;

        block.der = decode_block(h, &block.kind);
        if (!block.der && block.kind != FILE_KIND_PRIVATE_KEY)
                return complain(error, text, h);
        g_array_append_val(blocks, block);
        return true;
}

GArray *pem_blocks(GBytes *text, unsigned max, GError **error)
{
        g_autoptr(GBytes) plain = text_of(text);
        g_autoptr(GArray) blocks = g_array_new(FALSE, FALSE, sizeof(PemBlock));
        Span all = span_of(plain), rest = all;
        Heading h;

        g_array_set_clear_func(blocks, pem_block_clear);
        while (take_heading(&rest, &h)) {
                if (blocks->len == max) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                                    "there are more than %u blocks in it\nTake those that are needed: the "
                                    "certificate and its chain.",
                                    max);
                        return NULL;
                }
                if (!add_block(blocks, all, &h, error))
                        return NULL;
        }
        return g_steal_pointer(&blocks);
}

GBytes *pem_request(GBytes *text, GError **error)
{
        g_autoptr(GArray) blocks = pem_blocks(text, BLOCKS_MAX, error);
        const PemBlock *block;

        if (!blocks)
                return NULL;
        block = blocks->len == 1 ? &g_array_index(blocks, PemBlock, 0) : NULL;
        if (block && block->kind == FILE_KIND_REQUEST && block->der)
                return g_bytes_ref(block->der);
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                    "There is not exactly one certificate request, as PEM, in it and nothing else\n"
                    "Give one request at a time.");
        return NULL;
}

static void append_block(GString *pem, Span der, const char *label)
{
        g_autofree char *text = g_base64_encode(der.at, span_size(der));

        g_string_append_printf(pem, BEGIN "%s-----\n", label);
        for (const char *at = text; *at; at += strnlen(at, PEM_LINE))
                g_string_append_printf(pem, "%.*s\n", PEM_LINE, at);
        g_string_append_printf(pem, END "%s-----\n", label);
}

/* What is around the blocks may be of any encoding, and is to travel as a string of D-Bus. */
static void append_ascii(GString *pem, Span text)
{
        for (; text.at < text.end; text.at++)
                if (*text.at >= 0x7f || (*text.at < ' ' && *text.at && !is_space(*text.at)))
                        g_string_append_c(pem, '?');
                else if (*text.at) /* UTF-16 */
                        g_string_append_c(pem, (char) *text.at);
}

static bool is_for_ca(FileKind kind)
{
        return kind == FILE_KIND_CERTIFICATE || kind == FILE_KIND_PKCS7 || kind == FILE_KIND_REQUEST;
}

static const char *label_of_kind(FileKind kind)
{
        for (size_t i = 0; i < G_N_ELEMENTS(labels); i++)
                if (labels[i].kind == kind)
                        return labels[i].label;
        return NULL;
}

/* The elements at the front, each as a block with its label, up to one that is none of ours. */
static void append_elements(GString *pem, Span *s)
{
        uint8_t tag;
        Span at = *s, content;

        while (span_size(at) > 0 && *at.at == TAG_SEQUENCE && take_element(&at, &tag, &content) &&
               is_for_ca(kind_of_element(content))) {
                append_block(pem, (Span){ s->at, at.at }, label_of_kind(kind_of_element(content)));
                *s = at;
        }
}

char *file_to_pem(GBytes *content)
{
        Span s = span_of(content);
        GString *pem;
        bool more = true;

        if (!is_for_ca(file_kind(content)))
                return NULL;
        pem = g_string_new(NULL);
        if (kind_of_ber(s) == FILE_KIND_PKCS7)
                append_block(pem, s, label_of_kind(FILE_KIND_PKCS7));
        else
                while (more) {
                        const uint8_t *text;

                        append_elements(pem, &s);
                        text = s.at;
                        more = take_block(&s);
                        append_ascii(pem, (Span){ text, more ? s.at : s.end });
                }
        return g_string_free(pem, FALSE);
}
