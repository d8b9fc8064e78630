/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The record of what was signed for others. It owns the folder. Beside the certificates lies an index of fixed entries, which
 * saves the reading of thousands of files each time somebody asks until when they last: it is a cache, the files are the
 * record. A file that is not in the index is read, an entry without a file does not count, and whoever adds one mends the
 * index. */

#include "issuers/local/issued.h"

#include "common/error.h"
#include "common/log.h"
#include "common/timespan.h"

#include <string.h>

#define INDEX_FILE     ISSUED_FOLDER "/.index-1" /* of this form of entries; never listed */
#define ISSUED_MAX     60000                     /* a folder may hold 65,536 names */
#define INDEX_MAX      ((size_t) ISSUED_MAX * 2 * sizeof(IssuedEntry))
#define KEPT_SEC       INT64_C(31622400) /* a year after its end */
#define SERIAL_HEX_MAX (2 * REVOKED_SERIAL_MAX)

/* ---- Names ---- */

/* "SERIAL.der" of lower-case hex; caller owns. */
static char *file_of(const IssuedEntry *e)
{
        static const char digits[] = "0123456789abcdef"; /* thousands are made: no printf() */
        char *name = g_malloc(2 * (size_t) e->serial_size + sizeof(ISSUED_SUFFIX));

        for (unsigned i = 0; i < e->serial_size; i++) {
                name[2 * i] = digits[e->serial[i] >> 4];
                name[2 * i + 1] = digits[e->serial[i] & 0x0f];
        }
        memcpy(name + 2 * (size_t) e->serial_size, ISSUED_SUFFIX, sizeof(ISSUED_SUFFIX));
        return name;
}

static char *path_of(const char *file)
{
        return g_build_filename(ISSUED_FOLDER, file, NULL);
}

static bool is_ours(const char *file)
{
        size_t digits = strspn(file, "0123456789abcdef");

        return digits >= 2 && digits <= SERIAL_HEX_MAX && digits % 2 == 0 && g_str_equal(file + digits, ISSUED_SUFFIX);
}

/* ---- One certificate ---- */

static gnutls_x509_crt_t import(GBytes *der)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) };
        gnutls_x509_crt_t crt;

        if (gnutls_x509_crt_init(&crt) < 0)
                return NULL;
        if (gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) >= 0)
                return crt;
        gnutls_x509_crt_deinit(crt);
        return NULL;
}

static bool entry_of(gnutls_x509_crt_t crt, const Part *signer, IssuedEntry *ret)
{
        IssuedEntry e = { 0 };
        size_t size = sizeof(e.serial);

        if (gnutls_x509_crt_get_serial(crt, e.serial, &size) < 0)
                return false;
        e.serial_size = (unsigned char) size;
        e.not_before = (int64_t) gnutls_x509_crt_get_activation_time(crt);
        e.not_after = (int64_t) gnutls_x509_crt_get_expiration_time(crt);
        if (signer)
                g_strlcpy(e.authority, signer->fingerprint, sizeof(e.authority));
        *ret = e;
        return true;
}

/* What a file says of itself, which must be what its name says. */
static bool entry_of_file(const AuthorityLook *look, const char *file, IssuedEntry *ret)
{
        g_autofree char *path = path_of(file), *name = NULL;
        g_autoptr(GBytes) der = NULL;
        g_autoptr(GError) error = NULL;
        gnutls_x509_crt_t crt;
        bool good;

        if (!store_read(look->store, path, STORE_FILE_MAX, &der, &error)) {
                g_autofree char *summary = cert_error_summary(error);

                log_warning("%s, ignoring what was issued", summary);
                return false;
        }
        crt = der ? import(der) : NULL;
        good = crt && entry_of(crt, parts_signer_of(look->parts, crt), ret);
        if (crt)
                gnutls_x509_crt_deinit(crt);
        name = good ? file_of(ret) : NULL;
        if (good && g_str_equal(name, file))
                return true;
        log_warning("%s/%s is not the certificate with the serial number of its name, ignoring", store_shown(look->store),
                    path);
        return false;
}

/* ---- The index ---- */

