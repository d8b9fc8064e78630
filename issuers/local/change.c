/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The changes of a local authority's files. It owns nothing.
 *
 * All trust hangs on which certificate files have which names, and each change has one rename that is its
 * point of no return. What precedes it leaves traces that mean nothing and are tidied up by the next change;
 * what follows it is told from the names, and done by whoever looks next:
 *
 *   make        made.key, made.pem (here), all else into before-ID/, made.key to ca.key, made.pem to ca.pem
 *   recreate    the same with recreated.*, and into before-ID.destroy/
 *   begin       next.key, next.pem (here)
 *   promote     links old-ID.pem and old-ID.key to ca.*, next.pem to ca.pem (here), next.key to ca.key
 *   retire      old-ID.pem into retired-ID.destroy/ (here), old-ID.key there too
 *
 * A folder that ends in .destroy loses its keys, and then the suffix (issuers/local/aside.c). */

#include "issuers/local/change.h"

#include "common/error.h"
#include "common/timespan.h"
#include "issuers/local/aside.h"
#include "issuers/local/authority-key.h"
#include "issuers/local/owner.h"
#include "issuers/local/part.h"
#include "issuers/local/root.h"

#include <string.h>

static const char *const replacing_stems[] = { PART_MADE_STEM, PART_RECREATED_STEM };

/* ---- A new one in the place of all ---- */

static bool put_all_aside(Store *s, const char *folder, GError **error)
{
        g_auto(GStrv) names = store_list(s, error);

        if (!names)
                return false;
        for (char **name = names; *name; name++)
                if (aside_takes(*name) && !store_move(s, *name, folder, error))
                        return false;
        return true;
}

static bool is_there(const Store *s, const char *name, bool *ret, GError **error)
{
        g_auto(GStrv) names = store_list(s, error);

        if (!names)
                return false;
        *ret = g_strv_contains((const char *const *) names, name);
        return true;
}

/* The new key is the last of the two to be found under its first name only while all else may still be in the
 * way. */
static bool take_place(Store *s, const char *stem, const char *folder, GError **error)
{
        g_autofree char *certificate = part_certificate_file(stem), *key = part_key_file(stem);
        bool has_key, is_taken;

        if (!is_there(s, key, &has_key, error) || !is_there(s, PART_CURRENT_STEM ".pem", &is_taken, error))
                return false;
        if (!has_key && is_taken) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "%s/%s is there without its key\nRemove it, or restore %s from a backup.",
                            store_shown(s), certificate, key);
                return false;
        }
        return (!has_key || (put_all_aside(s, folder, error) &&
                             store_rename(s, key, PART_CURRENT_STEM STORE_SUFFIX_KEY, error))) &&
               store_rename(s, certificate, PART_CURRENT_STEM ".pem", error);
}

/* Where STEM.pem is there. */
static bool finish_replacing(Store *s, const char *stem, GError **error)
{
        g_autofree char *certificate = part_certificate_file(stem), *folder = NULL;
        g_autoptr(GBytes) pem = NULL;
        char id[PART_FINGERPRINT + 1];

        if (!store_read(s, certificate, STORE_FILE_MAX, &pem, error))
                return false;
        if (!pem)
                return true;
        if (!part_fingerprint(pem, id)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "%s/%s holds no certificate\nRemove it, if nobody knows why it is there.",
                            store_shown(s), certificate);
                return false;
        }
        folder =
                g_strconcat("before-", id, g_str_equal(stem, PART_RECREATED_STEM) ? ASIDE_DESTROY : "", NULL);
        return take_place(s, stem, folder, error);
}

/* STEM.key, then STEM.pem: a certificate is never without its key. */
static bool write_pair(Store *s, const AuthorityOptions *o, const char *stem, GError **error)
{
        g_autofree char *certificate = part_certificate_file(stem), *key = part_key_file(stem);
        g_autoptr(GBytes) content = NULL, pem = NULL;
        gnutls_privkey_t opened;

        content = authority_key_new(o, &opened, error);
        if (!content)
                return false;
        pem = root_new_certificate(o, opened, now_realtime(), error);
        gnutls_privkey_deinit(opened);
        if (pem && store_write(s, key, content, error) && store_write(s, certificate, pem, error))
                return true;
        /* Perhaps only the sync of the certificate failed: then it is there, and must not be without its key.
         */
        if (store_remove(s, certificate, NULL) && store_remove(s, key, NULL))
                authority_key_destroy(o, content);
        return false;
}

