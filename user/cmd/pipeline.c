// SPDX-License-Identifier: Apache-2.0
#include "cmd/pipeline.h"

#include <errno.h>

/* Does this record show a privilege gained? The moment is sealed at once. */
static bool gains_privilege(const struct record *r)
{
	return (r->kind == RECORD_SETUID || r->kind == RECORD_EXEC) && r->result == 0 &&
	       ((r->old_cred.euid != 0 && r->cred.euid == 0) ||
		(r->cred.effective & ~r->old_cred.effective) != 0);
}

static enum chain_urgency urgency_of(const struct record *r)
{
	switch (r->kind) {
	case RECORD_HEARTBEAT:
	case RECORD_COUNTERS:
	case RECORD_DIGEST:
		return CHAIN_IDLE;
	case RECORD_START:
	case RECORD_RESUME:
	case RECORD_LOSS:
	case RECORD_KEEPER:
	case RECORD_ALERT:
		return CHAIN_CRITICAL;
	default:
		return gains_privilege(r) ? CHAIN_CRITICAL : CHAIN_NORMAL;
	}
}

static int put(struct pipeline *p, const struct record *r, uint64_t now, uint64_t *ret_index)
{
	ssize_t n = record_encode(r, p->encoded, sizeof(p->encoded));

	if (n < 0)
		return (int)n;
	return chain_append(p->chain, bytes_of(p->encoded, (size_t)n), urgency_of(r), now,
			    ret_index);
}

int pipeline_append_digest(struct pipeline *p, uint64_t time, uint64_t now)
{
	struct record digest = { .kind = RECORD_DIGEST,
				 .time = time,
				 .at = score_count(p->score),
				 .digest = score_digest(p->score) };
	uint64_t index;

	return put(p, &digest, now, &index);
}

int pipeline_append(struct pipeline *p, const struct record *r, uint64_t now)
{
	struct record alert;
	uint64_t index;
	int err = put(p, r, now, &index);

	if (err)
		return err;
	if (score_record(p->score, index, r, &alert)) {
		err = put(p, &alert, now, &index);
		if (err)
			return err;
		p->alerts++;
		if (p->on_alert)
			p->on_alert(p->ctx, index, &alert);
	}
	return score_digest_due(p->score) ? pipeline_append_digest(p, r->time, now) : 0;
}
