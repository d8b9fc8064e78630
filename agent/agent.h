/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/authority.h"
#include "agent/certificate.h"
#include "agent/issue.h"
#include "agent/job.h"
#include "agent/unit.h"
#include "agent/verify.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* The agent: owns the manifest in force, what is known of every certificate, and the passes at work. agent.c names
 * all stages in the order in which the data flows through them. */

typedef struct Agent Agent;

/* What the agent tells the bus (agent/bus.c); every member must be set. */
typedef struct AgentEvents {
        void (*certificate_changed)(const Certificate *c, void *userdata);
        void (*manifest_changed)(void *userdata);
        void (*job_new)(const Job *job, void *userdata);
        void (*job_progress)(const Job *job, void *userdata);
        void (*job_removed)(const Job *job, void *userdata);
} AgentEvents;

/* `system_bus` may be NULL: then no unit can be told. Both are borrowed. */
Agent *agent_new(sd_event *event, sd_bus *system_bus);
Agent *agent_free(Agent *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Agent, agent_free)
void agent_set_events(Agent *a, const AgentEvents *events, void *userdata);

/* Finishes what a crash cut off. False when an intent could not be finished. */
bool agent_recover(Agent *a, GError **error);

/* Reads and checks the manifest; on failure the one in force stays (or, at start, the last good one is taken from the
 * state folder) and the problems can be asked for. */
bool agent_reload(Agent *a, GError **error);
const Manifest *agent_manifest(const Agent *a);
char **agent_manifest_problems(const Agent *a); /* borrowed, NULL-terminated, empty when there are none */

/* Borrowed; facts and plan are as of the last agent_look(). NULL when there is none. */
Certificate *agent_find(Agent *a, const char *name);
GPtrArray *agent_certificates(Agent *a); /* Certificate*, sorted by name; borrowed */

GPtrArray *agent_bundles(Agent *a); /* Certificate* of the other kinds, sorted by name; borrowed */

/* Borrowed; NULL when there is none. What is known of them is as of the last time they were asked. */
Authority *agent_find_authority(Agent *a, const char *issuer);
GPtrArray *agent_authorities(Agent *a); /* Authority*, sorted by name; borrowed */
const AuthorityFacts *agent_facts_of(Agent *a, const char *issuer); /* borrowed; NULL: not local, or not known */
/* Use and plan of all, by the facts at hand. */
void agent_judge_all(Agent *a);

/* Inventory and plan, of one certificate or of all (bundles, lists and authorities too), as of now. */
void agent_look(Agent *a, Certificate *c);
void agent_look_at_all(Agent *a);

/* The request that waits for an answer by hand, PEM; borrowed by nobody: the caller owns it. NOT_SUPPORTED: none does, and
 * what to do instead; KEY_STORAGE: it is lost. */
GBytes *agent_request(Agent *a, Certificate *c, GError **error);

/* The issuer was told to revoke what is in place (its leaf's fingerprint): the certificate is due until another one is, and
 * nothing brings it back. */
void agent_note_revoked(Agent *a, const char *name, const char *fingerprint, const char *serial, const char *reason);

/* Starts a job. `names` NULL or empty: all; they may be of any kind, and of authorities (with everything that hangs on
 * them). For RENEW `force` makes a new certificate in any case. The job is owned by the agent, and stays for ten
 * seconds after its end. */
bool agent_start(Agent *a, JobKind kind, const char *const *names, bool force, Job **ret_job, GError **error);
bool agent_cancel(Agent *a, unsigned id);
Job *agent_find_job(Agent *a, unsigned id);
GPtrArray *agent_jobs(Agent *a); /* Job*, borrowed */

IssuePool *agent_issue_pool(Agent *a);
struct Auditor *agent_auditor(Agent *a);
sd_event *agent_event(Agent *a);

/* Somebody other than a pass borrows from the manifest until the matching agent_let_go(); it then outlives a reload. */
void agent_hold(Agent *a);
void agent_let_go(Agent *a);
unsigned agent_holds(const Agent *a);

/* Nothing is at work and no file is watched. */
bool agent_is_idle(const Agent *a);
/* Something is due before the timer ticks again: the agent stays for it. */
bool agent_is_staying(const Agent *a);

/* "ok", "degraded" or "failed", over all certificates. */
const char *agent_state(Agent *a);
uint64_t agent_next_elapse(Agent *a);
uint64_t agent_last_pass(const Agent *a);
