/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* certmonger
 *
 * Its folder of requests (/var/lib/certmonger/requests), a file for each certificate that it tracks. Those in plain files are
 * taken over where they lie; what is in an NSS database, behind a PIN or named for Kerberos has no place in a manifest. Owns
 * what its words mean.
 */

#include "client/convert/conversion.h"

#include "client/convert/certmonger-request.h"
#include "client/convert/source.h"
#include "client/convert/takeover.h"
#include "common/error.h"
#include "common/path.h"
#include "common/timespan.h"

#include <string.h>

#define DEFAULT_FOLDER   "/var/lib/certmonger/requests"
#define REQUEST_SIZE_MAX (1024 * 1024)
#define RENEW_BEFORE     "28d" /* the first of its default times: certmonger.conf(5), enroll_ttls */
#define LOCAL            "local"

/* One request while it is read. */
typedef struct Reading {
        Conversion *conversion;
        Entry *entry;
        CertmongerRequest *request;
        GHashTable *authorities; /* names of CAs that have no issuer */
        char *why;               /* why it is left out, or NULL */
} Reading;

static const char *value(const Reading *r, const char *key)
{
        return certmonger_request_get(r->request, key);
}

static bool refuse(Reading *r, char *why)
{
        g_free(r->why);
        r->why = why;
        return false;
}

/* ---- What it is ---- */

static bool check_kind(Reading *r)
{
        static const struct {
                const char *key, *why;
        } impossible[] = {
                { "key_pin", "its key is encrypted with a PIN" },
                { "key_pin_file", "its key is encrypted with a PIN" },
                { "template_principal", "it is named for Kerberos, which a manifest cannot ask for" },
        };
        static const char *const types[] = { "key_storage_type", "cert_storage_type" };

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
                if (g_strcmp0(value(r, types[i]), "FILE") != 0)
                        return refuse(r, g_strdup_printf("its %s is in %s, not in a file: give its service a file",
                                                         i == 0 ? "key" : "certificate",
                                                         g_strcmp0(value(r, types[i]), "NSSDB") == 0 ? "an NSS database"
                                                         : value(r, types[i])                        ?: "no place"));
        for (size_t i = 0; i < G_N_ELEMENTS(impossible); i++)
                if (value(r, impossible[i].key))
                        return refuse(r, g_strdup(impossible[i].why));
        if (g_strcmp0(value(r, "template_is_ca"), "1") == 0)
                return refuse(r, g_strdup("it is an authority's own certificate"));
        return true;
}

static bool read_paths(Reading *r)
{
        static const char *const keys[] = { [ENTRY_CERT] = "cert_storage_location", [ENTRY_KEY] = "key_storage_location" };

        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                if (!value(r, keys[i]))
                        return refuse(r, g_strdup_printf("it has no \"%s\"", keys[i]));
                r->entry->path[i] = g_strdup(value(r, keys[i]));
        }
        return takeover_resolve(r->conversion, r->entry, &r->why);
}

/* ---- Names ---- */

/* "CN=name" and nothing else. */
static const char *plain_common_name(const char *subject)
{
        const char *name = g_ascii_strncasecmp(subject, "CN=", 3) == 0 ? subject + 3 : NULL;

        return name && !strpbrk(name, ",+\\\"=") && !entry_common_name_fault(name) ? name : NULL;
}

static bool add_names(Reading *r, const char *key, const char *prefix)
{
        g_auto(GStrv) names = certmonger_request_list(r->request, key);

        for (char **name = names; *name; name++) {
                g_autofree char *text = g_strconcat(prefix, *name, NULL);
                g_autoptr(GError) error = NULL;

                if (!entry_add_san(r->entry, text, &error)) {
                        g_autofree char *summary = cert_error_summary(error);

                        return refuse(r, g_strdup_printf("its name \"%s\" cannot be one: %s", *name, summary));
                }
        }
        return true;
}

/* What was asked for, while there is no certificate to tell. */
static bool read_template(Reading *r)
{
        const char *subject = value(r, "template_subject");
        const char *name = subject ? plain_common_name(subject) : NULL;

        if (subject && !name && !entry_is_subject(subject))
                return refuse(r, g_strdup_printf("its subject \"%s\" is none that a manifest can ask for", subject));
        if (name)
                r->entry->common_name = g_strdup(name);
        else
                r->entry->subject = g_strdup(subject);
        return add_names(r, "template_hostname", "dns:") && add_names(r, "template_email", "email:") &&
               add_names(r, "template_ipaddress", "ip:");
}

