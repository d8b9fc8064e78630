/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/audit.h"

/* The part of an audit that looks at files: whom their modes and lists let read, and what lies around them. Blocks. */

typedef struct AuditFiles AuditFiles;

AuditFiles *audit_files_new(void);
AuditFiles *audit_files_free(AuditFiles *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AuditFiles, audit_files_free)

/* Adds what is found of one certificate. Of `wish` are looked at: name, path, directory, key_uri, key_attributes. */
void audit_files_look(AuditFiles *f, const ManifestCertificate *wish, GArray *findings);

/* The generations that are kept under this name, whether or not the manifest has it. */
void audit_generations_look(const char *name, GArray *findings);
