/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/step/step.h"
#include "tests/unit/fixture.h"
#include "tests/unit/signer-thread.h"

/* A call of the agent's as the files of issuers/step see it, without a CA: what is asked of one fails. */

/* As the agent would send it for "https://ca.example:9000" and the provisioner "admin"; `more` are further members (", \"…\": …"),
 * which may be "". The Signer is not started yet. */
StepCall *step_call_new(const char *more, SignerThread *signer);
void step_call_free(StepCall *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StepCall, step_call_free)

/* As if the CA had said that its provisioner "admin" is of this type. */
void step_call_know(StepCall *c, StepProvisionerType type);

/* For `c`, with this key; `leaf` is what is installed, or NULL. */
IssuerRequest *step_request_new(const ManifestCertificate *c, const Key *key, GBytes *leaf);
