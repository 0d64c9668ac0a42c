// SPDX-License-Identifier: Apache-2.0
/*
 * Records on disk. One table says it all; a record is valid if and only if its kind is in the
 * table, its fields are exactly those of the kind, every number is in its shortest form and in
 * range, and nothing follows.
 *
 *   u8, u32, u64   varint
 *   s64            zigzag varint
 *   bytes          varint length, content
 *   raw16          16 bytes
 *   cred           mask u8, uid, gid, then those that the mask says differ from their base:
 *                  bit 0 suid, 1 sgid, 2 euid, 3 egid, 4 fsuid, 5 fsgid (base uid or gid),
 *                  then effective, then bit 6 permitted (base effective); all varints
 */
#include "record/record.h"

#include <errno.h>
#include <stdio.h>

#define FIELD(name, member, form)                                                                  \
	{                                                                                          \
		name, offsetof(struct record, member), form                                        \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

/* Every kernel event begins alike: where it was seen, then who did it. */
#define EVENT_FIELDS                                                                               \
	FIELD("time", time, FORM_U64), FIELD("run", run, FORM_U32), FIELD("ring", ring, FORM_U32), \
		FIELD("cpu", cpu, FORM_U32), FIELD("seq", seq, FORM_U64),                          \
		FIELD("flags", flags, FORM_U64), FIELD("call", call, FORM_U64),                    \
		FIELD("result", result, FORM_S64), FIELD("pid", pid, FORM_U32),                    \
		FIELD("tid", tid, FORM_U32), FIELD("ppid", ppid, FORM_U32),                        \
		FIELD("start", start, FORM_U64), FIELD("auid", auid, FORM_U32),                    \
		FIELD("session", session, FORM_U32), FIELD("cgroup", cgroup, FORM_U64),            \
		FIELD("mount_ns", mount_ns, FORM_U32), FIELD("cred", cred, FORM_CRED),             \
		FIELD("comm", comm, FORM_BYTES), FIELD("exe", exe, FORM_BYTES),                    \
		FIELD("actor", actor, FORM_U8), FIELD("how", how, FORM_U8),                        \
		FIELD("user", user, FORM_BYTES), FIELD("acting_as", acting_as, FORM_BYTES),        \
		FIELD("via", via, FORM_BYTES), FIELD("container", container, FORM_BYTES)

#define FILE_FIELDS                                                                                \
	FIELD("path", path, FORM_BYTES), FIELD("claimed", claimed, FORM_BYTES),                    \
		FIELD("inode", inode, FORM_U64), FIELD("device", device, FORM_U32),                \
		FIELD("mode", mode, FORM_U32)

static const struct record_field exec_fields[] = { EVENT_FIELDS,
						   FILE_FIELDS,
						   FIELD("old_cred", old_cred, FORM_CRED),
						   FIELD("argv", argv, FORM_BYTES),
						   FIELD("cwd", cwd, FORM_BYTES),
						   END };
static const struct record_field fork_fields[] = { EVENT_FIELDS,
						   FIELD("child_pid", child_pid, FORM_U32),
						   FIELD("child_tid", child_tid, FORM_U32),
						   FIELD("child_parent", child_parent, FORM_U32),
						   FIELD("child_start", child_start, FORM_U64),
						   END };
static const struct record_field exit_fields[] = { EVENT_FIELDS, END };
static const struct record_field open_fields[] = { EVENT_FIELDS, FILE_FIELDS,
						   FIELD("open_flags", open_flags, FORM_U32), END };
static const struct record_field setuid_fields[] = { EVENT_FIELDS,
						     FIELD("old_cred", old_cred, FORM_CRED),
						     FIELD("argument0", argument[0], FORM_U64),
						     FIELD("argument1", argument[1], FORM_U64),
						     FIELD("argument2", argument[2], FORM_U64),
						     END };
static const struct record_field connect_fields[] = { EVENT_FIELDS,
						      FIELD("family", family, FORM_U32),
						      FIELD("protocol", protocol, FORM_U32),
						      FIELD("port", port, FORM_U32),
						      FIELD("addr", address, FORM_BYTES),
						      FIELD("path", path, FORM_BYTES),
						      END };

static const struct record_field start_fields[] = { FIELD("time", time, FORM_U64),
						    FIELD("run", run, FORM_U32),
						    FIELD("pid", pid, FORM_U32),
						    FIELD("boot_id", boot_id, FORM_RAW16),
						    FIELD("host", host, FORM_BYTES),
						    FIELD("kernel", kernel, FORM_BYTES),
						    FIELD("version", version, FORM_BYTES),
						    FIELD("hooks", hooks, FORM_BYTES),
						    FIELD("scope", scope, FORM_BYTES),
						    FIELD("programs", programs, FORM_BYTES),
						    FIELD("cpus", cpus, FORM_U32),
						    FIELD("boot_time", boot_time, FORM_U64),
						    FIELD("model_from", model_from, FORM_U64),
						    END };
static const struct record_field heartbeat_fields[] = { FIELD("time", time, FORM_U64),
							FIELD("run", run, FORM_U32),
							FIELD("canary", canary, FORM_U32),
							FIELD("canary_cpu", canary_cpu, FORM_U64),
							FIELD("canary_seq", canary_seq, FORM_U64),
							FIELD("misses", misses, FORM_U64),
							FIELD("received", received, FORM_U64),
							FIELD("fill", fill, FORM_BYTES),
							END };
static const struct record_field counters_fields[] = { FIELD("time", time, FORM_U64),
						       FIELD("run", run, FORM_U32),
						       FIELD("cpu", cpu, FORM_U32),
						       FIELD("values", values, FORM_BYTES), END };
static const struct record_field loss_fields[] = { FIELD("time", time, FORM_U64),
						   FIELD("run", run, FORM_U32),
						   FIELD("since", since, FORM_U64),
						   FIELD("cpu", cpu, FORM_U32),
						   FIELD("lost_family", lost_family, FORM_U32),
						   FIELD("reason", reason, FORM_U32),
						   FIELD("count", count, FORM_U64),
						   END };
static const struct record_field stop_fields[] = { FIELD("time", time, FORM_U64),
						   FIELD("run", run, FORM_U32),
						   FIELD("received", received, FORM_U64), END };
static const struct record_field user_fields[] = { FIELD("time", time, FORM_U64),
						   FIELD("id", id, FORM_U32),
						   FIELD("name", name, FORM_BYTES), END };
static const struct record_field archive_fields[] = { FIELD("time", time, FORM_U64),
						      FIELD("place", place, FORM_BYTES),
						      FIELD("size", size, FORM_U64),
						      FIELD("root", root, FORM_BYTES),
						      FIELD("result", result, FORM_S64),
						      FIELD("why", why, FORM_BYTES),
						      END };
static const struct record_field prune_fields[] = { FIELD("time", time, FORM_U64),
						    FIELD("uid", uid, FORM_U32),
						    FIELD("pid", pid, FORM_U32),
						    FIELD("keep_number", keep_number, FORM_U64),
						    FIELD("keep_first", keep_first, FORM_U64),
						    FIELD("why", why, FORM_BYTES),
						    END };
static const struct record_field keeper_fields[] = {
	FIELD("time", time, FORM_U64),	 FIELD("run", run, FORM_U32),
	FIELD("pid", pid, FORM_U32),	 FIELD("count", count, FORM_U64),
	FIELD("name", name, FORM_BYTES), END
};
static const struct record_field alert_fields[] = { FIELD("time", time, FORM_U64),
						    FIELD("at", at, FORM_U64),
						    FIELD("first", first, FORM_U64),
						    FIELD("score", score, FORM_S64),
						    FIELD("limit", limit, FORM_S64),
						    FIELD("digest", digest, FORM_U64),
						    FIELD("entity", entity, FORM_BYTES),
						    FIELD("parts", parts, FORM_BYTES),
						    END };
static const struct record_field digest_fields[] = { FIELD("time", time, FORM_U64),
						     FIELD("at", at, FORM_U64),
						     FIELD("digest", digest, FORM_U64), END };

static const struct record_type types[] = {
	{ RECORD_START, "start", start_fields },
	{ RECORD_HEARTBEAT, "heartbeat", heartbeat_fields },
	{ RECORD_COUNTERS, "counters", counters_fields },
	{ RECORD_LOSS, "loss", loss_fields },
	{ RECORD_STOP, "stop", stop_fields },
	{ RECORD_USER, "user", user_fields },
	{ RECORD_ARCHIVE, "archive", archive_fields },
	{ RECORD_PRUNE, "prune", prune_fields },
	{ RECORD_KEEPER, "keeper", keeper_fields },
	{ RECORD_ALERT, "alert", alert_fields },
	{ RECORD_DIGEST, "digest", digest_fields },
	{ RECORD_EXEC, "exec", exec_fields },
	{ RECORD_FORK, "fork", fork_fields },
	{ RECORD_EXIT, "exit", exit_fields },
	{ RECORD_OPEN, "open", open_fields },
	{ RECORD_SETUID, "setuid", setuid_fields },
	{ RECORD_CONNECT, "connect", connect_fields },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static const char *const form_names[] = { "u8", "u32", "u64", "s64", "bytes", "cred", "raw16" };

const struct record_type *record_type_at(size_t position)
{
	return position < TYPES ? &types[position] : NULL;
}

const struct record_type *record_type(uint8_t kind)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (types[i].kind == kind)
			return &types[i];
	}
	return NULL;
}