static bool is_sane(const IssuedEntry *e)
{
        return e->serial_size > 0 && e->serial_size <= sizeof(e->serial) && e->authority[PART_FINGERPRINT] == '\0';
}

/* File -> IssuedEntry*, of the bytes in *ret_bytes. A damaged index is as none. */
static GHashTable *index_read(const Store *s, GBytes **ret_bytes)
{
        GHashTable *index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        const IssuedEntry *entries;
        size_t size = 0;

        if (!store_read(s, INDEX_FILE, INDEX_MAX, ret_bytes, NULL) || !*ret_bytes)
                return index;
        entries = g_bytes_get_data(*ret_bytes, &size);
        for (size_t i = 0; i < size / sizeof(*entries); i++)
                if (is_sane(&entries[i]))
                        g_hash_table_insert(index, file_of(&entries[i]), (void *) &entries[i]);
        return index;
}

static bool index_write(Store *s, const GArray *entries, GError **error)
{
        g_autoptr(GBytes) content = g_bytes_new(entries->data, entries->len * sizeof(IssuedEntry));

        return store_write(s, INDEX_FILE, content, error);
}

/* ---- Reading ---- */

static char **names_of(const Store *s, GError **error)
{
        if (!s || store_file(s, ISSUED_FOLDER).inode == 0)
                return g_new0(char *, 1);
        return store_list_in(s, ISSUED_FOLDER, error);
}

GArray *issued_read(const AuthorityLook *look, GError **error)
{
        g_autoptr(GArray) entries = g_array_new(false, false, sizeof(IssuedEntry));
        g_autoptr(GHashTable) index = NULL;
        g_autoptr(GBytes) bytes = NULL;
        g_auto(GStrv) names = names_of(look->store, error);

        if (!names)
                return NULL;
        if (*names)
                index = index_read(look->store, &bytes);
        for (char **name = names; *name; name++) {
                const IssuedEntry *known = g_hash_table_lookup(index, *name);
                IssuedEntry e;

                if (known)
                        g_array_append_val(entries, *known);
                else if (!is_ours(*name))
                        log_warning("%s/" ISSUED_FOLDER "/%s is none of the authority's files, ignoring",
                                    store_shown(look->store), *name);
                else if (entry_of_file(look, *name, &e))
                        g_array_append_val(entries, e);
        }
        return g_steal_pointer(&entries);
}

static int compare_latest_first(const void *a, const void *b)
{
        const IssuedEntry *x = a, *y = b;

        if (x->not_before != y->not_before)
                return x->not_before > y->not_before ? -1 : 1;
        return memcmp(x->serial, y->serial, sizeof(x->serial));
}

GPtrArray *issued_list(const AuthorityLook *look, uint64_t now, GError **error)
{
        g_autoptr(GArray) entries = issued_read(look, error);
        g_autoptr(GPtrArray) ders = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        int64_t from = (int64_t) (now / USEC_PER_SEC) - KEPT_SEC;
        size_t size = 0;

        if (!entries)
                return NULL;
        g_array_sort(entries, compare_latest_first);
        for (unsigned i = 0; i < entries->len && ders->len < ISSUED_LIST_MAX; i++) {
                const IssuedEntry *e = &g_array_index(entries, IssuedEntry, i);
                g_autofree char *file = file_of(e), *path = path_of(file);
                GBytes *der = NULL;

                if (e->not_after < from || !store_read(look->store, path, STORE_FILE_MAX, &der, NULL) || !der)
                        continue;
                g_ptr_array_add(ders, der);
                size += g_bytes_get_size(der);
                if (size > ISSUED_LIST_SIZE) {
                        g_ptr_array_set_size(ders, (int) ders->len - 1);
                        break;
                }
        }
        return g_steal_pointer(&ders);
}

