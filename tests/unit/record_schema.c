// SPDX-License-Identifier: Apache-2.0
/* What a chain says of itself: the schema text, the table behind it, and the names of numbers. */
#include "base_test.h"

#include <errno.h>

#include "record/record.h"

#define CONTEXT "host h\nindelible 1\n"

static char text[16384];

static void make_schema(void)
{
	ssize_t n = record_schema(text, sizeof(text), CONTEXT);

	ck_assert_int_gt(n, 0);
	ck_assert_uint_eq(strlen(text), (size_t)n);
}

START_TEST(schema_begins_with_version_and_context)
{
	make_schema();
	ck_assert_ptr_eq(strstr(text, "indelible-records 3\n" CONTEXT "10 start "), text);
}
END_TEST

/* "43 open time:u64 run:u32 ..." for each kind, in order, and nothing else. */
START_TEST(schema_lists_every_kind_with_every_field)
{
	static const char *const forms[] = { "u8",    "u32",  "u64",   "s64",
					     "bytes", "cred", "raw16", "be64" };
	const struct record_type *type;
	char wanted[4096];
	const char *p;

	make_schema();
	p = strstr(text, CONTEXT) + strlen(CONTEXT);
	for (size_t i = 0; (type = record_type_at(i)); i++) {
		size_t n =
			(size_t)snprintf(wanted, sizeof(wanted), "%02x %s", type->kind, type->name);

		for (const struct record_field *f = type->fields; f->name; f++)
			n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, " %s:%s", f->name,
					      forms[f->form]);
		wanted[n++] = '\n';
		ck_assert_msg(!strncmp(p, wanted, n), "%.*s", (int)n, p);
		p += n;
	}
	ck_assert_str_eq(p, "");
}
END_TEST

START_TEST(schema_says_when_room_is_too_small)
{
	size_t n;

	make_schema();
	n = strlen(text);
	for (size_t room = 0; room <= n; room++) {
		char *exact = malloc(room + 1);

		exact[room] = 0x5a;
		ENSURE(record_schema(exact, room, CONTEXT) == -EMSGSIZE);
		ENSURE(exact[room] == 0x5a);
		free(exact);
	}
	ck_assert_int_eq(record_schema(text, n + 1, CONTEXT), (ssize_t)n);
}
END_TEST

/* Kinds and names of fields are on disk and in people's scripts: what is here stays. */
START_TEST(kinds_are_what_they_were)
{
	static const struct {
		uint8_t kind;
		const char *name, *last_field;
	} kinds[] = {
		{ 0x10, "start", "time" },     { 0x11, "heartbeat", "received" },
		{ 0x12, "counters", "cpu" },   { 0x13, "loss", "count" },
		{ 0x14, "stop", "received" },  { 0x15, "user", "time" },
		{ 0x16, "archive", "size" },   { 0x17, "prune", "keep_first" },
		{ 0x18, "keeper", "count" },   { 0x19, "loginuid", "time" },
		{ 0x1a, "disturbed", "lost" }, { 0x1b, "config", "time" },
		{ 0x1c, "pause", "received" }, { 0x1d, "resume", "time" },
		{ 0x20, "alert", "first" },    { 0x21, "digest", "at" },
		{ 0x40, "exec", "seq" },       { 0x41, "fork", "seq" },
		{ 0x42, "exit", "seq" },       { 0x43, "open", "seq" },
		{ 0x44, "setuid", "seq" },     { 0x45, "connect", "seq" },
		{ 0x46, "unlink", "seq" },     { 0x47, "rename", "seq" },
		{ 0x48, "link", "seq" },       { 0x49, "truncate", "seq" },
		{ 0x4a, "chmod", "seq" },      { 0x4b, "chown", "seq" },
		{ 0x4c, "xattr", "seq" },      { 0x4d, "capset", "seq" },
		{ 0x4e, "bind", "seq" },       { 0x4f, "listen", "seq" },
		{ 0x50, "accept", "seq" },     { 0x51, "module", "seq" },
		{ 0x52, "bpf", "seq" },	       { 0x53, "ptrace", "seq" },
		{ 0x54, "mount", "seq" },      { 0x55, "namespace", "seq" },
		{ 0x56, "kexec", "seq" },      { 0x57, "memfd", "seq" },
		{ 0x58, "io_uring", "seq" },   { 0x59, "signal", "seq" },
		{ 0x5a, "login", "seq" },      { 0x5b, "repeat", "seq" },
	};
	size_t count = sizeof(kinds) / sizeof(kinds[0]);

	for (size_t i = 0; i < count; i++) {
		const struct record_type *type = record_type_at(i);
		const struct record_field *last = type->fields;

		ck_assert_uint_eq(type->kind, kinds[i].kind);
		ck_assert_str_eq(type->name, kinds[i].name);
		ck_assert_ptr_eq(type, record_type(type->kind));
		while (last[1].name)
			last++;
		ck_assert_str_eq(last->name, kinds[i].last_field);
	}
	ck_assert_ptr_null(record_type_at(count));
	ck_assert_ptr_null(record_type_at(SIZE_MAX));
	ck_assert_ptr_null(record_type(0));
}
END_TEST