/* --- encode
 * --------------------------------------------------------------------------------------- */

#define CRED_MAX (1 + 8 * VARINT_MAX + 2 * VARINT_MAX)

/* The six ids that mostly equal uid or gid, with what they are compared to. */
static const struct {
	uint8_t offset, base;
} cred_ids[] = {
	{ offsetof(struct record_cred, suid), offsetof(struct record_cred, uid) },
	{ offsetof(struct record_cred, sgid), offsetof(struct record_cred, gid) },
	{ offsetof(struct record_cred, euid), offsetof(struct record_cred, uid) },
	{ offsetof(struct record_cred, egid), offsetof(struct record_cred, gid) },
	{ offsetof(struct record_cred, fsuid), offsetof(struct record_cred, uid) },
	{ offsetof(struct record_cred, fsgid), offsetof(struct record_cred, gid) },
};
#define CRED_IDS       (sizeof(cred_ids) / sizeof(cred_ids[0]))
#define CRED_PERMITTED (1u << CRED_IDS)

static uint32_t *cred_id(const struct record_cred *cred, uint8_t offset)
{
	return (uint32_t *)((uintptr_t)cred + offset);
}

static uint8_t *put_cred(uint8_t *p, const struct record_cred *cred)
{
	uint8_t *mask = p++;

	*mask = 0;
	p = put_varint(p, cred->uid);
	p = put_varint(p, cred->gid);
	for (size_t i = 0; i < CRED_IDS; i++) {
		uint32_t v = *cred_id(cred, cred_ids[i].offset);

		if (v == *cred_id(cred, cred_ids[i].base))
			continue;
		*mask |= (uint8_t)(1u << i);
		p = put_varint(p, v);
	}
	p = put_varint(p, cred->effective);
	if (cred->permitted != cred->effective) {
		*mask |= CRED_PERMITTED;
		p = put_varint(p, cred->permitted);
	}
	return p;
}

