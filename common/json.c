/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading JSON strictly (RFC 8259). The document owns the text, one arena for the values and one for the
 * strings, so that building and freeing a tree of a hundred thousand values is a handful of allocations.
 * Hostile input: size, depth, encoding and NUL bytes are checked; no cost grows faster than n log n. */

#include "common/json.h"

#include <gnutls/gnutls.h>
#include <string.h>

#define VALUES_PER_CHUNK 2048
#define MEMBERS_COMPARED 8 /* up to here each with each, beyond by sorting */
#define FAULTS_MAX       1000

struct JsonDocument {
        char *text;
        size_t size;
        bool secret;
        char *strings;       /* unescaped strings, packed; never longer than the text */
        GPtrArray *chunks;   /* JsonValue[VALUES_PER_CHUNK] */
        unsigned chunk_used; /* values in the last chunk */
        const JsonValue *root;
        GPtrArray *faults;
        GArray *lines;        /* uint32_t: where each line begins; made when first asked for */
        uint32_t last_offset; /* the position last asked for: questions mostly go forward, and a manifest may
                               */
        unsigned last_line, last_column; /* be a single long line */
};

typedef struct Parser {
        JsonDocument *document;
        const char *at, *end;
        char *string_at; /* free space in document->strings */
        JsonValue *parent;
        unsigned depth;
} Parser;

const char *json_kind_to_string(JsonKind kind)
{
        static const char *const names[_JSON_KIND_MAX] = {
                [JSON_KIND_NULL] = "null",       [JSON_KIND_BOOLEAN] = "true or false",
                [JSON_KIND_NUMBER] = "a number", [JSON_KIND_STRING] = "a string",
                [JSON_KIND_ARRAY] = "a list",    [JSON_KIND_OBJECT] = "an object",
        };

        return kind < _JSON_KIND_MAX ? names[kind] : NULL;
}

/* ---- Faults ---- */

static void json_fault_free(void *data)
{
        JsonFault *f = data;

        g_free(f->message);
        g_free(f->hint);
        g_free(f);
}

/* Takes over the message. Returns false, for the caller to return. */
static bool fault(Parser *p, const char *where, char *message, const char *hint)
{
        JsonFault *f = g_new(JsonFault, 1);

        *f = (JsonFault){ .offset = (uint32_t) (where - p->document->text),
                          .parent = p->parent,
                          .message = message,
                          .hint = g_strdup(hint) };
        g_ptr_array_add(p->document->faults, f);
        return false;
}

typedef struct Habit {
        char first;
        const char *what, *hint;
} Habit;

/* What other dialects allow and people therefore write. */
static const Habit habits[] = {
        { '/', "a comment", "JSON has no comments; remove it." },
        { '#', "a comment", "JSON has no comments; remove it." },
        { '\'', "a single quote", "Strings stand in double quotes." },
        { '}', "\"}\"", "Remove the comma before it, or write what is missing." },
        { ']', "\"]\"", "Remove the comma before it, or write what is missing." },
};

/* Something else stands where `wanted` should. */
static bool unexpected(Parser *p, const char *wanted)
{
        if (p->at == p->end)
                return fault(p, p->at, g_strdup_printf("the file ends where %s should stand", wanted),
                             "The file seems to be cut off; close every brace, bracket and quote.");
        for (size_t i = 0; i < G_N_ELEMENTS(habits); i++)
                if (*p->at == habits[i].first)
                        return fault(p, p->at,
                                     g_strdup_printf("%s stands where %s should", habits[i].what, wanted),
                                     habits[i].hint);
        if (g_ascii_isprint(*p->at))
                return fault(p, p->at, g_strdup_printf("'%c' stands where %s should", *p->at, wanted), NULL);
        return fault(p, p->at,
                     g_strdup_printf("a character that JSON does not know stands where %s should", wanted),
                     NULL);
}

/* ---- Values ---- */

static JsonValue *value_new(Parser *p, const char *key, uint32_t key_begin)
{
        JsonDocument *d = p->document;
        JsonValue *v;

        if (d->chunks->len == 0 || d->chunk_used == VALUES_PER_CHUNK) {
                g_ptr_array_add(d->chunks, g_new(JsonValue, VALUES_PER_CHUNK));
                d->chunk_used = 0;
        }
        v = (JsonValue *) d->chunks->pdata[d->chunks->len - 1] + d->chunk_used++;
        *v = (JsonValue){ .kind = JSON_KIND_NULL,
                          .key = key,
                          .key_begin = key_begin,
                          .parent = p->parent,
                          .begin = (uint32_t) (p->at - d->text) };
        return v;
}

