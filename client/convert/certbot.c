/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* certbot
 *
 * Its folder (/etc/letsencrypt): what is renewed and how in renewal/NAME.conf, the files in archive/NAME/, with links to the
 * newest of them in live/NAME/. The agent takes over the newest files where they lie: the links go on leading to them, so
 * that no service needs to be told another path. Owns what certbot's words mean.
 */

#include "client/convert/conversion.h"

#include "client/convert/certbot-conf.h"
#include "client/convert/source.h"
#include "client/convert/takeover.h"
#include "common/error.h"
#include "common/path.h"

#include <string.h>
#include <unistd.h>

#define DEFAULT_FOLDER "/etc/letsencrypt"
#define PARAMETERS     "renewalparams"
#define CONF_SIZE_MAX  (1024 * 1024)
#define CONF_SUFFIX    ".conf"

/* The whole folder while it is read. */
typedef struct Folder {
        Conversion *conversion;
        const char *name;   /* as people say it */
        const char *opened; /* as it is opened */
        char **deploy;      /* names of the programs in renewal-hooks/deploy */
        char **post;
        bool has_acme;
} Folder;

/* One file of renewal/ while it is read. */
typedef struct Lineage {
        Folder *folder;
        Entry *entry;
        CertbotConf *conf;
        char *live; /* the folder of its links: RENEWED_LINEAGE */
        char *why;  /* why it is left out, or NULL */
} Lineage;

static const char *parameter(const Lineage *l, const char *key)
{
        return certbot_conf_get(l->conf, PARAMETERS, key);
}

/* Python writes "True". */
static bool is_true(const Lineage *l, const char *key)
{
        return g_strcmp0(parameter(l, key), "True") == 0;
}

/* ---- Files ---- */

static bool read_paths(Lineage *l)
{
        static const char *const keys[_ENTRY_FILE_MAX] = { "fullchain", "privkey", "chain" };

        for (EntryFile f = 0; f < _ENTRY_FILE_MAX; f++) {
                const char *path = certbot_conf_get(l->conf, "", keys[f]);

                if (path)
                        l->entry->path[f] = g_strdup(path);
                else if (f != ENTRY_CHAIN) {
                        l->why = g_strdup_printf("its file does not say where \"%s\" is", keys[f]);
                        return false;
                }
        }
        l->live = g_path_get_dirname(l->entry->path[ENTRY_CERT]);
        return takeover_resolve(l->folder->conversion, l->entry, &l->why);
}

/* The fourth link is to a file that holds the certificate alone, which the agent does not keep beside the full chain. */
static void note_leaf_alone(const Lineage *l)
{
        const char *path = certbot_conf_get(l->conf, "", "cert");

        if (path)
                conversion_note(l->folder->conversion, l->entry, REPORT_TO_DO,
                                "%s, the certificate without its chain, is not renewed: let what uses it use fullchain.pem, or run, "
                                "once certbot no longer renews: ln -sfn fullchain.pem %s",
                                path, path);
}

/* ---- The issuer ---- */

/* What certbot answers with; NULL: not by HTTP. */
static const char *challenge_of(const Lineage *l)
{
        static const char *const http[] = { "webroot", "standalone", "nginx", "apache" };
        const char *authenticator = parameter(l, "authenticator");

        for (size_t i = 0; authenticator && i < G_N_ELEMENTS(http); i++)
                if (g_str_equal(authenticator, http[i]) && !certbot_conf_has(l->conf, PARAMETERS, "pref_challs"))
                        return "http-01";
        return NULL;
}

static char *issuer_name(const char *server, const char *suffix)
{
        static const char *const known[][2] = {
                { "https://acme-v02.api.letsencrypt.org/directory", "letsencrypt" },
                { "https://acme-staging-v02.api.letsencrypt.org/directory", "letsencrypt-staging" },
        };
        g_autofree char *host = NULL, *both = NULL;
        const char *base = NULL, *slashes = strstr(server, "://");

        for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
                if (g_str_equal(known[i][0], server))
                        base = known[i][1];
        if (!base && slashes)
                base = host = g_strndup(slashes + 3, strcspn(slashes + 3, "/"));
        both = g_strconcat(base ?: "acme", suffix ? "-" : NULL, suffix, NULL);
        return entry_name_from(both);
}

static void add_acme(Lineage *l, const char *server)
{
        Conversion *c = l->folder->conversion;
        const char *challenge = challenge_of(l), *authenticator = parameter(l, "authenticator") ?: "none";
        g_autofree char *name = issuer_name(server, challenge ? NULL : authenticator);
        ConvertIssuer *i = conversion_add_issuer(c, name, "acme");

        l->folder->has_acme = true;
        l->entry->issuer = g_strdup(name);
        if (i->keys->len == 0)
                convert_issuer_set(i, "directory", server);
        if (challenge && !i->challenge)
                i->challenge = g_strdup(challenge);
        if (!challenge)
                conversion_note(c, l->entry, REPORT_TO_DO,
                                "certbot answers the CA's challenges by \"%s\": the issuer \"%s\" needs a \"challenge\" that does "
                                "the same",
                                authenticator, name);
}

