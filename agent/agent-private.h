/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/agent.h"
#include "agent/auditor.h"
#include "agent/authority.h"
#include "agent/pass.h"
#include "agent/wake.h"
#include "agent/watch.h"

/* What agent.c (the stages) and agent-jobs.c (what surrounds them) share. */

struct Agent {
        sd_event *event;
        const AgentEvents *events;
        void *events_userdata;

        Manifest *manifest;
        GPtrArray *retired; /* Manifest*: passes at work still borrow from them */
        char **problems;

        Inventory *inventory;
        RecordStore *records;
        PlanClock clock;
        bool looked; /* every certificate was looked at since the manifest was taken */
        GPtrArray *certificates; /* Certificate*, sorted by name */
        GPtrArray *bundles;      /* Certificate* of the other kinds, sorted by name */
        GHashTable *by_name;     /* name -> Certificate* of any kind, borrowed */
        GPtrArray *authorities;  /* Authority*, sorted by name */
        GPtrArray *gone_authorities; /* Authority*, no longer in the manifest; passes may still borrow them */
        GHashTable *facts_by_issuer; /* scratch: what trust_compose() is given */
        GHashTable *roots_asked; /* issuer's name -> what agent-roots.c waits for */
        GPtrArray *gone;         /* Certificate*, no longer in the manifest; passes may still borrow them */
        GHashTable *unrecorded;  /* set of Certificate* whose records wait to be saved */
        sd_event_source *record_source;

        IssuePool *issuers;
        UnitManager *units;
        UnitAccess *access;
        Auditor *auditor;
        Prober *prober;
        Watch *watch;
        Wake *wake;

        GPtrArray *passes; /* Pass* at work */
        GPtrArray *jobs;   /* Job*, also those that linger */
        GPtrArray *lingers; /* Linger* */
        unsigned last_job_id;
        unsigned holds; /* agent_hold() */
        GHashTable *importing; /* set of names: answers that somebody brought are looked at */
};

/* Frees what reloads left behind, once no pass is at work. */
void agent_release_retired(Agent *a);
/* `problems` (ManifestProblem*) NULL: there are none. */
void agent_set_problems(Agent *a, GPtrArray *problems);
/* Saves the records of these items (PassItem*) now, before anything else happens. */
void agent_save_records(Agent *a, GPtrArray *items);
/* Saves one now. What cannot be written has not happened: with an error the record is again what is on disk. */
bool agent_save_record(Agent *a, Certificate *c, GError **error);
/* Starts the probe for a pass that will need it, while others are still at work. */
void agent_warm_up(Pass *pass);

/* ---- Certificates (agent.c) ---- */

/* The i-th of all that is managed: certificates, then bundles and lists. */
Certificate *agent_managed(Agent *a, guint i);
/* Facts and plan of one, by the clock that was read last. */
void certificate_refresh(Agent *a, Certificate *c);

/* ---- Jobs (agent-jobs.c) ---- */

/* Takes what its job is about into the pass and begins, or ends it when there is nothing to do. */
void pass_fill(Pass *pass);
/* Goes on with a job in another pass, about what these names say and about these certificates (Certificate*), which are
 * tried before their retries. */
void agent_go_on(Pass *pass, char **names, GPtrArray *early);
void pass_announce(Pass *pass);
/* A pass of the agent's own, about these; told to the bus if there is something to do. */
void agent_start_due(Agent *a, const char *const *names);

/* ---- Passes that the agent begins by itself (agent-wake.c) ---- */

/* It was looked at, by a pass. */
void certificate_note_due(Certificate *c);
/* After a pass: the agent stays for what is due before the timer ticks again. */
void agent_set_wake(Agent *a);
/* The time has come. `userdata` is the Agent. */
void agent_wake_up(void *userdata);

/* ---- Roots of CAs elsewhere (agent-roots.c) ---- */

GHashTable *agent_roots_new(void);
/* Asks the issuers of bundles for their roots, of all or of these bundles; a pass of its own writes what then changed. */
void agent_ask_roots(Agent *a, const char *const *names);

/* ---- Authorities (agent-authorities.c) ---- */

void agent_take_authorities(Agent *a, const Manifest *manifest);
/* Counts how the host stands to it, by the facts and plans at hand, and plans it. */
void agent_judge_authority(Agent *a, Authority *authority, PlanFlags flags);
void agent_save_authority(Agent *a, Authority *authority);
/* What was changed in it is to be answered by a new authority, and was not yet. */
bool agent_is_unanswered(Agent *a, const Certificate *c);
/* What a bundle must hold, as trust_compose(). */
GBytes *agent_compose_bundle(Agent *a, const ManifestCertificate *bundle, const ManifestIssuer **ret_unknown,
                             GError **error);
/* A file or an authority is watched: the agent must stay. */
bool agent_is_watching(const Agent *a);

/* ---- Requests that wait for a person (agent-waiting.c) ---- */

/* In the timer's pass: reminds of each in the journal, as often as it is time. */
void agent_remind(Agent *a);

/* ---- Authorities in a pass (pass-authority.c) ---- */

/* The beginning of a pass: asks the authorities that its job is about, has at most one thing done to each, then fills the
 * pass. Without such authorities it is filled at once. */
void pass_ask(Pass *pass);
/* After a pass: whether one of its authorities has something to do at once; the names for agent_go_on(), or NULL. */
char **pass_goes_on(Pass *pass);

/* ---- Issuers that were away (pass-outage.c) ---- */

/* Whom it asks over a network; NULL: nobody. Of a bundle with several such the first. */
const char *agent_issuer_away(Agent *a, const ManifestCertificate *wish);
/* Takes in a certificate of each issuer that was away, to find out whether it is back. */
void pass_take_scouts(Pass *pass);
/* After a pass: those (Certificate*) that need wait no longer, as their issuer is back. The caller owns the array. */
GPtrArray *pass_find_followers(const Pass *pass);