static void wish_for_name(Reading *r)
{
        Entry *e = r->entry;

        if (e->common_name)
                e->name = g_strdup(e->common_name);
        else if (e->sans->len > 0)
                e->name = g_strdup(e->sans->pdata[0]);
}

/* ---- Kind of key, owner and mode ---- */

static void read_key_type(Reading *r)
{
        static const struct {
                const char *algorithm, *size;
                KeyType type;
        } types[] = {
                { "RSA", "2048", KEY_TYPE_RSA_2048 },  { "RSA", "3072", KEY_TYPE_RSA_3072 },
                { "RSA", "4096", KEY_TYPE_RSA_4096 },  { "EC", "256", KEY_TYPE_ECDSA_P256 },
                { "EC", "384", KEY_TYPE_ECDSA_P384 },  { "EC", "521", KEY_TYPE_ECDSA_P521 },
        };
        const char *algorithm = value(r, "key_gen_type"), *size = value(r, "key_gen_size");

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
                if (g_strcmp0(algorithm, types[i].algorithm) == 0 && g_strcmp0(size, types[i].size) == 0)
                        r->entry->key_type = types[i].type;
}

/* What it sets, as far as it was told; 0: nothing. The files in place come after. */
static void read_attributes(Reading *r)
{
        static const char *const owners[] = { [ENTRY_CERT] = "cert_owner", [ENTRY_KEY] = "key_owner" };
        static const char *const modes[] = { [ENTRY_CERT] = "cert_perms", [ENTRY_KEY] = "key_perms" };

        for (EntryFile f = 0; f < ENTRY_OWNED; f++) {
                const char *mode = value(r, modes[f]);

                r->entry->owner[f] = g_strdup(value(r, owners[f]));
                if (!present_look(r->entry->path[f]).is_there && mode && strlen(mode) <= 4 &&
                    strspn(mode, "01234567") == strlen(mode) && g_ascii_strtoull(mode, NULL, 8) != 0)
                        takeover_set_mode(r->conversion, r->entry, f, (int) g_ascii_strtoull(mode, NULL, 8));
        }
        takeover_attributes(r->conversion, r->entry);
}

/* ---- The issuer ---- */

static void read_issuer(Reading *r)
{
        const char *name = value(r, "ca_name"), *issuer = r->conversion->options->issuer;
        bool is_own = name && (g_ascii_strcasecmp(name, "SelfSign") == 0 || g_ascii_strcasecmp(name, "local") == 0);

        if (issuer)
                r->entry->issuer = g_strdup(issuer);
        else if (is_own) {
                conversion_add_issuer(r->conversion, LOCAL, "local");
                r->entry->issuer = g_strdup(LOCAL);
                conversion_note(r->conversion, r->entry, REPORT_NOTE,
                                "it was signed on this host (%s): the first pass gets one of this host's own authority instead",
                                name);
        } else {
                conversion_note(r->conversion, r->entry, REPORT_TO_DO, "it comes from the CA \"%s\": add its \"issuer\"",
                                name ?: "(none)");
                g_hash_table_add(r->authorities, g_strdup(name ?: "(none)"));
        }
}

/* ---- Hooks ---- */

/* It splits the command itself and runs it as the user who asked, or root. */
static void read_hooks(Reading *r)
{
        const char *after = value(r, "post_certsave_command"), *before = value(r, "pre_certsave_command");
        const char *uid = value(r, "post_certsave_uid");

        if (before)
                conversion_note(r->conversion, r->entry, REPORT_TO_DO,
                                "before a new certificate was saved it ran: %s\nThe agent runs nothing before; it replaces the files "
                                "at once, so that nothing needs to be stopped.",
                                before);
        if (!after)
                return;
        if (!uid || g_str_equal(uid, "0"))
                conversion_add_hook(r->conversion, r->entry, after, WORDS_SPLIT);
        else {
                conversion_note(r->conversion, r->entry, REPORT_TO_DO, "after a renewal it ran, as the user %s: %s", uid, after);
                oneshot_add(r->entry->oneshot, after, false);
                r->entry->oneshot->user = strspn(uid, "0123456789") == strlen(uid) ? g_strdup(uid) : g_strdup("nobody");
        }
}

