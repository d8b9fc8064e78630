/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/agent.h"
#include "agent/certificate.h"
#include "agent/inquiry.h"
#include "agent/issue.h"
#include "agent/job.h"
#include "agent/unit-access.h"
#include "agent/unit.h"
#include "agent/verify.h"
#include "common/log.h"

/* A pass: the work behind one job. Its items go through the stages that agent.c names. What is installed together
 * is a batch; the certificates of a batch that share units, directly or by way of one another, are a group: they are
 * told to their units together, by one job a unit, and go back together. Everything here is data and its release;
 * the order of things is agent.c's, the way back is pass-back.c's. */

typedef struct Pass Pass;
typedef struct UnitGroup UnitGroup;

struct PassItem {
        Pass *pass;
        Certificate *certificate;
        const ManifestCertificate *wish; /* as it was when the pass began */
        UnitGroup *group;     /* while its units are told */
        JobStep *step;        /* NULL: only looked at, nothing to show */
        Action action;
        ReasonSet reasons;
        Issue *issue;         /* under way at the issuer */
        Generation *fresh;    /* issued, or pending from an earlier try */
        Generation *previous; /* what was there before, if it can be gone back to */
        AuthorityCall *lists; /* revocation lists are being signed */
        IssueRoots *roots;    /* an issuer is being asked for its roots */
        char *source;         /* digest of what `fresh` was made from, for the record; NULL: none */
        char *authority;      /* fingerprint of the authority's certificate that signed `fresh`; NULL: not known */
        VerifyRun *verify;
        UnitJob *followers;   /* the question who follows cert@NAME.service */
        char **followed_by;   /* its answer; NULL: not asked */
        bool ready;           /* issued, or repaired; waits for its batch */
        bool settled;
        bool installed;       /* the new files are in place */
        char *before_issuer, *before_digest, *before_authority, *before_source; /* what the record said of `previous` */
        unsigned units_open;  /* jobs still awaited */
        unsigned units_told;  /* units that took the job and run */
        unsigned units_inactive;
        GError *error;        /* why it did not work out */
        uint64_t retry_after; /* span, from the issuer; 0: none said */
        bool answered;        /* its issuer is there for others, too */
        bool keep;            /* going back makes nothing better */
        bool unable;          /* a unit's user cannot read the files */
        bool imported;        /* a person brought `fresh` */
        PassItem *joined_to;  /* another pass is at work on this certificate: its outcome is ours */
        GPtrArray *joined;    /* PassItem*, those who joined this one; borrowed */
        bool again;           /* what that pass does is not what was asked for here: it is done after it */
};

/* What a pass has an authority do. */
typedef struct AuthorityOperation {
        Pass *pass;
        Authority *authority;
        AuthorityAction action;
        ReasonSet reasons;
        JobStep *step;
        AuthorityCall *call; /* NULL: it is over */
        bool done;           /* and it worked out */
} AuthorityOperation;

/* A unit of a group, and its job. */
typedef struct GroupUnit {
        UnitGroup *group;
        UnitRef ref;
        GPtrArray *items; /* PassItem*, borrowed */
        UnitAccessCheck *access; /* whether it can read the files is being found out */
        UnitJob *job;
        UnitDone told;  /* who waits for that */
        bool timed_out; /* it did not answer in time: it is not asked a second time */
} GroupUnit;

struct UnitGroup {
        Pass *pass;
        GPtrArray *items; /* PassItem*, borrowed */
        GPtrArray *units; /* GroupUnit* */
        unsigned open;    /* items without a verdict */
        GPtrArray *bad;   /* PassItem*, those that did not work out */
        unsigned back_open;  /* on the way back: jobs awaited */
        bool back_refused;   /* on the way back: a unit refuses the previous files as well */
        GPtrArray *queue;    /* PassItem*, to be tried one at a time after this group; NULL: a first try */
};

struct Pass {
        Agent *agent;
        Job *job;
        PlanFlags flags;
        char **names;      /* what its job is about; empty: all */
        GHashTable *early; /* set of Certificate*: those that are tried before their retries */
        unsigned round;    /* how many passes its job has had before */
        bool announced;    /* its job was told to the bus */
        bool by_itself;    /* the agent began it: retries are waited for, and nothing is looked at but what is due */
        bool filled;       /* its items are known */
        bool looked;       /* facts and plans are of this moment */
        GPtrArray *authorities; /* Authority*, that its job concerns */
        GPtrArray *operations;  /* AuthorityOperation*, what it has done to them */
        unsigned operating;     /* of these under way */
        Inquiry *inquiry;  /* they are being asked */
        GPtrArray *items;  /* PassItem* */
        GPtrArray *groups; /* UnitGroup* at work */
        unsigned issuing;
        bool gathered;      /* no longer waits for those that are slow to be issued */
        unsigned followers; /* questions open for the batch in hand */
        GPtrArray *batch;   /* PassItem*, installed, waiting for the answers on followers */
        unsigned open;      /* items not settled */
        bool closing;       /* canceled, or all are settled */
        sd_event_source *gather;
        sd_event_source *defer; /* the beginning, or the end */
};

Pass *pass_new(Agent *agent, Job *job, PlanFlags flags, const char *const *names);
Pass *pass_free(Pass *pass);
PassItem *pass_add(Pass *pass, Certificate *certificate);

