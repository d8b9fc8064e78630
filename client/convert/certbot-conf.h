/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* A file of certbot's renewal folder: "key = value" lines, in sections [renewalparams] and deeper ones, in the dialect of
 * Python's ConfigObj (quotes, lists, comments behind a value). */

typedef struct CertbotConf CertbotConf;

/* CERT_ERROR_MANIFEST_INVALID with the line of what cannot be read. The text must be UTF-8. */
CertbotConf *certbot_conf_new(const char *text, GError **error);
CertbotConf *certbot_conf_free(CertbotConf *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CertbotConf, certbot_conf_free)

/* What stands for `key` in `section` ("" for the top, "renewalparams", "renewalparams/webroot_map"): NULL when nothing,
 * when it is a list, or when other values are to be put into it ("%(key)s"). Borrowed. */
const char *certbot_conf_get(const CertbotConf *c, const char *section, const char *key);

/* Whether the key is there at all. */
bool certbot_conf_has(const CertbotConf *c, const char *section, const char *key);