/* Most that a field can take on disk. */
static size_t field_room(uint8_t form, const void *member)
{
	if (form == FORM_BYTES)
		return VARINT_MAX + ((const struct bytes *)member)->len;
	if (form == FORM_CRED)
		return CRED_MAX;
	return 16;
}

static uint8_t *put_field(uint8_t *p, uint8_t form, const void *member)
{
	const struct bytes *bytes = member;

	switch ((enum record_form)form) {
	case FORM_U8:
		return put_varint(p, *(const uint8_t *)member);
	case FORM_U32:
		return put_varint(p, *(const uint32_t *)member);
	case FORM_U64:
		return put_varint(p, *(const uint64_t *)member);
	case FORM_S64:
		return put_varint(p, zigzag(*(const int64_t *)member));
	case FORM_BYTES:
		p = put_varint(p, bytes->len);
		return put_bytes(p, bytes->data, bytes->len);
	case FORM_CRED:
		return put_cred(p, member);
	case FORM_RAW16:
		return put_bytes(p, member, 16);
	}
	return p;
}

ssize_t record_encode(const struct record *record, uint8_t *to, size_t room)
{
	const struct record_type *type = record_type(record->kind);
	uint8_t *p = to;

	if (!type)
		return -EINVAL;
	if (room < 1)
		return -EMSGSIZE;
	p = put_u8(p, record->kind);
	for (const struct record_field *f = type->fields; f->name; f++) {
		const void *member = (const uint8_t *)record + f->offset;

		if (field_room(f->form, member) > room - (size_t)(p - to))
			return -EMSGSIZE;
		p = put_field(p, f->form, member);
	}
	return p - to;
}

/* --- decode
 * --------------------------------------------------------------------------------------- */

struct cursor {
	const uint8_t *p, *end;
};

static struct cursor cursor_of(struct bytes from)
{
	/* No bytes may have no address; NULL + 0 is undefined. */
	return (struct cursor){ from.data, from.len ? from.data + from.len : from.data };
}

static int take_varint(struct cursor *c, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	ssize_t n = get_varint(c->p, (size_t)(c->end - c->p), &v);

	if (n <= 0 || v > max)
		return -EBADMSG;
	c->p += n;
	*ret = v;
	return 0;
}

