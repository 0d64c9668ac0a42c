/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORD_MAKE_H
#define RECORD_MAKE_H
/* Records of every kind, filled by chance from the field table; and whether two are the same. */
#include "base_test.h"

#include "record/record.h"

#define CHANCE_TEXT 64 /* longest content of a bytes field */

/* Content for all bytes fields; what it is does not matter. */
static inline struct bytes chance_text(uint64_t *seed)
{
	static uint8_t pool[4096 + CHANCE_TEXT];
	uint64_t fixed = 1;

	if (!pool[0]) {
		chance_bytes(&fixed, pool, sizeof(pool));
		pool[0] = 1;
	}
	return bytes_of(pool + chance_below(seed, 4096), chance_below(seed, CHANCE_TEXT + 1));
}

static inline void chance_cred(uint64_t *seed, struct record_cred *to)
{
	uint32_t uid = (uint32_t)chance_number(seed), gid = (uint32_t)chance_number(seed);
	uint64_t mask = chance(seed);

	*to = (struct record_cred){ uid, gid, uid, gid, uid, gid, uid, gid, 0, 0 };
	if (mask & 1)
		to->suid = (uint32_t)chance_number(seed);
	if (mask & 2)
		to->sgid = (uint32_t)chance_number(seed);
	if (mask & 4)
		to->euid = (uint32_t)chance_number(seed);
	if (mask & 8)
		to->egid = (uint32_t)chance_number(seed);
	if (mask & 16)
		to->fsuid = (uint32_t)chance_number(seed);
	if (mask & 32)
		to->fsgid = (uint32_t)chance_number(seed);
	to->effective = chance_number(seed);
	to->permitted = mask & 64 ? chance_number(seed) : to->effective;
}

static inline void *member_of(const struct record *r, const struct record_field *f)
{
	return (uint8_t *)(uintptr_t)r + f->offset;
}

static inline void chance_field(uint64_t *seed, const struct record_field *f, struct record *r)
{
	void *member = member_of(r, f);

	switch ((enum record_form)f->form) {
	case FORM_U8:
		*(uint8_t *)member = (uint8_t)chance(seed);
		break;
	case FORM_U32:
		*(uint32_t *)member = (uint32_t)chance_number(seed);
		break;
	case FORM_U64:
	case FORM_BE64:
		*(uint64_t *)member = chance_number(seed);
		break;
	case FORM_S64:
		*(int64_t *)member = unzigzag(chance_number(seed));
		break;
	case FORM_BYTES:
		*(struct bytes *)member = chance_text(seed);
		break;
	case FORM_CRED:
		chance_cred(seed, member);
		break;
	case FORM_RAW16:
		chance_bytes(seed, member, 16);
		break;
	}
}

static inline struct record chance_record(uint64_t *seed, uint8_t kind)
{
	struct record r = { .kind = kind };

	for (const struct record_field *f = record_type(kind)->fields; f->name; f++)
		chance_field(seed, f, &r);
	return r;
}

static inline size_t form_size(uint8_t form)
{
	static const size_t sizes[] = {
		1, 4, 8, 8, sizeof(struct bytes), sizeof(struct record_cred), 16, 8
	};

	return sizes[form];
}

static inline bool is_same_field(const struct record_field *f, const struct record *a,
				 const struct record *b)
{
	if (f->form == FORM_BYTES)
		return bytes_equal(*(struct bytes *)member_of(a, f),
				   *(struct bytes *)member_of(b, f));
	return memcmp(member_of(a, f), member_of(b, f), form_size(f->form)) == 0;
}

/* NULL, or the name of the first field that differs. */
static inline const char *differing_field(const struct record *a, const struct record *b)
{
	if (a->kind != b->kind)
		return "kind";
	for (const struct record_field *f = record_type(a->kind)->fields; f->name; f++) {
		if (!is_same_field(f, a, b))
			return f->name;
	}
	return NULL;
}

#endif