static bool has_field(const struct record_type *type, const char *name)
{
	for (const struct record_field *f = type->fields; f->name; f++) {
		if (strcmp(f->name, name) == 0)
			return true;
	}
	return false;
}

START_TEST(field_names_of_a_kind_are_unique_and_all_have_a_time)
{
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		ck_assert_msg(has_field(type, "time"), "%s", type->name);
		for (const struct record_field *a = type->fields; a->name; a++) {
			for (const struct record_field *b = a + 1; b->name; b++)
				ck_assert_str_ne(a->name, b->name);
		}
	}
}
END_TEST

START_TEST(events_carry_where_they_were_seen)
{
	static const char *const where[] = { "time", "run", "ring", "cpu", "seq" };
	const struct record_type *type;

	for (size_t i = 0; (type = record_type_at(i)); i++) {
		bool all = true;

		for (size_t j = 0; j < 5; j++)
			all &= has_field(type, where[j]);
		ck_assert_msg(record_is_event(type->kind) == all, "%s", type->name);
	}
}
END_TEST

static int version_of(const char *schema, uint32_t *ret)
{
	return record_schema_version(bytes_of_text(schema), ret);
}

START_TEST(schema_says_its_version)
{
	static const char *const bad[] = { "",
					   "schema v1",
					   "indelible-records",
					   "indelible-records ",
					   "indelible-records \n",
					   "indelible-records 2",
					   "indelible-records 0\n",
					   "indelible-records 02\n",
					   "indelible-records -2\n",
					   "indelible-records +2\n",
					   "indelible-records 2 \n",
					   "indelible-records 2.0\n",
					   "indelible-records  2\n",
					   "indelible-records 4294967298\n",
					   "indelible-records 18446744073709551618\n",
					   " indelible-records 2\n",
					   "Indelible-records 2\n" };
	uint32_t version = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(version_of(bad[i], &version) == -EBADMSG, "%s", bad[i]);
	ck_assert_int_eq(record_schema_version(bytes_of(NULL, 0), &version), -EBADMSG);
	ck_assert_uint_eq(version, 77);
	make_schema();
	ck_assert_int_eq(version_of(text, &version), 0);
	ck_assert_uint_eq(version, RECORD_VERSION);
	ck_assert_int_eq(version_of("indelible-records 1\nhost h\n", &version), 0);
	ck_assert_uint_eq(version, 1);
	ck_assert_int_eq(version_of("indelible-records 999999999\n", &version), 0);
	ck_assert_uint_eq(version, 999999999);
}
END_TEST

/* A name for each number below count, all different, and none from there on. */
#define ASSERT_NAMES(function, count)                                                              \
	do {                                                                                       \
		for (unsigned int i = 0; i < (count); i++) {                                       \
			ck_assert_ptr_nonnull(function(i));                                        \
			for (unsigned int j = 0; j < i; j++)                                       \
				ck_assert_str_ne(function(i), function(j));                        \
		}                                                                                  \
		ck_assert_ptr_null(function(count));                                               \
		ck_assert_ptr_null(function(UINT32_MAX));                                          \
	} while (0)

START_TEST(every_number_has_its_name)
{
	ASSERT_NAMES(record_flag_name, RECORD_FLAGS);
	ASSERT_NAMES(record_call_name, RECORD_CALLS);
	ASSERT_NAMES(record_family_name, RECORD_FAMILIES);
	ASSERT_NAMES(record_ring_name, RECORD_RINGS);
	ASSERT_NAMES(record_actor_name, ACTORS);
	ASSERT_NAMES(record_how_name, HOWS);
	ck_assert_ptr_null(record_call_name(1ull << 32));
	ck_assert_str_eq(record_flag_name(13), "old_cred_guessed");
	ck_assert_uint_eq(RECORD_OLD_CRED_GUESSED, 1 << 13);
	ck_assert_str_eq(record_flag_name(4), "unverified");
	ck_assert_uint_eq(RECORD_UNVERIFIED, 1 << 4);
	ck_assert_str_eq(record_call_name(RECORD_CALL_SETRESUID), "setresuid");
	ck_assert_str_eq(record_call_name(RECORD_CALL_SETGROUPS), "setgroups");
	ck_assert_str_eq(record_call_name(RECORD_CALL_CONNECT), "connect");
	ck_assert_str_eq(record_how_name(HOW_ANCESTOR), "ancestor");
	ck_assert_str_eq(record_actor_name(ACTOR_KERNEL), "kernel");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		schema_begins_with_version_and_context,
		schema_lists_every_kind_with_every_field,
		schema_says_when_room_is_too_small,
		kinds_are_what_they_were,
		field_names_of_a_kind_are_unique_and_all_have_a_time,
		events_carry_where_they_were_seen,
		schema_says_its_version,
		every_number_has_its_name,
	};

	return RUN_TESTS("record_schema", tests);
}
