/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A unit's reader
 *
 * Owns who a unit's processes are when they open a certificate's files: reads that from systemd's properties, knows where
 * owners and modes do not tell the whole truth, finds the ids, and says what has to change.
 */

#include "agent/unit-reader.h"

#include "common/error.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_SIZE 65536 /* of an entry of the user database */
#define GROUPS_MAX 65536

#define CAPABILITY_BIT(c) (UINT64_C(1) << (c))

/* ---- What the unit says ---- */

static int take_string(sd_bus_message *m, char **target)
{
        const char *text;
        int r = sd_bus_message_read(m, "s", &text);

        if (r >= 0) {
                g_free(*target);
                *target = g_strdup(text);
        }
        return r;
}

static int read_user(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        return take_string(m, &r->user);
}

static int read_group(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        return take_string(m, &r->group);
}

static int read_supplementary(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        char **groups = NULL;
        int n = sd_bus_message_read_strv(m, &groups);

        if (n >= 0) {
                g_strfreev(r->supplementary);
                r->supplementary = g_strdupv(groups ?: (char *[]) { NULL });
        }
        for (char **g = groups; g && *g; g++) /* sd-bus's strings: free(), not g_free() */
                free(*g);
        free(groups);
        return n;
}

/* Its user is made when it starts: no file of ours can be meant for that. */
static int read_dynamic(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        int dynamic, n = sd_bus_message_read(m, "b", &dynamic);

        r->is_exempt |= n >= 0 && dynamic;
        return n;
}

static int read_capabilities(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        const uint64_t overriding = CAPABILITY_BIT(CAP_DAC_OVERRIDE) | CAPABILITY_BIT(CAP_DAC_READ_SEARCH);
        uint64_t ambient;
        int n = sd_bus_message_read(m, "t", &ambient);

        r->is_exempt |= n >= 0 && (ambient & overriding) != 0;
        return n;
}

/* Another root: another file, or another way to it. */
static int read_root(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        const char *path;
        int n = sd_bus_message_read(m, "s", &path);

        r->is_exempt |= n >= 0 && *path && !g_str_equal(path, "/");
        return n;
}

/* It is one of the files, or a folder above one. */
static bool covers(const char *path, const char *const *files)
{
        size_t length = strlen(path);

        for (; *files; files++)
                if (strncmp(*files, path, length) == 0 && ((*files)[length] == '\0' || (*files)[length] == '/'))
                        return true;
        return false;
}

/* Elsewhere it is found without the folders that it lies in. */
static int read_binds(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        const char *source;
        int n = sd_bus_message_enter_container(m, 'a', "(ssbt)");

        if (n < 0)
                return n;
        while ((n = sd_bus_message_read(m, "(ssbt)", &source, NULL, NULL, NULL)) > 0)
                r->is_exempt |= covers(source, files);
        return n < 0 ? n : sd_bus_message_exit_container(m);
}

/* systemd reads it, as root, and hands it on. */
static int read_credentials(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        const char *name, *path;
        int n = sd_bus_message_enter_container(m, 'a', "(ss)");

        if (n < 0)
                return n;
        while ((n = sd_bus_message_read(m, "(ss)", &name, &path)) > 0)
                r->is_exempt |= covers(path, files);
        return n < 0 ? n : sd_bus_message_exit_container(m);
}

/* Commands with "+" or "!" before them run as root, and may hand the file on to the others. */
static int read_commands(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        int n = sd_bus_message_enter_container(m, 'a', "(sasasttttuii)");

        while (n >= 0 && (n = sd_bus_message_enter_container(m, 'r', "sasasttttuii")) > 0) {
                const char *flag;

                n = sd_bus_message_skip(m, "sas");
                if (n >= 0)
                        n = sd_bus_message_enter_container(m, 'a', "s");
                while (n >= 0 && (n = sd_bus_message_read(m, "s", &flag)) > 0)
                        r->is_exempt |= g_str_equal(flag, "privileged") || g_str_equal(flag, "no-setuid");
                if (n >= 0)
                        n = sd_bus_message_exit_container(m);
                if (n >= 0)
                        n = sd_bus_message_skip(m, "ttttuii");
                if (n >= 0)
                        n = sd_bus_message_exit_container(m);
        }
        return n < 0 ? n : sd_bus_message_exit_container(m);
}