/* ---- One request ---- */

/* A third of a long lifetime would be earlier than certmonger, and replace what is only being taken over. */
static void read_renew_before(Reading *r, const PresentCertificate *p)
{
        if (p && (p->not_after - p->not_before) / 3 > 28 * USEC_PER_DAY)
                r->entry->renew_before = g_strdup(RENEW_BEFORE);
        if (g_strcmp0(value(r, "autorenew"), "0") == 0)
                conversion_note(r->conversion, r->entry, REPORT_TO_DO,
                                "certmonger did not renew it by itself; the agent will, unless you remove it from the manifest");
}

static bool read_request(Reading *r, PresentCertificate **ret_present)
{
        g_autoptr(PresentCertificate) p = NULL;

        if (!check_kind(r) || !read_paths(r))
                return false;
        p = takeover_read(r->conversion, r->entry);
        if (p ? !takeover_names(r->conversion, r->entry, p, &r->why) : !read_template(r))
                return false;
        if (p)
                takeover_kind(r->conversion, r->entry, p);
        else
                read_key_type(r);
        wish_for_name(r);
        read_attributes(r);
        read_renew_before(r, p);
        r->entry->reuse_key = true; /* a renewal of certmonger keeps the key */
        *ret_present = g_steal_pointer(&p);
        return true;
}

static CertmongerRequest *load(const char *folder, const char *file, char **ret_why)
{
        g_autofree char *path = g_build_filename(folder, file, NULL), *text = NULL;
        g_autoptr(CertmongerRequest) request = NULL;
        g_autoptr(GError) error = NULL;
        size_t size;

        if (source_read(path, file, SOURCE_FOLLOW, REQUEST_SIZE_MAX, &text, &size, &error) && strlen(text) == size)
                request = certmonger_request_new(text, &error);
        if (!request)
                *ret_why = error ? cert_error_summary(error) : g_strdup("it holds a NUL character");
        return g_steal_pointer(&request);
}

static void convert_request(Conversion *c, GHashTable *authorities, unsigned number, const char *folder, const char *file)
{
        Reading r = { .conversion = c, .authorities = authorities };
        g_autoptr(PresentCertificate) p = NULL;

        r.request = load(folder, file, &r.why);
        r.entry = entry_new(number, (r.request ? value(&r, "id") : NULL) ?: file);
        if (r.request && read_request(&r, &p)) {
                read_issuer(&r);
                read_hooks(&r);
                if (conversion_add(c, r.entry) && p)
                        takeover_foresee(c, r.entry, p);
        } else
                conversion_leave_out(c, r.entry, "%s", r.why);
        certmonger_request_free(r.request);
        g_free(r.why);
}

/* ---- The folder ---- */

/* What its daemon passes over. */
static bool is_request(const char *file)
{
        static const char *const others[] = { ".tmp", ".rpmsave", ".rpmorig", ".rpmnew", "~", "#" };

        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
                if (g_str_has_suffix(file, others[i]))
                        return false;
        return true;
}

static void note_all(Conversion *c, GHashTable *authorities)
{
        GHashTableIter iter;
        gpointer name;

        g_hash_table_iter_init(&iter, authorities);
        while (g_hash_table_iter_next(&iter, &name, NULL))
                report_add(c->report, REPORT_TO_DO, 0, NULL,
                           "certificates of the CA \"%s\" have no issuer yet: convert again with --issuer=NAME of an issuer in the "
                           "manifest of the host, or add \"issuer\" to each",
                           (const char *) name);
        if (c->entries->len > 0)
                report_add(c->report, REPORT_TO_DO, 0, NULL,
                           "once the manifest is in force certmonger must no longer renew: getcert stop-tracking -i ID for each "
                           "of these, or systemctl disable --now certmonger.service");
}

bool certmonger_convert(Conversion *c, const char *path, GError **error)
{
        g_autofree char *opened = path ? g_strdup(path) : host_path(DEFAULT_FOLDER);
        g_autoptr(GHashTable) authorities = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_auto(GStrv) files = source_list(opened, path ?: DEFAULT_FOLDER, false, error);
        unsigned n = 0;

        if (!files)
                return false;
        for (char **file = files; *file; file++)
                if (is_request(*file))
                        convert_request(c, authorities, ++n, opened, *file);
        note_all(c, authorities);
        return true;
}