static void add_issuer(Lineage *l)
{
        const ConvertOptions *o = l->folder->conversion->options;
        const char *server = parameter(l, "server");

        if (o->issuer)
                l->entry->issuer = g_strdup(o->issuer);
        else if (server)
                add_acme(l, server);
        else
                conversion_note(l->folder->conversion, l->entry, REPORT_TO_DO,
                                "its file does not say from which server it comes: add its \"issuer\"");
}

/* ---- Hooks ---- */

static void add_hook(Lineage *l, const char *key)
{
        Conversion *c = l->folder->conversion;
        const char *command = parameter(l, key);

        if (command && *command && !g_str_equal(command, "None"))
                conversion_add_hook(c, l->entry, command, WORDS_SHELL);
        else if (!command && certbot_conf_has(l->conf, PARAMETERS, key))
                conversion_note(c, l->entry, REPORT_TO_DO, "its %s is written in a way that is not understood: see to it by hand",
                                key);
}

static void add_programs(Lineage *l, const char *kind, char **names)
{
        for (char **name = names; *name; name++) {
                g_autofree char *path = g_build_filename(l->folder->name, "renewal-hooks", kind, *name, NULL);

                conversion_add_program(l->folder->conversion, l->entry, path);
        }
}

/* Deploy hooks are told of which lineage they are run (certbot's manual, "renewing certificates"). */
static void add_environment(Lineage *l)
{
        g_autoptr(GString) domains = g_string_new("RENEWED_DOMAINS=");
        GPtrArray *environment = l->entry->oneshot->environment;

        for (unsigned i = 0; i < l->entry->sans->len; i++)
                if (!strchr(l->entry->sans->pdata[i], ':'))
                        g_string_append_printf(domains, "%s%s", strchr(domains->str, '=')[1] ? " " : "",
                                               (const char *) l->entry->sans->pdata[i]);
        g_ptr_array_add(environment, g_strconcat("RENEWED_LINEAGE=", l->live, NULL));
        g_ptr_array_add(environment, g_string_free(g_steal_pointer(&domains), FALSE));
}

/* In certbot's order. What ran before a renewal has no place here: the agent stops nothing in order to renew. */
static void add_hooks(Lineage *l)
{
        bool folders = g_strcmp0(parameter(l, "directory_hooks"), "False") != 0;
        const char *before = parameter(l, "pre_hook");

        if (before && *before && !g_str_equal(before, "None"))
                conversion_note(l->folder->conversion, l->entry, REPORT_TO_DO,
                                "before a renewal it ran: %s\nThe agent runs nothing before a renewal; often it is to free port 80, "
                                "for which there is no need then.",
                                before);
        add_environment(l);
        if (folders)
                add_programs(l, "deploy", l->folder->deploy);
        add_hook(l, "renew_hook");
        add_hook(l, "deploy_hook");
        if (folders)
                add_programs(l, "post", l->folder->post);
        add_hook(l, "post_hook");
}

/* ---- One lineage ---- */

/* "30 days"; the default of both programs is about a third of the lifetime. */
static void read_renew_before(Lineage *l)
{
        static const char *const units[][2] = { { "hour", "h" }, { "day", "d" }, { "week", "w" } };
        const char *text = certbot_conf_get(l->conf, "", "renew_before_expiry");
        g_auto(GStrv) words = text ? g_strsplit(text, " ", -1) : NULL;
        guint64 n;

        if (!text)
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
                if (g_strv_length(words) == 2 && g_ascii_string_to_unsigned(words[0], 10, 1, 10000, &n, NULL) &&
                    g_str_has_prefix(words[1], units[i][0]) &&
                    (words[1][strlen(units[i][0])] == '\0' || g_str_equal(words[1] + strlen(units[i][0]), "s"))) {
                        l->entry->renew_before = g_strconcat(words[0], units[i][1], NULL);
                        return;
                }
        conversion_note(l->folder->conversion, l->entry, REPORT_TO_DO,
                        "its renew_before_expiry, \"%s\", is not understood: add its \"renew_before\"", text);
}

static bool read_certificate(Lineage *l, PresentCertificate **ret)
{
        Conversion *c = l->folder->conversion;
        g_autoptr(GError) error = NULL;
        g_autoptr(PresentCertificate) p = present_read(l->entry->path[ENTRY_CERT], &error);

        if (!p) {
                g_autofree char *summary = error ? cert_error_summary(error) : NULL;

                l->why = summary ? g_steal_pointer(&summary)
                                 : g_strdup_printf("there is no certificate in %s", l->entry->path[ENTRY_CERT]);
                return false;
        }
        if (!takeover_names(c, l->entry, p, &l->why))
                return false;
        takeover_kind(c, l->entry, p);
        takeover_attributes(c, l->entry);
        l->entry->reuse_key = is_true(l, "reuse_key");
        *ret = g_steal_pointer(&p);
        return true;
}