typedef struct Field {
        const char *name, *type;
        int (*read)(UnitReader *r, sd_bus_message *m, const char *const *files);
} Field;

static const Field fields[] = {
        { "User", "s", read_user },
        { "Group", "s", read_group },
        { "SupplementaryGroups", "as", read_supplementary },
        { "DynamicUser", "b", read_dynamic },
        { "AmbientCapabilities", "t", read_capabilities },
        { "RootDirectory", "s", read_root },
        { "RootImage", "s", read_root },
        { "BindPaths", "a(ssbt)", read_binds },
        { "BindReadOnlyPaths", "a(ssbt)", read_binds },
        { "LoadCredential", "a(ss)", read_credentials },
        { "LoadCredentialEncrypted", "a(ss)", read_credentials },
        { "ExecStartPreEx", "a(sasasttttuii)", read_commands },
        { "ExecStartEx", "a(sasasttttuii)", read_commands },
        { "ExecReloadEx", "a(sasasttttuii)", read_commands },
};

static const Field *find_field(const char *name, const char *type)
{
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
                if (g_str_equal(fields[i].name, name) && g_str_equal(fields[i].type, type))
                        return &fields[i];
        return NULL;
}

static int read_property(UnitReader *r, sd_bus_message *m, const char *const *files)
{
        const char *name, *type;
        const Field *f;
        int n = sd_bus_message_read(m, "s", &name);

        if (n >= 0)
                n = sd_bus_message_peek_type(m, NULL, &type);
        if (n < 0)
                return n;
        f = find_field(name, type);
        if (!f)
                return sd_bus_message_skip(m, "v");
        n = sd_bus_message_enter_container(m, 'v', type);
        if (n >= 0)
                n = f->read(r, m, files);
        return n < 0 ? n : sd_bus_message_exit_container(m);
}

int unit_reader_read(UnitReader *r, sd_bus_message *properties, const char *const *files)
{
        int n = sd_bus_message_enter_container(properties, 'a', "{sv}");

        while (n >= 0 && (n = sd_bus_message_enter_container(properties, 'e', "sv")) > 0) {
                n = read_property(r, properties, files);
                if (n >= 0)
                        n = sd_bus_message_exit_container(properties);
        }
        return n < 0 ? n : 0;
}

void unit_reader_clear(UnitReader *r)
{
        g_clear_pointer(&r->user, g_free);
        g_clear_pointer(&r->group, g_free);
        g_clear_pointer(&r->supplementary, g_strfreev);
}

static bool is_set(const char *s)
{
        return s && *s;
}

bool unit_reader_is_judged(const UnitReader *r)
{
        return !r->is_exempt && is_set(r->user) && !g_str_equal(r->user, "root") && !g_str_equal(r->user, "0");
}

/* ---- Who that is ---- */

/* (uid_t) -1 is nobody's. */
static bool is_number(const char *text, uint32_t *ret)
{
        guint64 id;

        if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX - 1, &id, NULL))
                return false;
        *ret = (uint32_t) id;
        return true;
}

static bool find_group(const char *name, gid_t *ret)
{
        g_autofree char *buffer = g_malloc(NAMES_SIZE);
        struct group entry, *found = NULL;

        if (is_number(name, ret))
                return true;
        if (getgrnam_r(name, &entry, buffer, NAMES_SIZE, &found) != 0 || !found)
                return false;
        *ret = found->gr_gid;
        return true;
}

/* The user's groups in the database belong to it as well: systemd calls initgroups(3). */
static bool find_groups(const UnitReader *r, const char *name, gid_t primary, ReaderIds *ret)
{
        g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(gid_t));
        int n = 64, known;

        do {
                g_array_set_size(groups, (guint) n);
                known = n;
        } while (getgrouplist(name, primary, (gid_t *) (void *) groups->data, &n) < 0 && n > known && n <= GROUPS_MAX);
        if (n > known)
                return false;
        g_array_set_size(groups, (guint) n);
        g_array_prepend_val(groups, primary);
        for (char **s = r->supplementary; s && *s; s++) {
                gid_t gid;

                if (!find_group(*s, &gid))
                        return false;
                g_array_append_val(groups, gid);
        }
        ret->n = groups->len;
        ret->groups = (gid_t *) (void *) g_array_steal(groups, NULL);
        return true;
}

