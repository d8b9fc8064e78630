/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <glib.h>
#include <stdbool.h>

/* What a file that somebody was given may be: told by its first bytes and by its PEM headings (RFC 7468), before any
 * parser sees it. For the sentence that a person needs ("this is a private key", "this is a web page"), and so that a key
 * is never handed on. Needs no cryptography. */

typedef enum FileKind {
        FILE_KIND_EMPTY,
        FILE_KIND_CERTIFICATE,     /* PEM, or DER by its structure */
        FILE_KIND_PKCS7,           /* RFC 2315, 5652 */
        FILE_KIND_REQUEST,         /* PKCS#10, RFC 2986 */
        FILE_KIND_PRIVATE_KEY,     /* of any form, encrypted or not; also when it stands beside other things */
        FILE_KIND_PKCS12,          /* RFC 7292: it may hold a key */
        FILE_KIND_REVOCATION_LIST,
        FILE_KIND_WEB_PAGE,
        FILE_KIND_TEXT,            /* nothing of these in it */
        FILE_KIND_BINARY,
        _FILE_KIND_MAX,
        _FILE_KIND_INVALID = -EINVAL,
} FileKind;

/* "an empty file", "a certificate", "a private key" …: for messages. */
const char *file_kind_to_string(FileKind kind);

/* The strongest claim wins: a private key anywhere in it is a private key. Pure. */
FileKind file_kind(GBytes *content);

/* One block of PEM, `---` lines left out; bytes before, between and after blocks are passed over. */
typedef struct PemBlock {
        FileKind kind;  /* by its label; FILE_KIND_TEXT for a label that is none of ours */
        GBytes *der;    /* decoded; of a private key NULL: it is not decoded */
} PemBlock;

/* The blocks in a text, at most `max`; an array of PemBlock that frees its members; caller owns. BAD_CERTIFICATE: a block
 * that does not end, or that is not base64, or more than `max`, and where. */
GArray *pem_blocks(GBytes *text, unsigned max, GError **error);

/* DER of the one request in a text, which holds no other block; caller owns. What is shown of a request and what is signed
 * are read by this alone: two readers of PEM may find two requests in one text. */
GBytes *pem_request(GBytes *text, GError **error);

/* DER of a certificate, PKCS#7 or request as one PEM block with the label of its kind; PEM as it is. Caller owns. NULL for
 * any other kind. */
char *file_to_pem(GBytes *content);