static int take_u32(struct cursor *c, uint32_t *ret)
{
	uint64_t v;

	if (take_varint(c, UINT32_MAX, &v))
		return -EBADMSG;
	*ret = (uint32_t)v;
	return 0;
}

static int take_cred(struct cursor *c, struct record_cred *ret)
{
	uint8_t mask;

	if (c->p == c->end)
		return -EBADMSG;
	mask = *c->p++;
	if (mask >= 2 * CRED_PERMITTED || take_u32(c, &ret->uid) || take_u32(c, &ret->gid))
		return -EBADMSG;
	for (size_t i = 0; i < CRED_IDS; i++) {
		uint32_t *id = cred_id(ret, cred_ids[i].offset);
		uint32_t base = *cred_id(ret, cred_ids[i].base);

		*id = base;
		if (!(mask & 1u << i))
			continue;
		if (take_u32(c, id) || *id == base)
			return -EBADMSG;
	}
	if (take_varint(c, UINT64_MAX, &ret->effective))
		return -EBADMSG;
	ret->permitted = ret->effective;
	if (!(mask & CRED_PERMITTED))
		return 0;
	if (take_varint(c, UINT64_MAX, &ret->permitted) || ret->permitted == ret->effective)
		return -EBADMSG;
	return 0;
}

static int take_bytes(struct cursor *c, struct bytes *ret)
{
	uint64_t len;

	if (take_varint(c, RECORD_MAX, &len) || len > (uint64_t)(c->end - c->p))
		return -EBADMSG;
	*ret = bytes_of(c->p, len);
	c->p += len;
	return 0;
}

static int take_field(struct cursor *c, uint8_t form, void *member)
{
	uint64_t v;

	switch ((enum record_form)form) {
	case FORM_U8:
		if (take_varint(c, UINT8_MAX, &v))
			return -EBADMSG;
		*(uint8_t *)member = (uint8_t)v;
		return 0;
	case FORM_U32:
		return take_u32(c, member);
	case FORM_U64:
		return take_varint(c, UINT64_MAX, member);
	case FORM_S64:
		if (take_varint(c, UINT64_MAX, &v))
			return -EBADMSG;
		*(int64_t *)member = unzigzag(v);
		return 0;
	case FORM_BYTES:
		return take_bytes(c, member);
	case FORM_CRED:
		return take_cred(c, member);
	case FORM_RAW16:
		if (c->end - c->p < 16)
			return -EBADMSG;
		memcpy(member, c->p, 16);
		c->p += 16;
		return 0;
	}
	return -EBADMSG;
}

int record_decode(struct bytes from, struct record *ret)
{
	struct cursor c = cursor_of(from);
	const struct record_type *type;
	struct record r = { 0 };

	if (from.len == 0)
		return -EBADMSG;
	r.kind = *c.p++;
	type = record_type(r.kind);
	if (!type)
		return -EPROTONOSUPPORT;
	for (const struct record_field *f = type->fields; f->name; f++) {
		if (take_field(&c, f->form, (uint8_t *)&r + f->offset))
			return -EBADMSG;
	}
	if (c.p != c.end)
		return -EBADMSG;
	*ret = r;
	return 0;
}

int record_unpack(struct bytes from, uint64_t *to, size_t room)
{
	struct cursor c = cursor_of(from);
	size_t n = 0;

	while (c.p != c.end) {
		if (n == room || take_varint(&c, UINT64_MAX, &to[n]))
			return -EBADMSG;
		n++;
	}
	return (int)n;
}

/* --- schema
 * --------------------------------------------------------------------------------------- */

ssize_t record_schema(char *to, size_t room, const char *context)
{
	size_t used = 0;
	int n;

#define PRINT(...)                                                                                 \
	do {                                                                                       \
		n = snprintf(to + used, room - used, __VA_ARGS__);                                 \
		if (n < 0 || (size_t)n >= room - used)                                             \
			return -EMSGSIZE;                                                          \
		used += (size_t)n;                                                                 \
	} while (0)
	PRINT("indelible-records %d\n%s", RECORD_VERSION, context);
	for (size_t i = 0; i < TYPES; i++) {
		PRINT("%02x %s", types[i].kind, types[i].name);
		for (const struct record_field *f = types[i].fields; f->name; f++)
			PRINT(" %s:%s", f->name, form_names[f->form]);
		PRINT("\n");
	}
#undef PRINT
	return (ssize_t)used;
}