bool unit_reader_look_up(const UnitReader *r, ReaderIds *ret)
{
        g_autofree char *buffer = g_malloc(NAMES_SIZE);
        struct passwd entry, *found = NULL;
        uint32_t number;
        gid_t primary;
        int error;

        if (is_number(r->user, &number))
                error = getpwuid_r(number, &entry, buffer, NAMES_SIZE, &found);
        else
                error = getpwnam_r(r->user, &entry, buffer, NAMES_SIZE, &found);
        if (error != 0 || !found)
                return false;
        primary = found->pw_gid;
        if (is_set(r->group) && !find_group(r->group, &primary))
                return false;
        ret->uid = found->pw_uid;
        return find_groups(r, found->pw_name, primary, ret);
}

/* ---- What has to change ---- */

char *unit_reader_user_name(uid_t uid)
{
        g_autofree char *buffer = g_malloc(NAMES_SIZE);
        struct passwd entry, *found = NULL;

        if (getpwuid_r(uid, &entry, buffer, NAMES_SIZE, &found) != 0 || !found)
                return g_strdup_printf("%u", (unsigned) uid);
        return g_strdup(found->pw_name);
}

char *unit_reader_group_name(gid_t gid)
{
        g_autofree char *buffer = g_malloc(NAMES_SIZE);
        struct group entry, *found = NULL;

        if (getgrgid_r(gid, &entry, buffer, NAMES_SIZE, &found) != 0 || !found)
                return g_strdup_printf("%u", (unsigned) gid);
        return g_strdup(found->gr_name);
}

static char *attributes_of(const PathStep *step)
{
        g_autofree char *user = unit_reader_user_name(step->uid), *group = unit_reader_group_name(step->gid);

        return g_strdup_printf("%s:%s %04o", user, group, (unsigned) step->mode);
}

static char *hint_for_file(const ReaderIds *who, const char *certificate, bool is_key, const PathStep *file)
{
        ReadableCure cure = readable_cure(who, file);
        g_autofree char *user = unit_reader_user_name(file->uid), *group = unit_reader_group_name(cure.changes_group ? who->groups[0] : file->gid);
        g_autofree char *owner = cure.changes_group ? g_strdup_printf("\"owner\": \"%s:%s\", ", user, group) : g_strdup("");

        return g_strdup_printf("Say %s\"permissions\": { \"%s\": \"%04o\" } for \"%s\" in the manifest; then: certctl renew %s",
                               owner, is_key ? "key" : "cert", (unsigned) cure.mode, certificate, certificate);
}

static char *hint_for_folder(const char *certificate, const PathStep *folder)
{
        return g_strdup_printf("Let it pass through the folder (chmod o+x %s), or name paths elsewhere in the manifest; then: "
                               "certctl renew %s",
                               folder->path, certificate);
}

GError *unit_reader_error(const UnitReader *r, const ReaderIds *who, const char *unit, const char *certificate,
                          const char *file, bool is_key, const PathStep *steps, size_t n)
{
        const PathStep *obstacle = readable_find_obstacle(who, steps, n);
        g_autofree char *attributes = attributes_of(obstacle);
        g_autofree char *hint = NULL;

        if (obstacle == &steps[n - 1]) {
                hint = hint_for_file(who, certificate, is_key, obstacle);
                return g_error_new(CERT_ERROR, CERT_ERROR_UNIT_FAILED,
                                   "the user \"%s\" of %s cannot read %s (%s)\n%s",
                                   r->user, unit, file, attributes, hint);
        }
        hint = hint_for_folder(certificate, obstacle);
        return g_error_new(CERT_ERROR, CERT_ERROR_UNIT_FAILED,
                           "the user \"%s\" of %s cannot read %s: it may not pass through the folder %s (%s)\n%s",
                           r->user, unit, file, obstacle->path, attributes, hint);
}