static bool read_conf(Lineage *l, const char *file)
{
        g_autofree char *opened = g_build_filename(l->folder->opened, "renewal", file, NULL);
        g_autofree char *name = g_build_filename(l->folder->name, "renewal", file, NULL), *text = NULL;
        g_autoptr(GError) error = NULL;
        size_t size;

        if (source_read(opened, name, SOURCE_FOLLOW, CONF_SIZE_MAX, &text, &size, &error)) {
                if (strlen(text) == size)
                        l->conf = certbot_conf_new(text, &error);
                else
                        l->why = g_strdup_printf("%s: it holds a NUL character", name);
        }
        if (error) {
                g_autofree char *summary = cert_error_summary(error);

                l->why = g_strdup_printf("%s: %s", name, summary);
        }
        return l->conf != NULL;
}

static void convert_lineage(Folder *folder, unsigned number, const char *file)
{
        Conversion *c = folder->conversion;
        g_autofree char *label = g_strndup(file, strlen(file) - strlen(CONF_SUFFIX));
        Lineage l = { .folder = folder, .entry = entry_new(number, label) };
        g_autoptr(PresentCertificate) p = NULL;

        if (read_conf(&l, file) && read_paths(&l) && read_certificate(&l, &p)) {
                read_renew_before(&l);
                add_issuer(&l);
                add_hooks(&l);
                note_leaf_alone(&l);
                if (conversion_add(c, l.entry))
                        takeover_foresee(c, l.entry, p);
        } else
                conversion_leave_out(c, l.entry, "%s", l.why);
        certbot_conf_free(l.conf);
        g_free(l.live);
        g_free(l.why);
}

/* ---- The folder ---- */

/* The programs that certbot would run: executable, and not an editor's left-over. */
static char **list_programs(const Folder *folder, const char *kind, GError **error)
{
        g_autofree char *opened = g_build_filename(folder->opened, "renewal-hooks", kind, NULL);
        g_autofree char *name = g_build_filename(folder->name, "renewal-hooks", kind, NULL);
        g_auto(GStrv) all = source_list(opened, name, true, error);
        g_autoptr(GPtrArray) programs = g_ptr_array_new();

        if (!all)
                return NULL;
        for (char **entry = all; *entry; entry++) {
                g_autofree char *path = g_build_filename(opened, *entry, NULL);

                if (!g_str_has_suffix(*entry, "~") && g_file_test(path, G_FILE_TEST_IS_REGULAR) && access(path, X_OK) == 0)
                        g_ptr_array_add(programs, g_strdup(*entry));
        }
        g_ptr_array_add(programs, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&programs), FALSE);
}

static void note_all(const Folder *folder, char **before)
{
        Report *report = folder->conversion->report;

        for (char **name = before; *name; name++)
                report_add(report, REPORT_TO_DO, 0, NULL,
                           "%s/renewal-hooks/pre/%s ran before each renewal; the agent runs nothing before one", folder->name,
                           *name);
        if (folder->has_acme)
                report_add(report, REPORT_TO_DO, 0, NULL,
                           "issuers of the type \"acme\" need cert-issuer-acme, which comes with a later version of cert-agent: "
                           "until it is installed this manifest is refused. It makes an account of its own; certbot's is not "
                           "taken over. To have another issuer of the host renew these: --issuer=NAME");
        if (folder->conversion->entries->len > 0)
                report_add(report, REPORT_TO_DO, 0, NULL,
                           "once the manifest is in force certbot must no longer renew: systemctl disable --now certbot.timer; "
                           "and look for it in /etc/cron.d");
}

static bool convert_all(Folder *folder, GError **error)
{
        g_autofree char *opened = g_build_filename(folder->opened, "renewal", NULL);
        g_autofree char *name = g_build_filename(folder->name, "renewal", NULL);
        g_auto(GStrv) files = source_list(opened, name, false, error), before = NULL;
        unsigned n = 0;

        if (!files)
                return false;
        before = list_programs(folder, "pre", error);
        folder->deploy = before ? list_programs(folder, "deploy", error) : NULL;
        folder->post = folder->deploy ? list_programs(folder, "post", error) : NULL;
        if (!folder->post)
                return false;
        for (char **file = files; *file; file++)
                if (g_str_has_suffix(*file, CONF_SUFFIX))
                        convert_lineage(folder, ++n, *file);
        note_all(folder, before);
        return true;
}

bool certbot_convert(Conversion *c, const char *path, GError **error)
{
        g_autofree char *opened = path ? g_strdup(path) : host_path(DEFAULT_FOLDER);
        g_autofree char *name = g_canonicalize_filename(path ?: DEFAULT_FOLDER, NULL);
        Folder folder = { .conversion = c, .name = name, .opened = opened };
        bool done = convert_all(&folder, error);

        g_strfreev(folder.deploy);
        g_strfreev(folder.post);
        return done;
}
