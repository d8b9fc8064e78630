/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Taking over
 *
 * Owns what the agent's plan compares, from the side of who writes the manifest: whatever is not said there has a default,
 * and a certificate of another kind than the default would be replaced at the first pass.
 */

#include "client/convert/takeover.h"

#include "common/error.h"
#include "common/timespan.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

/* What the manifest allows: cert-agent.manifest(5), "permissions". */
#define CERT_MODE_MAX 0644
#define KEY_MODE_MAX  0640
#define RENEW_PERCENT 33

static const char *const file_names[_ENTRY_FILE_MAX] = { "certificate", "key", "chain" };

/* ---- Paths ---- */

bool takeover_resolve(Conversion *c, Entry *e, char **ret_why)
{
        for (EntryFile f = 0; f < _ENTRY_FILE_MAX; f++) {
                const char *why = e->path[f] ? entry_path_fault(e->path[f]) : NULL;
                char *real = NULL;

                if (!e->path[f])
                        continue;
                if (!why)
                        real = present_resolve(e->path[f], &why);
                if (!real) {
                        *ret_why = g_strdup_printf("the path of its %s, \"%s\": %s", file_names[f], e->path[f], why);
                        return false;
                }
                if (!g_str_equal(real, e->path[f]))
                        conversion_note(c, e, REPORT_NOTE,
                                        "%s is a link to %s: the agent manages that file, and the link goes on leading to it",
                                        e->path[f], real);
                g_free(e->path[f]);
                e->path[f] = real;
        }
        return true;
}

/* ---- The certificate ---- */

PresentCertificate *takeover_read(Conversion *c, const Entry *e)
{
        g_autoptr(GError) error = NULL;
        PresentCertificate *p = present_read(e->path[ENTRY_CERT], &error);

        if (p)
                return p;
        if (error) {
                g_autofree char *summary = cert_error_summary(error);

                conversion_note(c, e, REPORT_NOTE, "%s; what kind of key it has is not known", summary);
        } else
                conversion_note(c, e, REPORT_NOTE, "there is no certificate in %s yet: the first pass gets one",
                                e->path[ENTRY_CERT]);
        return NULL;
}

void takeover_kind(Conversion *c, Entry *e, const PresentCertificate *p)
{
        unsigned named = p->usage & (USAGE_SERVER | USAGE_CLIENT);

        if (p->key_type != _KEY_TYPE_INVALID)
                e->key_type = p->key_type;
        else
                conversion_note(c, e, REPORT_NOTE,
                                "its key is of a type that the manifest cannot name: the first pass makes one of ecdsa-p256");
        if (named != 0 && named != USAGE_SERVER)
                e->usage = named;
}

/* Names of kinds that the manifest cannot ask for ("other:…") cannot be taken over. */
bool takeover_names(Conversion *c, Entry *e, const PresentCertificate *p, char **ret_why)
{
        for (char **san = p->sans; *san; san++) {
                g_autoptr(GError) error = NULL;

                if (entry_add_san(e, *san, &error))
                        continue;
                *ret_why = g_strdup_printf("its certificate has the name \"%s\", which a manifest cannot ask for", *san);
                return false;
        }
        g_clear_pointer(&e->common_name, g_free);
        g_clear_pointer(&e->subject, g_free);
        if (p->common_name && !entry_common_name_fault(p->common_name))
                e->common_name = g_strdup(p->common_name);
        else if (*p->subject)
                e->subject = g_strdup(p->subject);
        return true;
}

/* ---- Owner and mode ---- */

static char *owner_text(uid_t uid, gid_t gid)
{
        const struct passwd *pw = getpwuid(uid);
        g_autofree char *user = pw ? g_strdup(pw->pw_name) : g_strdup_printf("%u", (unsigned) uid);
        const struct group *gr = getgrgid(gid);

        return gr ? g_strdup_printf("%s:%s", user, gr->gr_name) : g_strdup_printf("%s:%u", user, (unsigned) gid);
}

void takeover_set_mode(Conversion *c, Entry *e, EntryFile f, int mode)
{
        int allowed = mode & (f == ENTRY_KEY ? KEY_MODE_MAX : CERT_MODE_MAX);

        allowed |= 0400; /* what its owner may not read is of no use */
        e->mode[f] = allowed;
        if (allowed == mode)
                return;
        if (f == ENTRY_KEY && (mode & 0007))
                conversion_note(c, e, REPORT_TO_DO,
                                "with the permissions %04o every user could use its key: it gets %04o; if its service does not "
                                "run as %s, give it a group by \"owner\"",
                                (unsigned) mode, (unsigned) allowed, e->owner[f] ?: "root");
        else
                conversion_note(c, e, REPORT_NOTE, "its %s gets the permissions %04o, not %04o: nobody runs it, and only the "
                                                   "agent writes it",
                                file_names[f], (unsigned) allowed, (unsigned) mode);
}

void takeover_attributes(Conversion *c, Entry *e)
{
        for (EntryFile f = 0; f < ENTRY_OWNED; f++) {
                PresentFile file = present_look(e->path[f]);

                if (!file.is_there)
                        continue;
                g_free(e->owner[f]);
                e->owner[f] = owner_text(file.uid, file.gid);
                takeover_set_mode(c, e, f, (int) file.mode);
        }
}

/* ---- What is to come ---- */

bool takeover_same_names(const Entry *e, const PresentCertificate *p)
{
        unsigned n = g_strv_length(p->sans);

        for (unsigned i = 0; i < n; i++)
                if (!entry_has_san(e, p->sans[i]))
                        return false;
        return n == e->sans->len;
}

/* As the agent counts: cert-agent.manifest(5), "renew_before". */
static bool is_due(const Entry *e, const PresentCertificate *p, uint64_t now)
{
        uint64_t lifetime = p->not_after > p->not_before ? p->not_after - p->not_before : 0, before = 0;

        if (e->renew_before)
                (void) timespan_parse(e->renew_before, &before, NULL);
        if (before == 0 || before >= lifetime)
                before = lifetime / 100 * RENEW_PERCENT;
        return now >= p->not_after - before;
}

void takeover_foresee(Conversion *c, const Entry *e, const PresentCertificate *p)
{
        PresentFile key = present_look(e->path[ENTRY_KEY]);
        uint64_t now = now_realtime();
        const char *why = NULL;

        if (!key.is_there && !key.is_hidden)
                why = "there is no key in place";
        else if (now > p->not_after)
                why = "it has expired";
        else if (!takeover_same_names(e, p))
                why = "it has other names";
        else if (e->common_name && g_strcmp0(e->common_name, p->common_name) != 0)
                why = "it has another subject";
        else if (is_due(e, p, now))
                why = "it is due";
        if (why)
                conversion_note(c, e, REPORT_NOTE, "the first pass gets a new certificate in place of the one in %s: %s",
                                e->path[ENTRY_CERT], why);
}
