/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/issue.h"
#include "tests/unit/fixture.h"

#include <systemd/sd-event.h>

/* Issuing in a test: the real programs in a test root, one event loop, and what came back. */

typedef struct IssueRun {
        char *root;
        sd_event *event;
        IssuePool *pool;
        ManifestCertificate *certificate;
        ManifestIssuer issuer;
        pid_t listener; /* 0: none */
        /* what the last call gave */
        unsigned answers;
        IssueOutcome outcome;
        Generation *generation;
        char *token;
        GBytes *key_pem, *request;
        bool for_current;
        uint64_t poll_after, retry_after;
        GError *error;
} IssueRun;

/* A test root with the programs of the build, and a certificate "web" of this type's issuer "site"; when it is local, its
 * authority is there, as it is after the agent's pass. */
IssueRun *issue_run_new(const char *type, const char *config);
IssueRun *issue_run_free(IssueRun *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IssueRun, issue_run_free)

/* The authority of a local issuer. */
void issue_run_make_authority(const char *name, const char *config);

void issue_run_set_config(IssueRun *r, const char *config);

/* Starts and turns the loop until the answer is there (at most 60 s). */
void issue_run(IssueRun *r, Generation *current);
void issue_run_poll(IssueRun *r);

/* An IssueDone for `userdata` an IssueRun. */
void issue_run_done(const ManifestCertificate *c, const IssueResult *result, void *userdata);
void issue_run_until(IssueRun *r, unsigned answers);

/* Listens at the type's socket in the test root and starts the program for each connection, as a socket unit with
 * Accept=yes does. Ends with the run. */
void issue_run_listen(IssueRun *r);
