/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-trust-store: makes the host trust what an administrator, or a bundle of the manifest, put into the folder for it,
 * with the tool of the distribution, and looks whether it did.
 *
 * Debian's update-ca-certificates makes hash links only when a file comes or goes, and none for a file with several
 * certificates: the parts (issuers/trust-store/parts.c) make up for that. `--forget` takes them away again, for the removal
 * of the package: nobody would keep them up to date then. */

#include "common/error.h"
#include "common/log.h"
#include "common/path.h"
#include "issuers/trust-store/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct Distribution {
        const char *tool[3];
        const char *folder, *suffix; /* where the administrator's certificates are */
        const char *bundle;          /* where all that is trusted is in the end */
        const char *hashed;          /* a folder with hash links, or NULL */
        const char *rehash[4];
} Distribution;

static const Distribution distributions[] = {
        { /* Debian and its kin */
          .tool = { "/usr/sbin/update-ca-certificates" },
          .folder = "/usr/local/share/ca-certificates",
          .suffix = ".crt",
          .bundle = "/etc/ssl/certs/ca-certificates.crt",
          .hashed = "/etc/ssl/certs",
          .rehash = { "/usr/bin/openssl", "rehash", "/etc/ssl/certs" } },
        { /* Fedora and its kin: p11-kit reads files of any number */
          .tool = { "/usr/bin/update-ca-trust", "extract" },
          .folder = "/etc/pki/ca-trust/source/anchors",
          .suffix = "",
          .bundle = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem" },
};

static const Distribution *find_distribution(GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(distributions); i++) {
                g_autofree char *tool = host_path(distributions[i].tool[0]);

                if (access(tool, X_OK) == 0)
                        return &distributions[i];
        }
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                    "Neither update-ca-certificates nor update-ca-trust is on this host\n"
                    "Install the package ca-certificates.");
        return NULL;
}

/* Its output goes where ours goes; without a terminal and a person's environment. */
static bool run(const char *const *arguments, GError **error)
{
        const char *environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", NULL };
        int status;

        return g_spawn_sync("/", (char **) arguments, (char **) environment, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL,
                            &status, error) &&
               g_spawn_check_wait_status(status, error);
}

static bool update(const Distribution *d, GError **error)
{
        g_autoptr(GHashTable) parts = parts_read(d->folder, d->suffix, error);

        /* what is new is trusted everywhere before what is old goes anywhere */
        if (!parts || (d->hashed && !parts_write(parts, d->hashed, error)))
                return false;
        if (!run(d->tool, error) || !parts_are_in(parts, d->bundle, error))
                return false;
        return !d->hashed || (run(d->rehash, error) && parts_prune(parts, d->hashed, error));
}

static bool forget(const Distribution *d, GError **error)
{
        g_autoptr(GHashTable) none = g_hash_table_new(g_str_hash, g_str_equal);

        return !d->hashed || (parts_prune(none, d->hashed, error) && run(d->rehash, error));
}

int main(int argc, char **argv)
{
        bool forgets = argc == 2 && g_str_equal(argv[1], "--forget");
        g_autoptr(GError) error = NULL;
        const Distribution *d;

        if (argc > 1 && !forgets) {
                fprintf(stderr, "cert-trust-store [--forget]\n");
                return 2;
        }
        log_open("cert-trust-store");
        d = find_distribution(&error);
        if (d && (forgets ? forget(d, &error) : update(d, &error)))
                return EXIT_SUCCESS;
        log_error("%s", error->message);
        return EXIT_FAILURE;
}