/* A key whose certificate was not written is of a change that did not take place. */
static bool remove_stray_key(Store *s, const AuthorityOptions *o, const char *stem, GError **error)
{
        g_autofree char *certificate = part_certificate_file(stem), *key = part_key_file(stem);
        g_auto(GStrv) names = store_list(s, error);
        g_autoptr(GPtrArray) others = g_ptr_array_new();
        bool stray;

        if (!names)
                return false;
        stray = g_strv_contains((const char *const *) names, key) &&
                !g_strv_contains((const char *const *) names, certificate);
        for (char **name = names; *name; name++)
                if (!g_str_equal(*name, key))
                        g_ptr_array_add(others, *name);
        g_ptr_array_add(others, NULL);
        return !stray || aside_destroy_key(s, o, (const char *const *) others->pdata, key, error);
}

static bool replace(Store *s, const AuthorityOptions *o, const char *stem, GError **error)
{
        if (!remove_stray_key(s, o, stem, error) || !write_pair(s, o, stem, error) ||
            !finish_replacing(s, stem, error))
                return false;
        aside_finish(s, o);
        return true;
}

/* ---- What was cut off ---- */

static bool finish_promotion(Store *s, const AuthorityOptions *o, GError **error)
{
        g_autoptr(Parts) parts = parts_read(s, o, error);

        return parts && (!parts->is_cut_off || store_rename(s, PART_NEXT_STEM STORE_SUFFIX_KEY,
                                                            PART_CURRENT_STEM STORE_SUFFIX_KEY, error));
}

bool change_finish(Store *s, const AuthorityOptions *o, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(replacing_stems); i++)
                if (!finish_replacing(s, replacing_stems[i], error))
                        return false;
        return finish_promotion(s, o, error);
}

/* Half of a promotion that did not take place: the current one's, under an old one's name. A key that differs
 * is left alone: then somebody put ca.pem there. */
static bool tidy_double(Store *s, const char *file, GError **error)
{
        g_autoptr(GBytes) content = NULL, current = NULL;
        const char *twin = g_str_has_suffix(file, STORE_SUFFIX_KEY) ? PART_CURRENT_STEM STORE_SUFFIX_KEY
                                                                    : PART_CURRENT_STEM ".pem";

        if (!store_read(s, file, STORE_FILE_MAX, &content, error) ||
            !store_read(s, twin, STORE_FILE_MAX, &current, error))
                return false;
        return !content || !current || !g_bytes_equal(content, current) || store_remove(s, file, error);
}

static bool tidy_old(Store *s, const char *file, const char *current, const char *const *names,
                     GError **error)
{
        g_autofree char *stem = part_old_stem(file), *certificate = NULL, *folder = NULL;

        if (!stem)
                return true;
        if (g_str_has_suffix(stem, current))
                return tidy_double(s, file, error);
        certificate = part_certificate_file(stem);
        if (g_strv_contains(names, certificate))
                return true;
        /* The key that a retired certificate left. */
        folder = g_strconcat("retired-", stem + strlen(PART_OLD_PREFIX), ASIDE_DESTROY, NULL);
        return store_move(s, file, folder, error);
}

static bool tidy(Store *s, const AuthorityOptions *o, const Parts *parts, GError **error)
{
        const char *current = parts_in_role(parts, PART_CURRENT)->fingerprint;
        g_auto(GStrv) names = store_list(s, error);

        if (!names || !store_clean(s, error))
                return false;
        for (char **name = names; *name; name++)
                if (!tidy_old(s, *name, current, (const char *const *) names, error))
                        return false;
        aside_finish(s, o);
        return true;
}

void change_finish_aside(Store *s, const AuthorityOptions *o)
{
        g_autoptr(Parts) parts = change_finish(s, o, NULL) ? parts_read(s, o, NULL) : NULL;

        if (!parts || parts->missing || !tidy(s, o, parts, NULL))
                aside_finish(s, o);
}

/* ---- The changes ---- */

/* Opened and locked, whole, tidied. `make`: the folder, where it is missing. */
static Store *begin(const AuthorityOptions *o, bool make, GError **error)
{
        g_autoptr(Store) s = NULL;

        if (!store_open(o->name, make, &s, error))
                return NULL;
        if ((!s && !parts_fail_missing(o, error)) || !store_lock(s, true, error) || !owner_claim(s, o, error))
                return NULL;
        return g_steal_pointer(&s);
}

static Store *begin_whole(const AuthorityOptions *o, Parts **ret_parts, GError **error)
{
        g_autoptr(Store) s = begin(o, false, error);
        g_autoptr(Parts) parts = NULL;

        if (!s || !change_finish(s, o, error))
                return NULL;
        parts = parts_read(s, o, error);
        if (!parts || (parts->missing && !parts_fail_missing(o, error)) || !tidy(s, o, parts, error))
                return NULL;
        *ret_parts = g_steal_pointer(&parts);
        return g_steal_pointer(&s);
}