static void skip_space(Parser *p)
{
        while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
                p->at++;
}

/* ---- Strings ---- */

static bool hex4(Parser *p, unsigned *ret)
{
        unsigned value = 0;

        for (int i = 0; i < 4; i++) {
                int digit = p->at < p->end ? g_ascii_xdigit_value(*p->at) : -1;

                if (digit < 0)
                        return unexpected(p, "a hexadecimal digit");
                value = value << 4 | (unsigned) digit;
                p->at++;
        }
        *ret = value;
        return true;
}

/* After "\u". A character outside the first plane is two surrogates (RFC 8259, 7); one alone is none, and a
 * NUL would end the string for every reader in C. */
static bool unicode_escape(Parser *p, const char *escape)
{
        unsigned c = 0, low = 0; /* what a compiler at -O3 does not see for itself */

        if (!hex4(p, &c))
                return false;
        if (c >= 0xd800 && c <= 0xdbff && p->end - p->at >= 2 && p->at[0] == '\\' && p->at[1] == 'u') {
                p->at += 2;
                if (!hex4(p, &low))
                        return false;
                if (low < 0xdc00 || low > 0xdfff)
                        return fault(p, escape, g_strdup("half of a surrogate pair is no character"), NULL);
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
        if (c == 0)
                return fault(p, escape, g_strdup("a string must not hold a NUL character"), NULL);
        if (c >= 0xd800 && c <= 0xdfff)
                return fault(p, escape, g_strdup("half of a surrogate pair is no character"), NULL);
        p->string_at += g_unichar_to_utf8(c, p->string_at);
        return true;
}

/* At a backslash. */
static bool escape_parse(Parser *p)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const char *escape = p->at++, *found;

        if (p->at == p->end)
                return unexpected(p, "the end of a string");
        if (*p->at == 'u') {
                p->at++;
                return unicode_escape(p, escape);
        }
        found = strchr(from, *p->at);
        if (!found)
                return fault(
                        p, escape, g_strdup("there is no such escape in JSON"),
                        "Write a backslash as \\\\; the others are \\\" \\/ \\b \\f \\n \\r \\t \\uXXXX.");
        *p->string_at++ = to[found - from];
        p->at++;
        return true;
}

/* At the opening quote. The result is in the document's string arena. */
static bool string_parse(Parser *p, const char **ret)
{
        const char *open = p->at++, *start = p->string_at;

        for (;;) {
                const char *run = p->at;

                while (p->at < p->end && *p->at != '"' && *p->at != '\\' && (unsigned char) *p->at >= 0x20)
                        p->at++;
                memcpy(p->string_at, run, (size_t) (p->at - run));
                p->string_at += p->at - run;
                if (p->at == p->end)
                        return fault(p, open, g_strdup("this string has no end"),
                                     "Close it with a double quote.");
                if (*p->at == '"')
                        break;
                if (*p->at != '\\')
                        return fault(p, p->at,
                                     g_strdup("a string must not hold a line break or control character"),
                                     "Is the closing quote missing? A line break inside is written \\n.");
                if (!escape_parse(p))
                        return false;
        }
        p->at++;
        *p->string_at++ = '\0';
        *ret = start;
        return true;
}

/* ---- Numbers and words ---- */

static size_t skip_digits(Parser *p)
{
        const char *start = p->at;

        while (p->at < p->end && g_ascii_isdigit(*p->at))
                p->at++;
        return (size_t) (p->at - start);
}