/* Splits a batch (PassItem*) into groups by the units that its items name or are followed by. Certificates without
 * units are groups of one. Where certificates name one unit with different actions the stronger one counts. The pass
 * owns the groups; ret_groups (UnitGroup*) borrows them. */
void pass_group(Pass *pass, GPtrArray *batch, GPtrArray *ret_groups);

/* The stronger of two actions: a restart does what a reload does; a signal or nothing gives way to a job. Pure. */
UnitAction unit_action_stronger(UnitAction a, UnitAction b);

UnitGroup *unit_group_new(Pass *pass);
void unit_group_add_item(UnitGroup *group, PassItem *item);
/* Ends what is under way and removes it from its pass. */
void unit_group_discard(UnitGroup *group);

/* ---- The way back (pass-back.c) ---- */

/* Puts the bad items of a group back to what was there before and tells their units again; then settles them, or
 * tries them one at a time. The group is gone afterwards. */
void pass_go_back(UnitGroup *group);

/* The group has worked out: on to what is queued behind it, if anything. The group is gone afterwards. */
void pass_group_done(UnitGroup *group);

/* ---- Before units are told (pass-access.c) ---- */

/* Tells a unit, if its user can read the files that it was named for; else `told` is called with UNIT_UNABLE. */
void group_unit_start(GroupUnit *u, UnitDone told);
/* Something changed that units must hear of; not with an owner or a mode that was mended. */
bool item_tells_units(const PassItem *item);
/* Units are told, or have at least to be looked at: can they read it now? */
bool item_concerns_units(const PassItem *item);

/* ---- An item's facts (pass-item.c): what is written into record, step and log ---- */

void item_begin_units(PassItem *item);      /* forgets what units said before */
void item_record_pending(PassItem *item);   /* the new generation is saved */
void item_record_installed(PassItem *item); /* the new generation is in place, no unit was told yet */
void item_record_done(PassItem *item, uint64_t now);
void item_record_failed(PassItem *item, uint64_t now, const GError *error);
void item_show(PassItem *item, JobStage stage, const GError *error);

/* The files are in place: those who joined it and want no more (a unit that is to be started) need not wait any longer. */
void item_release_ensured(PassItem *item);

/* An item with nothing to do that was asked for by name, or nothing that the agent could do. */
void item_skip(PassItem *item);
/* Another pass is at work on it: its outcome becomes this pass's. Always true. */
bool pass_join(Pass *pass, Certificate *c, const PlanItem *plan);
/* Those (Certificate*) with which the job goes on, since the pass that they had joined has issued nothing and something new was
 * to be issued in any case. The caller owns the array. */
GPtrArray *pass_find_unissued(const Pass *pass);
bool pass_has_ready(const Pass *pass);

/* ---- The way forward, as the other files of a pass need it (agent.c) ---- */

/* Looks at a certificate, plans, and takes it in when there is something to do, or when it was `named`. What is neither
 * named nor one of all is not forced. */
bool pass_take(Pass *pass, Certificate *c, bool named);
void pass_begin(Pass *pass);

/* The item's new generation is there (taken over), or it never will be (the error is taken over, and settles it). */
void item_ready(PassItem *item, Generation *fresh);
void item_fail(PassItem *item, GError *error);
/* Goes on with what is ready, once all of the pass has been issued or has taken too long. */
void pass_advance(Pass *pass);

/* ---- What may be put in place (pass-trust.c) ---- */

/* What was in place before may be put back: nothing in it is revoked, of a former authority, or trusts one. */
bool item_may_return(const PassItem *item);
/* The authority that signed what the item has in hand is no longer the current one, or has revoked it. */
bool item_is_overtaken(const PassItem *item);
/* Takes what was issued, with what is trusted now in the place of its roots; without a local authority as it is. */
bool item_take_local(PassItem *item, Generation *g, GError **error);
/* Takes what was issued before and not taken by the units, if there is such and it may still be put in place. */
bool item_take_kept(PassItem *item);
/* What the item has in hand is given up, its authority is asked before anything else is signed; the error to fail with. */
GError *item_forget_authority(PassItem *item);

/* ---- Requests that wait (pass-waiting.c) ---- */

/* The issuer has not decided, or a person is to bring the answer: the item ends so, with that on disk. */
void item_keep_waiting(PassItem *item, const IssueResult *result);
/* What a person brought, if anything, cannot be installed any more: its time is over, or it is lost. True: another request
 * waits already, and the item has ended so. */
bool item_forget_brought(PassItem *item);
/* What was damaged cannot be put back: a request waits already, and the item has ended so. */
bool item_waits_on(PassItem *item);
/* What is to be said of it in the log. */
void item_log_waiting(const PassItem *item, LogContext *context);

/* ---- Bundles and revocation lists (pass-bundle.c) ---- */

void item_compose(PassItem *item);
void item_sign_lists(PassItem *item);

/* Installs and records the items' new generations; those that cannot be installed have `error` set. */
void items_install(Pass *pass, GPtrArray *items);
/* Tells the group's units, then verifies; in the end the group is discarded or goes back. */
void group_tell_units(UnitGroup *group);
/* The end of an item: its record, its step, its pass. `error` NULL: it worked out. */
void item_settle(PassItem *item, JobStage stage, const GError *error);

/* ---- The pass's surroundings (agent-jobs.c) ---- */

void pass_count_settled(Pass *pass);
void agent_record_later(Agent *a, Certificate *c);
void agent_progress(Pass *pass);
UnitManager *agent_unit_manager(Agent *a);