bool change_make(const AuthorityOptions *o, GError **error)
{
        g_autoptr(Store) s = begin(o, true, error);
        g_autoptr(Parts) parts = NULL;

        if (!s || !change_finish(s, o, error) || !store_clean(s, error))
                return false;
        parts = parts_read(s, o, error);
        return parts && (!parts->missing || replace(s, o, PART_MADE_STEM, error));
}

bool change_begin(const AuthorityOptions *o, GError **error)
{
        g_autoptr(Parts) parts = NULL;
        g_autoptr(Store) s = begin_whole(o, &parts, error);

        return s && (parts_in_role(parts, PART_NEXT) || (remove_stray_key(s, o, PART_NEXT_STEM, error) &&
                                                         write_pair(s, o, PART_NEXT_STEM, error)));
}

static bool can_become_current(const Store *s, const AuthorityOptions *o, const Parts *parts, GError **error)
{
        gnutls_privkey_t key;
        unsigned old = 0;

        for (unsigned i = 0; i < parts->list->len; i++)
                old += ((const Part *) g_ptr_array_index(parts->list, i))->role == PART_OLD;
        if (old >= PART_OLD_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "the authority \"%s\" has %u old certificates, and cannot have one more\n"
                            "Wait until they are retired.",
                            o->name, old);
                return false;
        }
        if (!part_open_key(parts_in_role(parts, PART_NEXT), s, o, &key, error))
                return false;
        gnutls_privkey_deinit(key);
        return true;
}

bool change_promote(const AuthorityOptions *o, GError **error)
{
        g_autoptr(Parts) parts = NULL;
        g_autoptr(Store) s = begin_whole(o, &parts, error);
        g_autofree char *stem = NULL, *certificate = NULL, *key = NULL;

        if (!s)
                return false;
        if (!parts_in_role(parts, PART_NEXT))
                return true;
        stem = g_strconcat(PART_OLD_PREFIX, parts_in_role(parts, PART_CURRENT)->fingerprint, NULL);
        certificate = part_certificate_file(stem);
        key = part_key_file(stem);
        return can_become_current(s, o, parts, error) &&
               store_link(s, PART_CURRENT_STEM ".pem", certificate, error) &&
               store_link(s, PART_CURRENT_STEM STORE_SUFFIX_KEY, key, error) &&
               store_rename(s, PART_NEXT_STEM ".pem", PART_CURRENT_STEM ".pem", error) &&
               store_rename(s, PART_NEXT_STEM STORE_SUFFIX_KEY, PART_CURRENT_STEM STORE_SUFFIX_KEY, error);
}

static bool retire(Store *s, const Part *part, GError **error)
{
        g_autofree char *folder = g_strconcat("retired-", part->fingerprint, ASIDE_DESTROY, NULL);
        g_autofree char *certificate = part_certificate_file(part->stem), *key = part_key_file(part->stem);

        return store_move(s, certificate, folder, error) && store_move(s, key, folder, error);
}

bool change_retire(const AuthorityOptions *o, GError **error)
{
        g_autoptr(Parts) parts = NULL;
        g_autoptr(Store) s = begin_whole(o, &parts, error);

        if (!s)
                return false;
        for (unsigned i = 0; i < parts->list->len; i++) {
                const Part *part = g_ptr_array_index(parts->list, i);

                if (part->role == PART_OLD && !retire(s, part, error))
                        return false;
        }
        aside_finish(s, o);
        return true;
}

/* A file that pretends to be a change gone through with, and is none, must not stand in the way of an
 * emergency. */
static bool put_pretenders_aside(Store *s, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(replacing_stems); i++) {
                g_autofree char *certificate = part_certificate_file(replacing_stems[i]), *aside = NULL;
                bool there;

                aside = g_strconcat("damaged-", certificate, NULL);
                if (!is_there(s, certificate, &there, error) ||
                    (there && !store_rename(s, certificate, aside, error)))
                        return false;
        }
        return true;
}

bool change_recreate(const AuthorityOptions *o, GError **error)
{
        g_autoptr(Store) s = begin(o, true, error);
        g_autoptr(GError) wrong = NULL;

        if (!s || !store_clean(s, error))
                return false;
        for (size_t i = 0; i < G_N_ELEMENTS(replacing_stems); i++)
                if (!finish_replacing(s, replacing_stems[i], &wrong)) {
                        g_clear_error(&wrong);
                        if (!put_pretenders_aside(s, error))
                                return false;
                }
        return replace(s, o, PART_RECREATED_STEM, error);
}