/* RFC 8259, 6: no leading zeros, no plus sign, a digit on each side of the point. */
static bool number_parse(Parser *p, JsonValue *v)
{
        const char *start = p->at, *digits;
        size_t n;

        if (*p->at == '-')
                p->at++;
        digits = p->at;
        n = skip_digits(p);
        if (n == 0)
                return unexpected(p, "a digit");
        if (n > 1 && *digits == '0')
                return fault(p, start, g_strdup("a number must not start with 0"),
                             "Permissions are strings: \"0640\".");
        v->is_integer = true;
        if (p->at < p->end && *p->at == '.') {
                p->at++;
                v->is_integer = false;
                if (skip_digits(p) == 0)
                        return unexpected(p, "a digit");
        }
        if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
                p->at++;
                v->is_integer = false;
                if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
                        p->at++;
                if (skip_digits(p) == 0)
                        return unexpected(p, "a digit");
        }
        if (v->is_integer) {
                g_autofree char *text = g_strndup(start, MIN((size_t) (p->at - start), 32));

                v->is_integer = g_ascii_string_to_signed(text, 10, INT64_MIN, INT64_MAX, &v->integer, NULL);
        }
        return true;
}

static bool word_parse(Parser *p, JsonValue *v)
{
        static const struct {
                const char *word;
                JsonKind kind;
                bool boolean;
        } words[] = {
                { "true", JSON_KIND_BOOLEAN, true },
                { "false", JSON_KIND_BOOLEAN, false },
                { "null", JSON_KIND_NULL, false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
                size_t length = strlen(words[i].word);

                if ((size_t) (p->end - p->at) < length || memcmp(p->at, words[i].word, length) != 0)
                        continue;
                p->at += length;
                v->kind = words[i].kind;
                v->boolean = words[i].boolean;
                return true;
        }
        return unexpected(p, "a value");
}

/* ---- Objects and lists ---- */

static int compare_keys(const void *a, const void *b)
{
        const JsonValue *x = *(const JsonValue *const *) a, *y = *(const JsonValue *const *) b;
        int r = strcmp(x->key, y->key);

        return r != 0 ? r : x->begin < y->begin ? -1 : 1;
}

static void key_stands_twice(Parser *p, const JsonValue *first, const JsonValue *again)
{
        unsigned line, column;

        if (p->document->faults->len >= FAULTS_MAX)
                return;
        json_document_position(p->document, first->key_begin, &line, &column);
        fault(p, p->document->text + again->key_begin,
              g_strdup_printf("the key \"%s\" stands twice in one object, first on line %u", again->key,
                              line),
              "Remove one of the two; a reader would silently take only one.");
}

/* RFC 8259, 4: names should be unique. Here they must. */
static void check_keys_unique(Parser *p, const JsonValue *object, unsigned n)
{
        g_autofree const JsonValue **sorted = NULL;
        unsigned i = 0;

        if (n <= MEMBERS_COMPARED) {
                for (const JsonValue *v = object->first; v; v = v->next)
                        for (const JsonValue *w = object->first; w != v; w = w->next)
                                if (strcmp(v->key, w->key) == 0) {
                                        key_stands_twice(p, w, v);
                                        break;
                                }
                return;
        }
        sorted = g_new(const JsonValue *, n);
        for (const JsonValue *v = object->first; v; v = v->next)
                sorted[i++] = v;
        qsort(sorted, n, sizeof(*sorted), compare_keys);
        for (i = 1; i < n; i++)
                if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
                        key_stands_twice(p, sorted[i - 1], sorted[i]);
}

static JsonValue *value_parse(Parser *p, const char *key, uint32_t key_begin);

/* `"key" :` */
static bool key_parse(Parser *p, const char **ret_key, uint32_t *ret_begin)
{
        skip_space(p);
        if (p->at == p->end || *p->at != '"')
                return unexpected(p, "a key in double quotes");
        *ret_begin = (uint32_t) (p->at - p->document->text);
        if (!string_parse(p, ret_key))
                return false;
        skip_space(p);
        if (p->at == p->end || *p->at != ':')
                return unexpected(p, "a colon");
        p->at++;
        return true;
}

/* One member or element. The value has its key from the start, so that a fault inside it has a path. */
static JsonValue *child_parse(Parser *p, bool keyed)
{
        const char *key = NULL;
        uint32_t key_begin = 0;

        if (keyed && !key_parse(p, &key, &key_begin))
                return NULL;
        return value_parse(p, key, key_begin);
}

/* At the opening brace or bracket. */
static bool children_parse(Parser *p, JsonValue *container, char close)
{
        bool keyed = container->kind == JSON_KIND_OBJECT;
        JsonValue *last = NULL;
        unsigned n = 0;

        p->at++;
        skip_space(p);
        while (n > 0 || p->at == p->end || *p->at != close) {
                JsonValue *v = child_parse(p, keyed);

                if (!v)
                        return false;
                if (last)
                        last->next = v;
                else
                        container->first = v;
                last = v;
                n++;
                skip_space(p);
                if (p->at < p->end && *p->at == close)
                        break;
                if (p->at == p->end || *p->at != ',')
                        return unexpected(p, keyed ? "a comma or \"}\"" : "a comma or \"]\"");
                p->at++;
        }
        p->at++;
        if (keyed)
                check_keys_unique(p, container, n);
        return true;
}

static bool container_parse(Parser *p, JsonValue *v)
{
        JsonValue *outer = p->parent;
        bool ok;

        if (p->depth == JSON_DEPTH_MAX)
                return fault(p, p->at,
                             g_strdup_printf("this is nested deeper than %d levels", JSON_DEPTH_MAX), NULL);
        p->depth++;
        p->parent = v;
        ok = children_parse(p, v, *p->at == '{' ? '}' : ']');
        p->parent = outer;
        p->depth--;
        return ok;
}

static JsonValue *value_parse(Parser *p, const char *key, uint32_t key_begin)
{
        JsonValue *v;
        bool ok;

        skip_space(p);
        if (p->at == p->end)
                return unexpected(p, "a value"), NULL;
        v = value_new(p, key, key_begin);
        if (*p->at == '{' || *p->at == '[') {
                v->kind = *p->at == '{' ? JSON_KIND_OBJECT : JSON_KIND_ARRAY;
                ok = container_parse(p, v);
        } else if (*p->at == '"') {
                v->kind = JSON_KIND_STRING;
                ok = string_parse(p, &v->string);
        } else if (*p->at == '-' || g_ascii_isdigit(*p->at)) {
                v->kind = JSON_KIND_NUMBER;
                ok = number_parse(p, v);
        } else
                ok = word_parse(p, v);
        v->end = (uint32_t) (p->at - p->document->text);
        return ok ? v : NULL;
}

/* ---- Documents ---- */

/* What must hold for every byte before any is read as JSON. */
static bool bytes_check(Parser *p)
{
        const JsonDocument *d = p->document;
        const char *bad = d->text;

        if (d->size > JSON_SIZE_MAX)
                return fault(p, d->text,
                             g_strdup_printf("the file is larger than %d MiB", JSON_SIZE_MAX >> 20),
                             "Split it into drop-ins.");
        bad = memchr(d->text, '\0', d->size);
        if (bad)
                return fault(p, bad, g_strdup("the file holds a NUL byte"),
                             "It is not text; was it overwritten?");
        if (!g_utf8_validate_len(d->text, d->size, &bad))
                return fault(p, bad, g_strdup("the file is not valid UTF-8 here"), "Save it in UTF-8.");
        if (d->size >= 3 && memcmp(d->text, "\xef\xbb\xbf", 3) == 0)
                return fault(p, d->text, g_strdup("the file starts with a byte order mark"),
                             "Save it as UTF-8 without one.");
        return true;
}

static void document_parse(JsonDocument *d)
{
        Parser p = { .document = d, .at = d->text, .end = d->text + d->size };
        const JsonValue *root;

        if (!bytes_check(&p))
                return;
        skip_space(&p);
        if (p.at == p.end) {
                fault(&p, p.at, g_strdup("the file is empty"), "The least it can hold is {}.");
                return;
        }
        /* Every string loses its two quotes and gains a NUL, so the arena cannot overflow. */
        d->strings = p.string_at = g_malloc(d->size + 1);
        root = value_parse(&p, NULL, 0);
        if (!root)
                return;
        skip_space(&p);
        if (p.at < p.end)
                fault(&p, p.at, g_strdup("something stands after the end of the JSON text"),
                      "One file holds one object; is a brace closed too early?");
        else
                d->root = root;
}

static int compare_faults(const void *a, const void *b)
{
        const JsonFault *x = *(const JsonFault *const *) a, *y = *(const JsonFault *const *) b;

        return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static JsonDocument *document_new(char *text, size_t size, bool secret)
{
        JsonDocument *d = g_new0(JsonDocument, 1);

        d->secret = secret;
        d->text = text ?: g_strdup(""); /* an empty file may come as NULL */
        d->size = size;
        d->chunks = g_ptr_array_new_with_free_func(g_free);
        d->faults = g_ptr_array_new_with_free_func(json_fault_free);
        document_parse(d);
        g_ptr_array_sort(d->faults, compare_faults);
        return d;
}

JsonDocument *json_document_new(char *text, size_t size)
{
        return document_new(text, size, /* secret= */ false);
}

JsonDocument *json_document_new_secret(char *text, size_t size)
{
        return document_new(text, size, /* secret= */ true);
}

JsonDocument *json_document_free(JsonDocument *d)
{
        if (!d)
                return NULL;
        if (d->secret)
                gnutls_memset(d->text, 0, d->size);
        if (d->secret && d->strings)
                gnutls_memset(d->strings, 0, d->size + 1);
        g_free(d->text);
        g_free(d->strings);
        g_ptr_array_unref(d->chunks);
        g_ptr_array_unref(d->faults);
        if (d->lines)
                g_array_unref(d->lines);
        g_free(d);
        return NULL;
}

const JsonValue *json_document_root(const JsonDocument *d)
{
        return d->root;
}

const GPtrArray *json_document_faults(const JsonDocument *d)
{
        return d->faults;
}

/* ---- Where something stands ---- */

static void lines_find(JsonDocument *d)
{
        const char *end = d->text + d->size;
        uint32_t begin = 0;

        d->lines = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        g_array_append_val(d->lines, begin);
        for (const char *p = d->text; (p = memchr(p, '\n', (size_t) (end - p)));) {
                begin = (uint32_t) (++p - d->text);
                g_array_append_val(d->lines, begin);
        }
}

void json_document_position(JsonDocument *d, uint32_t offset, unsigned *ret_line, unsigned *ret_column)
{
        unsigned low = 0, high, column = 1;
        uint32_t begin;

        if (!d->lines)
                lines_find(d);
        high = d->lines->len;
        while (high - low > 1) {
                unsigned middle = low + (high - low) / 2;

                if (g_array_index(d->lines, uint32_t, middle) <= offset)
                        low = middle;
                else
                        high = middle;
        }
        begin = g_array_index(d->lines, uint32_t, low);
        if (d->last_line == low + 1 && d->last_offset <= offset) {
                begin = d->last_offset;
                column = d->last_column;
        }
        /* Continuation bytes of UTF-8 do not count. */
        for (uint32_t i = begin; i < offset && i < d->size; i++)
                column += (d->text[i] & 0xc0) != 0x80;
        d->last_offset = offset;
        d->last_line = *ret_line = low + 1;
        d->last_column = *ret_column = column;
}

static bool is_plain_key(const char *key)
{
        if (*key == '\0')
                return false;
        for (const char *p = key; *p; p++)
                if (!g_ascii_isalnum(*p) && *p != '_' && *p != '-')
                        return false;
        return true;
}

static unsigned index_of(const JsonValue *v)
{
        unsigned i = 0;

        for (const JsonValue *w = v->parent->first; w != v && w; w = w->next)
                i++;
        return i;
}

char *json_value_path(const JsonValue *v)
{
        const JsonValue *chain[JSON_DEPTH_MAX + 1];
        GString *path = g_string_new(NULL);
        unsigned n = 0;

        for (; v && v->parent && n < G_N_ELEMENTS(chain); v = v->parent)
                chain[n++] = v;
        while (n-- > 0) {
                if (!chain[n]->key)
                        g_string_append_printf(path, "[%u]", index_of(chain[n]));
                else if (is_plain_key(chain[n]->key))
                        g_string_append_printf(path, "%s%s", path->len ? "." : "", chain[n]->key);
                else
                        g_string_append_printf(path, "[\"%s\"]", chain[n]->key);
        }
        return g_string_free(path, FALSE);
}

const JsonValue *json_value_member(const JsonValue *object, const char *key)
{
        if (!object || object->kind != JSON_KIND_OBJECT)
                return NULL;
        for (const JsonValue *v = object->first; v; v = v->next)
                if (strcmp(v->key, key) == 0)
                        return v;
        return NULL;
}

char *json_document_slice(const JsonDocument *d, const JsonValue *v)
{
        return g_strndup(d->text + v->begin, v->end - v->begin);
}
