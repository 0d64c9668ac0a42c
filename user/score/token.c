// SPDX-License-Identifier: Apache-2.0
#include "score/token.h"

#define PARENT_TEXT  26
#define PROGRAM_TEXT 48 /* leaves room for doubts */

struct bytes fact_program(const struct record *record)
{
	return record->kind == RECORD_EXEC && record->path.len ? record->path : record->exe;
}

struct bytes fact_path(const struct record *record)
{
	return record->path.len ? record->path : record->claimed;
}

struct bytes fact_parent(const struct record *record)
{
	size_t end = record->via.len, at;

	if (!end)
		return record->via;
	while (end && record->via.data[end - 1] == '\0')
		end--;
	for (at = end; at && record->via.data[at - 1] != '\0';)
		at--;
	return bytes_of(record->via.data + at, end - at);
}

void label_add_doubts(struct label *label, const struct record *record)
{
	if (record->result < 0)
		label_add(label, record->kind == RECORD_EXEC ? " refused" : " failed");
	if (record->flags & RECORD_UNVERIFIED)
		label_add(label, " unverified");
	else if (record->kind == RECORD_OPEN && record->flags & RECORD_FD_SHARED)
		label_add(label, " shared-fd");
}

bool token_program(const struct record *record, uint64_t time, struct label *ret)
{
	struct bytes program = fact_program(record);

	(void)time;
	if (!program.len)
		return false;
	label_add_program(ret, program, PROGRAM_TEXT);
	label_add_doubts(ret, record);
	return true;
}

bool token_parent(const struct record *record, uint64_t time, struct label *ret)
{
	struct bytes parent = fact_parent(record);

	(void)time;
	if (!parent.len)
		return false;
	label_add_bytes(ret, path_base(parent), PARENT_TEXT);
	label_add(ret, " > ");
	label_add_program(ret, fact_program(record), PROGRAM_TEXT);
	return true;
}

/* People come and go; what a transition means depends on the sort of id. */
static const char *id_class(uint32_t id)
{
	return id == 0 ? "root" : id < 1000 ? "system" : id < 65534 ? "user" : "nobody";
}

static void add_ids(struct label *label, const struct record_cred *cred)
{
	label_add(label, id_class(cred->uid));
	label_add(label, "/");
	label_add(label, id_class(cred->euid));
	label_add(label, ":");
	label_add(label, id_class(cred->egid));
}

static bool same_ids(const struct record_cred *a, const struct record_cred *b)
{
	return a->uid == b->uid && a->euid == b->euid && a->suid == b->suid && a->gid == b->gid &&
	       a->egid == b->egid && a->sgid == b->sgid;
}

bool token_credential(const struct record *record, uint64_t time, struct label *ret)
{
	(void)time;
	if (record->kind == RECORD_EXEC && same_ids(&record->cred, &record->old_cred))
		return false;
	add_ids(ret, &record->old_cred);
	label_add(ret, " > ");
	add_ids(ret, &record->cred);
	label_add(ret, " in ");
	label_add_bytes(ret, path_base(fact_program(record)), PARENT_TEXT);
	label_add_doubts(ret, record);
	return true;
}

/* Of the week, UTC: the chain knows no time zone. */
bool token_hour(const struct record *record, uint64_t time, struct label *ret)
{
	static const char *const days[7] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	uint64_t hour = time / 3600000000000ull;

	(void)record;
	label_add(ret, days[hour / 24 % 7]); /* the epoch was a Thursday */
	label_add(ret, hour % 24 < 10 ? " 0" : " ");
	label_add_number(ret, hour % 24);
	label_add(ret, "h UTC");
	return true;
}
