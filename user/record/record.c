// SPDX-License-Identifier: Apache-2.0
/*
 * Records on disk. The table in types.c says it all; a record is valid if and only if its kind is
 * in the table, its fields are exactly those of the kind, every number is in its shortest form and
 * in range, and nothing follows.
 *
 *   u8, u32, u64   varint
 *   be64           8 bytes, big-endian
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

static const char *const form_names[] = { "u8",	   "u32",  "u64",   "s64",
					  "bytes", "cred", "raw16", "be64" };

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
	case FORM_BE64:
		return put_be64(p, *(const uint64_t *)member);
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
	case FORM_BE64:
		if (c->end - c->p < 8)
			return -EBADMSG;
		*(uint64_t *)member = get_be64(c->p);
		c->p += 8;
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

#define SCHEMA_NAME "indelible-records"

ssize_t record_schema(char *to, size_t room, const char *context)
{
	const struct record_type *type;
	size_t used = 0;
	int n;

#define PRINT(...)                                                                                 \
	do {                                                                                       \
		n = snprintf(to + used, room - used, __VA_ARGS__);                                 \
		if (n < 0 || (size_t)n >= room - used)                                             \
			return -EMSGSIZE;                                                          \
		used += (size_t)n;                                                                 \
	} while (0)
	PRINT(SCHEMA_NAME " %d\n%s", RECORD_VERSION, context);
	for (size_t i = 0; (type = record_type_at(i)); i++) {
		PRINT("%02x %s", type->kind, type->name);
		for (const struct record_field *f = type->fields; f->name; f++)
			PRINT(" %s:%s", f->name, form_names[f->form]);
		PRINT("\n");
	}
#undef PRINT
	return (ssize_t)used;
}

int record_schema_version(struct bytes text, uint32_t *ret)
{
	struct bytes name = bytes_of_text(SCHEMA_NAME " ");
	uint32_t version = 0;
	size_t at = name.len;

	if (text.len < name.len || memcmp(text.data, name.data, name.len) != 0)
		return -EBADMSG;
	for (; at < text.len && text.data[at] != '\n'; at++) {
		uint8_t digit = (uint8_t)(text.data[at] - '0');

		if (digit > 9 || version > 99999999 || (digit == 0 && version == 0))
			return -EBADMSG;
		version = 10 * version + digit;
	}
	if (at == text.len || version == 0)
		return -EBADMSG;
	*ret = version;
	return 0;
}
