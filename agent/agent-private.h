/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/agent.h"
#include "agent/pass.h"
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
        GHashTable *by_name;     /* name -> Certificate*, borrowed */
        GPtrArray *gone;         /* Certificate*, no longer in the manifest; passes may still borrow them */
        GHashTable *unrecorded;  /* set of Certificate* whose records wait to be saved */
        sd_event_source *record_source;

        IssuePool *issuers;
        UnitManager *units;
        Prober *prober;
        Watch *watch;

        GPtrArray *passes; /* Pass* at work */
        GPtrArray *jobs;   /* Job*, also those that linger */
        GPtrArray *lingers; /* Linger* */
        unsigned last_job_id;
        unsigned holds; /* agent_hold() */
};

/* Frees what reloads left behind, once no pass is at work. */
void agent_release_retired(Agent *a);
/* `problems` (ManifestProblem*) NULL: there are none. */
void agent_set_problems(Agent *a, GPtrArray *problems);
/* Saves the records of these items (PassItem*) now, before anything else happens. */
void agent_save_records(Agent *a, GPtrArray *items);
/* Starts the probe for a pass that will need it, while others are still at work. */
void agent_warm_up(Pass *pass);