/* The same number may be given with zeros in front, or with an odd number of digits; DER has its own way (X.690, 8.3). */
static char *find_file(const AuthorityLook *look, const char *serial)
{
        const char *digits = serial + strspn(serial, "0");

        if (*digits == '\0' || strlen(digits) > SERIAL_HEX_MAX ||
            strspn(digits, "0123456789abcdef") != strlen(digits))
                return NULL;
        for (unsigned zeros = strlen(digits) % 2; zeros <= 2; zeros += 2) {
                g_autofree char *file = g_strdup_printf("%.*s%s" ISSUED_SUFFIX, (int) zeros, "00", digits);
                g_autofree char *path = path_of(file);

                if (store_file(look->store, path).inode != 0)
                        return g_steal_pointer(&file);
        }
        return NULL;
}

GBytes *issued_find(const AuthorityLook *look, const AuthorityOptions *o, const char *serial, GError **error)
{
        g_autofree char *file = look->store ? find_file(look, serial) : NULL, *path = file ? path_of(file) : NULL;
        GBytes *der = NULL;
        IssuedEntry e;

        if (file && entry_of_file(look, file, &e) && store_read(look->store, path, STORE_FILE_MAX, &der, error) && der)
                return der;
        if (!error || !*error)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE,
                            "the authority \"%s\" has no record of a certificate with the serial number %.64s\n"
                            "See: certctl authority show --issued %s. Certificates of the manifest are revoked by name.",
                            o->name, serial, o->name);
        return NULL;
}

/* ---- Until when ---- */

static bool is_revoked(const Revoked *revoked, const IssuedEntry *e)
{
        RevokedEntry r = { .serial_size = e->serial_size };

        memcpy(r.serial, e->serial, sizeof(r.serial));
        memcpy(r.authority, e->authority, sizeof(r.authority));
        return revoked_has(revoked, &r);
}

uint64_t issued_until(const GArray *issued, const Part *part, const Revoked *revoked)
{
        int64_t until = 0;

        for (unsigned i = 0; i < issued->len; i++) {
                const IssuedEntry *e = &g_array_index(issued, IssuedEntry, i);

                if (e->not_after > until && g_str_equal(e->authority, part->fingerprint) && !is_revoked(revoked, e))
                        until = e->not_after;
        }
        return (uint64_t) until * USEC_PER_SEC;
}

/* ---- Adding ---- */

/* Those whose file could not be removed stay, and are tried again. */
static void forget_old(Store *s, GArray *entries, int64_t from)
{
        for (unsigned i = entries->len; i > 0; i--) {
                const IssuedEntry *e = &g_array_index(entries, IssuedEntry, i - 1);
                g_autofree char *file = file_of(e), *path = path_of(file);

                if (e->not_after < from && store_remove(s, path, NULL))
                        g_array_remove_index_fast(entries, i - 1);
        }
}

/* It is only a cache: without it the next one who asks waits longer. */
static void mend_index(Store *s, const GArray *entries)
{
        g_autoptr(GError) error = NULL;

        if (!index_write(s, entries, &error)) {
                g_autofree char *summary = cert_error_summary(error);

                log_warning("%s, ignoring", summary);
        }
}

bool issued_add(AuthorityLook *look, const Part *signer, GBytes *der, uint64_t now, GError **error)
{
        gnutls_x509_crt_t crt = import(der);
        g_autofree char *file = NULL, *path = NULL;
        g_autoptr(GArray) entries = NULL;
        IssuedEntry e;
        bool good = crt && entry_of(crt, signer, &e);

        if (crt)
                gnutls_x509_crt_deinit(crt);
        if (!good) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "what was signed cannot be recorded");
                return false;
        }
        if (!store_make_folder(look->store, ISSUED_FOLDER, error) ||
            !store_clean_in(look->store, ISSUED_FOLDER, error))
                return false;
        entries = issued_read(look, error);
        if (!entries)
                return false;
        forget_old(look->store, entries, (int64_t) (now / USEC_PER_SEC) - KEPT_SEC);
        if (entries->len >= ISSUED_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                            "the authority has a record of %u certificates, and cannot keep one more\n"
                            "They are forgotten a year after their end: ask for shorter lifetimes.",
                            entries->len);
                return false;
        }
        file = file_of(&e);
        path = path_of(file);
        if (!store_write(look->store, path, der, error))
                return false;
        g_array_append_val(entries, e);
        mend_index(look->store, entries);
        return true;
}
