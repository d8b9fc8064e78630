/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the host's files are. Every absolute path of the project, built in or from a manifest, passes
 * through host_path() at the moment it is opened; in builds made for tests (-Dtest-root=true) a test root
 * from the environment is put before it. Paths shown to people never carry the test root. */

/* Takes an absolute path; returns it as it must be opened. The caller owns the result (g_free). */
char *host_path(const char *absolute);
