/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CREDENTIAL_H
#define CREDENTIAL_H
/*
 * Credential family: the set*id calls and setgroups. The head of every event holds the credential
 * after the call; the one before is that of the thread's previous event, since no other thread can
 * change it.
 */
#include "file.h"

static __always_inline void on_setid(enum event_call call, struct arguments *args, __s64 result,
				     __u32 compat)
{
	struct event_setid *to;
	struct draft d;

	if (!event_begin(&d, PROGRAM_SYS_EXIT, FAMILY_CREDENTIAL, EVENT_SETID, call, result))
		return;
	d.scratch->event.flags |= compat;
	to = &d.scratch->event.setid;
	to->argument[0] = args->value[1];
	to->argument[1] = args->value[2];
	to->argument[2] = args->value[3];
	event_send(&d);
}

#endif
