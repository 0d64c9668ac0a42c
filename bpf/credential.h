/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CREDENTIAL_H
#define CREDENTIAL_H
/*
 * Credential family: the set*id calls and setgroups. The head of every event holds the credential
 * after the call; the one before is that of the thread's previous event, since no other thread can
 * change it.
 */
#include "file.h"

/* The credential that a thread's last call of this family left, and the call. */
struct last_setid {
	struct event_setid call;
	struct event_cred cred;
	__u64 effective, permitted, exec_id;
	__s64 result;
	__u32 number;	  /* enum event_call */
	__u32 generation; /* another whenever something differs */
};

KEPT(last_setids, struct last_setid);

static __always_inline bool is_same_setid(const struct last_setid *a, const struct last_setid *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;
	bool same = true;

	for (int i = 0; i < (int)(offsetof(struct last_setid, number) / 8); i++)
		same &= x[i] == y[i];
	return same && a->number == b->number;
}

/*
 * Is it the same call with the same outcome as this thread's last one? Then it changed nothing: no
 * other thread changes a thread's credential, and an exec is another exec_id. Of setgroups only
 * the number of groups is known: never the same.
 */
static __always_inline bool fold_setid(struct draft *d)
{
	const struct cred *cred = d->cred;
	struct last_setid now = { .call = d->scratch->event.setid,
				  .result = d->scratch->event.result,
				  .number = d->scratch->event.call };
	struct scratch *s = d->scratch;
	struct last_setid *last;
	__u32 generation;

	if (!is_folding() || d->family == FAMILY_SELF)
		return false;
	last = MAKE_KEPT(last_setids, d->task);
	if (!last)
		return false;
	now.cred.uid = OF(cred, uid.val);
	now.cred.gid = OF(cred, gid.val);
	now.cred.suid = OF(cred, suid.val);
	now.cred.sgid = OF(cred, sgid.val);
	now.cred.euid = OF(cred, euid.val);
	now.cred.egid = OF(cred, egid.val);
	now.cred.fsuid = OF(cred, fsuid.val);
	now.cred.fsgid = OF(cred, fsgid.val);
	now.effective = CAPABILITIES(cred, cap_effective);
	now.permitted = CAPABILITIES(cred, cap_permitted);
	now.exec_id = OF(d->task, self_exec_id);
	generation = last->generation;
	if (now.number == CALL_SETGROUPS || !is_same_setid(last, &now)) {
		generation++;
		now.generation = generation;
		*last = now;
	}
	s->same[0] = OF(d->task, pid);
	s->same[1] = generation;
	s->same[2] = s->same[3] = s->same[4] = 0;
	return fold_event(d->slot);
}

static __always_inline bool fill_setid(struct draft *d, const struct arguments *args)
{
	struct event_setid *to = &d->scratch->event.setid;

	to->argument[0] = args->value[1];
	to->argument[1] = args->value[2];
	to->argument[2] = args->value[3];
	return !fold_setid(d);
}

#endif
